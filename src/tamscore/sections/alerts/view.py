"""Churn alerts as people read them."""

from __future__ import annotations

from typing import Any

from tamscore.view.blocks import Chapter, table
from tamscore.view.words import counted, money


def chapter(record: dict[str, Any]) -> Chapter:
    """Return the chapter on what a run has recorded."""
    note = f"sales fell by over {record['drop']:.0%}, those of its cluster's median customer did not"
    rows = [(record["churn"], record["sales_before"])]
    alerts = table("Alerts", "churn alerts:count|sales a year before:money", rows, note)
    lost = f"{counted(record['churn'], 'customer')} that bought {money(record['sales_before'])} a year before"
    return Chapter("alerts", "Who may leave", f"{lost} may be leaving.", (alerts,))
