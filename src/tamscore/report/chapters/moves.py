"""The chapter on moves: accounts in another cluster since the run before, the reasons, and events of clusters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tamscore.questions.alerts_page import KINDS
from tamscore.questions.alerts_page import alerts as alerts_table
from tamscore.questions.pages.changes import events
from tamscore.questions.pages.priority_changes import tables
from tamscore.report.figures.changes import moves
from tamscore.report.input_change import input_table
from tamscore.report.shortened import shorten
from tamscore.view.blocks import Block, Chapter, Text, table
from tamscore.view.words import count_text, share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.report.changes import Changed
    from tamscore.report.evidence import ReportData
    from tamscore.view.blocks import Table

MISSING = "Who moved and why: there is no run before this one to compare with; name one with --since RUN."
_FLOWS = 12
"""Most flows in the figure, the largest first."""


def chapter(data: ReportData) -> Chapter | None:
    """Return the chapter; None if there is no run before."""
    changed, input_change = data.changed, data.input_change
    inputs = [input_table(input_change)] if input_change else []
    if changed is None:
        return _only_input(inputs)
    blocks: list[Block] = [*inputs]
    if changed.moves:
        blocks += [moves(changed.moves[:_FLOWS], changed.moved), _reasons(changed)]
    blocks += [*tables(changed.totals), *_buyers(changed), *map(Text, changed.notices)]
    if data.summary.events:
        blocks.append(shorten(events(data.summary.events), "events"))
    text = (
        f"{changed.moved:,} of {count_text(changed.in_both, 'account')} known from {changed.against} "
        f"({share(changed.moved, changed.in_both)}) are in another cluster."
    )
    return Chapter("moves", "Who moved, and why", text, tuple(blocks))


def _buyers(changed: Changed) -> Iterator[Table]:
    """Yield the table of accounts with a buying alert, if there are any."""
    if changed.buying:
        rows = [dict(row) for row in changed.buyers]
        shown = alerts_table(rows, "buying", len(rows))
        yield replace(shown, note=f"the first {len(rows)} of {changed.buying:,}; {KINDS['buying'][1]}", folded=True)


def _only_input(inputs: Sequence[Table]) -> Chapter | None:
    """Return the chapter if the run before is gone, and only its input is known."""
    text = "The run before was removed; only its input is still known."
    return Chapter("moves", "What changed", text, tuple(inputs)) if inputs else None


def _reasons(changed: Changed) -> Table | Text:
    """Return the accounts in another cluster by reason."""
    if changed.reasons is None:
        return Text("Whether the accounts or their clusters changed is not known any more.")
    record = {
        "own features": "the account itself has changed; under the model before it would have moved as well",
        "new model": "the account is as it was; the clusters are new",
        "both": "the account has changed, and the clusters as well",
    }
    rows = [(name, count, count / max(changed.moved, 1), record[name]) for name, count in changed.reasons.items()]
    return table("Why accounts moved", "cause|accounts:count|share:share|which means", rows)
