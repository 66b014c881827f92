"""Tables of plans and accounts, stored by kind of account, or computed on demand.

With many accounts and plans, nothing stores a number for each pair. A key `[plans, accounts]` gives the same as NumPy
would give for the whole array (o, m), computed for these pairs only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.backend import Backend


BLOCK = 65_536
"""Accounts processed in one block."""
_FEW = 1 << 20
"""Number of kinds from which crossed kinds are renumbered without gaps."""


def _indices(key: Any, options: int) -> tuple[Any, Any]:
    """Return options and accounts in a key of an array (o, m); a slice of options becomes numbers that broadcast."""
    which, rows = key if isinstance(key, tuple) else (key, slice(None))
    if isinstance(which, slice):
        which = np.arange(options)[which].reshape(-1, *[1] * (1 if isinstance(rows, slice) else np.ndim(rows)))
    return which, rows


@dataclass(frozen=True)
class ByKind:
    """Numbers (o, m), equal for accounts of a kind: `table` (k, o) by kind, and the kind (m,) of each account."""

    table: Any
    kind: Any

    @property
    def shape(self) -> tuple[int, int]:
        """The number of options and of accounts."""
        return self.table.shape[1], len(self.kind)

    def __getitem__(self, key: Any) -> Any:
        """Return the numbers of some options for some accounts."""
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
    """The loss of plans that give less than is owed: level owed (m,), level of each plan (o,), and the money."""

    least: Any
    level: Any
    penalty: float


@dataclass(frozen=True)
class Values:
    """The value of every plan for every account (o, m) float64, -inf for a plan that is not open.

    Shares of money (o,) of each plan, `promise` and `sales` (m,) of each account, as in `plans.expected_value`;
    `is_open` (o, m) by kind. A `debt` is subtracted if a plan gives less than is owed. `others` (m,) is the promise of
    prospects that a customer stands for, None for accounts that stand for themselves.
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
        """The number of options and of accounts."""
        return len(self.expansion), len(self.sales)

    @property
    def size(self) -> int:
        """The number of pairs of option and account."""
        return len(self.expansion) * len(self.sales)

    def __getitem__(self, key: Any) -> Any:
        """Return the values of some options for some accounts."""
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
    """Return the least and the largest number (o,) of each option in numbers (o, m), by kind or not."""
    if isinstance(numbers, ByKind):
        return numbers.extremes
    return numbers.min(axis=1, initial=np.inf), numbers.max(axis=1, initial=0.0)


def of_accounts(numbers: Any, option: Any) -> Any:
    """Return the number (m,) float64 of each account for its own option, from numbers (o, m)."""
    empty = np.empty(len(option))
    for begin in range(0, len(option), BLOCK):  # block by block, which takes less memory
        rows = np.arange(begin, min(begin + BLOCK, len(option)))
        empty[rows] = numbers[option[rows], rows]
    return empty


def on_host(backend: Backend, numbers: Any) -> Any:
    """Return numbers (o, m) on the host; tables by kind are always there."""
    return numbers if isinstance(numbers, ByKind | Values) else backend.get(numbers)


def cross(kind: Any, count: int, code: Any) -> Any:
    """Return the kind (m,) of each account from its kind and a code (m,) below `count`, numbered without gaps."""
    most = (int(kind.max(initial=0)) + 1) * count
    return _without_gaps(kind.astype(np.int32 if most < 2**31 else np.int64) * count + code)


def crossed_all(columns: Iterable[tuple[int, Any]], accounts: int) -> Any:
    """Return the kind (m,) of each account from codes (m,) of several columns, each below its count, without gaps.

    Kinds are renumbered in between only if there would be too many of them to count.
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
    """Return the kinds (m,) in the same order, numbered without gaps."""
    place = np.cumsum(np.bincount(kind) > 0) - 1
    return place.astype(np.min_scalar_type(int(place.max(initial=0))))[kind]


def first_of(kind: Any) -> Any:
    """Return the first account (k,) of each kind (m,)."""
    first = np.zeros(int(kind.max()) + 1 if len(kind) else 0, np.int64)
    first[kind[::-1]] = np.arange(len(kind) - 1, -1, -1)
    return first
