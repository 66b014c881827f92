"""The job file: TOML in, frozen models out, through one door.

`load` reads a file, `parse` takes its text or its tables. Either returns a `Job`, or raises one `JobFileError` that
lists everything that is wrong. Settings stop at the pipeline: the stages take plain arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from tamscore.errors import JobFileError
from tamscore.job_file.model import job_model
from tamscore.job_file.outline import json_schema
from tamscore.job_file.reading import override_all, read_text, tables_of
from tamscore.job_file.rules import broken_rules
from tamscore.job_file.validation import holds, problems_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.config import Job
    from tamscore.config.problems import Problem

__all__ = ["job_model", "json_schema", "load", "parse"]


def load(path: Path, overrides: Sequence[str] = ()) -> Job:
    """Return the job described by the file at `path`.

    `overrides` are texts `a.b.c=VALUE`; VALUE is read as TOML, or else taken as bare text. Relative paths, in the file
    and in overrides, are relative to the folder of the file.
    Raise JobFileError that lists every problem.
    """
    path = Path(path)
    return parse(read_text(path), str(path), overrides, path.parent)


def parse(
    job: str | dict[str, Any],
    source: str = "job",
    overrides: Sequence[str] = (),
    folder: Path | None = None,
    *,
    written: bool = False,
) -> Job:
    """Return the job described by a TOML text or by its tables.

    `source` names the job in messages; relative paths are relative to `folder`, or to the working directory.
    A text and the overrides are what somebody has written, tables are with `written`: placeholders in their paths are
    refused.
    Raise JobFileError that lists every problem.
    """
    tables = tables_of(job, source) if isinstance(job, str) else job
    data, overridden = override_all(tables, overrides, source)
    written = written or isinstance(job, str)
    context = {"folder": (folder or Path()).absolute(), "written": written, "overrides": overrides}
    problems: list[Problem] = []
    try:
        result = job_model().model_validate(data, context=context)
        sections = dict(result)
    except ValidationError as error:
        problems += problems_of(error, data)
        sections = dict(_sound_sections(data, context))
    problems += broken_rules(sections)
    if problems:
        raise JobFileError(p.line("command line" if _is_from(p, overridden, tables) else source) for p in problems)
    return result


def _sound_sections(data: dict[str, Any], context: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the sections without a problem of their own, so that rules between them are still asked."""
    for name, field in job_model().model_fields.items():
        section: Any = (get_args(field.annotation) or (field.annotation,))[0]  # of an optional one: Section | None
        try:
            if field.default is None and data.get(name) is None:
                yield name, None
            elif hasattr(section, "model_validate") and (name in data or not field.is_required()):
                yield name, section.model_validate(data.get(name, {}), context=context)
        except ValidationError:
            continue


def _is_from(problem: Problem, overridden: Sequence[tuple[str, ...]], tables: dict[str, Any]) -> bool:
    """Return whether the problem was brought in by an override rather than by the file."""
    place = problem.place
    if any(place[: len(key)] == key for key in overridden):
        return True
    inside: Any = tables
    for step in place:
        if not holds(inside, step):
            return any(key[: len(place)] == place for key in overridden)
        inside = inside[step]
    return False
