"""Propensity: who will buy, how far the probabilities hold, and what contacting the best first saves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.insight.wording import learned_in, money, share
from tamscore.report.blocks import Block, Cell, Chapter, Text, table
from tamscore.report.figures.propensity import lift

if TYPE_CHECKING:
    from tamscore.report.blocks import Table
    from tamscore.report.evidence import Evidence

Record = dict[str, Any]
MISSING = "Propensity: not learned; a section [propensity] in the job file does, given who bought in a window."
LOOK_ALIKE = "No label was given: accounts are ranked by the share of customers around them, a look-alike."
FROZEN = (
    "The model was learned{}: lift, calibration and what moves the score are as they were found there; only the bands "
    "count the accounts of this run."
)
COLOURS = {"focus": "good", "middle": "fair", "low": "grey"}
LISTED = 10


def chapter(found: Evidence) -> Chapter | None:
    """The chapter; None where the run has learned no propensity."""
    record = found.extras.get("propensity")
    if record is None:
        return None
    if record["mode"] == "look_alike":
        return Chapter("propensity", "Propensity", LOOK_ALIKE, (clusters(record),))
    blocks: list[Block] = [Text(FROZEN.format(learned_in(record)))] if learned_in(record) else []
    blocks.append(lift(record["deciles"]))
    if record["mode"] == "probability":
        blocks.append(bands(record))
    blocks += [features(record), deciles(record["deciles"])]
    if suspects := ", ".join(record.get("suspects", ())):
        blocks.append(Text(f"{suspects}: tells buyers from others nearly alone; was it known by the cut-off?"))
    return Chapter("propensity", "Propensity", message(record), tuple(blocks))


def message(record: Record) -> str:
    """What it comes to, in one sentence."""
    first = record["deciles"][0]
    where = learned_in(record)
    held = f"{'held' if where else 'holds'} {first['capture']:.0%} of the buyers, {first['lift']:.1f} times its share"
    text = f"The best tenth of the accounts {held}{where}"
    if record["mode"] == "probability":
        focus = next((row for row in record["bands"] if row["band"] == "focus"), None)
        if focus and focus["against_everyone"]:
            text += f"; a buyer in focus costs {focus['against_everyone']:.2f} times what calling everyone costs"
        return f"{text}. Calibrated on accounts left out{where}: {quality(record)}."
    return f"{text}. A rank, no probability: nobody is known not to have bought. {quality(record)}."


def quality(record: Record) -> str:
    """The verdict in one line."""
    names = {"auc": "AUC", "brier": "Brier score", "error": "mean calibration error"}
    told = record["quality"]
    return ", ".join(f"{name} {told[key]:.3f}" for key, name in names.items() if told.get(key) is not None)


def bands(record: Record) -> Table:
    """Accounts, expected buyers and cost by band."""
    rows = []
    for row in [*record["bands"], record["everyone"]]:
        against = "-" if row["against_everyone"] is None else f"{row['against_everyone']:.2f}x"
        buyers = (f"{row['expected_buyers']:,.0f}", Cell(share(row["capture"] or 0.0, 1), row["capture"] or 0.0))
        costs = (money(row["cost"]), money(row["cost_per_buyer"]), against)
        name = Cell(row["band"], colour=COLOURS[row["band"]]) if row["band"] in COLOURS else row["band"]
        rows.append((name, row["probability"], f"{row['accounts']:,}", *buyers, *costs))
    heads = "band|probability|>accounts|>expected buyers|>of all|>cost|>cost per buyer|>against everyone"
    return table("Bands, and what contacting them costs", heads, rows)


def features(record: Record) -> Table:
    """The columns that move scores most."""
    told = sorted(record["features"], key=lambda row: -row["mean_log_odds"])[:LISTED]
    most = max((row["mean_log_odds"] for row in told), default=0.0) or 1.0
    rows = [
        (row["feature"], Cell(f"{row['mean_log_odds']:.2f}", max(row["mean_log_odds"], 0.0) / most)) for row in told
    ]
    return table("What moves the score", "feature|>mean size, log-odds", rows)


def deciles(rows: list[Record]) -> Table:
    """Predicted and observed by decile."""
    told = [
        (
            f"{row['decile']:.0f}",
            f"{row['accounts']:,.0f}",
            "-" if row["predicted"] is None else f"{row['predicted']:.1%}",
            f"{row['observed']:.1%}",
            f"{row['lift']:.1f}",
            f"{row['capture']:.0%}",
        )
        for row in rows
    ]
    heads = ">decile|>accounts|>predicted|>observed|>lift|>of all buyers"
    return table("Lift and calibration by decile", heads, told, folded=True)


def clusters(record: Record) -> Table:
    """The clusters with most customers."""
    rows = [
        (row["cluster"], Cell(share(row["customer_share"], 1), row["customer_share"])) for row in record["clusters"]
    ]
    return table("Clusters with most customers", "cluster|>customers", rows[:LISTED])
