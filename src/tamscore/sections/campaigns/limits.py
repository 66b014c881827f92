"""How many accounts the list of a campaign may hold, and which: those that promise most, at least so likely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, level_codes
from tamscore.schema import PARTY_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tamscore.sections.campaigns.segments import Campaign

READ = ("campaign_id", "party_type", "probability", "expected_value", "priority")
"""The columns of the scores that tell who stands in a list."""
BOUNDS = ("least_expected_value", "last_place")
"""Where a list ends; nothing where all find room."""


@dataclass(frozen=True)
class ListLimit:
    """The least probability of the accounts in a list, and the last account: its expected value and its place.

    Of accounts that promise the same the one with the better priority comes first, see `places`.
    """

    least_probability: float
    least_expected: float = -np.inf
    last_place: float = np.inf


def members(scored: pa.Table, name: str) -> Any:
    """Which accounts (m,) bool belong to a campaign."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.fill_null(pc.equal(scored["campaign_id"].cast(pa.string()), name), False).to_numpy()


def promises(scored: pa.Table) -> Any:
    """Expected value and place (m, 2) of accounts; places go by priority, end users before channel partners."""
    expected, priority = (np.nan_to_num(float_column(scored[name])) for name in ("expected_value", "priority"))
    return np.stack([expected, 2 * priority + level_codes(scored["party_type"], PARTY_TYPES)], axis=1)


def first_of(scored: pa.Table, campaign: Campaign) -> tuple[int, Any]:
    """How many accounts of a campaign are likely enough, and expected value and place (n, 2) of the first of them.

    These are as many as its list may hold; none where it may hold all.
    """
    mine = members(scored, campaign.id) & (float_column(scored["probability"]) >= campaign.least_probability)
    return int(np.count_nonzero(mine)), first(promises(scored)[mine], campaign.contacts or 0)


def first(rows: Any, most: int) -> Any:
    """The first `most` of rows (n, 2) by expected value, the most first, then by place."""
    return rows[np.lexsort((rows[:, 1], -rows[:, 0]))[:most]]


def limits_table(campaigns: Sequence[Campaign], counts: Sequence[Mapping[str, tuple[int, Any]]]) -> pa.Table:
    """One row per campaign with limits: how many its list may hold and holds, and where it ends."""
    import pyarrow as pa

    rows = []
    for one in campaigns:
        parts = [part[one.id] for part in counts if one.id in part]
        likely, most = sum(count for count, _ in parts), one.contacts
        listed, last = likely, [None, None]
        if most is not None and likely >= most:
            listed, last = most, first(np.concatenate([each for _, each in parts]), most)[-1].tolist()
        told = {"contacts": most, "listed": listed, "least_probability": one.least_probability}
        rows.append({"campaign_id": one.id, **told, **dict(zip(BOUNDS, last, strict=True))})
    whole, shares = ("contacts", "listed"), ("least_probability", *BOUNDS)
    kinds = [(name, pa.int64()) for name in whole] + [(name, pa.float64()) for name in shares]
    return pa.Table.from_pylist(rows, pa.schema([("campaign_id", pa.string()), *kinds]))


def limits_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, ListLimit]:
    """The limit of each campaign, from the rows of the table."""
    found = {}
    for row in rows:
        ends = [float(row[name]) for name in BOUNDS if row[name] is not None]
        found[row["campaign_id"]] = ListLimit(row["least_probability"], *ends)
    return found


def within(scored: pa.Table, limits: Mapping[str, ListLimit]) -> Any:
    """Which accounts (m,) bool stand in the lists of their campaigns."""
    listed, (expected, place) = np.ones(scored.num_rows, bool), promises(scored).T
    likely = float_column(scored["probability"])
    for name, limit in limits.items():
        early = (expected > limit.least_expected) | ((expected == limit.least_expected) & (place <= limit.last_place))
        listed &= ~members(scored, name) | (early & (likely >= limit.least_probability))
    return listed
