"""Alerts as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.blocks import Chapter, Table, table, without_empty
from tamscore.view.words import count_text, money_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Record = dict[str, Any]
_TITLES = {"may_leave": "may leave", "win_back": "have left: win back", "renew": "renewal is due"}

_TITLE = "Who may leave, who left, who renews"
_EARLIER = "{} may be leaving or have left; the run was made by a version that did not tell them apart."
_SHOWN = 20
"""So many accounts of each list stand in the report."""
_SENTENCES: dict[str, Callable[[int, str], str]] = {
    "may_leave": lambda accounts, money: f"{count_text(accounts, 'customer')} may be leaving ({money} lost in a year)",
    "win_back": lambda accounts, money: f"{count_text(accounts, 'account')} left ({money} a year before)",
    "renew": lambda accounts, money: f"{count_text(accounts, 'renewal')} due ({money} a year)",
}


def chapter(record: _Record) -> Chapter:
    """Return the chapter on what a run has recorded."""
    if "lists" not in record:
        return Chapter("alerts", _TITLE, _EARLIER.format(count_text(record["churn"], "customer")), ())
    message = "; ".join(
        _SENTENCES[name](item["accounts"], money_text(item["at_stake"], record.get("currency")))
        for name, item in record["lists"].items()
    )
    return Chapter("alerts", _TITLE, f"{message}.", (_lists(record), *_first(record)))


def _first(record: _Record) -> Iterator[Table]:
    """Yield the first accounts of each list, where the record was given them."""
    for name, title in _TITLES.items():
        rows = [row for row in record.get("first", ()) if row["list"] == name][:_SHOWN]
        if rows:
            shown = [
                (row["account_id"], row.get("name"), row["cluster"], row["renews_on"], row["at_stake"]) for row in rows
            ]
            columns = "account:id|name:name/2|cluster:id/3|renews on/2|at stake:money"
            note = f"the first {len(rows)} of {record['lists'][name]['accounts']:,}"
            yield without_empty(table(f"Accounts: {title}", columns, shown, note, folded=True))


def _lists(record: _Record) -> Table:
    """Return how many accounts stand on each list, and what is at stake."""
    when = record.get("renewals")
    notes = []
    if "may_leave" in record["lists"]:
        notes.append(
            f"may leave: sales fell by over {record['drop']:.0%}, those of the cluster's median customer did not"
        )
    if when:
        notes.append(f"renewals: contracts that end from {when['from']} until {when['until']}")
    rows = [(_TITLES[name], item["accounts"], item["at_stake"]) for name, item in record["lists"].items()]
    return table("Alerts", "list|accounts:count|at stake:money", rows, "; ".join(notes))
