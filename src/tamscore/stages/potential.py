"""Potential tables: exact percentiles of the customers' sales in every cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tamscore.stages import interval, pooling
from tamscore.stages.account_ladder import AccountLadder, cents_of, round_money
from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.stages.interval import Bounds

TopStep = Literal["max", "p99", "p99.5", "next_step"]
_SAME = 1e-12
"""Logs of two amounts that differ by less are those of one amount: a mean of logs is rounded by about 1e-15."""
OF_CLUSTER, OF_ACCOUNT, POOLED, NO_CUSTOMERS = "cluster", "account", "pooled", "none"


@dataclass(frozen=True)
class CustomerSales:
    """The sales of customers, sorted within group: `sales` (n,) float64 and `offsets` (groups + 1,) int64.

    At level account `typical` (n,) float32 are the typical sales of these customers.
    """

    sales: Any
    offsets: Any
    typical: Any = None

    @property
    def groups(self) -> int:
        """The number of groups."""
        return len(self.offsets) - 1

    @property
    def support(self) -> Any:
        """Customers per group (groups,) int64."""
        return np.diff(self.offsets)

    def of(self, group: int) -> Any:
        """The sorted sales of one group's customers."""
        return self.sales[int(self.offsets[group]) : int(self.offsets[group + 1])]

    @property
    def label(self) -> Any:
        """The group (n,) int64 of each customer."""
        return np.repeat(np.arange(self.groups), self.support)

    @property
    def relative(self) -> CustomerSales:
        """The sales over the typical ones, sorted within group."""
        over = self.sales / self.typical
        return CustomerSales(over[np.lexsort((over, self.label))], self.offsets)


def sort_sales(backend: Backend, sales: Any, group: Any, groups: int, typical: Any = None) -> CustomerSales:
    """Customers' sales (n,) sorted within their groups (n,), on the host; with them their typical sales if given."""
    if typical is not None:
        order = np.lexsort((typical, sales, group))
        offsets = np.concatenate(([0], np.cumsum(np.bincount(group, minlength=groups))))
        return CustomerSales(sales[order], offsets, typical[order])
    ordered, offsets = backend.segment_order(backend.put(sales), backend.put(group.astype(np.int64)), groups)
    return CustomerSales(backend.get(ordered), np.asarray(offsets, dtype=np.int64))


@dataclass(frozen=True)
class PotentialTable:
    """The ladder of every cluster of a party type.

    `values` (k, steps) float64 are the cut values and the top step, NaN where nobody buys; `support` (k,) the
    customers of the cluster; `basis` (k,) where its values come from: `cluster`, `_pool`, the parent, or `none`.
    `bounds` says how sure the values are. At level account the values are those of each cluster's median account, and
    `account` gives every account its own.
    """

    lines: tuple[float, ...]
    values: Any
    support: Any
    basis: tuple[str, ...]
    parent: tuple[str, ...]
    bounds: Bounds
    account: AccountLadder | None = None

    @property
    def distinct(self) -> Any:
        """The number of different values (k,) in each ladder: equal cut values merge."""
        ladders = np.sort(self.values, axis=1)
        return 1 + np.count_nonzero(np.diff(ladders, axis=1) > 0, axis=1)


def step_names(lines: Sequence[float]) -> list[str]:
    """The steps of a ladder as tables name them: `p85`, `p90`, `p95`, `top`."""
    return [*(f"p{line * 100:g}" for line in lines), "top"]


def top_share(lines: Sequence[float], top_step: TopStep) -> float:
    """The share of customers at which the top step is taken; `next_step` lies midway from the last line to the top."""
    shares = {"max": 1.0, "p99": 0.99, "p99.5": 0.995, "next_step": (1.0 + lines[-1]) / 2}
    return max(shares[top_step], lines[-1])


def ladder(sales: Any, lines: Sequence[float], top_step: TopStep) -> Any:
    """The cut values and the top step (steps,) of sorted sales (n,); NaN where there are none."""
    shares = (*lines, top_share(lines, top_step))
    if not len(sales):
        return np.full(len(shares), np.nan)
    return np.array([sales[nearest_rank(len(sales), share)] for share in shares])


