"""What customers are worth, which segments are worth it, who may leave, and what to offer next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.insight.wording import counted, money, words
from tamscore.report.blocks import Block, Chapter, Text, table
from tamscore.report.figures.worth import retention

if TYPE_CHECKING:
    from tamscore.report.blocks import Table
    from tamscore.report.evidence import Evidence

Record = dict[str, Any]
NAMES = ("lifetime_value", "alerts", "segments", "next_offer")
MISSING = (
    "Lifetime value, churn, next offers: not computed; sections of the job file do, given orders or a year before."
)
DRAWN, LISTED = 20, 15
SEED = (
    "The older formula (revenue over order dates times 36) stands beside it for comparison: a weekly buyer comes out 4 "
    "times too low, a yearly buyer 12 times too high."
)


def chapter(found: Evidence) -> Chapter | None:
    """The chapter; None where the run has computed nothing of it."""
    there = {name: found.extras[name] for name in NAMES if name in found.extras}
    if not there:
        return None
    blocks: list[Block] = []
    if value := there.get("lifetime_value"):
        blocks += lifetime(value)
    if segments := there.get("segments"):
        blocks.append(tests(segments))
    if offers := there.get("next_offer"):
        blocks.append(next_offers(offers))
    return Chapter("worth", "What customers are worth", message(there), tuple(blocks))


def message(there: dict[str, Record]) -> str:
    """What it comes to, in one sentence."""
    told = []
    worth = there.get("lifetime_value", {}).get("values", {}).get("lifetime_value")
    if worth:
        months = there["lifetime_value"]["months"]
        who = counted(worth["accounts"], "account")
        told.append(f"{who} that buy or have bought are worth {money(worth['total'])} of margin over {months} months")
    if alerts := there.get("alerts"):
        lost = money(alerts["sales_before"])
        told.append(f"{counted(alerts['churn'], 'customer')} that bought {lost} a year before may be leaving")
    if offers := there.get("next_offer"):
        told.append(f"{counted(offers['accounts'], 'account')} lack something that many of their peers own")
    return f"{'; '.join(told) or 'Segments are put to the test'}."


def lifetime(record: Record) -> list[Block]:
    """The totals, and the retention that they rest on."""
    rows = [
        (words(name), f"{told['accounts']:,}", money(told["total"]), mean(told))
        for name, told in record["values"].items()
    ]
    note = f"{record['months']} months at a discount of {record['discount']:.0%} a year."
    blocks: list[Block] = [table("Lifetime value", "value|>accounts|>total|>mean", rows, note)] if rows else []
    if "lifetime_value_seed36" in record["values"]:
        blocks.append(Text(SEED))
    if record["retention"]:
        blocks.append(retention(sorted(record["retention"], key=lambda row: -row["customers"])[:DRAWN]))
    return blocks


def mean(told: Record) -> str:
    """The mean value of a customer."""
    return money(told["total"] / told["accounts"]) if told["accounts"] else "-"


def tests(record: Record) -> Table:
    """The tests of every segment, and what to do about it."""
    rows = [
        (
            row["cluster"],
            *(row[name] for name in ("identifiable", "profitable", "growing", "meaningful")),
            row["action"],
            money(row["lifetime_value"]),
            money(row["priority"]),
        )
        for row in record["segments"][:LISTED]
    ]
    missing = ", ".join(map(words, record["missing"]))
    note = f"No priority without {missing}." if missing else "Priority weighs value, cost and network effect."
    heads = "cluster|identifiable|profitable|growing|meaningful|action|>lifetime value|>priority"
    return table("Segments put to the test", heads, rows, note)


def next_offers(record: Record) -> Table:
    """What is offered to most accounts."""
    rows = [
        (row["cluster"], row["product"], f"{row['share']:.0%}", money(row["value"]), f"{row['offered_to']:,}")
        for row in record["most"][:LISTED]
    ]
    note = (
        f"Products that at least {record['owned']:.0%} of a cluster's customers own; value: the product's own cut line."
    )
    return table("Next best offers", "peers|product|>owned by|>value|>offered to", rows, note)
