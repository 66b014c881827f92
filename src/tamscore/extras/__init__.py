"""The optional parts of the scores, in the order in which their columns stand; what is not asked for is named.

Each joins a run by one line in `EXTRAS`, a section of the job file, and its columns in `schema.EXTRA_COLUMNS`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tamscore.extras import alerts, lifetime_value, next_offer, propensity, segments
from tamscore.extras.market import Market

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.passes.extra import Extra

__all__ = ["EXTRAS", "Extras", "Market", "prepare"]

EXTRAS: tuple[tuple[str, Callable[[Market, Any], Extra | str]], ...] = (
    ("propensity", propensity.make),
    ("lifetime_value", lifetime_value.prepare),
    ("alerts", alerts.prepare),
    ("segments", segments.prepare),
    ("next_offer", next_offer.prepare),
)
"""Section of the job file, and what makes its part of the scores from the market and the section.

Where an input is absent it returns the reason in words.
"""


@dataclass(frozen=True)
class Extras:
    """The extras that a run has, and by name why it lacks the others."""

    prepared: tuple[Extra, ...]
    missing: dict[str, str]


def prepare(market: Market) -> Extras:
    """Every extra that the job asks for and the market has the inputs of."""
    prepared: list[Extra] = []
    missing: dict[str, str] = {}
    for name, make in EXTRAS:
        section = getattr(market.this.job, name)
        made = f"no [{name}] section" if section is None else make(replace(market, prepared=tuple(prepared)), section)
        if isinstance(made, str):
            missing[name] = made
        else:
            prepared.append(made)
    return Extras(tuple(prepared), missing)
