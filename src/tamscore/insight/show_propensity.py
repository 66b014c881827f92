"""What a propensity has found, as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from tamscore.insight.layout import add, is_roomy, new_table
from tamscore.insight.wording import NOTHING, learned_in, money, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

Record = dict[str, Any]
COLOURS = {"focus": "green", "middle": "yellow", "low": "bright_black"}
BAR = 20
TOLD = 6
"""So many features are named."""


def propensity(record: Record, width: int | None) -> Iterator[tuple[str, Table, str]]:
    """The bands with what contacting them costs, and the calibration by decile; or why there is none."""
    if record["mode"] == "look_alike":
        yield "look-alike", clusters(record, width), "no label: the share of customers around an account, and its rank"
        return
    if record["mode"] == "probability":
        yield "propensity", bands(record, width), about(record)
    title = "propensity by decile" if record["mode"] == "probability" else "propensity, ranks only"
    yield title, deciles(record, width), quality(record)
    note = f"mean size over the accounts learned from{learned_in(record)}"
    yield "what moves it, in log-odds", features(record, width), note


def about(record: Record) -> str:
    """Where the probabilities come from."""
    labels, window = record["labels"], record["window"]
    model = {"logistic": "logistic regression", "trees": "boosted trees"}[record["kind"]]
    frozen = f", learned{where}" if (where := learned_in(record)) else ""
    bought = f"{labels['bought']:,} bought, {labels['did_not_buy']:,} did not"
    return f"{model}, {record['calibration']}{frozen}; {window['label_start']} to {window['label_end']}: {bought}"


def quality(record: Record) -> str:
    """The verdict in one line."""
    names = {"auc": "AUC", "brier": "Brier", "log_loss": "log loss", "error": "calibration error"}
    found = [f"{names[name]} {value:.3f}" for name, value in record["quality"].items() if value is not None]
    return f"{', '.join(found)}; on accounts left out{learned_in(record)}"


def bands(record: Record, width: int | None) -> Table:
    """One row a band: accounts, expected buyers, contacts and cost for each."""
    table = new_table("band|probability|>accounts|>expected buyers|>of all|>cost|>a buyer|>vs everyone", width)
    for row in [*record["bands"], record["everyone"]]:
        name = Text(row["band"], COLOURS.get(row["band"], "bold") if width else "")
        against = NOTHING if row["against_everyone"] is None else f"{row['against_everyone']:.2f}x"
        cells = (f"{row['accounts']:,}", f"{row['expected_buyers']:,.0f}", share(row["capture"] or 0, 1))
        costs = (money(row["cost"]), money(row["cost_per_buyer"]), against)
        table.add_row(name, row["probability"], *cells, *costs)
    return table


def deciles(record: Record, width: int | None) -> Table:
    """Predicted and observed share of buyers by decile, as a bar, with lift and capture."""
    bar = "|" if is_roomy(width) else ""
    table = new_table(f">decile|>accounts|>predicted|>observed{bar}|>lift|>of all buyers|>contacts a buyer", width)
    largest = max(row["observed"] for row in record["deciles"]) or 1
    for row in record["deciles"]:
        line = ["█" * max(round(BAR * row["observed"] / largest), 1)] if bar else []
        predicted = NOTHING if row["predicted"] is None else f"{row['predicted']:.1%}"
        contacts = NOTHING if row["contacts"] is None else f"{row['contacts']:,.1f}"
        cells = (f"{row['decile']:.0f}", f"{row['accounts']:,.0f}", predicted, f"{row['observed']:.1%}", *line)
        add(table, *cells, f"{row['lift']:.1f}", share(row["capture"], 1), contacts)
    return table


def features(record: Record, width: int | None) -> Table:
    """The columns that move scores most."""
    table = new_table("~feature|>moves", width)
    for row in record["features"][:TOLD]:
        add(table, row["feature"], f"{row['mean_log_odds']:.2f}")
    return table


def clusters(record: Record, width: int | None) -> Table:
    """The clusters with most customers."""
    table = new_table("cluster|>customers", width)
    for row in record["clusters"]:
        add(table, row["cluster"], share(row["customer_share"], 1))
    return table
