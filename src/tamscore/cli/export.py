"""`export`: changes for another system, as a file or merged into a table."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tamscore import terminal
from tamscore.cli import streams
from tamscore.cli.arguments import AsJson, Overwrite, Plan, Run, place_option, require_filled
from tamscore.errors import UsageError
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.progress import Progress
    from tamscore.questions.export import Order
    from tamscore.questions.export_file import Target
    from tamscore.questions.export_rows import ExportCounts
    from tamscore.questions.export_tables import TableTarget
    from tamscore.questions.overrides import Overrides
    from tamscore.questions.stored import StoredRun
    from tamscore.scoring.joining.match import Match

Fields = Annotated[
    str | None,
    typer.Option("--fields", metavar="LIST", help="Columns, with commas; COLUMN=HEADER gives one another header."),
]
_MinMatchShare = Annotated[
    float,
    typer.Option(min=0, max=1, help="Share of the overrides that must name an account of the run; else exit 3."),
]
NoGuard = Annotated[bool, typer.Option("--no-guard", help="CSV for loaders: leave texts like =1+1 as they are.")]
Null = Annotated[
    str | None,
    typer.Option(
        "--null",
        metavar="TEXT",
        help="CSV for loaders: the text that clears a field, such as '#N/A', for cleared cells.",
    ),
]
_LEAVES = "most loaders leave a field as it is where the cell is empty; --null '#N/A' writes what clears it"
Bom = Annotated[bool, typer.Option("--bom", help="CSV for spreadsheets: begin with a byte-order mark.")]
_Gone = Annotated[
    Literal["mark", "delete"] | None,
    typer.Option("--gone", help="Tables: mark accounts that the run lacks in the column gone_in (default), or delete."),
]
_PARQUET = "parquet:"
_STANDARD_OUTPUT = "-"


def _export_target(text: str) -> Target | TableTarget:
    """Return the file, the folder or the table that `--to` names; raise UsageError if the name is not complete."""
    from tamscore.questions.export_file import Target
    from tamscore.questions.export_tables import table_target
    from tamscore.store.temporary import temporary_folder

    require_filled(text)
    if text == _STANDARD_OUTPUT:
        return Target(temporary_folder() / "export.csv", is_passed_on=True)
    if text.startswith(_PARQUET):
        return Target(Path(text.removeprefix(_PARQUET)), folder=True)
    return table_target(text) or Target(Path(text))


def export(  # noqa: PLR0913, PLR0917 - every option of the command
    run: Run,
    to: Annotated[
        Any,
        typer.Option(
            "--to",
            metavar="TARGET",
            parser=_export_target,
            help="FILE.csv, FILE.parquet, - for standard output, parquet:FOLDER, delta:FOLDER, duckdb:FILE#TABLE, "
            "or postgresql:SCHEMA.TABLE.",
        ),
    ],
    since: Annotated[
        Any, place_option("--since", "RUN", "Only accounts whose fields changed since that run, or are new.")
    ] = None,
    fields: Fields = None,
    overrides: Annotated[
        Path | None,
        typer.Option("--overrides", metavar="FILE", help="Account, field, value, reason, expiry; CSV or Parquet."),
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DAY", help="The day on which overrides must hold; absent: today.")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="PLAY", help="Only accounts of a play, such as win_back, or COLUMN=VALUE."),
    ] = None,
    by: Annotated[
        Literal["account", "family", "product"],
        typer.Option("--by", help="A row an account, a row a family with its sums, or a row an account and product."),
    ] = "account",
    titles: Annotated[
        bool, typer.Option("--titles", help="Headers in plain words, by [titles] of the job; the id keeps its name.")
    ] = False,
    min_match_share: _MinMatchShare = 0.5,
    no_guard: NoGuard = False,
    null: Null = None,
    bom: Bom = False,
    gone: _Gone = None,
    plan: Plan = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write what changed to a file or a table.

    One row an account whose fields changed, by its id, with the version of the scores and a hash of the row. Overrides
    stand beside the model's values, and the accounts they name always come along. A table is merged by id in one
    transaction, see docs/scores_elsewhere.md.
    """
    from tamscore.cli.export_by import export_by, guard, require_accounts
    from tamscore.progress import Progress
    from tamscore.questions.beside_run import with_columns
    from tamscore.questions.export import KEY, Order, default_fields, only_of, order_of, titles_of
    from tamscore.questions.export_file import Target
    from tamscore.questions.overrides import match
    from tamscore.questions.stored import open_run

    files_only = {"--since": since, "--null": null, "--bom": bom, "--no-guard": no_guard}
    if by != "account":
        rows_only = {"--fields": fields, "--overrides": overrides, "--only": only, "--titles": titles}
        require_accounts(by, {**files_only, **rows_only})
    _require_none_of({"--gone": gone} if isinstance(to, Target) else files_only)
    asked = asked_for(fields, only)
    scored = with_columns(open_run(run, plan=plan), asked, since=since)
    if by != "account":
        order = Order({}, KEY, {}, _day_of(None), only_of(scored, only) if only else None)
        export_by(scored, guard(to, no_guard=no_guard, bom=bom), by, order, overwrite=overwrite, as_json=as_json)
        return
    chosen = fields.split(",") if fields else default_fields(scored)
    if titles:
        chosen = titles_of(scored, chosen)
    order = order_of(scored, chosen, _overrides_of(overrides, scored), _day_of(on))
    if only is not None:
        order = replace(order, only=only_of(scored, only))
    joined = None if overrides is None else match(overrides, scored, min_match_share)
    with terminal.listening(as_json=as_json) as listener:
        if isinstance(to, Target):
            earlier = None if since is None else with_columns(open_run(since, beside=scored.directory), asked, scored)
            target = replace(to, is_guarded=not no_guard, null=null, bom=bom)
            done = _into_file(scored, earlier, order, target, Progress(listener), overwrite=overwrite)
        else:
            done = _into_table(scored, order, to, gone or "mark", Progress(listener), overwrite=overwrite)
    text = _as_record(done, order, joined) if as_json else _as_text(done, order, joined)
    print(text, file=sys.stderr if done.place == _STANDARD_OUTPUT else sys.stdout)


