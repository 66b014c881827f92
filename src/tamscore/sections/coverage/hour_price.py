"""The price of an hour: what the scarce hours of each role are worth, found by cutting planes.

Every account takes one option of coverage. With a price on the hours of each role, accounts choose by themselves: each
takes the option that is worth most after paying for its hours. The prices at which what they come to is least are an
upper bound of what any coverage within the hours can be worth (Lagrangian relaxation; Everett 1963). The bound is
convex in the prices and made of planes, one for each set of choices; they are gathered one by one (Kelley 1960), asked
for halfway to the best prices known in turn, which keeps the search calm (Ben-Ameur & Neto 2007).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.alike import alike

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.backend import Array, Backend
    from tamscore.sections.coverage.alike import Alike

ROUNDS = 400
"""Most prices that are tried for one bound; a bound that is not settled by then is still a bound."""
SETTLED = 1e-6
"""The relative distance between the bound and its planes at which the search ends."""


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


@dataclass
class Search:
    """The planes known so far; they hold for whatever hours there are, so that each question adds to them.

    Accounts alike, `groups`, choose alike and are asked once.
    """

    backend: Backend
    options: Options
    roles: int
    planes: list[Plane] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with free hours."""
        self.groups = alike(self.backend.get(self.options.value), self.backend.get(self.options.hours))
        self.options = by_kind(self.backend, self.options, self.groups)
        self.most = dearest(self.backend, self.options, self.roles)
        self.planes.append(ask(self.backend, self.options, np.zeros(self.roles)))

    def bound(self, limits: Any, rounds: int = ROUNDS) -> Bound:
        """The least bound for hours `limits` (r,), infinite where a role has no limit."""
        scarce = np.flatnonzero(np.isfinite(limits) & (self.most > 0))
        best, bound = self.best(limits)
        for done in range(rounds):
            price, floor = self.lowest(limits, scarce)
            if bound - floor <= SETTLED * max(abs(bound), 1e-300):
                return Bound(best, bound, done)
            asked = price if done % 2 else (price + best) / 2
            self.planes.append(ask(self.backend, self.options, asked))
            best, bound = self.best(limits)
        return Bound(best, bound, rounds)

    def best(self, limits: Any) -> tuple[Any, float]:
        """The prices asked for so far whose bound is least, and that bound; only scarce hours may have a price."""
        free = ~np.isfinite(limits)
        cost = np.where(free, 0.0, limits)
        fair = [plane for plane in self.planes if not plane.price[free].any()]
        bounds = [plane.worth + float(plane.price @ cost) for plane in fair]
        place = int(np.argmin(bounds))
        return fair[place].price, bounds[place]

    def lowest(self, limits: Any, scarce: Any) -> tuple[Any, float]:
        """The prices (r,) at which the planes are lowest, and how low: a linear program in few variables."""
        from scipy.optimize import linprog

        price = np.zeros(self.roles)
        if not len(scarce):
            return price, max(plane.value for plane in self.planes)
        scale = self.most[scarce]
        unit = max(abs(self.planes[0].worth), 1e-300)
        slopes = np.array([plane.hours[scarce] * scale for plane in self.planes]) / unit
        heights = np.array([plane.value for plane in self.planes]) / unit
        rows = np.column_stack([-slopes, -np.ones(len(heights))])
        cost = np.append(limits[scarce] * scale / unit, 1.0)
        found = linprog(cost, rows, -heights, bounds=[(0, 1)] * len(scarce) + [(None, None)], method="highs")
        price[scarce] = found.x[:-1] * scale
        return price, float(found.fun) * unit
