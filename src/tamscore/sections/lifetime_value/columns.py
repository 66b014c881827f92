"""Lifetime value joins the scores: orders are read, retention is estimated, every customer is valued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.scoring.by_cluster import CENTS, quantile_by_cluster
from tamscore.sections.lifetime_value import worth as lifetime_value
from tamscore.sections.lifetime_value.forms import Trial, try_forms, worth_of
from tamscore.sections.lifetime_value.gauges import SUMS, FigureSource, Gauge, gauge
from tamscore.sections.lifetime_value.order_days import EARLY, TABLE, read_days, rules_of
from tamscore.sections.lifetime_value.purchases import as_counts, money, read_purchases, unusable
from tamscore.sections.lifetime_value.retention import retention
from tamscore.sections.lifetime_value.state import LifetimeValueState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.market import Market
    from tamscore.sections.lifetime_value.purchases import Purchases
    from tamscore.sections.lifetime_value.settings import LifetimeValue

_NO_MARGIN = "no margin: set lifetime_value.margin, or name lifetime_value.margin_column"
_NO_RETENTION = (
    "no retention: no customer bought in the window before the last one; set lifetime_value.retention, name "
    "lifetime_value.sales_before, or give orders that reach farther back"
)


def prepare(market: Market, settings: LifetimeValue) -> LifetimeValueState | str:
    """The state; in words what is missing where there is neither a margin nor anything about the year before.

    Raise InputContractError if orders are unusable, none of their accounts is in the market, or no scored account
    has a value from elsewhere.
    """
    run = market.run
    bought = _purchases_of(market, settings)
    source = _source_of(market, settings, bought)
    items = zip(market.rows, market.assigned, strict=True)
    shared = run.columns.sales, market.first, len(market.clusters), run.flow.share(source), run.backend
    gauges = list(run.map("worth", gauge, items, *shared))
    sums = sum(item.sums for item in gauges)
    if bought and not sums[SUMS.index("ordered")].any():
        raise InputContractError(
            f"{settings.orders}: none of its {len(bought.bought):,} accounts was scored, expected ids as in column "
            f"{run.columns.account_id!r} of the market; name the column that has them in lifetime_value.order_account"
        )
    if settings.column and not sums[SUMS.index("given")].any():
        raise InputContractError(
            f"column {settings.column!r}: no scored account has a number in it, expected lifetime values; name "
            "the column that has them in lifetime_value.column, or remove the key"
        )
    label, ratio = (np.concatenate([getattr(item, name) for item in gauges]) for name in ("label", "ratio"))
    median = quantile_by_cluster(run.backend, ratio, label, len(market.clusters), 0.5)
    trial = try_forms(bought, _homes(gauges, bought), market.policies, settings, run.backend)
    return _assemble(market, settings, source, sums, median, bought, trial)


def _homes(gauges: Sequence[Gauge], purchases: Purchases | None) -> Any:
    """The cluster (a,) of each account that has ordered, -1 where it was not scored."""
    home = np.full(len(purchases.bought) if purchases else 0, -1)
    for part in gauges:
        home[part.place] = part.home
    return home


def _purchases_of(market: Market, settings: LifetimeValue) -> Purchases | None:
    """Return what the accounts have bought, where there are orders."""
    run = market.run
    rules = rules_of(run, settings)
    if rules is None:
        return None
    days = run.early.pop(EARLY, None) or read_days(run, rules)
    return read_purchases(run.plan.tables[TABLE], rules, days, run.flow, run.progress)


def _source_of(market: Market, settings: LifetimeValue, purchases: Purchases | None) -> FigureSource:
    """Return where the figures of the market's accounts come from."""
    columns = {name: getattr(settings, name) for name in ("sales_before", "revenue", "order_dates")}
    columns |= {"margin": settings.margin_column, "value": settings.column}
    given = market.run.columns.account_id, columns, settings.margin, market.run.columns.id_form
    if purchases is None:
        return FigureSource(*given)
    return FigureSource(
        *given, purchases.bought, purchases.windows.today, purchases.months, purchases.pace.tau, purchases.knows_before
    )