@dataclass(frozen=True)
class _ExportResult:
    """The result of an export: its counts, its place, and the lines to print."""

    tally: ExportCounts
    place: str
    lines: list[str]


def _into_file(
    run: StoredRun, since: StoredRun | None, order: Order, target: Target, progress: Progress, *, overwrite: bool
) -> _ExportResult:
    """Write an export to a file, a folder or standard output, and record it."""
    from tamscore.questions import export_file
    from tamscore.store.handed_out import not_handed_out, note, require_free

    if target.is_passed_on:
        note(run.directory, "export", "standard output", progress)
        tally = export_file.write(run, since, order, target, progress)
        streams.print_file(target.path)
        return _ExportResult(tally, _STANDARD_OUTPUT, _file_lines(tally, order, target, compared=since is not None))
    require_free(run.directory, "export", target.path, overwrite=overwrite)
    with not_handed_out(run.directory, "export", target.path, progress):
        tally = export_file.write(run, since, order, target, progress)
    return _ExportResult(tally, str(target.path), _file_lines(tally, order, target, compared=since is not None))


def _into_table(
    run: StoredRun,
    order: Order,
    target: TableTarget,
    gone: Literal["mark", "delete"],
    progress: Progress,
    *,
    overwrite: bool,
) -> _ExportResult:
    """Merge an export into a table, and record it."""
    from tamscore.questions import export_tables

    tally, name = export_tables.write(run, order, target, gone, progress, overwrite=overwrite)
    return _ExportResult(tally, name, _table_lines(tally, name, gone))


def _require_none_of(options: dict[str, Any]) -> None:
    """Raise UsageError if an option was given that has no meaning for the target."""
    if given := [name for name, value in options.items() if value]:
        raise UsageError(f"{given[0]}: {_NO_USE[given[0]]}; leave it out")


_NO_USE = {
    "--gone": "expected a table, got a file, which holds the accounts of the run alone",
    "--since": "expected a file, got a table, which says itself what changed",
    **dict.fromkeys(("--null", "--bom", "--no-guard"), "expected a CSV file, got a table, which holds nulls"),
}
"""Reasons why an option has no meaning for a target."""


