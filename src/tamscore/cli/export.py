"""`export`: what changed, for another system to take in."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Overwrite, Plan, Run, file_option, place_option
from tamscore.errors import UsageError
from tamscore.view.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.insight.export import Order
    from tamscore.insight.export_file import Target
    from tamscore.insight.export_rows import Tally
    from tamscore.insight.overrides import Overrides
    from tamscore.insight.stored import StoredRun
    from tamscore.scoring.joining.match import Match

Fields = Annotated[
    str | None,
    typer.Option("--fields", metavar="LIST", help="Columns, with commas; COLUMN=HEADER gives one another header."),
]
MinMatchShare = Annotated[
    float,
    typer.Option(min=0, max=1, help="Share of the overrides that must name an account of the run; exits with 3 else."),
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
LEAVES = "most loaders leave a field as it is where the cell is empty; --null '#N/A' writes what clears it"
Bom = Annotated[bool, typer.Option("--bom", help="CSV for spreadsheets: begin with a byte-order mark.")]


def export(  # noqa: PLR0913, PLR0917 - every option of the command
    run: Run,
    to: Annotated[Path, file_option("--to", "FILE", "The file to write, .csv or .parquet.")],
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
    titles: Annotated[
        bool, typer.Option("--titles", help="Headers in plain words, by [titles] of the job; the id keeps its name.")
    ] = False,
    min_match_share: MinMatchShare = 0.5,
    no_guard: NoGuard = False,
    null: Null = None,
    bom: Bom = False,
    plan: Plan = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write what changed to a file, ready for a bulk upsert.

    One row an account whose fields changed, by its id, with the version of the scores and a hash of the row. Overrides
    stand beside the model's values, and the accounts they name always come along.
    """
    from tamscore.insight import export_file
    from tamscore.insight.alerted_run import with_alerts
    from tamscore.insight.export import default_fields, only_of, order_of, titles_of
    from tamscore.insight.overrides import match
    from tamscore.insight.stored import open_run
    from tamscore.progress import Progress
    from tamscore.store.handed_out import note, require_free

    asked = asked_for(fields, only)
    scored = with_alerts(open_run(run, plan=plan), asked)
    require_free(scored.directory, "export", to, overwrite=overwrite)
    earlier = None if since is None else with_alerts(open_run(since, beside=scored.directory), asked)
    chosen = fields.split(",") if fields else default_fields(scored)
    if titles:
        chosen = titles_of(scored, chosen)
    order = order_of(scored, chosen, overrides_of(overrides, scored), day_of(on))
    if only is not None:
        order = replace(order, only=only_of(scored, only))
    joined = None if overrides is None else match(overrides, scored, min_match_share)
    with terminal.listening(as_json=as_json) as listener:
        target = export_file.Target(to, not no_guard, null, bom)
        progress = Progress(listener)
        note(scored.directory, "export", to, progress)  # first: whoever is killed in between may write it again
        tally = export_file.write(scored, earlier, order, target, progress)
    tell = as_record if as_json else as_text
    print(tell(tally, order, target, joined, compared=earlier is not None))


def asked_for(fields: str | None, only: str | None = None) -> list[str]:
    """The columns that the options of an export name."""
    return [text.partition("=")[0].strip() for text in (*(fields or "").split(","), only or "")]


def overrides_of(path: Path | None, run: StoredRun) -> Overrides:
    """The overrides of a file, none where there is no file."""
    from tamscore.insight import overrides
    from tamscore.insight.export import KEY, kinds_of

    return (
        {} if path is None else overrides.read(path, {n: k for n, k in kinds_of(run).items() if n != KEY}, run.id_form)
    )


def day_of(text: str | None) -> date:
    """The day that an option names, today (UTC) where it is absent."""
    try:
        return datetime.now(UTC).date() if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--on: expected a day such as 2027-03-31, got {text!r}") from None


def as_text(tally: Tally, order: Order, target: Target, joined: Match | None, *, compared: bool) -> str:
    """The counts in a few lines, and how the overrides met the accounts."""
    return "\n".join([*lines(tally, order, target, compared), *([joined.notice] if joined else [])])


def as_record(tally: Tally, order: Order, target: Target, joined: Match | None, *, compared: bool) -> str:
    """The counts as JSON."""
    del compared
    counts = {name: value for name, value in asdict(tally).items() if name != "met"}
    told = {
        **counts,
        "unmatched": unmatched(tally, order),
        "joined": joined and joined.record,
        "file": str(target.path),
    }
    return json.dumps(told, ensure_ascii=False)


def unmatched(tally: Tally, order: Order) -> list[str]:
    """The accounts that overrides name and the run does not have."""
    return sorted(order.overrides.keys() - tally.met)


def lines(tally: Tally, order: Order, target: Target, compared: bool) -> list[str]:
    """What was exported, in a few lines; what is new or changed only where it was compared with an earlier run."""
    against = f": {tally.new:,} new, {tally.changed:,} changed" if compared else ""
    said = [f"{tally.exported:,} of {counted(tally.accounts, 'account')} in {target.path}{against}"]
    said += cleared_lines(tally.cleared, tally.emptied, target)
    if tally.gone:
        said.append(f"{counted(tally.gone, 'account')} of the earlier run are gone; an upsert removes nothing")
    if order.overrides:
        said.append(f"overrides: {tally.overridden:,} hold, {tally.expired:,} have expired")
        if tally.expired and not clears(target):
            said.append(f"cells of expired overrides are empty: {LEAVES}")
    if left := unmatched(tally, order):
        said.append(f"overrides of {counted(len(left), 'account')} that the run does not have, such as {left[0]!r}")
    return said


def clears(target: Target) -> bool:
    """Whether the file says which fields are to be cleared; in Parquet a null does."""
    return target.null is not None or target.path.suffix != ".csv"


def cleared_lines(cleared: Mapping[str, int], accounts: int, target: Target) -> list[str]:
    """How many accounts have values that became empty since the earlier run, and what becomes of them."""
    if not accounts:
        return []
    fields = ", ".join(f"{name} {count:,}" for name, count in cleared.items())
    told = "the file says so" if clears(target) else LEAVES
    return [f"{counted(accounts, 'account')} with values that became empty ({fields}): {told}"]
