"""Touch plans: the ways to cover an account, the hours they take, and the value they are expected to bring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.by_kind import Values
from tamscore.substitution import plain_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.sections.coverage.accounts import CoverageAccounts
    from tamscore.sections.coverage.by_kind import ByKind
    from tamscore.sections.coverage.people import Person

DIGITAL = "digital"
"""The role without a limit of hours: it covers every account that has no person."""


@dataclass(frozen=True)
class TouchPlan:
    """A role and service level: hours a year an account takes, and the shares of money it is expected to bring.

    `expansion` and `acquisition` are the shares of a customer's and a prospect's whitespace won in a year, on average.
    `protection` is the share of a customer's sales that coverage keeps and no coverage would lose. `limits` are columns
    with names; the plan is open to accounts that hold one of the names in each column. A `last_resort` is for accounts
    to which no other plan without a limit of hours is open.
    """

    role: str
    service_level: str
    hours: float
    expansion: float
    acquisition: float
    protection: float
    limits: tuple[tuple[str, frozenset[str]], ...] = ()
    last_resort: bool = False

    @property
    def name(self) -> str:
        """The name of the plan in tables."""
        return f"{self.role}/{self.service_level}"


PARTNER = "channel_partner"
"""The role whose people take channel accounts, and end users only where a plan says so."""
OF_CHANNEL = (("party_type", frozenset({"channel"})),)
_OF_END_USERS = (("party_type", frozenset({"end_user"})),)
DEFAULT_PLANS = (
    TouchPlan("account_manager", "high_touch", 40.0, 0.12, 0.03, 0.06, _OF_END_USERS),
    TouchPlan("account_manager", "pooled", 10.0, 0.05, 0.01, 0.05, _OF_END_USERS),
    TouchPlan("hunter", "high_touch", 30.0, 0.06, 0.09, 0.02, _OF_END_USERS),
    TouchPlan("inside_sales", "pooled", 8.0, 0.03, 0.025, 0.03, _OF_END_USERS),
    TouchPlan("sdr", "pooled", 4.0, 0.01, 0.015, 0.01, _OF_END_USERS),
    TouchPlan(PARTNER, "pooled", 6.0, 0.025, 0.02, 0.02, OF_CHANNEL),
    TouchPlan(DIGITAL, "digital", 0.0, 0.004, 0.002, 0.005),
)
"""Assumptions, not measurements: account managers keep and grow customers, hunters win accounts with much to win."""


def for_team(plans: Sequence[TouchPlan], people: Sequence[Person]) -> tuple[TouchPlan, ...]:
    """Return the default plans for a team; without a partner manager, all roles may have channel accounts."""
    if any(plain_word(person.role) == plain_word(PARTNER) and person.hours > 0 for person in people):
        return tuple(plans)
    return tuple(plan if plan.role == PARTNER else replace(plan, limits=()) for plan in plans)


def with_partners(plans: Sequence[TouchPlan]) -> tuple[TouchPlan, ...]:
    """Return the plans of a table, with partner managers' plans that name no party type limited to channel accounts."""
    return tuple(
        replace(plan, limits=(*plan.limits, *OF_CHANNEL))
        if plan.role == PARTNER and "party_type" not in dict(plan.limits)
        else plan
        for plan in plans
    )


def expected_value(plan: TouchPlan, promise: Any, sales: Any) -> Any:
    """Return the value (m,) that a plan is expected to bring in a year, in money.

    `promise` (m,) is the whitespace times the probability, divided by the mean probability of its kind.
    """
    buys = sales > 0
    return np.where(buys, plan.expansion, plan.acquisition) * promise + plan.protection * np.maximum(sales, 0.0)


def values_of(plans: Sequence[TouchPlan], accounts: CoverageAccounts, is_open: ByKind) -> Values:
    """Return the value of every plan for every account (o, m); a plan that is not open to an account is worth -inf."""
    rates = np.array([(plan.expansion, plan.acquisition, plan.protection) for plan in plans], np.float64).T
    return Values(rates[0], rates[1], rates[2], accounts.promise, accounts.sales, is_open, others=accounts.others)
