"""What customers are worth, which segments are worth being one, and whom to call, as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.insight.layout import add, new_table
from tamscore.insight.wording import NOTHING, clean, counted, money, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

Record = dict[str, Any]
SEED = "seed36: revenue / order dates x 36; a weekly buyer comes out 4x too low, a yearly buyer 12x too high"
LISTED = 12
"""So many offers are shown."""


def lifetime_value(record: Record, width: int | None) -> Iterator[tuple[str, Table, str]]:
    """The totals, with what retention they rest on; the flaws of the seed formula where it is shown."""
    values = record["values"]
    if values:
        table = new_table("value|>accounts|>total|>mean", width)
        for name, told in values.items():
            mean = told["total"] / told["accounts"] if told["accounts"] else None
            add(table, words(name), f"{told['accounts']:,}", money(told["total"]), money(mean))
        note = f"accounts that buy or have bought; {record['months']} months at {record['discount']:.0%} a year"
        yield "lifetime value", table, f"{note}; {SEED}" if "lifetime_value_seed36" in values else note
    if record["retention"]:
        table = new_table("cluster|>customers|>own|>shrunk", width)
        for told in record["retention"]:
            rates = (NOTHING if told[name] is None else f"{told[name]:.0%}" for name in ("own", "shrunk"))
            add(table, told["cluster"], f"{told['customers']:,}", *rates)
        yield "retention a year", table, "clusters of few customers lean on all of their party type"


def alerts(record: Record, width: int | None) -> Iterator[tuple[str, Table, str]]:
    """How many customers may be leaving."""
    table = new_table(">churn alerts|>sales a year before", width)
    add(table, f"{record['churn']:,}", money(record["sales_before"]))
    yield (
        "alerts",
        table,
        f"sales fell by over {record['drop']:.0%}, those of its cluster's median customer did not",
    )


def segments(record: Record, width: int | None) -> Iterator[tuple[str, Table, str]]:
    """The tests of every segment, and what to do about it."""
    table = new_table("cluster|identifiable|profitable|growing|meaningful|action|>lifetime value|>priority", width)
    for row in record["segments"]:
        tests = (row[name] for name in ("identifiable", "profitable", "growing", "meaningful", "action"))
        add(table, row["cluster"], *tests, money(row["lifetime_value"]), money(row["priority"]))
    missing = ", ".join(map(words, record["missing"]))
    yield "segments", table, f"no priority without {missing}" if missing else "priority weighs value, cost and network"
    flags = new_table("flag|>accounts", width)
    for name, accounts in record["flags"].items():
        add(flags, words(name), f"{accounts:,}")
    yield "account flags", flags, ""


def next_offer(record: Record, width: int | None) -> Iterator[tuple[str, Table, str]]:
    """What is offered to most accounts."""
    table = new_table("cluster|~product|>owned by|>cut line|>offered to", width)
    for row in record["most"][:LISTED]:
        numbers = (f"{row['share']:.0%}", money(row["value"]), f"{row['offered_to']:,}")
        add(table, row["cluster"], clean(row["product"]), *numbers)
    note = f"{counted(record['accounts'], 'account')}; products that {record['owned']:.0%} of a cluster's customers own"
    yield "next offers", table, note
