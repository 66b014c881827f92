"""The place of an account among all where no two potentials need be the same: counted in sorted money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.stages.whitespace import Standing


@dataclass(frozen=True)
class RankOrder:
    """The money of all accounts, sorted: the potential (p,) of prospects, and whitespace and potential of customers.

    Those of a customer (n,) are one complex number, which NumPy orders by its real part, then by its imaginary part.
    Accounts without a potential come last.
    """

    prospects: Any
    customers: Any

    def rank(self, whitespace: Any, potential: Any) -> Any:
        """The place (m,) from 1 among all accounts, whitespace first, then potential; equal ones share the better."""
        return self._ahead_prospects(whitespace) + self._ahead_customers(whitespace, potential) + 1

    def rank_in_kind(self, whitespace: Any, potential: Any, buys: Any) -> Any:
        """The place (m,) from 1 among the customers for accounts that buy, (m,) bool, else among the prospects."""
        place = np.empty(len(buys), np.int64)
        place[buys] = self._ahead_customers(whitespace[buys], potential[buys]) + 1
        place[~buys] = self._ahead_prospects(whitespace[~buys]) + 1
        return place

    def _ahead_prospects(self, whitespace: Any) -> Any:
        """How many prospects are ahead: all that a prospect can buy is whitespace."""
        money = np.nan_to_num(whitespace, nan=-np.inf)
        return len(self.prospects) - np.searchsorted(self.prospects, money, side="right")

    def _ahead_customers(self, whitespace: Any, potential: Any) -> Any:
        """How many customers are ahead."""
        return len(self.customers) - np.searchsorted(self.customers, pairs(whitespace, potential), side="right")


def rank_order(standings: Sequence[Standing]) -> RankOrder:
    """The money of all accounts of all party types, sorted."""
    prospects = [np.repeat(s.prospect_potential, s.prospects) for s in standings]
    customers = [pairs(s.customer_whitespace, s.customer_potential) for s in standings]
    money = np.nan_to_num(np.concatenate(prospects), nan=-np.inf)
    return RankOrder(np.sort(money), np.sort(np.concatenate(customers)))


def pairs(whitespace: Any, potential: Any) -> Any:
    """Whitespace and potential (m,) as complex numbers."""
    found = np.empty(len(whitespace), np.complex128)
    found.real, found.imag = (np.nan_to_num(money, nan=-np.inf) for money in (whitespace, potential))
    return found
