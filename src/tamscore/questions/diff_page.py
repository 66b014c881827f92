"""Changes between two runs, as a page for people and as JSON for machines."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tamscore.questions.causes import CAUSES
from tamscore.questions.diff_priority import CALL_CAUSES, EXPECTED_CAUSES, QUADRANTS
from tamscore.questions.pages.priority_changes import ORDER, tables
from tamscore.scoring.score.parts import KINDS
from tamscore.stages.priority import TIERS
from tamscore.view.blocks import Chapter, Text, group, table, without_empty
from tamscore.view.words import count_text, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.questions.diff_table import Diff
    from tamscore.questions.diff_totals import Totals
    from tamscore.view.blocks import Block, Table

_GROUPS = {"kept": 1, "new": 1, "gone": -1}
"""What became of accounts, and whether their money came or went."""
_MOVER = ("account_id", "name", "cluster_before", "cluster_after")
_ENDS = ("potential_before", "potential_after")
"""What is shown of an account that moved, before what each cause did."""


def chapter(diff: Diff) -> Chapter:
    """Return the changes as a chapter."""
    model = "under one model" if diff.same_model else "under models fitted apart"
    number = sum(int(diff.totals.both[k, 0]) for k in range(len(KINDS)))
    blocks: tuple[Block, ...] = (
        *map(Text, diff.notices),
        _accounts(diff),
        _why(diff),
        _movers(diff),
        *tables(diff.totals, diff.callers.to_pylist()),
    )
    message = f"{model}: {count_text(number, 'account')} in both"
    return Chapter("diff", f"from {diff.first} to {diff.second}", message, blocks)


def _accounts(diff: Diff) -> Table:
    """Return accounts kept, new and gone by kind, and how they change potential and whitespace."""
    groups = [[(kind, group, *_account_cells(diff, k, group)) for group in _GROUPS] for k, kind in ORDER]
    columns = "kind|group|accounts:count|potential:signed_money|whitespace:signed_money|turned:count/2|won or lost/3"
    return without_empty(group("Accounts", columns, groups, "what each group adds, or takes away"))


def _account_cells(diff: Diff, kind: int, group: str) -> tuple[Any, ...]:
    """Return the numbers of a group, and how many of its accounts came over from the other kind."""
    count, *amounts = _group_sums(diff.totals, group)[kind].tolist()
    turned = int(diff.totals.turned[kind]) if group == "kept" else 0
    text = "won: bought nothing before" if kind else "lost: buy nothing any more"
    return count, *(_change(_GROUPS[group] * amount) for amount in amounts), turned or None, text if turned else ""


def _group_sums(totals: Totals, group: str) -> Any:
    """Return accounts, potential and whitespace (kinds, 3) of a group."""
    return {"kept": totals.both, "new": totals.new, "gone": totals.gone}[group]


def _why(diff: Diff) -> Table:
    """Return what each cause did, by kind."""
    groups = [
        [
            (kind, cause, count, *map(_change, amounts))
            for cause, (count, *amounts) in zip(CAUSES, parts, strict=True)
            if count or cause != "level"  # there are no levels of accounts at level cluster
        ]
        for kind, parts in ((kind, diff.totals.parts[k].tolist()) for k, kind in ORDER)
    ]
    columns = "kind|cause:code|accounts:count|potential:signed_money|whitespace:signed_money"
    return group("Why potential and whitespace changed", columns, groups, "accounts in both runs")


def _movers(diff: Diff) -> Table:
    """Return the accounts that moved most."""
    rows = [
        (*map(row.get, _MOVER), *(float(row[end]) for end in _ENDS), *(_change(100 * row[cause]) for cause in CAUSES))
        for row in diff.movers.to_pylist()
    ]
    columns = "account:id|name/3|from:id/2|to:id/2|before:money|after:money"
    causes = "".join(f"|{words(cause)}:signed_money" for cause in CAUSES)
    return without_empty(table("Top movers", columns + causes, rows, "potential, and how each cause moved it"))


def _change(cents: float) -> float | None:
    """Return a change in units of the currency; None where there is none."""
    return float(cents) / 100 if cents else None


def to_json(diff: Diff) -> str:
    """The changes as JSON; money in units of the currency."""
    record = {
        "first": diff.first,
        "second": diff.second,
        "same_model": diff.same_model,
        "notices": diff.notices,
        "kinds": {kind: _kind_record(diff, k) for k, kind in enumerate(KINDS)},
        "movers": [dict(_mover_record(row)) for row in diff.movers.to_pylist()],
        "callers": [dict(_mover_record(row)) for row in diff.callers.to_pylist()],
    }
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)


def _kind_record(diff: Diff, kind: int) -> dict[str, Any]:
    """Return what became of the accounts of a kind."""
    totals = diff.totals
    groups = {group: sums(_group_sums(totals, group)[kind]) for group in _GROUPS}
    causes = {cause: sums(totals.parts[kind, place]) for place, cause in enumerate(CAUSES)}
    record = {**groups, "turned": int(totals.turned[kind]), "causes": causes}
    return record | (_priority_record(totals, kind) if totals.tiers.any() else {})


def _priority_record(totals: Totals, kind: int) -> dict[str, Any]:
    """Return what changed the priority of the accounts of a kind, and how many have another tier or quadrant."""
    calls = zip(CALL_CAUSES, totals.calls[kind].tolist(), strict=True)
    expected = zip(EXPECTED_CAUSES, (totals.expected[kind] / 100).tolist(), strict=True)
    return {
        "calls": {cause: {"accounts": count, "value": amount / 100} for cause, (count, amount) in calls},
        "expected_value": dict(expected),
        "tiers": _flows(totals.tiers[kind], TIERS),
        "quadrants": _flows(totals.quadrants[kind], QUADRANTS),
    }


def _flows(counts: Any, levels: Sequence[str]) -> dict[str, dict[str, int]]:
    """Accounts by what they were and what they are; what nobody is, is left out."""
    rows = zip(levels, counts.tolist(), strict=True)
    return {
        before: {now: count for now, count in zip(levels, row, strict=True) if count}
        for before, row in rows
        if any(row)
    }


def sums(values: Any) -> dict[str, float]:
    """Accounts, potential and whitespace by name."""
    count, *amounts = values.tolist()
    return {"accounts": count, "potential": amounts[0] / 100, "whitespace": amounts[1] / 100}


def _mover_record(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """An account that moved, as JSON holds it."""
    for name, value in row.items():
        if name != "status":
            yield name, float(value) if isinstance(value, Decimal) else value
