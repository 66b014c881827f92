"""What is still open: potential, whitespace, penetration and step of every account, and its place among all."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Array
    from tamscore.stages.account_ladder import AccountLadder
    from tamscore.stages.potential import CustomerSales, PotentialTable

_ABOUT = 1.15
"""Potentials that differ by a smaller factor are about the same."""
_DIGITS, _MOST_DECIMALS = 14, 300
"""So many digits of the largest potential are compared: the next two hold what subtracting sales has rounded."""
Boundary = Literal["at_or_below", "strictly_below"]


@dataclass(frozen=True)
class Money:
    """Potential and whitespace of m accounts.

    Attributes
    ----------
    potential : array (m,)
        The potential, float64 in the currency of the sales; NaN if no one in the cluster buys.
    whitespace : array (m,)
        The potential less the sales, float64 in the currency of the sales, NaN as above.
    penetration : array (m,)
        The sales as a share of the potential, float64 from 0 to 1, NaN as above.
    step : array (m,)
        The step of the ladder that the potential stands at, int64 from 1.
    """

    potential: Array
    whitespace: Array
    penetration: Array
    step: Array


def value_accounts(xp: Any, sales: Array, label: Array, values: Array, boundary: Boundary) -> Money:
    """The money of accounts with sales (m,) (NaN for missing) and cluster (m,) under the ladders (k, steps).

    An account's potential is the smallest cut value that its sales do not exceed (`at_or_below`) or lie below
    (`strictly_below`); above a capped top step it is the account's own sales.
    """
    steps = values.shape[1]
    counted = xp.where(xp.isnan(sales), 0.0, sales)
    step = xp.zeros(label.shape, dtype=xp.int64, device=label.device)
    for j in range(steps - 1):
        cut = xp.take(values[:, j], label)
        passed = counted > cut if boundary == "at_or_below" else (counted >= cut) & (counted > 0.0)
        step = step + xp.astype(passed, xp.int64)
    potential = xp.take(xp.reshape(values, (-1,)), label * steps + step)
    potential = xp.where(counted > potential, counted, potential)
    bought = xp.where(counted > 0.0, counted, 0.0)
    positive = xp.where(potential > 0.0, potential, xp.nan)
    return Money(potential, potential - bought, bought / positive, step + 1)


def value_by_level(
    xp: Any, sales: Array, typical: Array, label: Array, ladder: AccountLadder, boundary: Boundary
) -> Money:
    """The money of accounts with sales, typical sales and cluster (m,), each on its own ladder.

    The step is that of sales over typical sales; its value is a multiple of the typical sales, never above the cap of
    the cluster nor below own sales.
    """
    typical = xp.astype(typical, xp.float64)
    counted = xp.where(xp.isnan(sales), 0.0, sales)
    multiples = xp.asarray(ladder.multiples, device=label.device)
    step = value_accounts(xp, counted / typical, label, multiples, boundary).step
    place = label * multiples.shape[1] + step - 1
    cap = xp.take(xp.asarray(ladder.cap, device=label.device), label)
    value = ladder.money(xp, typical, xp.take(xp.reshape(multiples, (-1,)), place), cap)
    potential = xp.where(counted > value, counted, value)
    bought = xp.where(counted > 0.0, counted, 0.0)
    positive = xp.where(potential > 0.0, potential, xp.nan)
    return Money(potential, potential - bought, bought / positive, step)


@dataclass(frozen=True)
class Prospects:
    """The typical sales (p,) float32 of a party type's prospects, sorted within cluster, and `offsets` (k + 1,)."""

    typical: Any
    offsets: Any

    @property
    def label(self) -> Any:
        """The cluster (p,) int64 of each prospect."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


@dataclass(frozen=True)
class PartyStanding:
    """The scores of all accounts of a party type, without a list of prospects.

    Customers come one by one in the order of `CustomerSales`: `customer_potential`, `customer_whitespace`,
    `customer_step` (n,). Prospects come in groups of `prospects` (g,) accounts that are alike, cluster by cluster: one
    group a cluster, or at level account one each.
    """

    customer_potential: Any
    customer_whitespace: Any
    customer_step: Any
    customer_label: Any
    prospect_potential: Any
    prospects: Any
    prospect_label: Any
    clusters: int

    @property
    def acquisition(self) -> Any:
        """The potential (k,) of the prospects of each cluster, all together."""
        money = self.prospects * np.nan_to_num(self.prospect_potential)
        return np.bincount(self.prospect_label, weights=money, minlength=self.clusters)


def stand(
    sales: CustomerSales, counts: Any, table: PotentialTable, boundary: Boundary, prospects: Prospects | None = None
) -> PartyStanding:
    """How the accounts of a party type stand, from its customers' sorted sales and the `counts` (k,) of prospects.

    At level account the prospects' typical sales are needed.
    """
    label, ladder = sales.label, table.account
    if ladder is None or prospects is None:
        money, of_prospects, groups = value_accounts(np, sales.sales, label, table.values, boundary), counts, None
        potential = table.values[:, 0]
    else:
        money = value_by_level(np, sales.sales, sales.typical, label, ladder, boundary)
        groups, of_prospects = prospects.label, np.ones(len(prospects.typical), np.int64)
        nothing = np.zeros(len(groups))
        potential = value_by_level(np, nothing, prospects.typical, groups, ladder, boundary).potential
    groups = np.arange(sales.groups) if groups is None else groups
    parts = (money.potential, money.whitespace, money.step, label)
    return PartyStanding(*parts, potential, np.asarray(of_prospects), groups, sales.groups)


@dataclass(frozen=True)
class Ranks:
    """Places in the ranking: of each customer (n,) as in `CustomerSales`, of each cluster's prospects (k,)."""

    customers: Any
    prospects: Any