def asked_for(fields: str | None, only: str | None = None) -> list[str]:
    """Return the columns that the options of an export name."""
    return [text.partition("=")[0].strip() for text in (*(fields or "").split(","), only or "")]


def _overrides_of(path: Path | None, run: StoredRun) -> Overrides:
    """Return the overrides of a file, none without a file."""
    from tamscore.questions import overrides
    from tamscore.questions.export import KEY, kinds_of

    return (
        {} if path is None else overrides.read(path, {n: k for n, k in kinds_of(run).items() if n != KEY}, run.id_form)
    )


def _day_of(text: str | None) -> date:
    """Return the day that an option names, today (UTC) by default."""
    try:
        return datetime.now(UTC).date() if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--on: expected a day such as 2027-03-31, got {text!r}") from None


def _as_text(done: _ExportResult, order: Order, joined: Match | None) -> str:
    """Return the counts in a few lines, and how the overrides matched accounts."""
    return "\n".join([*done.lines, *_override_lines(done.tally, order), *([joined.notice] if joined else [])])


def _as_record(done: _ExportResult, order: Order, joined: Match | None) -> str:
    """Return the counts as JSON."""
    counts = {name: value for name, value in asdict(done.tally).items() if name != "met"}
    record = {
        **counts,
        "unmatched": _unknown_accounts(done.tally, order),
        "joined": joined and joined.record,
        "file": done.place,
    }
    return json.dumps(record, ensure_ascii=False)


def _unknown_accounts(tally: ExportCounts, order: Order) -> list[str]:
    """Return the accounts that overrides name and the run does not have."""
    return sorted(order.overrides.keys() - tally.met)


def _file_lines(tally: ExportCounts, order: Order, target: Target, *, compared: bool) -> list[str]:
    """Return the counts of an export in a few lines; new and changed accounts only if compared with a run."""
    against = f": {tally.new:,} new, {tally.changed:,} changed" if compared else ""
    place = "to standard output" if target.is_passed_on else f"in {target.path}"
    items = [f"{tally.exported:,} of {count_text(tally.accounts, 'account')} {place}{against}"]
    items += cleared_lines(tally.cleared, tally.emptied, target)
    if tally.gone:
        items.append(f"{count_text(tally.gone, 'account')} of the earlier run are gone; an upsert removes nothing")
    if order.overrides and tally.expired and not _clears(target):
        items.append(f"cells of expired overrides are empty: {_LEAVES}")
    return items


def _table_lines(tally: ExportCounts, name: str, gone: str) -> list[str]:
    """Return the changes of a table in a few lines."""
    accounts = count_text(tally.accounts, "account")
    if not tally.exported and not tally.gone:
        return [f"{name}: nothing to change, it has the {accounts} of the run as they are"]
    removed = "marked in gone_in" if gone == "mark" else "deleted"
    changes = f"{tally.new:,} inserted, {tally.changed:,} updated, {tally.gone:,} gone and {removed}"
    return [f"{name}: {changes}, of {accounts} of the run"]


def _override_lines(tally: ExportCounts, order: Order) -> list[str]:
    """Return how many overrides hold, and the accounts of overrides that the run does not have."""
    items = []
    if order.overrides:
        items.append(f"overrides: {tally.overridden:,} hold, {tally.expired:,} have expired")
    if left := _unknown_accounts(tally, order):
        items.append(f"overrides of {count_text(len(left), 'account')} that the run does not have, such as {left[0]!r}")
    return items


def _clears(target: Target) -> bool:
    """Return whether the file marks the fields to clear; in Parquet a null does."""
    return target.null is not None or not target.is_csv


def cleared_lines(cleared: Mapping[str, int], accounts: int, target: Target) -> list[str]:
    """Return how many accounts have values that became empty since the earlier run, and if the file clears them."""
    if not accounts:
        return []
    fields = ", ".join(f"{name} {count:,}" for name, count in cleared.items())
    text = "the file says so" if _clears(target) else _LEAVES
    return [f"{count_text(accounts, 'account')} with values that became empty ({fields}): {text}"]
