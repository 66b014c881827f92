"""Figures of the customers of a partition besides their sales: from orders, or from columns of the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column
from tamscore.errors import InputContractError
from tamscore.scoring.by_cluster import cents, cluster_codes
from tamscore.sections.lifetime_value import worth as lifetime_value
from tamscore.stages.orders import NEVER, UNITS, Bought, places_of
from tamscore.store import tables
from tamscore.substitution import LARGEST_MONEY

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.stages.folding import IdForm

SUMS = (
    "accounts", "base", "stayed", "now", "before", "compared", "margin", "margins", "monthly", "recent", "valued",
    "ordered", "given", "value",
)  # fmt: skip
"""The figures that are added up by cluster; money in cents, so that sums are exact in any order."""


@dataclass(frozen=True)
class _Figures:
    """Figures of accounts (m,), float64 with NaN if not known.

    Sales of the last twelve months and of the twelve `before`, the margin of a month (`monthly`) and its factor of
    `recency`, `revenue` and order `dates` in all, `margin` as a share, `value` from elsewhere. `base` and `stayed`,
    bool, say whether the account counts for retention and has stayed. `place` is its place among the buyers, -1 for
    none.
    """

    sales: Any
    before: Any
    monthly: Any
    recency: Any
    revenue: Any
    dates: Any
    margin: Any
    value: Any
    base: Any
    stayed: Any
    place: Any


@dataclass(frozen=True)
class FigureSource:
    """The source of figures: `bought` up to `today`, or columns of the input by figure, None for no column.

    `months` are those that trailing sales cover, `tau` the days of the factor of recency. Orders that do not reach back
    two years give no sales before.
    """

    account_id: str
    columns: dict[str, str | None]
    margin: float | None
    id_form: IdForm
    bought: Bought | None = None
    today: int = 0
    months: float = float(lifetime_value.MONTHS_A_YEAR)
    tau: float = np.inf
    knows_before: bool = False

    @property
    def reads(self) -> list[str]:
        """The columns of the input that figures need; the id gives the number of rows, if nothing else does."""
        return list(dict.fromkeys([self.account_id, *filter(None, self.columns.values())]))

    def column(self, table: pa.Table, figure: str) -> Any:
        """Return a figure (m,) from its column, NaN without one; raise InputContractError if it is no amount."""
        name = self.columns[figure]
        values = float_column(table[name]) if name else np.full(table.num_rows, np.nan)
        if (np.abs(values) >= LARGEST_MONEY).any():
            raise InputContractError(
                f"column {name!r}: {np.nanmax(np.abs(values)):.3g} is no amount of money; leave it empty"
            )
        return values

    def figures(self, table: pa.Table, hashes: Any, sales: Any, backend: Backend) -> _Figures:
        """Return the figures of the accounts of a table of columns.

        Given are the hashes (m,) of their ids, and their sales (m,) in the market.
        """
        margin = self.column(table, "margin")
        if self.margin is not None:
            margin = np.where(np.isnan(margin), self.margin, margin)
        value = self.column(table, "value")
        if self.bought is not None:
            ids = tables.account_ids(table[self.account_id], self.id_form)
            place = places_of(self.bought, hashes, ids.take)
            return self.ordered(self.bought, place, margin, value, backend)
        before = self.column(table, "sales_before")
        buys = np.where((sales != 0) | (before > 0), sales, np.nan)
        revenue, dates = (self.column(table, name) for name in ("revenue", "order_dates"))
        monthly, nowhere = self.monthly(buys, margin, backend), np.full(len(sales), -1)
        recent = np.ones(len(sales))
        return _Figures(buys, before, monthly, recent, revenue, dates, margin, value, before > 0, sales > 0, nowhere)

    def ordered(self, bought: Bought, place: Any, margin: Any, value: Any, backend: Backend) -> _Figures:
        """Return the figures of accounts from their orders, given their places (m,) among the buyers, -1 for none."""
        known = place >= 0
        mine = place[known]

        def of(column: Any, per: float = 1.0) -> Any:
            values = np.full(len(place), np.nan)
            values[known] = column[mine] / per
            return values

        before = of(bought.before, UNITS) if self.knows_before else np.full(len(place), np.nan)
        sales, revenue = of(bought.sales, UNITS), of(bought.revenue, UNITS)
        last = np.where(known, bought.last[place], NEVER)
        recent = recency_of(last, self.today, self.tau, backend)
        base, stayed = (known & column[place] for column in (bought.base, bought.stayed))
        monthly = self.monthly(sales, margin, backend)
        return _Figures(sales, before, monthly, recent, revenue, of(bought.dates), margin, value, base, stayed, place)

    def monthly(self, sales: Any, margin: Any, backend: Backend) -> Any:
        """Return the margin a month (m,) of trailing sales."""
        made = lifetime_value.monthly_margin(backend.xp, backend.put(sales), backend.put(margin), self.months)
        return backend.get(made)


def recency_of(last: Any, today: int, tau: float, backend: Backend) -> Any:
    """Return the factor of recency (m,) of accounts by the day of their last order, NaN for accounts without orders."""
    days = np.where(last == NEVER, np.nan, today - last.astype(np.float64))
    return backend.get(lifetime_value.recency(backend.xp, backend.put(days), tau))


@dataclass(frozen=True)
class Gauge:
    """Totals of a partition by cluster: `sums` (SUMS, clusters), and the change of customers.

    `label` (n,) and `ratio` (n,) of sales to sales before are those of customers that bought before. `place` (o,) among
    the accounts of the orders and `home` (o,), the cluster, are those of accounts with orders.
    """

    sums: Any
    label: Any
    ratio: Any
    place: Any
    home: Any


def gauge(
    item: tuple[PartRows, AssignedRows],
    sales: str,
    first: dict[int, int],
    clusters: int,
    source: FigureSource,
    backend: Backend,
) -> Gauge:
    """Return the totals of the scored accounts of a partition by cluster."""
    part, assigned = item
    at, label = cluster_codes(part, assigned, first)
    table = tables.read(part.partition, list(dict.fromkeys([sales, *source.reads]))).take(at)
    known = source.figures(table, part.hashes[at], float_column(table[sales]), backend)
    return _measure_gauges(known, label, clusters)


def _measure_gauges(known: _Figures, label: Any, clusters: int) -> Gauge:
    """Return the totals of accounts in clusters (m,); sales are compared if they are known for both years."""
    now = np.where(np.isnan(known.sales), 0.0, known.sales)
    compared = ~np.isnan(known.before)
    margin = known.sales * known.margin
    record = {
        "accounts": np.ones(len(label)),
        "base": known.base,
        "stayed": known.base & known.stayed,
        "now": np.where(compared, cents(now), 0.0),
        "before": cents(known.before),
        "compared": compared,
        "margin": cents(margin),
        "margins": ~np.isnan(margin),
        "monthly": cents(known.monthly),
        "recent": cents(known.monthly * known.recency),
        "valued": ~np.isnan(known.monthly * known.recency),
        "ordered": ~np.isnan(known.revenue),
        "given": ~np.isnan(known.value),
        "value": cents(known.value),
    }
    sums = np.stack([np.bincount(label, weights=record[name], minlength=clusters) for name in SUMS])
    bought, ordered = known.before > 0, known.place >= 0
    ratio = now[bought] / known.before[bought]
    return Gauge(sums, label[bought], ratio, known.place[ordered], label[ordered])