def _assemble(
    market: Market,
    settings: LifetimeValue,
    source: FigureSource,
    sums: Any,
    median: Any,
    purchases: Purchases | None,
    trial: Trial,
) -> LifetimeValueState | str:
    """The state from what the market comes to."""
    months = settings.retention_months if purchases else lifetime_value.MONTHS_A_YEAR
    by_name = dict(zip(SUMS, sums, strict=True))
    rates, items = retention(market.policies, by_name, months, settings.retention)
    lacks = [] if settings.column else _what_is_missing(by_name, rates)
    if len(lacks) == 2 and not by_name["compared"].any():
        return "; ".join(lacks)
    worth, record = None, _given_record(settings, by_name)
    if not (settings.column or lacks):
        made = worth_of(trial.form, rates, by_name["monthly"], by_name["recent"], settings.discount, settings.months)
        worth, record = made.by_cluster, {"form": trial.form, "trial": trial.record}
        record |= _recency_record(purchases, made.scale)
    seed = settings.seed36 and bool(purchases or (settings.revenue and settings.order_dates))
    if settings.seed36 and not seed:
        lacks.append("no seed36: name lifetime_value.revenue and lifetime_value.order_dates, or give orders")
    strangers = len(purchases.bought) - int(by_name["ordered"].sum()) if purchases else 0
    orders = (
        {"as_of": purchases.as_of, "orders": {**purchases.rows, "accounts_not_scored": strangers}} if purchases else {}
    )
    rate = {"months": settings.months, "discount": settings.discount}
    record = {**rate, **record, "missing": lacks, **orders, "retention": items}
    notices = [*lacks, *_figure_warnings(settings, by_name), *_coverage_warnings(market, purchases, strangers)]
    return LifetimeValueState(
        source, market.run.columns.sales, market.clusters, sums, median, worth, seed, record, tuple(notices)
    )


def _what_is_missing(sums: dict[str, Any], rates: Any | None) -> list[str]:
    """Return what lifetime values lack."""
    return [text for text, gone in ((_NO_MARGIN, not sums["margins"].any()), (_NO_RETENTION, rates is None)) if gone]


def _given_record(settings: LifetimeValue, sums: dict[str, Any]) -> dict[str, Any]:
    """Return what the manifest says of values from elsewhere; nothing where there are none."""
    if not settings.column:
        return {}
    accounts = int(sums["accounts"].sum())
    return {"form": "column", "column": settings.column, "without_value": accounts - int(sums["given"].sum())}


def _figure_warnings(settings: LifetimeValue, sums: dict[str, Any]) -> list[str]:
    """Return what a person should know about values from elsewhere."""
    if not settings.column or (total := float(sums["value"].sum())) > 0:
        return []
    return [f"values of column {settings.column!r} add up to {total / CENTS:,.0f}; lifetime values are margin to come"]


def _recency_record(purchases: Purchases | None, scale: float) -> dict[str, Any]:
    """Return what the manifest says of the factor of recency; nothing without orders."""
    if purchases is None:
        return {}
    pace = {"tau_days": purchases.pace.tau, "gaps": purchases.pace.gaps, "scale": round(scale, 6)}
    return {"covered_months": round(purchases.months, 3), "recency": pace}


def _coverage_warnings(market: Market, purchases: Purchases | None, strangers: int) -> list[str]:
    """Return what a person should know about the orders."""
    if purchases is None:
        return []
    rows, texts = purchases.rows, list(purchases.notices)
    if rows["copies"]:
        what = "left out" if rows["copies_dropped"] else "taken for orders of their own"
        texts.append(f"{rows['copies']:,} order lines repeat account, date and amount of another; {what}")
    if bad := unusable(rows):
        texts.append(f"{sum(bad.values()):,} of {rows['read']:,} order lines cannot be used ({as_counts(bad)})")
    if strangers:
        texts.append(f"{strangers:,} of {len(purchases.bought):,} accounts with orders were not scored")
    if rows["after_as_of"]:
        texts.append(f"{rows['after_as_of']:,} order lines lie after {purchases.as_of} and were passed over")
    if not purchases.knows_before:
        texts.append("the orders do not reach back two years: growth and churn are not known")
    sales = sum(float(party.sales.sales.sum()) for party in market.parties)
    ordered = money(np.maximum(purchases.bought.sales, 0).sum())
    if abs(ordered - sales) > 0.05 * max(sales, 1.0):
        texts.append(
            f"orders of twelve months come to {ordered:,.0f}, customers' {market.run.columns.sales!r} to {sales:,.0f}"
        )
    return texts
