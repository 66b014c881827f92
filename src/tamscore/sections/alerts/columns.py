"""Score columns of [alerts]: churn alerts, accounts that left, contracts due for renewal, and the resulting play."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import float_column, level_codes, text_dictionary
from tamscore.scoring.by_cluster import cluster_codes
from tamscore.scoring.score.sections import Findings, WinForecast
from tamscore.sections.alerts import churn as alerts
from tamscore.sections.alerts import lists, renewals
from tamscore.sections.alerts.renewals import NO_DAY, Renewals
from tamscore.stages.quadrant import ACCOUNT_PLAYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.backend import Backend
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.sections import RowsToForetell, ScoredRows
    from tamscore.sections.alerts.lists import Listed
    from tamscore.sections.alerts.settings import Alerts

_NO_BEFORE = "nothing is known about sales a year before: [lifetime_value] with orders or sales_before tells it"
_NO_RENEWAL = "nor about renewals: columns.renewal_date names their days"


@dataclass(frozen=True)
class _AlertsState:
    """State of the alerts section: the drop that raises an alert, each cluster's median change, and renewal days.

    `median` (K,) is the median of sales to sales of the year before in each cluster, None if the year before is not
    known. `drop` is the share of sales whose loss raises a churn alert. `chance` is the probability that a customer
    with a churn alert leaves. `first` is the number of each party type's first cluster. `due` says which renewals are
    due, None if renewals cannot be determined.
    """

    clusters: tuple[str, ...]
    median: Any | None
    drop: float
    chance: float
    first: dict[int, int]
    due: Renewals | None = None
    notices: tuple[str, ...] = ()

    @property
    def lists(self) -> list[str]:
        """The names of the lists for which the run has the data."""
        known = {
            "may_leave": self.median is not None,
            "win_back": self.median is not None,
            "renew": self.due is not None,
        }
        return [name for name in lists.LISTS if known[name]]

    def foretell(self, rows: RowsToForetell) -> WinForecast:
        """Return churn alerts of the scored rows of a partition, and value at risk: their sales times the chance."""
        windows = rows.sales_windows
        if self.median is None or windows is None:
            return WinForecast()
        now, before = windows
        _, label = cluster_codes(rows.part, rows.assigned, self.first)
        put, get = rows.backend.put, rows.backend.get
        given = (put(now), put(before), put(label), put(self.median))
        leaves = get(alerts.churns(rows.backend.xp, *given, self.drop))
        at_risk = np.where(leaves, np.round(now * self.chance, 2), 0.0)
        return WinForecast(at_risk=at_risk, more={"churn_alert": leaves})

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Return account state, alerts and play of the scored rows, as columns."""
        scores, put = rows.scores, backend.put
        sales = float_column(scores["sales"])
        trailing, before = (_known(scores, name) for name in ("trailing_sales", "sales_before"))
        state = backend.get(alerts.states(backend.xp, *map(put, (sales, trailing, before))))
        made: dict[str, pa.Array] = {"account_state": text_dictionary(state, alerts.STATES)}
        forecast = rows.foretold or WinForecast()
        if forecast.at_risk is not None:
            made["churn_alert"] = pa.array(forecast.more["churn_alert"])
            made["value_at_risk"] = pa.array(forecast.at_risk)
        renews = np.zeros(len(state), dtype=bool)
        if self.due is not None:
            days = renewals.days_in(rows.read([self.due.column]), self.due.column)
            customer = state == alerts.STATES.index("customer")
            renews = backend.get(renewals.due(put(days), put(customer), self.due))
            made |= {"renewal_due": pa.array(renews), "renews_on": renewals.as_dates(days)}
        return made | {"play": _revise(scores["play"], state, renews)}

    def count(self, scored: pa.Table) -> Listed:
        """Return the totals of each list in a part, and the first accounts of each list."""
        return lists.list_totals(scored, self.clusters, self.lists)

    def findings(self, counts: Sequence[Listed]) -> Findings:
        """Return the number of accounts on each list, in all and by cluster, and the first accounts of each list."""
        sums, top = lists.join(counts)
        days = {} if self.due is None else {"renewals": self.due.record}
        record = {"drop": self.drop, **days, "lists": lists.record(sums)}
        tables = {"alerts": self.by_cluster(sums), "alert_lists": top}
        return Findings(record, tables, frozenset(lists.MONEY), notices=self.notices)

    def by_cluster(self, sums: Mapping[str, tuple[Any, Any]]) -> pa.Table:
        """Return accounts and money at stake of each list by cluster, and each cluster's median change of sales."""
        columns: dict[str, Any] = {"cluster": list(self.clusters)}
        for name, (accounts, cents) in sums.items():
            columns[name] = accounts.astype(np.int64)
            columns[f"{name}_at_stake"] = np.round(cents / 100.0, 2)
        if self.median is not None:
            columns["median_change"] = pa.array(np.round(self.median - 1, 6), from_pandas=True)
        return pa.table(columns)


def _known(scores: pa.Table, name: str) -> Any:
    """Return a column (m,) of the scores as float64; NaN if the run does not have the column."""
    return float_column(scores[name]) if name in scores.column_names else np.full(scores.num_rows, np.nan)


def _revise(play: pa.ChunkedArray, state: Any, renews: Any) -> pa.DictionaryArray:
    """Return each account's play: `win_back` if it has left, `renew` if it is due, else that of its quadrant."""
    code = level_codes(play, list(ACCOUNT_PLAYS))
    left = state == alerts.STATES.index("left")
    asked = [ACCOUNT_PLAYS.index(name) for name in ("win_back", "renew")]
    return text_dictionary(np.select([left, renews], asked, code), ACCOUNT_PLAYS)


def prepare(market: Market, settings: Alerts) -> _AlertsState | str:
    """Return the state, or the reason as a text if neither sales of the year before nor any renewal is known."""
    change, column = market.figure("median_change"), market.run.columns.renewal_date
    start = settings.renewals_from or _day_of_orders(market)
    due = None if column is None or start is None else Renewals.between(column, start, settings.renewal_days)
    lacks = NO_DAY if column is not None and due is None else ""
    if change is None and due is None:
        return f"{_NO_BEFORE}; {lacks or _NO_RENEWAL}"
    return _AlertsState(
        market.clusters, change, settings.drop, settings.churn_chance, market.first, due, (lacks,) if lacks else ()
    )


def _day_of_orders(market: Market) -> date | None:
    """Return the last day of the orders, None without orders."""
    text = market.figure("as_of")
    return None if text is None else date.fromisoformat(text)
