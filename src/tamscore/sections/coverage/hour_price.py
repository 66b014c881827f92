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


@dataclass(frozen=True)
class Options:
    """The options to cover each account: value and hours (o, m) float64 of every option, in order of account id.

    An option that is not open to an account has value -inf. `role` (o,) is the role whose hours an option takes,
    `names` (r,) name the roles in messages. `size` (m,) float64: so many accounts alike each stands for, absent: one.
    Value and hours may be worked out where they are asked for, see `by_kind`. `starts`: where parts of the accounts
    begin whose choices are added up apart.
    """

    value: Any
    hours: Any
    role: tuple[int, ...]
    names: tuple[str, ...] = ()
    size: Array | None = None
    starts: tuple[int, ...] = (0,)

    @property
    def accounts(self) -> int:
        """The number of accounts m."""
        return int(self.value.shape[1])

    def blocks(self, backend: Backend) -> Iterator[_Block]:
        """Yield neighbouring accounts of one part, as many at a time as the backend likes, on its device."""
        rows, ends = max(backend.block_rows, 1), (*self.starts[1:], self.accounts)
        for part, (begin, end) in enumerate(zip(self.starts, ends, strict=True)):
            for start in range(begin, end, rows):
                here = slice(start, min(start + rows, end))
                value, hours = (_on_device(backend, numbers[:, here]) for numbers in (self.value, self.hours))
                yield _Block(part, start, value, hours, 1.0 if self.size is None else self.size[here])


@dataclass(frozen=True)
class _Block:
    """Neighbouring accounts: the part they are of, the first one, value and hours (o, n), and how many each counts."""

    part: int
    start: int
    value: Array
    hours: Array
    size: Array | float


def _on_device(backend: Backend, numbers: Any) -> Array:
    """Numbers on the device of the backend, where they may lie already."""
    return backend.put(numbers) if isinstance(numbers, np.ndarray) else numbers


@dataclass(frozen=True)
class PricedChoices:
    """What accounts choose at some prices (r,), part by part: worth (c,) to them after paying, hours by role (c, r)."""

    price: Any
    worths: Any
    hours: Any

    @property
    def worth(self) -> float:
        """Return what the choices of all parts are worth after paying."""
        return float(self.worths.sum())

    @property
    def values(self) -> Any:
        """Return what they are worth before paying (c,)."""
        return self.worths + self.hours @ self.price


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


def prices_of(backend: Backend, options: Options, price: Any) -> Array:
    """The prices of the roles (r,), option by option (o,), on the device."""
    return backend.put(np.asarray(price, np.float64)[list(options.role)])


def ask(backend: Backend, options: Options, price: Any) -> PricedChoices:
    """Return what all accounts choose at prices (r,) of an hour of each role."""
    xp, prices = backend.xp, prices_of(backend, options, price)
    worths, taken = np.zeros(len(options.starts)), np.zeros((len(options.starts), len(options.role)))
    for block in options.blocks(backend):
        choice, left = chosen(xp, block.value, block.hours, prices)
        worths[block.part] += float(xp.sum(left * block.size))
        taken[block.part] += _hours_taken(xp, block, choice)
    hours = np.stack([np.bincount(options.role, row, len(price)) for row in taken])
    return PricedChoices(np.asarray(price, np.float64), worths, hours)


def _hours_taken(xp: Any, block: _Block, choice: Array) -> Any:
    """The hours (o,) that the accounts of a block take by the options of their choice (n,)."""
    zero = xp.zeros_like(block.hours[0, :])
    options = range(int(block.hours.shape[0]))
    taken = [xp.sum(xp.where(choice == o, block.hours[o, :] * block.size, zero)) for o in options]
    return np.array([float(item) for item in taken])


def dearest(backend: Backend, options: Options, roles: int) -> Any:
    """A price of each role (r,) at which nobody takes an hour who has another choice."""
    xp, most = backend.xp, np.zeros(roles)
    for block in options.blocks(backend):
        least = xp.min(xp.where(xp.isfinite(block.value), block.value, xp.full_like(block.value, np.inf)), axis=0)
        for option, role in enumerate(options.role):
            hours, gain = block.hours[option, :], block.value[option, :] - least  # -inf where it is not open
            takes = hours > 0
            ratio = xp.where(takes, gain, xp.zeros_like(gain)) / xp.where(takes, hours, xp.ones_like(hours))
            most[role] = max(most[role], float(xp.max(ratio)))
    return most
