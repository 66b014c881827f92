"""Tables of plans and accounts that are held by kind of account, or worked out where they are asked for.

With many accounts and plans nothing holds a number for each pair of them: a key `[plans, accounts]` gives what NumPy
would give of the whole array (o, m), for those alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.backend import Backend


BLOCK = 65_536
"""So many accounts are looked at together."""
_FEW = 1 << 20
"""Kinds that are crossed are closed up where there may be more."""


def _indices(key: Any, options: int) -> tuple[Any, Any]:
    """The options and accounts that a key of an array (o, m) names; a slice of options as numbers that broadcast."""
    which, rows = key if isinstance(key, tuple) else (key, slice(None))
    if isinstance(which, slice):
        which = np.arange(options)[which].reshape(-1, *[1] * (1 if isinstance(rows, slice) else np.ndim(rows)))
    return which, rows


@dataclass(frozen=True)
class ByKind:
    """Numbers (o, m) of which accounts of a kind have the same: `table` (k, o) by kind, and the kind (m,) of each."""

    table: Any
    kind: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Return how many options and accounts there are."""
        return self.table.shape[1], len(self.kind)

    def __getitem__(self, key: Any) -> Any:
        """The numbers of some options for some accounts."""
        which, rows = _indices(key, self.table.shape[1])
        if np.ndim(which) == 2 and which.shape[1] == 1:  # every option for every account is many numbers
            return self.table.T[which[:, 0]].take(self.kind[rows], axis=1)
        return self.table[self.kind[rows], which]

    @property
    def extremes(self) -> tuple[Any, Any]:
        """The least and the largest number (o,) of each option."""
        return self.table.min(axis=0), self.table.max(axis=0)

    def count_of(self, kinds: Any) -> int:
        """Return how many accounts are of the kinds in a mask (k,)."""
        return int(np.bincount(self.kind, minlength=len(kinds))[kinds].sum())


@dataclass(frozen=True)
class Debt:
    """What plans lose that give less than is owed: the level owed (m,) and that of each plan (o,), and the money."""

    least: Any
    level: Any
    penalty: float


@dataclass(frozen=True)
class Values:
    """What every plan is worth for every account (o, m) float64, -inf where it is not open.

    Shares of money (o,) of each plan, `promise` and `sales` (m,) of each account, as in `plans.expected_value`;
    `is_open` (o, m) by kind. A `debt` is taken off where a plan gives less than is owed. `others` (m,) is the promise
    of prospects that a customer stands for, None for accounts that stand for themselves.
    """

    expansion: Any
    acquisition: Any
    protection: Any
    promise: Any
    sales: Any
    is_open: ByKind
    debt: Debt | None = None
    others: Any | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Return how many options and accounts there are."""
        return len(self.expansion), len(self.sales)

    @property
    def size(self) -> int:
        """Return how many pairs of option and account there are."""
        return len(self.expansion) * len(self.sales)

    def __getitem__(self, key: Any) -> Any:
        """Return what some options are worth for some accounts."""
        which, rows = _indices(key, len(self.expansion))
        sales = self.sales[rows]
        values = np.where(sales > 0, self.expansion[which], self.acquisition[which]) * self.promise[rows]
        values = np.asarray(values + self.protection[which] * np.maximum(sales, 0.0))
        if self.others is not None:
            values = np.asarray(values + self.acquisition[which] * self.others[rows])
        values[~self.is_open[which, rows]] = -np.inf
        if self.debt is not None:
            less = self.debt.level[which] < self.debt.least[rows]
            np.subtract(values, self.debt.penalty, out=values, where=less)
        return values[()]


def extremes(numbers: Any) -> tuple[Any, Any]:
    """The least and the largest number (o,) of each option in numbers (o, m), by kind or not."""
    if isinstance(numbers, ByKind):
        return numbers.extremes
    return numbers.min(axis=1, initial=np.inf), numbers.max(axis=1, initial=0.0)


def of_accounts(numbers: Any, option: Any) -> Any:
    """The number (m,) float64 of each account by its own option, of numbers (o, m)."""
    empty = np.empty(len(option))
    for begin in range(0, len(option), BLOCK):  # block by block, which takes less memory
        rows = np.arange(begin, min(begin + BLOCK, len(option)))
        empty[rows] = numbers[option[rows], rows]
    return empty


def on_host(backend: Backend, numbers: Any) -> Any:
    """Numbers (o, m) on the host, where tables by kind always lie."""
    return numbers if isinstance(numbers, ByKind | Values) else backend.get(numbers)


def cross(kind: Any, count: int, code: Any) -> Any:
    """The kind (m,) of each account by a kind and a code (m,) below `count` together, numbered without gaps."""
    most = (int(kind.max(initial=0)) + 1) * count
    return _without_gaps(kind.astype(np.int32 if most < 2**31 else np.int64) * count + code)


def crossed_all(columns: Iterable[tuple[int, Any]], accounts: int) -> Any:
    """The kind (m,) of each account by codes (m,) of several columns, each below its count, numbered without gaps.

    Numbers are closed up only where they would grow too large for a count of each.
    """
    kind, kinds = np.zeros(accounts, np.int32), 1
    for count, code in columns:
        if kinds * count > _FEW:
            kind = _without_gaps(kind)
            kinds = int(kind.max(initial=0)) + 1
            kind = kind.astype(np.int32 if kinds * count < 2**31 else np.int64)
        kind *= count
        kind += code
        kinds *= count
    return _without_gaps(kind)


def _without_gaps(kind: Any) -> Any:
    """The kinds (m,) in the same order, numbered without gaps."""
    place = np.cumsum(np.bincount(kind) > 0) - 1
    return place.astype(np.min_scalar_type(int(place.max(initial=0))))[kind]


def first_of(kind: Any) -> Any:
    """The first account (k,) of each kind (m,)."""
    first = np.zeros(int(kind.max()) + 1 if len(kind) else 0, np.int64)
    first[kind[::-1]] = np.arange(len(kind) - 1, -1, -1)
    return first
