"""One option of coverage for every account: worth as much as can be within the hours there are, with a certificate.

The prices of hours say what each account would choose; those they leave undecided share the hours that others leave.
What comes of it is brought to the hours there are, see `offer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.sections.coverage.exact_cover import SMALL, best_options
from tamscore.sections.coverage.hour_price import block_rows, chosen, prices_of
from tamscore.sections.coverage.offer import SLACK, Offer, filled, fitted
from tamscore.sections.coverage.price_search import Search
from tamscore.sections.coverage.undecided import decided

if TYPE_CHECKING:
    from tamscore.backend import Backend
    from tamscore.sections.coverage.alike import Alike
    from tamscore.sections.coverage.hour_price import Bound, Options

CORES = (2_000, 10_000)
"""How many kinds of accounts that waver are decided anew: first so many, then more where that leaves a gap."""
CLOSE = 1e-4
"""The gap that is small enough."""


@dataclass(frozen=True)
class Choice:
    """Which option every account has, and how good that is.

    `option` (m,) int16; `value`; `bound`, which no coverage within the hours can exceed; `price` (r,) of one more hour
    of each role; `hours` (r,) used; `rounds`, how many prices were tried.
    """

    option: Any
    value: float
    bound: float
    price: Any
    hours: Any
    rounds: int

    @property
    def gap(self) -> float:
        """The part of the bound that is not reached."""
        return max(self.bound - self.value, 0.0) / abs(self.bound) if self.bound else 0.0


def choose(backend: Backend, options: Options, limits: Any, search: Search | None = None, small: int = SMALL) -> Choice:
    """The best known option for every account within the hours `limits` (r,), infinite where there is no limit.

    Accounts stand in order of id: of equals the first get the scarce hours. A `search` that was asked before answers
    sooner. Up to `small` pairs of account and option the choice is proven the best. Raises InputContractError where an
    account has no option, or no choice of options keeps to the hours.
    """
    limits = np.asarray(limits, np.float64)
    offer = Offer(backend.get(options.value), backend.get(options.hours), np.array(options.role), limits, options.names)
    if not options.accounts:
        return Choice(np.zeros(0, np.int64), 0.0, 0.0, np.zeros(len(limits)), np.zeros(len(limits)), 0)
    nobody = ~np.isfinite(offer.value).any(axis=0)
    if nobody.any():
        raise InputContractError(
            f"{np.count_nonzero(nobody):,} accounts have no option of coverage; leave digital open"
        )
    search = search or Search(backend, options, len(limits))
    bound = search.bound(limits)
    option = rounded(offer, bound, wished(backend, options, bound.price), search.groups)
    ceiling = bound.value
    if offer.value.size <= small and offer.worth(option) < ceiling:
        option, ceiling = closed(offer, option, ceiling)
    return Choice(option, offer.worth(option), ceiling, bound.price, offer.used(option), bound.rounds)


def rounded(offer: Offer, bound: Bound, option: Any, groups: Alike) -> Any:
    """The choice (m,) within the hours that comes of what accounts wish; more kinds of them are asked while it pays."""
    best = filled(offer, fitted(offer, option))
    for kinds in CORES:
        if offer.worth(best) >= bound.value - CLOSE * abs(bound.value):
            break
        mended = decided(offer.value, offer.hours, offer.role, offer.limits, bound.price, option, kinds, groups)
        best = max(best, filled(offer, fitted(offer, mended)), key=offer.worth)
    return best


def closed(offer: Offer, option: Any, ceiling: float) -> tuple[Any, float]:
    """The best choice (m,), proven by an integer program, and its worth; the one there was, where it is as good."""
    best = best_options(offer.value, offer.hours, offer.role, offer.limits)
    if best is None or (offer.room(best) < 0).any():
        return option, ceiling
    if offer.worth(best) <= offer.worth(option) * (1 + SLACK):
        return option, offer.worth(option)
    return best, offer.worth(best)


def wished(backend: Backend, options: Options, price: Any) -> Any:
    """The option (m,) int16 that each account chooses at prices (r,) of hours."""
    each, blocks = prices_of(backend, options, price), options.blocks(block_rows(backend, options))
    return np.concatenate([backend.get(chosen(backend.xp, *block, each)[0]) for block in blocks], dtype=np.int16)
