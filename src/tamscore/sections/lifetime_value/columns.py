"""Lifetime value joins the scores: orders are read, retention is estimated, every customer is valued."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, level_codes, nullable
from tamscore.errors import InputContractError
from tamscore.scoring.by_cluster import CENTS, quantile_by_cluster
from tamscore.scoring.joining.order_lines import OrderColumns
from tamscore.scoring.score.sections import Findings
from tamscore.sections.lifetime_value import worth as lifetime_value
from tamscore.sections.lifetime_value.gauges import SUMS, Source, gauge
from tamscore.sections.lifetime_value.purchases import OrderRules, as_counts, money, read_purchases, unusable
from tamscore.sections.lifetime_value.retention import retention

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.sections import ScoredRows
    from tamscore.sections.lifetime_value.purchases import Purchases
    from tamscore.sections.lifetime_value.settings import LifetimeValue

NO_MARGIN = "no margin: set lifetime_value.margin, or name lifetime_value.margin_column"
NO_RETENTION = (
    "no retention: no customer bought in the window before the last one; set lifetime_value.retention, name "
    "lifetime_value.sales_before, or give orders that reach farther back"
)


@dataclass(frozen=True)
class LifetimeValueState:
    """The state: where figures come from, what they come to by cluster (K of all party types), what is worth what.

    `sums` (SUMS, K), `median` (K,) of sales to sales before, `worth` (K,) of one unit of monthly margin, None where
    `lacks` says what is missing; `record` for the manifest.
    """

    source: Source
    clusters: tuple[str, ...]
    sums: Any
    median: Any
    worth: Any | None
    seed36: bool
    record: dict[str, Any]
    notices: tuple[str, ...]

    def sum_of(self, name: str) -> Any:
        """A sum (K,) by cluster."""
        return self.sums[SUMS.index(name)]

    @property
    def knows_before(self) -> bool:
        """Whether anything is known about sales before."""
        return bool(self.sum_of("compared").sum())

    @property
    def figures(self) -> dict[str, Any]:
        """Figures (K,) of the clusters, NaN where they are not known; without a year before no change is told."""
        compared, margins = self.sum_of("compared") > 0, self.sum_of("margins") > 0
        known = {
            "margin": np.where(margins, self.sum_of("margin") / CENTS, np.nan),
            "sales_now": np.where(compared, self.sum_of("now") / CENTS, np.nan),
            "sales_before": np.where(compared, self.sum_of("before") / CENTS, np.nan),
            "lifetime_value": self.mean,
        }
        return known | ({"median_change": self.median} if self.knows_before else {})

    @property
    def mean(self) -> Any:
        """The mean lifetime value (K,) of the customers of each cluster, NaN where there is none."""
        valued = self.sum_of("valued")
        if self.worth is None:
            return np.full(len(self.clusters), np.nan)
        return np.divide(self.sum_of("monthly"), valued * CENTS, out=np.full(len(valued), np.nan), where=valued > 0) * (
            self.worth
        )

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Trailing sales, sales before, margin and lifetime value of the scored rows; what is not known is left out."""
        known = self.source.figures(rows.read(self.source.reads), float_column(rows.scores["sales"]), backend)
        made = {"trailing_sales": known.sales}
        if self.knows_before:
            made["sales_before"] = known.before
        if self.sum_of("margins").any():
            made["yearly_margin"] = known.sales * known.margin
        xp, put = backend.xp, backend.put
        if self.worth is not None:
            label = put(level_codes(rows.scores["cluster"], list(self.clusters)))
            sales, margin, months = (put(one) for one in (known.sales, known.margin, known.months))
            value = lifetime_value.dcf(xp, sales, margin, months, label, put(self.worth))
            made["lifetime_value"] = backend.get(value)
        if self.seed36:
            seed = lifetime_value.seed36(xp, put(known.revenue), put(known.dates))
            made["lifetime_value_seed36"] = backend.get(seed)
        return {name: nullable(np.round(values, 2)) for name, values in made.items()}

    def count(self, scored: pa.Table) -> dict[str, tuple[int, float]]:
        """How many accounts of a part have each value, and what these add up to in cents."""
        named = ("lifetime_value", "lifetime_value_seed36")
        values = {name: float_column(scored[name]) for name in named if name in scored.column_names}
        return {
            name: (int(np.count_nonzero(~np.isnan(one))), float(np.nansum(np.rint(one * CENTS))))
            for name, one in values.items()
        }

    def findings(self, counts: Sequence[dict[str, tuple[int, float]]]) -> Findings:
        """The record with the totals of all parts."""
        totals = {
            name: {
                "accounts": sum(part[name][0] for part in counts),
                "total": round(sum(part[name][1] for part in counts) / CENTS, 2),
            }
            for name in counts[0]
        }
        return Findings({**self.record, "values": totals}, notices=self.notices)


