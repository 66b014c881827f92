"""The optional parts of the scores, in the order in which their columns stand; what is not asked for is named.

Each joins a run by one name in `EXTRAS`, a section of the job file, and its columns in `schema.EXTRA_COLUMNS`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tamscore.extras.joins import match_tables
from tamscore.extras.market import Market

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.origin import Origin
    from tamscore.passes.census import PartRows
    from tamscore.passes.extra import Extra
    from tamscore.passes.match import Match
    from tamscore.settings import Run

__all__ = ["EXTRAS", "Extras", "Market", "check_early", "prepare"]

EXTRAS = ("propensity", "lifetime_value", "alerts", "segments", "next_offer")
"""Sections of the job file. The module of that name makes its part of the scores; a run imports those it asks for."""


@dataclass(frozen=True)
class Extras:
    """The extras that a run has, and by name why it lacks the others."""

    prepared: tuple[Extra, ...]
    missing: dict[str, str]


def check_early(this: Run, origin: Origin, parts: Sequence[PartRows]) -> list[Match]:
    """How the joined tables meet the market; InputContractError where what the job asks for cannot be had.

    As far as the census of the rows tells; the module of an extra has a `check_early` of its own where it can say more.
    """
    matches = match_tables(this, origin, parts)
    for name in EXTRAS:
        section = getattr(this.job, name)
        if section is not None and (check := getattr(module_of(name), "check_early", None)):
            check(this, origin, parts, section)
    return matches


def prepare(market: Market) -> Extras:
    """Every extra that the job asks for and the market has the inputs of; its module says in words what is absent."""
    prepared: list[Extra] = []
    missing: dict[str, str] = {}
    for name in EXTRAS:
        section = getattr(market.this.job, name)
        if section is None:
            missing[name] = f"no [{name}] section"
            continue
        one: Extra | str = module_of(name).prepare(replace(market, prepared=tuple(prepared)), section)
        if isinstance(one, str):
            missing[name] = one
        else:
            prepared.append(one)
    return Extras(tuple(prepared), missing)


def module_of(name: str) -> Any:
    """The module of an extra, imported when it is first asked for."""
    return import_module(f"{__name__}.{name}")
