"""Propensity as people read it: who will buy, how far the probabilities hold, what contacting the best first saves."""

from __future__ import annotations

from typing import Any

from tamscore.sections.propensity.figure import lift
from tamscore.view.blocks import Block, Cell, Chapter, Table, Text, table, without_empty
from tamscore.view.words import count_text

_Record = dict[str, Any]
_LABELLED = "A probability is that of being labelled a buyer: no account is known not to have bought."
_FROZEN = (
    "The model was learned{}: lift, calibration and what moves the score are as they were found there; only the bands "
    "count the accounts of this run."
)
_KINDS = {"logistic": "logistic regression", "trees": "boosted trees"}
_QUALITY = {"auc": "AUC", "brier": "Brier score", "log_loss": "log loss", "error": "calibration error"}
_MARKS = {"focus": "good", "middle": "fair", "low": "grey"}
_LISTED = 10
"""So many features are named."""


def chapter(record: _Record) -> Chapter:
    """Return the chapter on what a run has recorded."""
    blocks: list[Block] = [Text(_FROZEN.format(_learned_in(record)))] if _learned_in(record) else []
    if record["mode"] == "labelled":
        blocks.append(Text(_LABELLED))
    blocks += [_bands(record), *_first(record), lift(record["deciles"], _deciles(record)), _features(record)]
    if suspects := ", ".join(record.get("suspects", ())):
        blocks.append(Text(f"{suspects}: tells buyers from others nearly alone; was it known by the cut-off?"))
    return Chapter("propensity", "Propensity", _message(record), tuple(blocks))


def _learned_in(record: _Record) -> str:
    """Return in which run a frozen propensity was learned, with its preposition: its figures are of that run."""
    run = record.get("model", {}).get("run")
    return f" in run {run}" if run else ""


def _message(record: _Record) -> str:
    """Return what it comes to, in one sentence."""
    first = record["deciles"][0]
    where = _learned_in(record)
    held = f"{'held' if where else 'holds'} {first['capture']:.0%} of the buyers, {first['lift']:.1f} times its share"
    text = f"The best decile of the accounts {held}{where}"
    focus = next((row for row in record["bands"] if row["band"] == "focus"), None)
    if focus and focus["against_everyone"]:
        text += f"; a buyer in focus costs {focus['against_everyone']:.2f} times what calling everyone costs"
    return f"{text}. Calibrated on accounts left out{where}: {_quality(record)}."


def _quality(record: _Record) -> str:
    """Return the verdict in one line."""
    result = record["quality"]
    return ", ".join(f"{name} {result[key]:.3f}" for key, name in _QUALITY.items() if result.get(key) is not None)


def _bands(record: _Record) -> Table:
    """Return a row a band: accounts, expected buyers, what contacting them costs; and where probabilities come from."""
    rows = [
        (
            Cell(row["band"], mark=_MARKS.get(row["band"], "")),
            row["probability"],
            row["accounts"],
            row["expected_buyers"],
            Cell(row["capture"] or 0.0, row["capture"] or 0.0),
            row["cost"],
            row["cost_per_buyer"],
            row["against_everyone"],
        )
        for row in [*record["bands"], record["everyone"]]
    ]
    columns = (
        "band|probability/2|accounts:count|expected buyers:count|of all:share/2|cost:money/3|a buyer:money/2|"
        "vs everyone:factor/2"
    )
    return table("Propensity bands", columns, rows, _source(record))


def _first(record: _Record) -> list[Table]:
    """Return the accounts in focus that are likeliest to buy, where the record was given them."""
    rows = [
        (str(row["account_id"]), row.get("name"), row.get("play"), row["propensity"], row.get("expected_value"))
        for row in record.get("first", ())
    ]
    if not rows:
        return []
    whole = next((row["accounts"] for row in record["bands"] if row["band"] == "focus"), len(rows))
    note = f"the {len(rows)} likeliest of {whole:,}"
    columns = "account:id|name:name|play:code/3|probability:permille|expected:money/2"
    return [without_empty(table("Accounts in focus", columns, rows, note))]


def _source(record: _Record) -> str:
    """Return where the probabilities come from."""
    labels, window = record["labels"], record["window"]
    frozen = f", learned{where}" if (where := _learned_in(record)) else ""
    bought = f"{count_text(labels['bought'], 'account')} bought, {labels['did_not_buy']:,} did not"
    when = f"{window['label_start']} to {window['label_end']}"
    return f"{_KINDS[record['kind']]}, {record['calibration']}{frozen}; {when}: {bought}"


def _deciles(record: _Record) -> Table:
    """Return predicted and observed share of buyers by decile, with lift and capture."""
    largest = max(row["observed"] for row in record["deciles"]) or 1
    rows = [
        (
            row["decile"],
            row["accounts"],
            row["predicted"],
            Cell(row["observed"], row["observed"] / largest),
            row["lift"],
            row["capture"],
            row["contacts"],
        )
        for row in record["deciles"]
    ]
    columns = (
        "decile:count|accounts:count/2|predicted:permille|observed:permille|lift:tenths|of all buyers:share/2|"
        "contacts a buyer:tenths/3"
    )
    return table(
        "Lift and calibration by decile",
        columns,
        rows,
        f"{_quality(record)}; on accounts left out{_learned_in(record)}",
    )


def _features(record: _Record) -> Table:
    """Return the columns that move scores most."""
    most = sorted(record["features"], key=lambda row: -row["mean_log_odds"])[:_LISTED]
    largest = max((row["mean_log_odds"] for row in most), default=0.0) or 1.0
    rows = [(row["feature"], Cell(row["mean_log_odds"], max(row["mean_log_odds"], 0.0) / largest)) for row in most]
    note = f"mean size in log-odds over the accounts learned from{_learned_in(record)}"
    return table("What moves the score", "feature|moves:hundredths", rows, note)
