"""`run`: the job itself."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tamscore import terminal
from tamscore.cli.arguments import EventsAsJson, JobFile, Overrides
from tamscore.cli.progress import progress_shown
from tamscore.errors import GateError, NothingToDo
from tamscore.questions.model_sources import input_since, since
from tamscore.view.words import clean, count_text, money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.config import Job
    from tamscore.progress import Progress
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory

IfChanged = Annotated[bool, typer.Option("--if-changed", help="Exit with 10, not 0, if this run already exists.")]
Accept = Annotated[
    bool, typer.Option("--accept", help="Publish, however much the input differs from that of the run before.")
]


def run(
    job: JobFile,
    overrides: Overrides = None,
    accept: Accept = False,
    as_json: EventsAsJson = False,
    if_changed: IfChanged = False,
) -> None:
    """Score the whole market of a job file.

    A table in place of a job file is scored by the job that tamscore init would write for it, into a folder that is
    named after it. A table on standard input is named by "-", or by --set input.path=- beside a job file.
    Exits with 4, and publishes nothing, if the input differs too much from that of the run before.
    """
    carry_out(job, overrides, "run", as_json=as_json, if_changed=if_changed, accept=accept)


def carry_out(
    job: Path,
    overrides: Sequence[str] | None,
    what: Literal["run", "score", "refresh"],
    *,
    as_json: bool,
    if_changed: bool,
    **options: Any,
) -> None:
    """Compute what a job file asks for, shown while it works, and print what it came to; see `_tell_result`.

    Workers come up while this process imports what it needs itself. Where a gate closes, print what there is to accept.
    """
    from tamscore import job_file
    from tamscore.engine import connect
    from tamscore.store.sources import standard_input

    if what == "run" and str(job) == standard_input.STANDARD_INPUT:
        job = standard_input.store()
    set_to = standard_input.with_stored(overrides or ())
    loaded = (_load_or_propose if what == "run" else job_file.load)(job, set_to)
    connect.begin(loaded.engine)
    from tamscore import pipeline

    try:
        with progress_shown(loaded, as_json=as_json) as progress:
            directory = getattr(pipeline, what)(loaded, progress, **options)
    except GateError as gate:
        _tell_gate(gate, as_json=as_json)
        raise
    _tell_result(directory, progress, as_json=as_json, if_changed=if_changed)


def _load_or_propose(job: Path, overrides: Sequence[str]) -> Job:
    """Return the job of a job file; of a table, the first job for it, with what is in doubt on standard error."""
    from tamscore import job_file
    from tamscore.first_job.recognition import is_table

    if not is_table(job):
        return job_file.load(job, overrides)
    from tamscore.first_job.job_text import job_text
    from tamscore.first_job.proposal import propose

    proposal = propose(str(job), Path(), columns_named(overrides), output=f"{job.name.partition('.')[0]}-scores")
    roles = ", ".join(f"{role.part} = {role.column!r}" for role in proposal.roles.values())
    lines = [f"first job for {job}: {roles}", *(f"look at: {text}" for text in proposal.doubts)]
    lines.append(f"to keep and change this job: tamscore init {shlex.quote(str(job))}")
    print("\n".join(map(clean, lines)), file=sys.stderr)
    return job_file.parse(job_text(proposal), f"first job for {job}", overrides)


def columns_named(overrides: Sequence[str]) -> dict[str, str]:
    """Return the columns that overrides name for the parts of accounts, by part."""
    from tamscore.first_job.vocabulary import NAMES
    from tamscore.job_file.reading import split_override

    named: dict[str, str] = {}
    for text in overrides:
        with suppress(ValueError):  # it is refused, with all that is wrong, when the job is read
            key, value = split_override(text)
            if key[0] == "columns" and key[-1] in NAMES and isinstance(value, str):
                named[key[-1]] = value
    return named


def _tell_gate(gate: GateError, *, as_json: bool) -> None:
    """Print what a person must accept: what a refresh would do to the clusters, or how the input has changed."""
    if as_json and gate.gate == "input_change":
        print(json.dumps({"done": False, "gate": gate.gate, "input_change": gate.plan[0]}, ensure_ascii=False))
    elif as_json and gate.gate == "relabelled_share":
        print(json.dumps({"done": False, "gate": gate.gate, "plan": gate.plan}, ensure_ascii=False))
    elif gate.gate == "relabelled_share":
        from tamscore.questions.pages.changes import events
        from tamscore.view.terminal import to_terminal

        terminal.print_page(lambda width: to_terminal(events(gate.plan), width))


def _tell_result(directory: RunDirectory, progress: Progress, *, as_json: bool, if_changed: bool) -> None:
    """Print what a run came to; exits with 10 where that is asked for and there was nothing to do."""
    result = _result_of(directory, progress)
    print(json.dumps(result, ensure_ascii=False) if as_json else "\n".join(_result_lines(directory, result)))
    if if_changed and not progress.times:
        raise typer.Exit(NothingToDo.exit_code)


def _result_of(directory: RunDirectory, progress: Progress) -> dict[str, Any]:
    """Return what a run came to, for machines; `done` is false where the very run was there already."""
    manifest = directory.manifest() or {}
    return {
        "run": directory.run_key,
        "done": bool(progress.times),
        "path": str(directory.path),
        "current": str(_current_of(directory)),
        "seconds": round(sum(time.seconds for time in progress.times), 3),
        **{key: manifest.get(key) for key in ("device", "model", "input_change", "rows", "totals", "joins", "notices")},
    }


def _current_of(directory: RunDirectory) -> Location:
    """The file that says which version counts."""
    from tamscore.store.run_directory import CURRENT

    return directory.output / CURRENT


def _result_lines(directory: RunDirectory, result: dict[str, Any]) -> list[str]:
    """Return what a run came to, in a few lines."""
    rows, totals = result["rows"], result["totals"]
    read, scored = rows["read"], rows["scored"]
    rejected = [f"{reason} {count:,}" for reason, count in rows["rejected"].items() if count]
    took = f" in {result['seconds']:,.1f} s" if result["done"] else ""
    model = [f"model       {since(result['model'])}"] if result["model"]["source"] != "fitted" else []
    change = [f"input       {input_since(result['input_change'])}"] if result["input_change"] else []
    return [
        *model,
        *change,
        f"accounts    {scored:,} scored of {read:,} rows{took}; rejected: {', '.join(rejected) or 'none'}",
        *(f"joined      {_sentence_of(match)}" for match in result["joins"] or ()),
        f"whitespace  expansion {_open_at(totals['expansion'], 'customer')}",
        f"            acquisition {_open_at(totals['acquisition'], 'prospect')}",
        f"results     {near(directory.path)}",
        f"current     {near(_current_of(directory))}",
        f"next: tamscore show {shlex.quote(near(directory.output))}",
    ]


def _sentence_of(match: dict[str, Any]) -> str:
    """Return how a joined table met the accounts, its path as seen from the working directory."""
    from tamscore.scoring.joining.match import Match
    from tamscore.store.location import location

    return Match(**{**match, "table": near(location(match["table"]))}).sentence


def _open_at(sums: dict[str, float], noun: str) -> str:
    """Return how much whitespace of a kind there is, and with how many accounts."""
    return f"{money(sums['whitespace'])} with {count_text(sums['accounts'], noun)}"


def near(path: Location) -> str:
    """The path as seen from the working directory, where it lies inside it; an address as it is."""
    here = Path.cwd()
    return str(path.relative_to(here)) if isinstance(path, Path) and path.is_relative_to(here) else str(path)
