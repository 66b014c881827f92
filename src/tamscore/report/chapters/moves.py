"""Who moved to another cluster since the run before, and why; what became of the clusters themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.report.chapters.clusters import LISTED
from tamscore.report.figures.changes import moves
from tamscore.report.input_change import input_table
from tamscore.view.blocks import Block, Cell, Chapter, Text, table
from tamscore.view.words import counted, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.report.changes import Changed
    from tamscore.report.evidence import Evidence
    from tamscore.view.blocks import Table

MISSING = "Who moved and why: there is no run before this one to compare with; name one with --since RUN."
FLOWS = 12
"""So many flows are drawn, the largest first."""
EVENTS = {"kept": "grey", "split": "fair", "merged": "fair", "new": "good", "retired": "poor"}


def chapter(found: Evidence) -> Chapter | None:
    """The chapter; None where there is no run before."""
    changed, told = found.changed, found.input_change
    inputs = [input_table(told)] if told else []
    if changed is None:
        return only_input(inputs)
    blocks: list[Block] = [*inputs]
    if changed.moves:
        blocks += [moves(changed.moves[:FLOWS], changed.moved), reasons(changed)]
    blocks += [Text(text) for text in changed.notices]
    if found.summary.events:
        blocks.append(events(found))
    text = (
        f"{changed.moved:,} of {counted(changed.kept, 'account')} known from {changed.against} "
        f"({share(changed.moved, changed.kept)}) are in another cluster."
    )
    return Chapter("moves", "Who moved, and why", text, tuple(blocks))


def only_input(inputs: Sequence[Table]) -> Chapter | None:
    """The chapter where the run before is gone by now, and only its input is known."""
    text = "The run before is not there any more; what it was scored on is still known."
    return Chapter("moves", "What changed", text, tuple(inputs)) if inputs else None


def reasons(changed: Changed) -> Table | Text:
    """Why accounts are in another cluster."""
    if changed.reasons is None:
        return Text("Whether they changed themselves or their clusters did cannot be told apart any more.")
    told = {
        "own features": "the account itself has changed; under the model before it would have moved as well",
        "new model": "the account is as it was; the clusters are drawn anew",
        "both": "the account has changed, and the clusters as well",
    }
    rows = [(name, f"{count:,}", share(count, changed.moved), told[name]) for name, count in changed.reasons.items()]
    return table("Why accounts moved", "cause|>accounts|>share|which means", rows)


def events(found: Evidence) -> Table:
    """What became of every cluster of the model before."""
    told = sorted(found.summary.events, key=lambda row: row["event"] == "kept")
    rows = [
        (
            row["cluster"],
            Cell(row["event"], mark=EVENTS[row["event"]]),
            row["related"],
            row["name"],
            f"{row['accounts']:,}",
        )
        for row in told[:LISTED]
    ]
    left = len(told) - len(rows)
    note = f"{counted(left, 'more cluster')} in tables/events.csv" if left else ""
    folded = all(row["event"] == "kept" for row in told)
    return table("What became of the clusters", "id|event|related|name|>accounts", rows, note, folded=folded)