def prepare(market: Market, settings: LifetimeValue) -> LifetimeValueState | str:
    """The state; in words what is missing where there is neither a margin nor anything about the year before.

    Raises InputContractError where orders are unusable, or none of their accounts is in the market.
    """
    this = market.this
    bought = purchases_of(market, settings)
    source = source_of(market, settings, bought)
    items = zip(market.rows, market.assigned, strict=True)
    shared = this.columns.sales, market.first, len(market.clusters), this.flow.share(source), this.backend
    gauges = list(this.map("worth", gauge, items, *shared))
    sums = sum(one.sums for one in gauges)
    if bought and not sums[SUMS.index("ordered")].any():
        raise InputContractError(
            f"{settings.orders}: none of its {len(bought.bought):,} accounts was scored, expected ids as in column "
            f"{this.columns.account_id!r} of the market; name the column that has them in lifetime_value.order_account"
        )
    label, ratio = (np.concatenate([getattr(one, name) for one in gauges]) for name in ("label", "ratio"))
    median = quantile_by_cluster(this.backend, ratio, label, len(market.clusters), 0.5)
    return assembled(market, settings, source, sums, median, bought)


def purchases_of(market: Market, settings: LifetimeValue) -> Purchases | None:
    """What the accounts have bought, where there are orders."""
    if settings.orders is None:
        return None
    this = market.this
    rules = OrderRules(
        settings.orders,
        OrderColumns(
            settings.order_account or this.columns.account_id,
            settings.order_date,
            settings.order_amount,
            this.columns.id_form,
        ),
        settings.as_of,
        settings.copies == "drop",
        settings.retention_months,
        this.job.rows.max_rejected_share,
    )
    return read_purchases(this.plan.tables["lifetime_value.orders"], rules, this.flow, this.progress)


def source_of(market: Market, settings: LifetimeValue, found: Purchases | None) -> Source:
    """Where the figures of the market's accounts come from."""
    columns = {name: getattr(settings, name) for name in ("sales_before", "months_active", "revenue", "order_dates")}
    columns["margin"] = settings.margin_column
    given = (market.this.columns.account_id, columns, settings.margin, settings.least_months)
    if found is None:
        return Source(*given)
    return Source(*given, found.bought, found.windows.today, found.knows_before, market.this.columns.id_form)


def assembled(
    market: Market, settings: LifetimeValue, source: Source, sums: Any, median: Any, found: Purchases | None
) -> LifetimeValueState | str:
    """The state from what the market comes to."""
    months = settings.retention_months if found else lifetime_value.MONTHS_A_YEAR
    by_name = dict(zip(SUMS, sums, strict=True))
    rates, told = retention(market.policies, by_name, months, settings.retention)
    lacks = [text for text, gone in ((NO_MARGIN, not by_name["margins"].any()), (NO_RETENTION, rates is None)) if gone]
    if len(lacks) == 2 and not by_name["compared"].any():
        return "; ".join(lacks)
    worth = None if lacks else lifetime_value.annuity(rates, settings.discount, settings.months)
    seed = settings.seed36 and bool(found or (settings.revenue and settings.order_dates))
    if settings.seed36 and not seed:
        lacks.append("no seed36: name lifetime_value.revenue and lifetime_value.order_dates, or give orders")
    strangers = len(found.bought) - int(by_name["ordered"].sum()) if found else 0
    orders = {"as_of": found.as_of, "orders": {**found.rows, "accounts_not_scored": strangers}} if found else {}
    record = {"months": settings.months, "discount": settings.discount, "missing": lacks, **orders, "retention": told}
    notices = [*lacks, *remarks(market, found, strangers)]
    return LifetimeValueState(source, market.clusters, sums, median, worth, seed, record, tuple(notices))


def remarks(market: Market, found: Purchases | None, strangers: int) -> list[str]:
    """What a person should know about the orders."""
    if found is None:
        return []
    rows, texts = found.rows, []
    if rows["copies"]:
        what = "left out" if rows["copies_dropped"] else "taken for orders of their own"
        texts.append(f"{rows['copies']:,} order lines repeat account, date and amount of another; {what}")
    if bad := unusable(rows):
        texts.append(f"{sum(bad.values()):,} of {rows['read']:,} order lines cannot be used ({as_counts(bad)})")
    if strangers:
        texts.append(f"{strangers:,} of {len(found.bought):,} accounts with orders were not scored")
    if rows["after_as_of"]:
        texts.append(f"{rows['after_as_of']:,} order lines lie after {found.as_of} and were passed over")
    if not found.knows_before:
        texts.append("the orders do not reach back two years: growth and churn are not known")
    sales = sum(float(party.sales.sales.sum()) for party in market.parties)
    ordered = money(np.maximum(found.bought.sales, 0).sum())
    if abs(ordered - sales) > 0.05 * max(sales, 1.0):
        texts.append(
            f"orders of twelve months come to {ordered:,.0f}, customers' {market.this.columns.sales!r} to {sales:,.0f}"
        )
    return texts
