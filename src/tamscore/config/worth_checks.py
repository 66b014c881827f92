"""The rules that tie the keys of lifetime value and alerts to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.config.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns
    from tamscore.config.worth import Alerts, LifetimeValue


def orders_or_columns(lifetime_value: LifetimeValue | None) -> Iterator[Problem]:
    """Yield the columns of the input that say what a table of orders says already."""
    if lifetime_value is not None and lifetime_value.orders is not None:
        for key in ("sales_before", "months_active", "revenue", "order_dates"):
            if (column := getattr(lifetime_value, key)) is not None:
                hint = f"lifetime_value.orders tells it; remove {key}, or the orders"
                yield Problem(("lifetime_value", key), "no column beside orders", column, hint)


def intent_is_kept(columns: Columns, alerts: Alerts | None) -> Iterator[Problem]:
    """Yield the columns of intent that later runs could not look up in the scores."""
    for position, column in enumerate(alerts.intent if alerts is not None else ()):
        if column not in columns.keep:
            hint = "add it there, so that the next run can be compared with this one"
            yield Problem(("alerts", "intent", position), "a column of columns.keep", column, hint)
