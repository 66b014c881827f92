"""The place of an account among all where no two potentials need be the same: counted in sorted money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.whitespace import decimals_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.stages.whitespace import PartyStanding


@dataclass(frozen=True)
class RankOrder:
    """The money of all accounts, sorted: the potential (p,) of prospects, and whitespace and potential of customers.

    Those of a customer (n,) are one complex number, which NumPy orders by its real part, then by its imaginary part.
    Accounts without a potential come last. Whitespace, which is all potential of prospects, is rounded to `decimals`.
    """

    prospects: Any
    customers: Any
    decimals: int

    def ranks(self, whitespace: Any, potential: Any, buys: Any) -> tuple[Any, Any]:
        """The places (m,) from 1 among all accounts, and among those that buy, (m,) bool, as the account does or not.

        Whitespace counts first, then potential; equal accounts share the better place.
        """
        whitespace = np.round(whitespace, self.decimals)
        order = np.argsort(whitespace, kind="stable")  # neighbours are found near each other
        open_, keys = whitespace[order], _pairs(whitespace[order], potential[order])
        prospects, customers = np.empty((2, len(order)), np.int64)
        money = np.nan_to_num(open_, nan=-np.inf)
        prospects[order] = len(self.prospects) - np.searchsorted(self.prospects, money, side="right")
        customers[order] = len(self.customers) - np.searchsorted(self.customers, keys, side="right")
        return 1 + prospects + customers, 1 + np.where(buys, customers, prospects)


def rank_order(standings: Sequence[PartyStanding]) -> RankOrder:
    """The money of all accounts of all party types, sorted."""
    decimals = decimals_of(standings)
    prospects = [np.repeat(np.round(s.prospect_potential, decimals), s.prospects) for s in standings]
    customers = [_pairs(np.round(s.customer_whitespace, decimals), s.customer_potential) for s in standings]
    money = np.nan_to_num(np.concatenate(prospects), nan=-np.inf)
    return RankOrder(np.sort(money), np.sort(np.concatenate(customers)), decimals)


def _pairs(whitespace: Any, potential: Any) -> Any:
    """Whitespace and potential (m,) as complex numbers."""
    empty = np.empty(len(whitespace), np.complex128)
    empty.real, empty.imag = (np.nan_to_num(money, nan=-np.inf) for money in (whitespace, potential))
    return empty
