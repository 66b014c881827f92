"""Changes of potentials when a model is fitted again, on other rows and from another start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages import potential, stability, whitespace
from tamscore.stages.draw import draw_number
from tamscore.stages.level import ALL, fit_level, folds_of
from tamscore.stages.separation import rank_correlation

if TYPE_CHECKING:
    from tamscore.backend import Backend
    from tamscore.stages.account_ladder import AccountLadder
    from tamscore.stages.potential import CustomerSales, TopStep
    from tamscore.stages.whitespace import Boundary, Money

REDRAWS, REDRAWN = 2, 0.9
"""So many refits, each on such a share of the rows."""
MOVED, TOP = 0.2, 0.05
"""A potential has moved if it differs by more than this share; accounts at the top are such a share of all."""
MOST_MOVED = 0.2
"""If more accounts move, a run says what to do about it."""


@dataclass(frozen=True)
class Moves:
    """What a refit changes: the share of accounts whose potential moves by more than 20 %, and what stays.

    `rank_correlation` is that of whitespace before and after, `top_overlap` the share of the top 5 % that stay there.
    """

    moved: float
    rank_correlation: float
    top_overlap: float


@dataclass(frozen=True)
class SampledAccounts:
    """Host rows as a block (d, m) in the clusters' space, with sales (m,), NaN for missing, and draw numbers (m,)."""

    block: Any
    sales: Any
    numbers: Any

    def redrawn(self, redraw: int, share: float = REDRAWN) -> SampledAccounts:
        """The rows of a redraw, such a share of all: each account is in it or not, wherever it stands."""
        drawn = draw_number(self.numbers, redraw + 1) < np.uint64(int(share * 2**64))
        return SampledAccounts(np.ascontiguousarray(self.block[:, drawn]), self.sales[drawn], self.numbers[drawn])

    def first(self, rows: int) -> SampledAccounts:
        """The first rows, so many at the most."""
        return SampledAccounts(self.block[:, :rows], self.sales[:rows], self.numbers[:rows])


@dataclass(frozen=True)
class RedrawRules:
    """How ladders are made and climbed; at level account with what its model is fitted by, see `level.fit_level`."""

    lines: tuple[float, ...]
    top_step: TopStep
    boundary: Boundary
    min_customers: int
    by_account: bool
    numeric: int
    unit: float
    seed: int


def money_of(
    backend: Backend, centers: Any, rows: SampledAccounts, customers: SampledAccounts, rules: RedrawRules
) -> Money:
    """The money of rows under centers (k, d), whose ladders are those of the customers."""
    k = len(centers)
    label, bought = (stability.labels(backend, accounts.block, centers) for accounts in (rows, customers))
    label = label.astype(np.int64)
    model = _level_of(customers, rules) if rules.by_account else None
    if model is None:
        by_cluster = potential.sort_sales(backend, customers.sales, bought, k)
        table = potential.potential_table(by_cluster, _everyone(by_cluster), *_ladder_rules(rules))
        return whitespace.value_accounts(np, rows.sales, label, table.values, rules.boundary)
    typical = model.typical(model.level(np, customers.block, folds_of(customers.numbers)))
    by_cluster = potential.sort_sales(backend, customers.sales, bought, k, typical)
    ladder = _account_ladder(by_cluster, model.median, rules)
    fold = np.where(rows.sales > 0, folds_of(rows.numbers), ALL)
    own = model.typical(model.level(np, rows.block, fold))
    return whitespace.value_by_level(np, rows.sales, own, label, ladder, rules.boundary)


def _level_of(customers: SampledAccounts, rules: RedrawRules) -> Any:
    """The level of these customers; None if they are too few."""
    return fit_level(customers.block, customers.sales, customers.numbers, rules.numeric, rules.unit, rules.seed)


def _account_ladder(by_cluster: CustomerSales, median: float, rules: RedrawRules) -> AccountLadder:
    """The ladders at level account, all customers being the parent of every cluster."""
    typical = np.full(by_cluster.groups, median)
    of_sales, relative = _everyone(by_cluster), _everyone(by_cluster.relative)
    table = potential.account_table(by_cluster, of_sales, relative, typical, median, *_ladder_rules(rules))
    if table.account is None:
        raise AssertionError("a table at level account has no account ladder")
    return table.account


def _everyone(by_cluster: CustomerSales) -> list[tuple[str, Any]]:
    """All customers as the parent of every cluster."""
    return [("all", np.sort(by_cluster.sales))] * by_cluster.groups


def _ladder_rules(rules: RedrawRules) -> tuple[tuple[float, ...], TopStep, int]:
    """The rules that ladders are made by."""
    return rules.lines, rules.top_step, rules.min_customers


def compare(first: Money, again: Money, numbers: Any) -> Moves:
    """Return what changes between the money of the same accounts (m,) before and after; ties by draw numbers (m,)."""
    old, new = np.nan_to_num(first.potential), np.nan_to_num(again.potential)
    change = np.abs(new - old) > MOVED * old
    open_ = [np.nan_to_num(money.whitespace) for money in (first, again)]
    most = max(int(TOP * len(numbers)), 1)
    tops = [np.lexsort((numbers, -item))[:most] for item in open_]
    overlap = np.count_nonzero(np.isin(tops[0], tops[1])) / most
    return Moves(float(np.mean(change)), rank_correlation(open_[0], open_[1]), float(overlap))


def worst(moves: tuple[Moves, ...]) -> float:
    """The share of accounts that move in the redraw that moves more; NaN if there was none."""
    return max((move.moved for move in moves), default=float("nan"))
