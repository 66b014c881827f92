"""Next offers as people read them: what is offered to most accounts."""

from __future__ import annotations

from typing import Any

from tamscore.view.blocks import Chapter, table
from tamscore.view.words import HOLDERS, count_text

_LISTED = 15
"""So many offers are shown."""


def chapter(record: dict[str, Any]) -> Chapter:
    """Return the chapter on what a run has recorded."""
    rows = [
        (row["cluster"], row["product"], row["share"], row["value"], row["offered_to"])
        for row in record["most"][:_LISTED]
    ]
    note = f"products that {record['owned']:.0%} of a cluster's customers own; value: potential"
    note += _how(record) + _whose(record)
    offers = table("Next offers", "cluster:id|product|owned by:percent|value:money|offered to:count", rows, note)
    message = f"{count_text(record['accounts'], 'account')} get an offer{_by_kind(record)}."
    return Chapter("next-offers", "Next offers", message, (offers,))


def _by_kind(record: dict[str, Any]) -> str:
    """Return how many customers and prospects that are; "" for a run of an earlier version."""
    kinds = record.get("kinds")
    if kinds is None:
        return ""
    return f": {' and '.join(count_text(kinds[kind], noun) for kind, noun in HOLDERS.items())}"


def _how(record: dict[str, Any]) -> str:
    """Return how offers are chosen, in words; "" for a run of an earlier version, whose offers go by owners."""
    model = record.get("model")
    if model is None:
        return ""
    chosen = "probability" if record["by"] == "probability" else "probability times value"
    return (
        f"; chosen by {chosen}, held-out Brier score {model['brier']:.4f} (shares of owners {model['brier_share']:.4f})"
    )


def _whose(record: dict[str, Any]) -> str:
    """Return which run's offers these are, in words; "" for those of the run itself."""
    run = record.get("learned", {}).get("run")
    return f"; offers and probabilities are those of run {run}" if run else ""
