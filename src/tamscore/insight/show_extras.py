"""What the optional parts of the scores have found, as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.insight.show_propensity import propensity
from tamscore.insight.show_worth import alerts, lifetime_value, next_offer, segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.table import Table

    from tamscore.insight.summary import Summary

    Shown = tuple[str, Table, str]

SHOWN: tuple[tuple[str, Callable[[dict[str, Any], int | None], Iterator[Shown]]], ...] = (
    ("propensity", propensity),
    ("lifetime_value", lifetime_value),
    ("alerts", alerts),
    ("segments", segments),
    ("next_offer", next_offer),
)
"""Section of the job file, and what shows its record in the manifest: title, body and note, as often as it needs."""


def extras(summary: Summary, width: int | None) -> Iterator[Shown]:
    """What is shown of every optional part that a run has."""
    for name, show in SHOWN:
        if name in summary.extras:
            yield from show(summary.extras[name], width)
