"""Touch plans: how an account may be covered, what hours that takes, and what it is expected to bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.hour_price import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.sections.coverage.accounts import Accounts

DIGITAL = "digital"
"""The role without limit: it covers whoever has nobody."""


@dataclass(frozen=True)
class TouchPlan:
    """A role and service level: hours a year an account takes, and the shares of money it is expected to bring.

    `expansion` and `acquisition` are the shares of a customer's and a prospect's whitespace won in a year, `protection`
    is the share of a customer's sales kept that would be lost without any coverage. `band`: for that size band only.
    """

    role: str
    service_level: str
    hours: float
    expansion: float
    acquisition: float
    protection: float
    band: str = ""

    @property
    def name(self) -> str:
        """How tables call it."""
        return f"{self.role}/{self.service_level}"


DEFAULT_PLANS = (
    TouchPlan("account_manager", "high_touch", 40.0, 0.12, 0.03, 0.06),
    TouchPlan("account_manager", "pooled", 10.0, 0.05, 0.01, 0.05),
    TouchPlan("hunter", "high_touch", 30.0, 0.06, 0.09, 0.02),
    TouchPlan("inside_sales", "pooled", 8.0, 0.03, 0.025, 0.03),
    TouchPlan("sdr", "pooled", 4.0, 0.01, 0.015, 0.01),
    TouchPlan("channel_partner", "pooled", 6.0, 0.025, 0.02, 0.02),
    TouchPlan(DIGITAL, "digital", 0.0, 0.004, 0.002, 0.005),
)
"""Assumptions, not measurements: account managers keep and grow customers, hunters win accounts with much to win."""


def expected_value(plan: TouchPlan, whitespace: Any, sales: Any) -> Any:
    """What covering accounts by a plan is expected to bring in a year (m,), in money."""
    buys = sales > 0
    return np.where(buys, plan.expansion, plan.acquisition) * whitespace + plan.protection * np.maximum(sales, 0.0)


def options_of(
    backend: Backend, plans: Sequence[TouchPlan], roles: Sequence[str], accounts: Accounts, is_open: Any, hours: Any
) -> Options:
    """Value of every plan for every account, with its hours (o, m); plans not open (o, m) to it are worth -inf."""
    value = np.empty(is_open.shape)
    for o, plan in enumerate(plans):
        here = is_open[o] & accounts.in_band(plan.band)
        value[o] = np.where(here, expected_value(plan, accounts.whitespace, accounts.sales), -np.inf)
    role = tuple(roles.index(plan.role) for plan in plans)
    return Options(backend.put(value), backend.put(hours), role, tuple(roles))