def rank_all(standings: Sequence[PartyStanding]) -> list[Ranks]:
    """The place of every account among all, whitespace first, then potential; equal accounts share the better place.

    Sorted by this rank and then by account id, accounts stand in the order of METHOD.md section 5.
    """
    return _ranked(standings, with_customers=True, with_prospects=True)


def rank_by_kind(standings: Sequence[PartyStanding]) -> list[Ranks]:
    """The place of every account among those of its kind: customers (expansion) and prospects (acquisition) apart."""
    customers = _ranked(standings, with_customers=True, with_prospects=False)
    prospects = _ranked(standings, with_customers=False, with_prospects=True)
    return [Ranks(c.customers, p.prospects) for c, p in zip(customers, prospects, strict=True)]


def decimals_of(standings: Sequence[PartyStanding]) -> int:
    """The decimal places to which whitespace is compared; at least cents.

    Equal whitespace differs by a rounding where it comes from unequal potentials.
    """
    groups = [np.nan_to_num(money) for s in standings for money in (s.customer_potential, s.prospect_potential)]
    largest = max((float(money.max(initial=0.0)) for money in groups), default=0.0)
    return int(np.clip(_DIGITS - np.ceil(np.log10(largest)), 2, _MOST_DECIMALS)) if largest > 0 else 2


def _ranked(standings: Sequence[PartyStanding], *, with_customers: bool, with_prospects: bool) -> list[Ranks]:
    """Competition ranks of the groups asked for; the groups left out get places, but count for none."""
    whitespace = np.concatenate([part for s in standings for part in (s.customer_whitespace, s.prospect_potential)])
    potential = np.concatenate([part for s in standings for part in (s.customer_potential, s.prospect_potential)])
    whitespace = np.round(whitespace, decimals_of(standings))
    whitespace, potential = (np.nan_to_num(money, nan=-np.inf) for money in (whitespace, potential))
    counted = [
        (np.full(len(s.customer_label), int(with_customers)), s.prospects * int(with_prospects)) for s in standings
    ]
    weight = np.concatenate([part for pair in counted for part in pair])
    order = np.lexsort((-potential, -whitespace))
    before = np.cumsum(weight[order]) - weight[order]
    new = np.ones(len(order), dtype=bool)
    for key in (whitespace, potential):
        new[1:] &= key[order][1:] == key[order][:-1]
    new[1:] = ~new[1:]
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.maximum.accumulate(np.where(new, before, 0)) + 1
    ranks, start = [], 0
    for s in standings:
        middle, stop = start + len(s.customer_label), start + len(s.customer_label) + s.clusters
        ranks.append(Ranks(place[start:middle], place[middle:stop]))
        start = stop
    return ranks


def places(sales: CustomerSales, account_sales: Any, label: Any) -> Any:
    """Return where customers (m,) stand in the sorted sales of their clusters: the first position of an equal value."""
    empty = np.empty(len(label), np.int64)
    order = np.argsort(label, kind="stable")
    bounds = np.searchsorted(label[order], np.arange(sales.groups + 1))
    for group, (start, stop) in enumerate(pairwise(bounds.tolist())):
        rows = order[start:stop]
        empty[rows] = sales.offsets[group] + np.searchsorted(sales.of(group), account_sales[rows])
    return empty


def weighted_quantile(values: Any, counts: Any, share: float) -> float:
    """The nearest-rank quantile of values (n,) that stand for `counts` (n,) accounts each; NaN where there are none."""
    present = (counts > 0) & ~np.isnan(values)
    if not present.any():
        return float("nan")
    order = np.argsort(values[present], kind="stable")
    reached = np.cumsum(counts[present][order])
    wanted = np.ceil(np.float64(reached[-1]) * share - 1.0) + 1
    return float(values[present][order][np.searchsorted(reached, max(wanted, 1))])


def median_potential(standing: PartyStanding) -> Any:
    """The potential of the median account of each cluster (k,): what relative messages compare with."""
    customers, groups = (
        np.searchsorted(label, np.arange(standing.clusters + 1))
        for label in (standing.customer_label, standing.prospect_label)
    )
    medians = []
    for of_customers, of_groups in zip(pairwise(customers), pairwise(groups), strict=True):
        mine, others = slice(*of_customers), slice(*of_groups)
        values = np.append(standing.customer_potential[mine], standing.prospect_potential[others])
        counts = np.append(np.ones(mine.stop - mine.start), standing.prospects[others])
        medians.append(weighted_quantile(values, counts, 0.5))
    return np.array(medians)


def relative_message(ratio: float) -> str:
    """Return how an account compares with its cluster's median account, in words with two significant digits."""
    if not np.isfinite(ratio) or ratio <= 0:
        return ""
    if 1 / _ABOUT < ratio < _ABOUT:
        return "about the same potential as the median account of its cluster"
    return f"{two_digits(ratio)}x the potential of the median account of its cluster"


def rounded_ratio(ratio: Any) -> Any:
    """Ratios (m,) with two significant digits, and 1 for about the same: those with one message become one."""
    inside = np.isfinite(ratio) & (ratio > 0)
    digits = 10.0 ** (1 - np.floor(np.log10(ratio, out=np.zeros(len(ratio)), where=inside)))
    rounded = np.where(inside, np.round(ratio * digits) / digits, ratio)
    return np.where((ratio > 1 / _ABOUT) & (ratio < _ABOUT), 1.0, rounded)


def two_digits(value: float) -> str:
    """A number with two significant digits, without an exponent: 1234 becomes 1200, 0.0456 becomes 0.046."""
    if value == 0 or not np.isfinite(value):
        return "0" if value == 0 else ""
    digits = 1 - int(f"{value:.1e}".partition("e")[2])
    return f"{round(value, digits):.{max(digits, 0)}f}"
