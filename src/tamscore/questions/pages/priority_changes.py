"""Why priority changed between two runs: what each cause did to the value of calls, and who has another tier now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.questions.diff_priority import CALL_CAUSES, EXPECTED_CAUSES, PLACE_CAUSES, QUADRANTS
from tamscore.scoring.score.parts import KINDS
from tamscore.stages.priority import TIERS
from tamscore.view.blocks import group, table, without_empty

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.questions.diff_totals import Totals
    from tamscore.view.blocks import Table

ORDER = tuple(reversed([*enumerate(KINDS)]))
"""The kinds of whitespace with their places, as pages list them."""
_CALLERS = ("account_id", "name", "tier_before", "tier_after", "priority_before", "priority_after")
_ENDS = ("before", "after")
_PLACES = tuple(f"priority_{cause}" for cause in PLACE_CAUSES)


def tables(totals: Totals, callers: Sequence[dict[str, Any]] = ()) -> Iterator[Table]:
    """Yield the tables on priority; none where one of the runs has no priority, or nothing changed."""
    if totals.calls.any():
        yield _calls(totals)
    if totals.expected.any():
        yield _expected_table(totals)
    if changed := [*_moved_groups(totals)]:
        columns = "kind|what|from:code|to:code|accounts:count"
        yield group("Accounts with another tier or quadrant", columns, changed, folded=True)
    if callers:
        yield _moved_most(callers)


def _calls(totals: Totals) -> Table:
    """Return what each cause did to the value of calls, by kind."""
    groups = [
        [
            (kind, cause, count, amount / 100)
            for cause, (count, amount) in zip(CALL_CAUSES, totals.calls[k].tolist(), strict=True)
            if count
        ]
        for k, kind in ORDER
    ]
    note = "value of a call: whitespace times probability, and what may be lost; accounts in both runs"
    return group("Why priority changed", "kind|cause:code|accounts:count|value of calls:signed_money", groups, note)


def _expected_table(totals: Totals) -> Table:
    """Return what sales and probability did to expected value, by kind."""
    rows = [(kind, *(totals.expected[k] / 100).tolist(), float(totals.expected[k].sum()) / 100) for k, kind in ORDER]
    columns = "kind|" + "|".join(f"by {cause}:signed_money" for cause in EXPECTED_CAUSES) + "|change:signed_money"
    return table("Why expected value changed", columns, rows, "sales: own, and those of customers like it")


def _moved_groups(totals: Totals) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the accounts that changed tier or quadrant by kind: what, from, to, and how many, the most first."""
    for k, kind in ORDER:
        for what, levels, counts in (("tier", TIERS, totals.tiers[k]), ("quadrant", QUADRANTS, totals.quadrants[k])):
            flows = [(int(counts[i, j]), levels[i], levels[j]) for i, j in np.argwhere(counts).tolist() if i != j]
            if flows:
                yield [(kind, what, before, now, count) for count, before, now in sorted(flows, key=_by_count)]


def _by_count(flow: tuple[int, str, str]) -> tuple[int, str, str]:
    """Return what sorts the largest flow first, then by its ends."""
    return -flow[0], *flow[1:]


def _moved_most(callers: Sequence[dict[str, Any]]) -> Table:
    """Return the accounts whose call gained or lost most value, and what each cause did to their places."""
    rows = [
        (
            *map(row.get, _CALLERS),
            *(row[name] or None for name in _PLACES),
            *(float(row[f"call_{end}"]) for end in _ENDS),
        )
        for row in callers
    ]
    columns = "account:id|name/3|tier before:code/2|tier now:code/2|place before:count|place now:count"
    columns += "".join(f"|{name.partition('_')[2].replace('_', ' ')}:places/2" for name in _PLACES)
    note = "by value of the call; the smaller the place the earlier the call, so a minus brings it forward"
    return without_empty(table("Calls that changed most", f"{columns}|value before:money|value now:money", rows, note))
