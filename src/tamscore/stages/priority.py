"""The order of calls: whitespace times probability, and the expected value."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend import SortsRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tamscore.backend import Backend

TIERS = ("A", "B", "C", "D")
_LEAST_LOGIT, _LOGIT_STEP, LOGITS = -20.0, 1 / 64, 2560
"""Log odds are counted from -20 to 20, in steps of 1/64."""


def count_odds(odds: Any) -> Any:
    """Return how many log odds (m,) fall in each step (LOGITS,) int64; counts are exact, so those of parts add up."""
    inside = np.clip(odds, _LEAST_LOGIT, -_LEAST_LOGIT)
    step = np.minimum((inside - _LEAST_LOGIT) / _LOGIT_STEP, LOGITS - 1).astype(np.int64)
    return np.bincount(step, minlength=LOGITS)


def shift_to(counts: Any, mean: float) -> float:
    """Return the constant that shifts counted log odds (LOGITS,) to the mean probability `mean`; 0 without counts."""
    if not counts.sum():
        return 0.0
    middle = _LEAST_LOGIT + (np.arange(LOGITS) + 0.5) * _LOGIT_STEP
    low, high = -40.0, 40.0
    for _ in range(60):
        half = (low + high) / 2
        reached = float(counts @ chance_of(middle + half)) / float(counts.sum())
        low, high = (half, high) if reached < mean else (low, half)
    return (low + high) / 2


def chance_of(odds: Any) -> Any:
    """Return the probabilities (m,) of log odds (m,)."""
    return 1 / (1 + np.exp(-np.clip(odds, 2 * _LEAST_LOGIT, -2 * _LEAST_LOGIT)))


@dataclass(frozen=True)
class _MeanAbove:
    """The sorted sales of the customers of groups, and the sums of each and all larger ones, a 0 at the end."""

    groups: Sequence[Any]
    sums: Sequence[Any]

    @classmethod
    def of(cls, groups: Sequence[Any]) -> _MeanAbove:
        """Return the means for sorted sales by group."""
        return cls(groups, [np.append(np.cumsum(sales[::-1])[::-1], 0.0) for sales in groups])

    def of_accounts(self, own: Any, label: Any) -> Any:
        """Return by how much the customers of a group buy more than an account, on average (m,); NaN without customers.

        The mean over the group's sales of max(sales - own, 0), for accounts with own sales (m,) in groups (m,). For an
        account that buys nothing, it is the customers' mean sales.
        """
        full = np.full(len(own), np.nan)
        order = np.argsort(label, kind="stable")
        bounds = np.searchsorted(label[order], np.arange(len(self.groups) + 1))
        for sales, above, (start, stop) in zip(self.groups, self.sums, pairwise(bounds.tolist()), strict=True):
            rows = order[start:stop]
            if len(sales) and len(rows):
                mine = own[rows]
                first = np.searchsorted(sales, mine, side="right")
                full[rows] = (above[first] - (len(sales) - first) * mine) / len(sales)
        return np.maximum(full, 0.0)


@dataclass(frozen=True)
class ExpectedAbove:
    """The means of groups; those with fewer than `enough` customers are weighted with their parents.

    The weight of a group's own n customers is n / enough; `support` (k,) counts them.
    """

    means: _MeanAbove
    lent: _MeanAbove
    support: Any
    enough: int

    @classmethod
    def of(cls, groups: Sequence[Any], parents: Sequence[Any], enough: int) -> ExpectedAbove:
        """Return the means for sorted sales by group, and by the parent of each."""
        support = np.array([len(sales) for sales in groups])
        thin = [lent if count < enough else lent[:0] for lent, count in zip(parents, support.tolist(), strict=True)]
        return cls(_MeanAbove.of(groups), _MeanAbove.of(thin), support, enough)

    def of_accounts(self, own: Any, label: Any) -> Any:
        """Return the mean excess (m,) as `_MeanAbove.of_accounts`, with the parents of small groups."""
        result = self.means.of_accounts(own, label)
        thin = np.flatnonzero((self.support < self.enough)[label])
        if len(thin):
            weight = (self.support / self.enough)[label[thin]]
            lent = self.lent.of_accounts(own[thin], label[thin])
            result[thin] = np.where(weight > 0, weight * np.nan_to_num(result[thin]), 0.0) + (1 - weight) * lent
        return result


def in_order(keys: Iterable[Any], backend: Backend | None = None) -> Any:
    """Return the order (n,) of accounts by the first key (n,), the smallest first, ties by the next one, and so on.

    Keys hold no NaN. A backend that sorts rows does so if its device has memory for it. On the host, each further key
    is looked at only for accounts that all keys before leave together, and sorted by only where it differs among them:
    most accounts share what they are worth with others of their cluster.
    """
    if backend is not None and isinstance(backend, SortsRows):
        keys = list(keys)
        order = _order_on_device(backend, keys)
        if order is not None:
            return order
    keys = iter(keys)
    first = next(keys)
    order = np.argsort(first)  # a stable sort takes three times as long; rows that all keys leave together come last
    tied, group = np.arange(len(order), dtype=np.int32), _groups_of(first[order])
    del first
    tied, group = _together(tied, group)
    while len(tied) and (key := next(keys, None)) is not None:
        values = key[order[tied]]
        if not np.all((values[1:] == values[:-1]) | (group[1:] != group[:-1])):
            place = _within_groups(group, values)
            order[tied], values = order[tied[place]], values[place]
            group = _groups_of(group, values)
        tied, group = _together(tied, group)
    rows = order[tied]
    order[tied] = rows[np.lexsort((rows, group))]
    return order


def _order_on_device(backend: SortsRows, keys: list[Any]) -> Any | None:
    """Return the order of rows from a device that sorts rows; None if its memory is full."""
    try:
        return backend.sort_rows(keys)
    except MemoryError:
        return None


def _groups_of(*keys: Any) -> Any:
    """Return the group number (n,) of each sorted row: rows with the same keys (n,) form one group."""
    differs = np.zeros(max(len(keys[0]) - 1, 0), bool)
    for key in keys:
        differs |= key[1:] != key[:-1]
    return np.concatenate((np.zeros(min(len(keys[0]), 1), np.int32), np.cumsum(differs, dtype=np.int32)))


def _together(rows: Any, group: Any) -> tuple[Any, Any]:
    """Return those of some sorted rows (n,) that are not alone in their group, and their groups (n,)."""
    same = group[1:] == group[:-1]
    values = np.flatnonzero(np.append(same, False) | np.append(False, same)) if len(rows) else rows
    return rows[values], group[values]


def _within_groups(group: Any, values: Any) -> Any:
    """Return the order (n,) of rows by values (n,) within their groups (n,), which ascend.

    Non-negative float32 numbers have the order of their bits: one sort serves both keys.
    """
    if values.dtype == np.float32 and not np.signbit(values).any():
        return np.argsort((group.astype(np.int64) << 32) | values.view(np.uint32))
    return np.lexsort((values, group))


def place_of(order: Any) -> Any:
    """Return the place (n,) int32 of each account, from 1, given their order."""
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(1, len(order) + 1, dtype=np.int32)
    return place


@dataclass(frozen=True)
class TierRules:
    """The ends of tiers: by shares of the expected value, and by least and largest shares of the accounts.

    Shares are cumulative: tier A takes the first half of the value, B goes on up to 80 %. With `counts` tiers have
    these numbers of accounts instead.
    """

    shares: tuple[float, ...] = (0.5, 0.8, 0.95)
    least: tuple[float, ...] = (0.01, 0.05, 0.2)
    most: tuple[float, ...] = (0.1, 0.3, 0.6)
    counts: tuple[int, ...] = ()

    def ends(self, expected: Any) -> list[int]:
        """Return how many accounts tiers A, A to B, A to C hold, given their expected values (n,) in order."""
        total = len(expected)
        if self.counts:
            return [min(reached, total) for reached in accumulate(self.counts)]
        reached = np.cumsum(np.nan_to_num(expected))
        whole = reached[-1] if total else 0.0
        ends = np.searchsorted(reached, whole * np.array(self.shares), side="left") + 1 if whole > 0 else np.zeros(3)
        bounds = (np.ceil(np.array(share) * total) for share in (self.least, self.most))
        held: list[int] = np.maximum.accumulate(np.clip(ends, *bounds)).astype(np.int64).tolist()
        return held

    def codes(self, expected: Any) -> Any:
        """Return the tier (n,) int8 of accounts as a place in TIERS, given the expected value (n,) of each in order."""
        tier = np.zeros(len(expected), np.int8)
        for end in self.ends(expected):
            tier[end:] += 1
        return tier


def tier_codes(order: Any, expected: Any, rules: TierRules) -> Any:
    """Return the tier (n,) int8 of each account as a place in TIERS, given their order and expected value (n,)."""
    tier = np.empty(len(order), np.int8)
    tier[order] = rules.codes(expected[order])
    return tier
