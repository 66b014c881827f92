"""Lifetime value as people read it: the totals, and the retention that they rest on."""

from __future__ import annotations

from typing import Any

from tamscore.sections.lifetime_value.figure import retention
from tamscore.view.blocks import Block, Chapter, Table, Text, table
from tamscore.view.words import count_text, money_text, words

_Record = dict[str, Any]
_DRAWN = 20
"""So many clusters are drawn, those with most customers."""
_FORMS = {
    "retention": "The value is the margin of a month for as long as customers of the cluster stay.",
    "spend": "The value is the margin of a month for all months ahead, as if every customer went on as before.",
}
_SEED = (
    "The older formula (revenue over order dates times 36) stands beside it for comparison: a weekly buyer comes out 4 "
    "times too low, a yearly buyer 12 times too high."
)


def chapter(record: _Record) -> Chapter:
    """Return the chapter on what a run has recorded."""
    blocks: list[Block] = [_values(record)] if record["values"] else []
    if "form" in record:
        blocks += _form_blocks(record)
    if "lifetime_value_seed36" in record["values"]:
        blocks.append(Text(_SEED))
    if record["retention"]:
        largest = sorted(record["retention"], key=lambda row: -row["customers"])[:_DRAWN]
        blocks.append(retention(largest, _rates(record)))
    return Chapter("lifetime-value", "Lifetime value", _message(record), tuple(blocks))


def _message(record: _Record) -> str:
    """Return what it comes to, in one sentence."""
    worth = record["values"].get("lifetime_value")
    if worth is None:
        return f"No lifetime value: {'; '.join(record['missing'])}."
    who, total = count_text(worth["accounts"], "account"), money_text(worth["total"], record.get("currency"))
    if record.get("form") == "column":
        return f"{who} have a lifetime value in column {record['column']!r}; together {total}."
    return f"{who} that buy or have bought are worth {total} of margin over {record['months']} months."


def _values(record: _Record) -> Table:
    """Return the totals of every value."""
    rows = [
        (words(name), item["accounts"], item["total"], item["total"] / item["accounts"] if item["accounts"] else None)
        for name, item in record["values"].items()
    ]
    rate = f"{record['months']} months at a discount of {record['discount']:.0%} a year"
    note = f"accounts that buy or have bought; {rate}"
    if record.get("form") == "column":
        note = f"lifetime values from column {record['column']!r}; {record['without_value']:,} accounts have none"
    return table("Lifetime value", "value|accounts:count|total:money|mean:money", rows, note)


def _form_blocks(record: _Record) -> list[Block]:
    """Return which form is used, what recency does, and how both forms did in the months that were held out."""
    if record["form"] == "column":
        return []
    blocks: list[Block] = [Text(f"{_FORMS[record['form']]} {_fading(record)}".strip())]
    trial = record["trial"]
    if "forms" not in trial:
        return [*blocks, Text(f"No other form was tried: {trial['why']}.")]
    rows = [
        (words(name), item["total_to_spent"], item["mean_error"], item.get("penalised_error"))
        for name, item in trial["forms"].items()
    ]
    note = (
        f"valued on orders until {trial['after']}, compared with what was spent from then until {trial['until']}; "
        "penalised: times the factor by which the total is off; spend is used where it is at least 5% better"
    )
    columns = "form|value / spent:factor|mean error:money|penalised error:money"
    return [*blocks, table("Forms of the lifetime value", columns, rows, note)]


def _fading(record: _Record) -> str:
    """Return what the time since the last order does to a value."""
    if "recency" not in record:
        return ""
    days = record["recency"]["tau_days"]
    return f"{days:,.0f} days without an order divide a customer's share of it by 2.7; the total stays."


def _rates(record: _Record) -> Table:
    """Return the yearly retention of every cluster."""
    rows = [(row["cluster"], row["customers"], row["own"], row["shrunk"]) for row in record["retention"]]
    note = "clusters of few customers lean on all of their party type"
    return table("Retention a year", "cluster:id|customers:count|own:percent|used:percent", rows, note)
