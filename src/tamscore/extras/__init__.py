"""The optional parts of the scores, in the order in which their columns stand; what is not asked for is named.

Each joins a run by one name in `EXTRAS`, a section of the job file, and its columns in `schema.EXTRA_COLUMNS`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from tamscore.extras.market import Market

if TYPE_CHECKING:
    from tamscore.passes.extra import Extra

__all__ = ["EXTRAS", "Extras", "Market", "made", "prepare"]

EXTRAS = ("propensity", "lifetime_value", "alerts", "segments", "next_offer")
"""Sections of the job file. The module of that name makes its part of the scores; a run imports those it asks for."""


@dataclass(frozen=True)
class Extras:
    """The extras that a run has, and by name why it lacks the others."""

    prepared: tuple[Extra, ...]
    missing: dict[str, str]


def prepare(market: Market) -> Extras:
    """Every extra that the job asks for and the market has the inputs of."""
    prepared: list[Extra] = []
    missing: dict[str, str] = {}
    for name in EXTRAS:
        section = getattr(market.this.job, name)
        if section is None:
            missing[name] = f"no [{name}] section"
            continue
        one = made(name, replace(market, prepared=tuple(prepared)), section)
        if isinstance(one, str):
            missing[name] = one
        else:
            prepared.append(one)
    return Extras(tuple(prepared), missing)


def made(name: str, market: Market, section: Any) -> Extra | str:
    """The extra of a name, from the market and its section; where an input is absent, the reason in words."""
    return cast("Extra | str", import_module(f"{__name__}.{name}").prepare(market, section))
