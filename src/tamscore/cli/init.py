"""`init`: a first job file for a table."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, file_option
from tamscore.cli.run import near
from tamscore.errors import TamscoreError, UsageError
from tamscore.view.blocks import Chapter, Terms, table
from tamscore.view.words import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.first_job.proposal import Proposal
    from tamscore.first_job.vocabulary import Part
    from tamscore.view.blocks import Table

_ASKED: tuple[Part, ...] = ("account_id", "sales", "name", "party_type", "market_segment")
"""The parts that a person at a terminal is asked about."""
_OUTPUT = "scores"


def init(  # noqa: PLR0913, PLR0917 - every option of the command
    source: Annotated[str, typer.Argument(metavar="TABLE", help="A file or folder in any format that is read.")],
    to: Annotated[Path | None, file_option("--to", "FILE", "The job file to write, job.toml by default.")] = None,
    orders: Annotated[str | None, typer.Option("--orders", metavar="TABLE", help="Order lines.")] = None,
    products: Annotated[str | None, typer.Option("--products", metavar="TABLE", help="Sales by product.")] = None,
    people: Annotated[str | None, typer.Option("--people", metavar="FILE", help="People who cover accounts.")] = None,
    labels: Annotated[str | None, typer.Option("--labels", metavar="TABLE", help="Accounts that bought later.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="columns.PART=COLUMN", help="Name the column of a part; may be repeated."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the job file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a first job file for a table.

    Guesses which column is the id, the sales, the name and the market segment, how features are scaled, and which
    columns must not be features. Prints each choice with its reason, and what is in doubt. At a terminal it asks.
    """
    from tamscore.first_job.job_text import job_text
    from tamscore.first_job.proposal import propose
    from tamscore.first_job.side_tables import SideTables
    from tamscore.store.sources.standard_input import STANDARD_INPUT

    if source == STANDARD_INPUT:
        raise UsageError("-: expected a table that stays, since a job file names it; or score it once: tamscore run -")
    path = to or Path("job.toml")
    _require_new(path, overwrite=overwrite)
    further = SideTables(orders, products, people, labels)
    suggest = partial(propose, source, path.parent, further=further, output=_OUTPUT)
    given = _given_columns(columns or ())
    proposal = suggest(given)
    printed = None
    if not (yes or as_json) and sys.stdin.isatty():
        _put_proposal(proposal)
        printed = proposal
        if answers := _ask_columns(proposal):
            proposal = suggest(given | answers)
    _write(path, job_text(proposal))
    if as_json:
        print(json.dumps(_record(proposal, path, _obstacles(path)), indent=1, ensure_ascii=False))
        return
    if proposal is not printed:
        _put_proposal(proposal)
    _put_next(path, _obstacles(path))


def _put_next(path: Path, stopping: list[str]) -> None:
    """Print where the job file is, what would stop a run of it, and what to do next."""
    name = shlex.quote(near(path.absolute()))
    print(f"wrote {name}")
    for text in stopping:
        print(clean(f"before a run: {text}"))
    print(f"next: tamscore check {name}; then: tamscore run {name}")


def _record(proposal: Proposal, path: Path, stopping: list[str]) -> dict[str, Any]:
    """Return a proposal for machines, with the job file and what would stop a run of it."""
    return {
        "job": str(path.absolute()),
        "table": proposal.path,
        "rows": proposal.rows,
        "columns": {role.part: asdict(role) for role in proposal.roles.values()},
        "features": {name: asdict(scaled) for name, scaled in proposal.features.numeric.items()},
        "categories": [*proposal.features.categorical],
        "left_out": proposal.features.left_out,
        "doubts": [*proposal.doubts],
        "before_a_run": stopping,
    }


def _require_new(path: Path, *, overwrite: bool) -> None:
    """Raise UsageError if the job file is there and may not be replaced; a table or a folder never may."""
    from tamscore.first_job.recognition import is_table

    if path.is_dir() or is_table(path):
        raise UsageError(f"{path}: expected a job file to write, got a table or a folder; name another file with --to")
    if path.exists() and not overwrite:
        raise UsageError(f"{path}: is there already; name another file with --to, or add --overwrite")


def _given_columns(texts: Iterable[str]) -> dict[str, str]:
    """Return the columns of parts from `columns.PART=COLUMN`; raise UsageError for anything else."""
    from tamscore.first_job.vocabulary import NAMES

    given: dict[str, str] = {}
    for text in texts:
        key, equals, column = text.partition("=")
        part = key.strip().removeprefix("columns.")
        if not (equals and column.strip() and part in NAMES):
            parts = ", ".join(NAMES)
            raise UsageError(f"--set: expected columns.PART=COLUMN with a part of {parts}, got {text!r}")
        given[part] = column.strip()
    return given


def _obstacles(path: Path) -> list[str]:
    """Return what would stop a run of the job file, as `check` finds it."""
    from tamscore import job_file
    from tamscore.cli.check import attempt, plan_found
    from tamscore.questions.readiness import check_parts

    problems: list[TamscoreError] = []
    job = job_file.load(path)
    plan = plan_found(problems, job)
    findings = [] if plan is None else attempt(problems, lambda: check_parts(job, plan)) or []
    return [*map(str, problems), *(finding.text for finding in findings if finding.stops)]


def _write(path: Path, text: str) -> None:
    """Write a job file in one step."""
    from tamscore.store import commit

    path.parent.mkdir(parents=True, exist_ok=True)
    commit.sweep_beside(path)
    commit.place_bytes(text.encode(), path)


def _put_proposal(proposal: Proposal) -> None:
    """Print the choices with their reasons, the columns left out, and what is in doubt."""
    read = Terms((("table", proposal.path), ("rows", f"{proposal.rows:,}, {proposal.sampled:,} of them looked at")))
    doubts = Terms(tuple(("look at", text) for text in proposal.doubts))
    blocks = (read, _roles_table(proposal), _features_table(proposal), _left_out_table(proposal))
    terminal.put_chapter(Chapter("a first job", "", "", (*blocks, *((doubts,) if doubts.terms else ()))))


def _roles_table(proposal: Proposal) -> Table:
    """Return one row for each part that a column plays."""
    return table(
        "", "part|column:id|why/2", [(role.part, role.column, role.reason) for role in proposal.roles.values()]
    )


def _features_table(proposal: Proposal) -> Table:
    """Return one row for each feature."""
    numeric = [(name, scaled.scaling, scaled.reason) for name, scaled in proposal.features.numeric.items()]
    categorical = [(name, "categories", "") for name in proposal.features.categorical]
    return table("", "feature:id|scaling|why/2", [*numeric, *categorical])


def _left_out_table(proposal: Proposal) -> Table:
    """Return one row for each column that is no feature."""
    return table("", "no feature:id|why", list(proposal.features.left_out.items()))


def _ask_columns(proposal: Proposal) -> dict[str, str]:
    """Return the columns that a person at the terminal wants for parts, where they differ from the guesses."""
    answers: dict[str, str] = {}
    for part in _ASKED:
        guess = proposal.column(part) or ""
        answer = typer.prompt(
            f"column of {part} (Enter: {guess or 'none'})", default=guess, show_default=False, err=True
        )
        if answer.strip() and answer.strip() != guess:
            answers[part] = answer.strip()
    return answers
