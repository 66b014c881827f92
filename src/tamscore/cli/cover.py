"""`coverage`: who covers whom, with the hours there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Overrides, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.questions.stored import StoredRun
    from tamscore.sections.coverage.settings import Coverage

_Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML file with a section [coverage], in place of the run's own."),
]
_People = Annotated[
    str | None,
    typer.Option("--people", metavar="FILE", help="Table of people, in place of coverage.people of the settings."),
]
_Scenarios = Annotated[
    list[str] | None,
    typer.Option(
        "--scenario",
        metavar="NAME=N",
        help="Report what people more or fewer are worth: hunter=+2, or Ann=-0.5 for half of a person; repeatable.",
    ),
]


def coverage(
    run: Run,
    config: _Config = None,
    people: _People = None,
    scenario: _Scenarios = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Choose a role and a person for every account.

    The coverage has the largest value that the hours allow. Shows the value of an hour, and of one more person.
    """
    from tamscore import backend
    from tamscore.progress import Progress
    from tamscore.questions.stored import open_run
    from tamscore.sections.coverage.cover import cover
    from tamscore.sections.coverage.result import record
    from tamscore.sections.coverage.view import answer

    stored = open_run(run)
    settings = _with_people(_settings_of(stored, config, overrides or ()), people)
    with terminal.listening(as_json=as_json) as listener:
        result = cover(stored, settings, backend.load("cpu"), Progress(listener), scenario or ())
    if as_json:
        print(json.dumps(record(result), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        terminal.put_chapter(answer(result))


def _with_people(settings: Coverage, people: str | None) -> Coverage:
    """The settings with another table of people; raise UsageError for a change of people, which is a scenario."""
    from tamscore.errors import UsageError

    if people is None:
        return settings
    if re.fullmatch(r"[^=]+=\s*[+-]?[\d.]+(,.*)?", people) and not Path(people).exists():
        raise UsageError(
            f"--people: expected a table of people, got {people!r}; for a change of people write --scenario"
        )
    return settings.model_copy(update={"people": str(Path(people).absolute())})


def _settings_of(run: StoredRun, file: Path | None, overrides: Sequence[str]) -> Coverage:
    """The section of the run's job, or of a file of its own, whose relative paths count from its folder."""
    from tamscore import job_file
    from tamscore.errors import JobFileError
    from tamscore.job_file.reading import read_text, tables_of
    from tamscore.sections.coverage.settings import Coverage

    if file is None:
        return run.job_with(overrides).section(Coverage)
    tables: dict[str, Any] = tables_of(read_text(file), str(file))
    if "coverage" not in tables:
        raise JobFileError(f"{file}: coverage: expected a section [coverage], got nothing")
    job = {**run.manifest["job"], "coverage": tables["coverage"]}
    return job_file.parse(job, str(file), overrides, file.parent).section(Coverage)
