"""The look-alike for readers: how well it separates customers from prospects, and by which features."""

from __future__ import annotations

from typing import Any

from tamscore.view.blocks import Chapter, table
from tamscore.view.words import words

_Record = dict[str, Any]
_NOTE = "area under the ROC curve of accounts that a model has not seen: 50% is chance, 100% is certainty"


def chapter(record: _Record) -> Chapter:
    """Return the chapter on the recorded look-alikes of a run."""
    rows = [
        (words(party["party_type"]), party["customers"], party["prospects"], party["area"], _features(party))
        for party in record["parties"]
    ]
    columns = "party type|customers:count/2|prospects:count/2|area:percent|strongest features"
    return Chapter("look-alike", "Look-alike", _message(record), (table("Look-alike", columns, rows, _NOTE),))


def _features(party: _Record) -> str:
    """Return the strongest features, and those that were left out."""
    text = ", ".join(item["feature"] for item in party["strongest"]) or "nothing"
    left = f"; left out: {', '.join(party['excluded'])}" if party["excluded"] else ""
    return text + left


def _message(record: _Record) -> str:
    """Return how well features separate customers from prospects, in one sentence."""
    text = ", ".join(f"{party['area']:.0%} for {words(party['party_type'])}" for party in record["parties"])
    return f"Features separate customers from prospects with an area under the ROC curve of {text}."
