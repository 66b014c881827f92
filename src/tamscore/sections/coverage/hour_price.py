"""The price of an hour: what the scarce hours of each role are worth, found by cutting planes.

Every account takes one option of coverage. With a price on the hours of each role, accounts choose by themselves: each
takes the option that is worth most after paying for its hours. The prices at which what they come to is least are an
upper bound of what any coverage within the hours can be worth (Lagrangian relaxation; Everett 1963). The bound is
convex in the prices and made of planes, one for each set of choices; they are gathered one by one (Kelley 1960), asked
for halfway to the best prices known in turn, which keeps the search calm (Ben-Ameur & Neto 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.backend import Array, Backend
    from tamscore.sections.coverage.alike import Alike


@dataclass(frozen=True)
class Options:
    """What each account may be covered by: value and hours (o, m) float64 of every option, in order of account id.

    An option that is not open to an account has value -inf. `role` (o,) tells whose hours an option takes,
    `names` (r,) how messages call the roles. `size` (m,) float64: so many accounts alike each stands for, absent: one.
    """

    value: Array
    hours: Array
    role: tuple[int, ...]
    names: tuple[str, ...] = ()
    size: Array | None = None

    @property
    def accounts(self) -> int:
        """The number of accounts m."""
        return int(self.value.shape[1])

    def blocks(self, rows: int) -> Iterator[tuple[Array, Array]]:
        """Value and hours of neighbouring accounts, so many at a time."""
        for start in range(0, self.accounts, rows):
            stop = min(start + rows, self.accounts)
            yield self.value[:, start:stop], self.hours[:, start:stop]

    def sizes(self, rows: int) -> Iterator[Array | float]:
        """How many accounts each stands for, in the same blocks."""
        for start in range(0, self.accounts, rows):
            yield 1.0 if self.size is None else self.size[start : min(start + rows, self.accounts)]


def by_kind(backend: Backend, options: Options, groups: Alike) -> Options:
    """One account of each kind for all that are alike; the options as they are where that saves little."""
    if 2 * len(groups.first) > options.accounts:
        return options
    value, need = backend.get(options.value)[:, groups.first], backend.get(options.hours)
    same = need.strides[1] == 0  # the hours of all accounts are one number in memory, and stay so
    hours = need[:, : len(groups.first)] if same else need[:, groups.first]
    size = backend.put(groups.size.astype(np.float64))
    return Options(backend.put(value), backend.put(hours), options.role, options.names, size)


@dataclass(frozen=True)
class Plane:
    """What accounts choose at some prices: what that is worth to them after paying, and hours by role (r,)."""

    price: Any
    worth: float
    hours: Any

    @property
    def value(self) -> float:
        """What it is worth before paying."""
        return self.worth + float(self.price @ self.hours)


@dataclass(frozen=True)
class Bound:
    """The least upper bound that was found: its prices (r,), the bound, and how many prices were tried."""

    price: Any
    value: float
    rounds: int


def chosen(xp: Any, value: Array, hours: Array, price: Array) -> tuple[Array, Array]:
    """The option (m,) worth most at prices (o,) of an hour of each option, the first of equals, and its worth."""
    left = value - price[:, None] * hours
    return xp.argmax(left, axis=0), xp.max(left, axis=0)


def block_rows(backend: Backend, options: Options) -> int:
    """How many accounts are looked at in one go."""
    return max(backend.block_rows, 1) if options.accounts else 1


def prices_of(backend: Backend, options: Options, price: Any) -> Array:
    """The prices of the roles (r,), option by option (o,), on the device."""
    return backend.put(np.asarray(price, np.float64)[list(options.role)])


def ask(backend: Backend, options: Options, price: Any) -> Plane:
    """What all accounts choose at prices (r,) of an hour of each role."""
    xp, each = backend.xp, prices_of(backend, options, price)
    worth, hours = 0.0, np.zeros(len(options.role))
    rows = block_rows(backend, options)
    for (value, need), size in zip(options.blocks(rows), options.sizes(rows), strict=True):
        choice, left = chosen(xp, value, need, each)
        worth += float(xp.sum(left * size))
        zero = xp.zeros_like(left)
        taken = [xp.sum(xp.where(choice == o, need[o, :] * size, zero)) for o in range(len(options.role))]
        hours += np.array([float(one) for one in taken])
    return Plane(np.asarray(price, np.float64), worth, np.bincount(options.role, hours, len(price)))


def dearest(backend: Backend, options: Options, roles: int) -> Any:
    """A price of each role (r,) at which nobody takes an hour who has another choice."""
    xp, most = backend.xp, np.zeros(roles)
    for value, hours in options.blocks(block_rows(backend, options)):
        open_ = xp.isfinite(value)
        least = xp.min(xp.where(open_, value, xp.full_like(value, np.inf)), axis=0)
        asks = open_ & (hours > 0)
        ratio = xp.where(asks, value - least[None, :], xp.zeros_like(value)) / xp.where(
            asks, hours, xp.ones_like(hours)
        )
        np.maximum.at(most, list(options.role), backend.get(xp.max(ratio, axis=1)))
    return most
