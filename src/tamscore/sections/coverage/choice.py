"""One option of coverage for every account: worth as much as can be within the hours there are, with a certificate.

The prices of hours say what each account would choose; those they leave undecided share the hours that others leave.
What comes of it is brought to the hours there are, see `offer`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.sections.coverage.by_kind import Values, on_host
from tamscore.sections.coverage.exact_cover import SMALL, best_options
from tamscore.sections.coverage.hour_price import chosen, prices_of
from tamscore.sections.coverage.offer import SLACK, Offer, fill_in, fit_option, handed_out
from tamscore.sections.coverage.price_search import Search
from tamscore.sections.coverage.sharing import shared_out
from tamscore.sections.coverage.undecided import decide

if TYPE_CHECKING:
    from tamscore.backend import Backend
    from tamscore.sections.coverage.alike import Alike
    from tamscore.sections.coverage.core import Core
    from tamscore.sections.coverage.hour_price import Bound, Options

_CORES = (400, 2_000)
"""How many kinds of accounts that waver are decided anew: first so many, then more where that leaves a gap."""
_CLOSE = 1e-4
"""The gap that is small enough."""


@dataclass(frozen=True)
class OptionChoice:
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


def choose(
    backend: Backend, options: Options, limits: Any, search: Search | None = None, small: int = SMALL
) -> OptionChoice:
    """The best known option for every account within the hours `limits` (r,), infinite where there is no limit.

    Accounts stand in order of id: of equals the first get the scarce hours. A `search` that was asked before answers
    sooner. Up to `small` pairs of account and option the choice is proven the best. Raise InputContractError if an
    account has no option, or no choice of options keeps to the hours.
    """
    limits = np.asarray(limits, np.float64)
    if not options.accounts:
        return OptionChoice(np.zeros(0, np.int64), 0.0, 0.0, np.zeros(len(limits)), np.zeros(len(limits)), 0)
    value, hours = (on_host(backend, numbers) for numbers in (options.value, options.hours))
    offer = Offer(value, hours, np.array(options.role), limits, options.names)
    _require_options(offer.value)
    search = search or Search(backend, options, len(limits))
    bound = search.bound(limits)
    option = _round_off(backend, offer, bound, search.core)
    worth, ceiling = offer.worth(option), bound.value
    if offer.value.size <= small and worth < ceiling:
        option, ceiling = _close(offer, option, ceiling)
        worth = offer.worth(option)
    return OptionChoice(option, worth, ceiling, bound.price, offer.used(option), bound.rounds)


def _require_options(value: Any) -> None:
    """Raise InputContractError if an account has no option, given what options are worth (o, m)."""
    if isinstance(value, Values):
        nobody = value.is_open.count_of(~value.is_open.table.any(axis=1))
    else:
        nobody = int(np.count_nonzero(~np.isfinite(value).any(axis=0)))
    if nobody:
        raise InputContractError(f"{nobody:,} accounts have no option of coverage; leave digital open")


def _round_off(backend: Backend, offer: Offer, bound: Bound, core: Core) -> Any:
    """The choice (m,) of all accounts within the hours, where those of the core choose at the prices of the bound.

    Hours that the core leaves go to the others.
    """
    few = replace(offer, value=core.options.value, hours=core.options.hours)
    option = core.content.copy()
    wish = _chosen_options(backend, core.options, bound.price)
    option[core.rows] = _within_hours(few, replace(bound, value=bound.value - core.constant), wish, core.groups)
    return handed_out(offer, option)


def _within_hours(offer: Offer, bound: Bound, option: Any, groups: Alike) -> Any:
    """The choice (m,) within the hours that comes of what accounts wish; more kinds of them are asked while it pays."""
    option = shared_out(offer, option)
    best = fill_in(offer, fit_option(offer, option))
    for kinds in _CORES:
        budget = bound.value - offer.worth(best)
        if budget <= _CLOSE * abs(bound.value):
            break
        mended = decide(offer, bound.price, option, groups, kinds, budget)
        best = max(best, fill_in(offer, fit_option(offer, mended)), key=offer.worth)
    return best


def _close(offer: Offer, option: Any, ceiling: float) -> tuple[Any, float]:
    """The best choice (m,), proven by an integer program, and its worth; the one there was, where it is as good."""
    best = best_options(offer.value[:, :], offer.hours[:, :], offer.role, offer.limits)
    if best is None or (offer.capacity(best) < 0).any():
        return option, ceiling
    if offer.worth(best) <= offer.worth(option) * (1 + SLACK):
        return option, offer.worth(option)
    return best, offer.worth(best)


def _chosen_options(backend: Backend, options: Options, price: Any) -> Any:
    """The option (m,) int16 that each account chooses at prices (r,) of hours."""
    prices = prices_of(backend, options, price)
    blocks = [chosen(backend.xp, block.value, block.hours, prices)[0] for block in options.blocks(backend)]
    return np.concatenate([np.zeros(0, np.int16), *map(backend.get, blocks)], dtype=np.int16)
