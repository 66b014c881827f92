"""The two forms of the lifetime value, and which of them foretold better what customers spent last.

`retention` takes it that as many customers stay as in their cluster; `spend` that customers go on as they did. Both are
multiplied by the factor of recency, and scaled so that their total stays what it is without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.by_cluster import CENTS, cents
from tamscore.sections.lifetime_value import worth as lifetime_value
from tamscore.sections.lifetime_value.gauges import recency_of
from tamscore.sections.lifetime_value.order_days import written
from tamscore.sections.lifetime_value.pace import covered_months
from tamscore.sections.lifetime_value.retention import retention
from tamscore.stages.orders import NEVER, UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.scoring.score.plan import PartyPolicy
    from tamscore.sections.lifetime_value.purchases import Purchases
    from tamscore.sections.lifetime_value.settings import LifetimeValue

FORMS = ("retention", "spend")
_FEWEST_CUSTOMERS = 100
"""With fewer customers in the held-out months the forms are not compared."""
_CLEARLY_BETTER = 0.95
"""`spend` is used where its penalised error is this small beside that of `retention`: short windows mislead."""
_TOO_SHORT = "the orders are too short to hold any of them out"
_TOO_FEW = f"fewer than {_FEWEST_CUSTOMERS} customers, or no spending, in the months that were held out"


@dataclass(frozen=True)
class Trial:
    """How both forms did in the months that were held out, and the better one; `record` for the manifest."""

    form: str
    record: dict[str, Any]


@dataclass(frozen=True)
class _Worth:
    """What a unit of monthly margin is worth in each cluster (K,), and the `scale` of recency that it contains."""

    by_cluster: Any
    scale: float


def worth_of(form: str, rates: Any, monthly: Any, recent: Any, discount: float, months: int) -> _Worth:
    """Return what a unit of monthly margin is worth (K,) under a form, given the retention of the clusters.

    `monthly` and `recent` (K,) are the sums of margin a month without and with the factor of recency.
    """
    stays = rates if form == "retention" else np.where(np.isnan(rates), np.nan, 1.0)
    plain = lifetime_value.annuity(stays, discount, months)
    scale = lifetime_value.recency_scale(plain, monthly, recent)
    return _Worth(plain * scale, scale)


def try_forms(
    purchases: Purchases | None, home: Any, policies: Sequence[PartyPolicy], settings: LifetimeValue, backend: Backend
) -> Trial:
    """Try both forms on the last months of the orders, given the cluster (a,) of each account, -1 for none."""
    if purchases is None or purchases.earlier is None:
        return _untried(_TOO_SHORT if purchases else "columns of the input do not say when customers ordered")
    earlier, held = purchases.earlier, purchases.earlier.held
    known = np.flatnonzero((home >= 0) & (held.last != NEVER))
    label, clusters = home[known], sum(len(policy.cluster_ids) for policy in policies)
    base, stayed = (
        np.bincount(label[item[known]], minlength=clusters) for item in (held.base, held.base & held.stayed)
    )
    sums = {"base": base, "stayed": stayed}
    rates, _ = retention(policies, sums, settings.retention_months, settings.retention)
    spent = held.spent[known] / UNITS
    if rates is None or len(known) < _FEWEST_CUSTOMERS or spent.sum() <= 0:
        return _untried(_TOO_FEW)
    covered = covered_months(purchases.begins, earlier.windows.today)
    monthly = _monthly_spend(held.sales[known] / UNITS, covered, backend)
    recent = recency_of(held.last[known], earlier.windows.today, earlier.pace.tau, backend)
    by_form = {}
    for form in FORMS:
        worth = worth_of(form, rates, *_cluster_sums(monthly, recent, label, clusters), 0.0, earlier.months)
        by_form[form] = form_record(_value(monthly, recent, label, worth, backend), spent)
    window = {"after": written(earlier.windows.today), "until": purchases.as_of, "months": earlier.months}
    return Trial(better_form(by_form), {**window, "forms": by_form})


def _untried(why: str) -> Trial:
    """The form that is used where none can be tried."""
    return Trial(FORMS[0], {"why": why})


def _monthly_spend(sales: Any, months: float, backend: Backend) -> Any:
    """Return what customers spent a month (m,) of the trailing months that are covered."""
    ones = backend.put(np.ones(len(sales)))
    return backend.get(lifetime_value.monthly_margin(backend.xp, backend.put(sales), ones, months))


def _cluster_sums(monthly: Any, recent: Any, label: Any, clusters: int) -> tuple[Any, Any]:
    """Return what customers come to a month by cluster (K,) in cents, without and with the factor of recency."""
    parts = cents(monthly), cents(monthly * recent)
    plain, lowered = (np.bincount(label, weights=item, minlength=clusters) for item in parts)
    return plain, lowered


def _value(monthly: Any, recent: Any, label: Any, worth: _Worth, backend: Backend) -> Any:
    """The value (m,) of customers under a form."""
    given = (backend.put(item) for item in (monthly, recent, label, worth.by_cluster))
    return backend.get(lifetime_value.dcf(backend.xp, *given))


def form_record(value: Any, spent: Any) -> dict[str, float]:
    """The error of values (m,) of customers beside what they spent; accounts without a value are left out.

    `penalised_error` is the mean error times the factor by which the total is off, either way.
    """
    known = ~np.isnan(value)
    total = float(cents(value[known]).sum() / max(cents(spent[known]).sum(), 1.0))
    error = float(cents(np.abs(value[known] - spent[known])).sum() / CENTS / max(int(known.sum()), 1))
    off = max(total, 1.0 / total) if total > 0 else np.inf
    figures = {"total_to_spent": total, "mean_error": error}
    if np.isfinite(off):
        figures["penalised_error"] = error * off
    return {name: round(figure, 6) for name, figure in figures.items()}


def better_form(by_form: dict[str, dict[str, float]]) -> str:
    """The form that is used: `spend` only where it was clearly better."""
    retained, spent = (by_form[form].get("penalised_error", np.inf) for form in FORMS)
    return FORMS[1] if spent < _CLEARLY_BETTER * retained else FORMS[0]
