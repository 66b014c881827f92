"""The options of coverage on the host, and the adjustment of a choice to the hours of roles.

Because accounts take whole plans, a choice leaves a role slightly over or under its hours. `fit_option` takes back what
is worth least for its hours, and `fill_in` gives out the hours left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.sections.coverage.by_kind import extremes, of_accounts

SLACK = 1e-9
"""Relative excess of hours that rounding may cause."""
_PASSES = 4
"""Most passes in which leftover hours are offered to all accounts."""
_BLOCK = 262_144
"""Accounts that are offered hours in one block."""
_MISFITS = 500
"""Most accounts in a pass that are skipped for smaller ones, because they need more hours than are left."""


@dataclass(frozen=True)
class Offer:
    """The options on the host for rounding: value and hours (o, m), role (o,), limits and names (r,).

    Value and hours may be computed on demand, see `by_kind`.
    """

    value: Any
    hours: Any
    role: Any
    limits: Any
    names: tuple[str, ...] = ()

    def used(self, option: Any) -> Any:
        """Return the hours (r,) that a choice takes."""
        rows = np.flatnonzero(self.takes[option])
        return np.bincount(self.role[option[rows]], self.hours[option[rows], rows], len(self.limits))

    @cached_property
    def takes(self) -> Any:
        """Which options (o,) take hours."""
        return extremes(self.hours)[1] > 0

    @cached_property
    def least(self) -> Any:
        """The fewest hours (o,) that each option takes from an account."""
        return extremes(self.hours)[0]

    def capacity(self, option: Any) -> Any:
        """Return the hours (r,) that a choice leaves; below 0 if it takes too many."""
        return self.limits * (1 + SLACK) - self.used(option)

    def worth(self, option: Any) -> float:
        """Return the value of a choice."""
        return float(of_accounts(self.value, option).sum())


def fit_option(offer: Offer, option: Any) -> Any:
    """Return the choice (m,) after moving accounts to options with fewer hours, until all roles are within their hours.

    Accounts that lose least an hour move first, later ids first among equals. They move within their role, or to a role
    without a limit. Raise InputContractError if that does not suffice.
    """
    option = option.copy()
    while len(over := np.flatnonzero(offer.capacity(option) < 0)):
        rows = np.flatnonzero(offer.role[option] == over[0])
        dest, loss, freed = _retreats(offer, option, rows, int(over[0]))
        order = np.lexsort((-rows, loss))
        order = order[np.isfinite(loss[order])]
        if not len(order):
            name = offer.names[over[0]] if offer.names else f"role {over[0]}"
            raise InputContractError(
                f"{name}: {offer.used(option)[over[0]]:,.0f} hours are bound, {offer.limits[over[0]]:,.0f} are "
                "there; release locks, allow more moves, or add people"
            )
        enough = np.searchsorted(np.cumsum(freed[order]), -offer.capacity(option)[over[0]]) + 1
        option[rows[order[:enough]]] = dest[order[:enough]]
    return option


def _retreats(offer: Offer, option: Any, rows: Any, role: int) -> tuple[Any, Any, Any]:
    """Return where accounts in `rows` of a role would move, their loss an hour (inf if nowhere), and hours freed."""
    value, hours = (part[option[rows], rows] for part in (offer.value, offer.hours))
    freed = np.where((offer.role == role)[:, None], hours - offer.hours[:, rows], hours)
    allowed = ((offer.role == role) | np.isinf(offer.limits[offer.role]))[:, None] & (freed > 0)
    loss = np.full(allowed.shape, np.inf)
    np.divide(value - offer.value[:, rows], freed, out=loss, where=allowed & np.isfinite(offer.value[:, rows]))
    dest = np.argmin(loss, axis=0)
    place = np.arange(len(rows))
    return dest, loss[dest, place], freed[dest, place]


def fill_in(offer: Offer, option: Any) -> Any:
    """Return the choice (m,) with leftover hours given out, to accounts with the largest gain an hour first."""
    option = option.copy()
    for _ in range(_PASSES):
        before = offer.worth(option)
        for o in range(len(offer.role)):
            _fill_with(offer, option, o)
        if offer.worth(option) <= before:
            break
    return option


def handed_out(offer: Offer, option: Any) -> Any:
    """Return the choice (m,) after one pass over the roles with enough hours left for any account."""
    option = option.copy()
    for o in np.flatnonzero(np.isfinite(offer.limits[offer.role])).tolist():
        if offer.capacity(option)[offer.role[o]] >= offer.least[o]:
            _fill_with(offer, option, o)
    return option


def _fill_with(offer: Offer, option: Any, o: int) -> None:
    """Move accounts to an option while its role has hours left, in place."""
    role = offer.role[o]
    free = float(offer.capacity(option)[role])
    rows, gain, need = _takers(offer, option, o, free)
    order = np.argsort(-gain / np.maximum(need, 1e-12), kind="stable")
    rows, need = rows[order], need[order]
    for _ in range(_MISFITS):
        fits = int(np.searchsorted(np.cumsum(np.maximum(need, 0.0)), free, side="right"))
        option[rows[:fits]] = o
        free -= float(need[:fits].sum())
        rows, need = rows[fits:], need[fits:]
        rows, need = rows[need <= free], need[need <= free]
        if not len(rows):
            return


def _takers(offer: Offer, option: Any, o: int, free: float) -> tuple[Any, Any, Any]:
    """Return accounts (n,) that gain by an option within the hours left of its role, their gain, and their hours.

    Accounts are left out whose gain an hour is too small to get any.
    """
    starts = range(0, max(len(option), 1), _BLOCK)
    parts = [_takers_from(offer, option, o, free, start) for start in starts]  # block by block, which takes less memory
    rows, gain, need = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rows, gain, need


def _takers_from(offer: Offer, option: Any, o: int, free: float, start: int) -> tuple[Any, Any, Any]:
    """Return the same for the accounts of the block that begins at `start`."""
    same = offer.role[option[start : start + _BLOCK]] == offer.role[o]
    here = np.flatnonzero(same | (offer.hours[o, start : start + _BLOCK] <= free))
    rows = start + here
    has = np.where(same[here], offer.hours[option[rows], rows], 0.0)
    gain, need = offer.value[o, rows] - offer.value[option[rows], rows], offer.hours[o, rows] - has
    keep = (gain > 0) & (need <= free)
    rows, gain, need = rows[keep].astype(np.int32), gain[keep], need[keep]
    early = in_time(gain, need, free)
    return rows[early], gain[early], need[early]


def in_time(gain: Any, need: Any, free: float) -> Any:
    """Return which accounts (n,) may get hours at all, if those with the largest gain an hour come first.

    If accounts need equal hours, only as many get any as fit into the hours left.
    """
    if not len(need) or need.min() <= 0 or need.min() < need.max() or len(need) <= (most := int(free / need[0]) + 1):
        return slice(None)
    item = gain / need
    return item >= np.partition(item, len(item) - most)[len(item) - most]
