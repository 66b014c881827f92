"""Alerts as a page for people and as JSON for machines."""

from __future__ import annotations

import json
from operator import itemgetter
from typing import TYPE_CHECKING

from tamscore.view.blocks import Chapter, Text, table, without_empty
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from typing import Any

    from tamscore.questions.alerts import RunAlerts
    from tamscore.view.blocks import Block, Table

KINDS = {
    "buying": ("Who may buy", "own features changed, or an intent feature rose; at stake is whitespace"),
    "churn": (
        "Who may leave",
        "sales fell, those of its cluster's median customer did not; at stake is what was lost in a year",
    ),
    "win_back": ("Who left", "bought a year before, buys nothing now; at stake is what it bought then"),
    "renew": ("Whose contract ends", "at stake is what the account buys in a year"),
}
_ALWAYS = ("buying", "churn")
"""The kinds whose list stands there though it is empty."""
_COLUMNS = "account:id|name/3|cluster:id/2|reason|renews on|at stake:money|potential before:money/2|after:money/2"
_SHOWN = ("account_id", "name", "cluster", "reason", "renews_on", "at_stake", "potential_before", "potential_after")
"""What is shown of an alert, in the order of the columns."""


def _rows_of(run_alerts: RunAlerts, kind: str) -> list[dict[str, Any]]:
    """The alerts of a kind, most at stake first; contracts by the day on which they end."""
    rows = [row for row in run_alerts.table.to_pylist() if row["alert"] == kind]
    return sorted(rows, key=itemgetter("renews_on")) if kind == "renew" else rows


def chapter(run_alerts: RunAlerts, top: int) -> Chapter:
    """Return the alerts as a chapter: a list of each kind that there is, at most so many in each."""
    since = f" since {run_alerts.since}" if run_alerts.since else ""
    rows = {kind: _rows_of(run_alerts, kind) for kind in KINDS}
    lists = [alerts(rows[kind], kind, top) for kind in KINDS if rows[kind] or kind in _ALWAYS]
    blocks: tuple[Block, ...] = (*map(Text, run_alerts.notices), *lists)
    return Chapter("alerts", f"{run_alerts.run}{since}", count_text(run_alerts.table.num_rows, "alert"), blocks)


def alerts(rows: list[dict[str, Any]], kind: str, top: int) -> Table:
    """Return the alerts of a kind, one a row; columns without any value are left out."""
    title, note = KINDS[kind]
    shown = [[row[name] for name in _SHOWN] for row in rows[:top]]
    return without_empty(table(title, _COLUMNS, shown, f"{len(shown)} of {len(rows):,}; {note}"))


def to_json(run_alerts: RunAlerts, top: int) -> str:
    """The alerts as JSON: how many there are of each kind, and those with most at stake."""
    record: dict[str, Any] = {"run": run_alerts.run, "since": run_alerts.since, "notices": run_alerts.notices}
    for kind in KINDS:
        rows = _rows_of(run_alerts, kind)
        record[kind] = {
            "alerts": len(rows),
            "top": [{k: v for k, v in row.items() if k != "alert"} for row in rows[:top]],
        }
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False, default=str)
