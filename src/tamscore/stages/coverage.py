"""One option of coverage for every account: worth as much as can be within the hours there are, with a certificate.

The prices of hours say what each account would choose; those they leave undecided share the hours that others leave.
The grain of hours then leaves a role a little over or under: `fitted` takes back what is worth least for its hours, and
`filled` gives out what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.stages.exact_cover import SMALL, best_options
from tamscore.stages.hour_price import Search, block_rows, chosen, prices_of
from tamscore.stages.undecided import decided

if TYPE_CHECKING:
    from tamscore.backend import Backend
    from tamscore.stages.alike import Alike
    from tamscore.stages.hour_price import Bound, Options

CORES = (2_000, 10_000)
"""How many kinds of accounts that waver are decided anew: first so many, then more where that leaves a gap."""
CLOSE = 1e-4
"""The gap that is small enough."""
SLACK = 1e-9
"""The relative part of the hours by which rounding may seem to exceed them."""
PASSES = 4
"""How often the hours that are left are offered to all accounts."""
BLOCK = 262_144
"""So many accounts are offered hours together."""
MISFITS = 500
"""How many accounts too large for the hours that are left are passed over for smaller ones, each time."""


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


@dataclass(frozen=True)
class Offer:
    """The options on the host, as rounding looks at them: value and hours (o, m), role (o,), limits and names (r,)."""

    value: Any
    hours: Any
    role: Any
    limits: Any
    names: tuple[str, ...] = ()

    def used(self, option: Any) -> Any:
        """The hours (r,) that a choice takes."""
        each = self.hours[option, np.arange(len(option))]
        return np.bincount(self.role[option], each, len(self.limits))

    def room(self, option: Any) -> Any:
        """The hours (r,) that a choice leaves; below 0 where it takes too many."""
        return self.limits * (1 + SLACK) - self.used(option)

    def worth(self, option: Any) -> float:
        """What a choice is worth."""
        return float(self.value[option, np.arange(len(option))].sum())


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


def fitted(offer: Offer, option: Any) -> Any:
    """The choice (m,) with as many accounts moved to less as the hours ask for, those that lose least an hour first.

    Of equals the later ids move. Accounts move within their role, or to one without limit. Raises InputContractError
    where that does not help.
    """
    option = option.copy()
    while len(over := np.flatnonzero(offer.room(option) < 0)):
        rows = np.flatnonzero(offer.role[option] == over[0])
        dest, loss, freed = retreats(offer, option, rows, int(over[0]))
        order = np.lexsort((-rows, loss))
        order = order[np.isfinite(loss[order])]
        if not len(order):
            name = offer.names[over[0]] if offer.names else f"role {over[0]}"
            raise InputContractError(
                f"{name}: {offer.used(option)[over[0]]:,.0f} hours are bound, {offer.limits[over[0]]:,.0f} are "
                "there; release locks, allow more moves, or add people"
            )
        enough = np.searchsorted(np.cumsum(freed[order]), -offer.room(option)[over[0]]) + 1
        option[rows[order[:enough]]] = dest[order[:enough]]
    return option


def retreats(offer: Offer, option: Any, rows: Any, role: int) -> tuple[Any, Any, Any]:
    """Where accounts in `rows` of a role would move to, what that loses an hour (inf: nowhere), and hours it frees."""
    value, hours = (part[option[rows], rows] for part in (offer.value, offer.hours))
    freed = np.where((offer.role == role)[:, None], hours - offer.hours[:, rows], hours)
    allowed = ((offer.role == role) | np.isinf(offer.limits[offer.role]))[:, None] & (freed > 0)
    loss = np.full(allowed.shape, np.inf)
    np.divide(value - offer.value[:, rows], freed, out=loss, where=allowed & np.isfinite(offer.value[:, rows]))
    dest = np.argmin(loss, axis=0)
    place = np.arange(len(rows))
    return dest, loss[dest, place], freed[dest, place]


def filled(offer: Offer, option: Any) -> Any:
    """The choice (m,) with hours that are left given out, to those who gain most an hour first; of equals the first."""
    option = option.copy()
    for _ in range(PASSES):
        before = offer.worth(option)
        for o in range(len(offer.role)):
            fill_with(offer, option, o)
        if offer.worth(option) <= before:
            break
    return option


def fill_with(offer: Offer, option: Any, o: int) -> None:
    """Move accounts to an option while its role has hours left, in place."""
    role = offer.role[o]
    room = float(offer.room(option)[role])
    rows, gain, need = takers(offer, option, o, room)
    order = np.argsort(-gain / np.maximum(need, 1e-12), kind="stable")
    rows, need = rows[order], need[order]
    for _ in range(MISFITS):
        fits = int(np.searchsorted(np.cumsum(np.maximum(need, 0.0)), room, side="right"))
        option[rows[:fits]] = o
        room -= float(need[:fits].sum())
        rows, need = rows[fits:], need[fits:]
        rows, need = rows[need <= room], need[need <= room]
        if not len(rows):
            return


def takers(offer: Offer, option: Any, o: int, room: float) -> tuple[Any, Any, Any]:
    """The accounts (n,) that gain by an option within the hours that its role has left, what, and the hours for it."""
    starts = range(0, len(option), BLOCK)
    parts = [takers_from(offer, option, o, room, start) for start in starts]  # block by block, which takes less memory
    rows, gain, need = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rows, gain, need


def takers_from(offer: Offer, option: Any, o: int, room: float, start: int) -> tuple[Any, Any, Any]:
    """The same among the accounts of the block that starts there."""
    same = offer.role[option[start : start + BLOCK]] == offer.role[o]
    here = np.flatnonzero(same | (offer.hours[o, start : start + BLOCK] <= room))
    rows = start + here
    has = np.where(same[here], offer.hours[option[rows], rows], 0.0)
    gain, need = offer.value[o, rows] - offer.value[option[rows], rows], offer.hours[o, rows] - has
    keep = (gain > 0) & (need <= room)
    return rows[keep].astype(np.int32), gain[keep], need[keep]
