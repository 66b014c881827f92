"""The rules that tie keys of `[priority]`, and of `[portfolio]`, together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.config.portfolio import SEGMENTS_OF_ROLES
from tamscore.config.problems import NOTHING, Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.portfolio import Portfolio
    from tamscore.config.priority import Priority


def tiers_leave_share(priority: Priority) -> Iterator[Problem]:
    """Yield the tiers whose least number of accounts exceeds their largest."""
    tiers = priority.tiers
    for name, least, most in zip("ABC", tiers.least, tiers.most, strict=True):
        if least > most:
            place = ("priority", "tiers", "least")
            yield Problem(place, f"at most {most:g} for tier {name}, as priority.tiers.most says", least)


def tiers_are_shares_or_numbers(priority: Priority) -> Iterator[Problem]:
    """Yield the shares of tiers that have no effect beside numbers of accounts."""
    tiers = priority.tiers
    for name in ("value", "least", "most"):
        if tiers.accounts is not None and name in tiers.model_fields_set:
            given = list(getattr(tiers, name))
            yield Problem(("priority", "tiers", name), "no shares beside priority.tiers.accounts", given, "remove one")


def growth_has_a_label(priority: Priority, propensity: object | None) -> Iterator[Problem]:
    """Yield a problem if growth_label is set but the job has no label."""
    if priority.growth_label and propensity is None:
        hint = "add its label of whose sales grew, or remove the key"
        yield Problem(("priority", "growth_label"), "false without [propensity]", True, hint)


def portfolio_keys_are_known(portfolio: Portfolio) -> Iterator[Problem]:
    """Yield the segments of the portfolio and the roles that do not exist."""
    segments = tuple(name for names in SEGMENTS_OF_ROLES.values() for name in names)
    for key, known in (
        ("hours", segments),
        ("cost_per_hour", tuple(SEGMENTS_OF_ROLES)),
        ("cost_per_account", segments),
    ):
        for name in getattr(portfolio, key):
            if name not in known:
                yield Problem(("portfolio", key, name), f"one of {', '.join(known)}", name, nearest(name, known))


def costs_have_hours(portfolio: Portfolio) -> Iterator[Problem]:
    """Yield the roles with a cost per hour whose segments take no hours."""
    for role in portfolio.cost_per_hour:
        segments = SEGMENTS_OF_ROLES.get(role, ())
        if segments and not any(name in portfolio.hours for name in segments):
            place, hint = ("portfolio", "hours"), f"or remove portfolio.cost_per_hour.{role}"
            yield Problem(place, f"hours of {' or '.join(segments)}, on which {role} works", NOTHING, hint)
