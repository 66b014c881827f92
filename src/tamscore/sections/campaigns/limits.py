"""How many accounts the list of a campaign may hold, and which: those that promise most, at least so likely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, level_codes, places_in
from tamscore.schema import PARTY_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tamscore.sections.campaigns.segments import SharedLimit

READ = ("campaign_id", "party_type", "probability", "expected_value", "priority")
"""The columns of the scores that decide which accounts are in a list."""
_BOUNDS = ("least_expected_value", "last_place")
"""Where a list ends; nothing where all find room."""


@dataclass(frozen=True)
class ListLimit:
    """The least probability of the accounts in a list, and the last account: its expected value and its place.

    Of accounts that promise the same the one with the better priority comes first, see `places`.
    """

    least_probability: float
    least_expected: float = -np.inf
    last_place: float = np.inf


def _members(scored: pa.Table, ids: Sequence[str]) -> Any:
    """Return which of the campaigns of these ids (m,) int64 each account belongs to, -1 for none of them."""
    import pyarrow as pa

    return places_in(scored["campaign_id"].cast(pa.string()), pa.array(ids, pa.string()))


def _promises(scored: pa.Table) -> Any:
    """Expected value and place (m, 2) of accounts; places go by priority, end users before channel partners."""
    expected, priority = (np.nan_to_num(float_column(scored[name])) for name in ("expected_value", "priority"))
    return np.stack([expected, 2 * priority + level_codes(scored["party_type"], PARTY_TYPES)], axis=1)


def first_of(scored: pa.Table, limit: SharedLimit) -> tuple[Any, Any]:
    """Return how many accounts of each campaign under a limit (ids,) are likely enough, and the first of them together.

    Of these expected value, place and campaign (n, 3), as many as the lists may hold; none where they may hold all.
    """
    campaign = _members(scored, limit.ids)
    mine = (campaign >= 0) & (float_column(scored["probability"]) >= limit.least_probability)
    rows = np.column_stack([_promises(scored), campaign])[mine]
    return np.bincount(campaign[mine], minlength=len(limit.ids)), _first(rows, limit.contacts or 0)


def _first(rows: Any, most: int) -> Any:
    """The first `most` of rows (n, 3) by expected value, the most first, then by place."""
    return rows[np.lexsort((rows[:, 1], -rows[:, 0]))[:most]]


def limits_table(limits: Sequence[SharedLimit], counts: Sequence[Sequence[tuple[Any, Any]]]) -> pa.Table:
    """One row per campaign with limits: how many its list holds, and where it ends.

    Campaigns that share a limit, see `shared_with`, hold `contacts` accounts together. `counts` has what `first_of`
    finds in each part of the scores, limit by limit.
    """
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    for limit, parts in zip(limits, zip(*counts, strict=True), strict=True):
        listed, last = sum(likely for likely, _ in parts), [None, None]
        if limit.contacts is not None and listed.sum() >= limit.contacts:
            remaining = _first(np.concatenate([item for _, item in parts]), limit.contacts)
            listed, last = (
                np.bincount(remaining[:, 2].astype(np.int64), minlength=len(limit.ids)),
                remaining[-1, :2].tolist(),
            )
        ends = {"least_probability": limit.least_probability, **dict(zip(_BOUNDS, last, strict=True))}
        for name, held in zip(limit.ids, listed.tolist(), strict=True):
            others = ", ".join(text for text in limit.ids if text != name) or None
            record = {"campaign_id": name, "shared_with": others, "contacts": limit.contacts, "listed": held}
            rows.append(record | ends)
    texts, whole = ("campaign_id", "shared_with"), ("contacts", "listed")
    kinds = [(name, pa.string()) for name in texts] + [(name, pa.int64()) for name in whole]
    numbers = [(name, pa.float64()) for name in ("least_probability", *_BOUNDS)]
    return pa.Table.from_pylist(rows, pa.schema(kinds + numbers))


def limits_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, ListLimit]:
    """The limit of each campaign, from the rows of the table."""
    record = {}
    for row in rows:
        ends = [float(row[name]) for name in _BOUNDS if row[name] is not None]
        record[row["campaign_id"]] = ListLimit(row["least_probability"], *ends)
    return record


def within(scored: pa.Table, limits: Mapping[str, ListLimit]) -> Any:
    """Return which accounts (m,) bool stand in the lists of their campaigns."""
    listed, (expected, place) = np.ones(scored.num_rows, bool), _promises(scored).T
    likely = float_column(scored["probability"])
    for name, limit in limits.items():
        early = (expected > limit.least_expected) | ((expected == limit.least_expected) & (place <= limit.last_place))
        listed &= (_members(scored, [name]) < 0) | (early & (likely >= limit.least_probability))
    return listed