def potential_table(
    clusters: CustomerSales,
    parents: Sequence[tuple[str, Any]],
    lines: Sequence[float],
    top_step: TopStep,
    min_customers: int,
    level: float = 0.95,
    *,
    money: bool = True,
) -> PotentialTable:
    """The ladder of every cluster; thin ones are pooled with the others, empty ones take their parent's.

    `parents` holds name and sorted customer sales of each cluster's parent. Below `min_customers` the log cut values
    are weighted means of the cluster's own and of borrowed ones, see `stages.pooling`; the top step stays the cluster's
    own high-water mark, and never lies below the last cut. Weighted means are rounded to cents if sales are `money`;
    ratios are not. The bounds hold with a probability of `level`.
    """
    thin = (clusters.support > 0) & (clusters.support < min_customers)
    cents = cents_of(median_of(clusters.sales)) if money and thin.any() else None
    common = pooling.pool(clusters, parents, (*lines, top_share(lines, top_step)), min_customers)
    values, basis = [], []
    for c, (n, (name, sales)) in enumerate(zip(clusters.support.tolist(), parents, strict=True)):
        mine = ladder(clusters.of(c) if n else sales, lines, top_step)
        values.append(_pool(mine, common, c, n, cents) if 0 < n < min_customers else mine)
        own = OF_CLUSTER if n >= min_customers else POOLED
        basis.append(own if n else name if len(sales) else NO_CUSTOMERS)
    ladders = np.array(values)
    bounds = interval.bounds(clusters, ladders, common, level)
    names = tuple(name for name, _ in parents)
    return PotentialTable(tuple(lines), ladders, clusters.support, tuple(basis), names, bounds)


def account_table(
    clusters: CustomerSales,
    parents: Sequence[tuple[str, Any]],
    relative_parents: Sequence[tuple[str, Any]],
    typical: Any,
    median: float,
    *rules: Any,
) -> PotentialTable:
    """The ladders at level account, of relative sales; `rules` as for `potential_table`.

    `typical` (k,) are the typical sales of the clusters' median accounts, `median` those of all customers. The cap of a
    ladder is the largest sales of the customers that it comes from.
    """
    table = potential_table(clusters.relative, relative_parents, *rules, money=False)
    caps = []
    for c, (n, model_source, (_, sales)) in enumerate(zip(clusters.support, table.basis, parents, strict=True)):
        of_parent = sales[-1] if len(sales) else np.nan
        own = clusters.of(c)[-1] if n else of_parent
        caps.append(max(own, of_parent) if model_source == POOLED else own)
    bounds, cents = table.bounds, cents_of(median)
    ladder = AccountLadder(table.values, bounds.low, bounds.high, np.array(caps), np.asarray(typical), cents)
    values, low, high = map(ladder.of_median, (table.values, bounds.low, bounds.high))
    basis = tuple(OF_ACCOUNT if text == OF_CLUSTER else text for text in table.basis)
    return replace(table, values=values, basis=basis, bounds=replace(bounds, low=low, high=high), account=ladder)


def _pool(mine: Any, common: pooling.Pool, cluster: int, n: int, cents: float | None) -> Any:
    """The ladder of a thin cluster: own cut values weighed with borrowed ones, below its own high-water mark.

    A borrowed value that equals the own one but for rounding changes nothing. Means are rounded to `cents` parts of 1.
    """
    own = mine[:-1]
    lift = (1 - common.own_weight(n)[:-1]) * (common.borrow(cluster, n)[:-1] - np.log(own))
    mean = own * np.exp(lift)
    mean = mean if cents is None else round_money(mean, cents)
    cuts = np.maximum.accumulate(np.where(np.abs(lift) < _SAME, own, mean))
    return np.append(cuts, max(mine[-1], cuts[-1]))


def median_of(sales: Any) -> float:
    """Return the median of sales (n,), an observed value."""
    place = nearest_rank(len(sales), 0.5)
    return float(np.partition(sales, place)[place])


def parents_of(
    accounts: Any, by_segment: CustomerSales, names: Sequence[str], everyone: Any, party: str, min_customers: int
) -> list[tuple[str, Any]]:
    """Name and sorted customer sales of each cluster's parent.

    `accounts` (k, segments) counts accounts. The parent is the market segment that most of the cluster's accounts lie
    in, where that has `min_customers` customers; the party type otherwise.
    """
    parents = []
    for counts in accounts:
        segment = int(np.argmax(counts))
        thick = by_segment.groups > 1 and by_segment.support[segment] >= min_customers
        parents.append((names[segment], by_segment.of(segment)) if thick else (party, everyone))
    return parents
