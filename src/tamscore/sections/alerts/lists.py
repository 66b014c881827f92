"""Whom to call: how many accounts stand on each list, what is at stake, and who comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.arrow import float_column, level_codes, plain_table, truths
from tamscore.sections.alerts.churn import STATES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LISTS = ("may_leave", "win_back", "renew")
MONEY = ("at_stake", "sales_before", *(f"{name}_at_stake" for name in LISTS))
_TOP = 50
"""So many accounts of each list are named in the run's table."""
_KEYS = {
    "may_leave": (("at_stake", "descending"), ("account_id", "ascending")),
    "win_back": (("at_stake", "descending"), ("account_id", "ascending")),
    "renew": (("renews_on", "ascending"), ("at_stake", "descending"), ("account_id", "ascending")),
}
"""The sort order of each list."""


Listed: TypeAlias = "tuple[dict[str, tuple[Any, Any]], pa.Table]"
"""Totals of lists by name: accounts (K,) by cluster and cents at stake (K,); and the first accounts of each."""


def on_list(scored: pa.Table, name: str) -> Any:
    """Return which accounts (m,) bool of scores stand on a list."""
    if name == "may_leave":
        column = "churn_alert"
    elif name == "renew":
        column = "renewal_due"
    else:
        return level_codes(scored["account_state"], STATES) == STATES.index("left")
    return truths(scored[column]) if column in scored.column_names else np.zeros(scored.num_rows, dtype=bool)


def at_stake(scored: pa.Table, name: str) -> Any:
    """Return what is at stake (m,) to the cent: the sales lost in a year, or those that a renewal is about."""
    now = float_column(scored["trailing_sales" if "trailing_sales" in scored.column_names else "sales"])
    before = float_column(scored["sales_before"]) if "sales_before" in scored.column_names else np.zeros(len(now))
    lost = before - np.nan_to_num(now)
    return np.round(np.nan_to_num(now if name == "renew" else lost if name == "may_leave" else before), 2)


def _rows_of(scored: pa.Table, name: str, rows: Any, money: Any) -> pa.Table:
    """Accounts of a list with what is known of them, texts as texts; `money` (m,) is at stake."""
    chosen = scored.take(rows)
    kinds = {"sales": pa.float64(), "sales_before": pa.float64(), "renews_on": pa.date32()}
    columns: dict[str, Any] = {"list": pa.array([name] * len(rows), pa.string())}
    for column in ("account_id", "name", "cluster"):
        if column in chosen.column_names:
            columns[column] = chosen[column]
    columns["at_stake"] = money
    for column, kind in kinds.items():
        columns[column] = chosen[column] if column in chosen.column_names else pa.nulls(len(rows), kind)
    return plain_table(pa.table(columns))


def _first_of(listed: pa.Table, name: str) -> pa.Table:
    """The accounts of a list that come first."""
    return listed.sort_by(list(_KEYS[name])).slice(0, _TOP)


def list_totals(scored: pa.Table, clusters: Sequence[str], names: Sequence[str]) -> Listed:
    """Return what the lists of these names come to in a part of the scores."""
    label, sums, tops = level_codes(scored["cluster"], list(clusters)), {}, []
    for name in names:
        rows = np.flatnonzero(on_list(scored, name))
        money = at_stake(scored, name)[rows]
        counted = np.bincount(label[rows], minlength=len(clusters))
        sums[name] = counted, np.bincount(label[rows], np.rint(money * 100.0), len(clusters))
        tops.append(_first_of(_rows_of(scored, name, rows, money), name))
    return sums, pa.concat_tables(tops)


def join(parts: Sequence[Listed]) -> Listed:
    """Return what the lists of all parts come to."""
    names = list(parts[0][0])
    sums = {name: (sum(row[name][0] for row, _ in parts), sum(row[name][1] for row, _ in parts)) for name in names}
    every = pa.concat_tables([top for _, top in parts])
    tops = [_first_of(every.filter(pc.equal(every["list"], name)), name) for name in names]
    return sums, pa.concat_tables(tops)


def record(sums: Mapping[str, tuple[Any, Any]]) -> dict[str, dict[str, float]]:
    """Accounts and what is at stake, by list."""
    return {
        name: {"accounts": int(accounts.sum()), "at_stake": round(float(cents.sum()) / 100.0, 2)}
        for name, (accounts, cents) in sums.items()
    }
