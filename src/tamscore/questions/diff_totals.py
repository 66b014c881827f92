"""Sums over the accounts of two runs by kind: who stayed, came and went, and what each cause did to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.questions.causes import CAUSES
from tamscore.questions.diff_priority import CALL_CAUSES, EXPECTED_CAUSES, QUADRANTS
from tamscore.questions.worlds import cents
from tamscore.scoring.score.parts import KINDS
from tamscore.stages.priority import TIERS

if TYPE_CHECKING:
    from tamscore.questions.diff import Changes
    from tamscore.questions.diff_priority import PriorityChange


_HALF = 32
"""Bits of half an amount: the halves of as many amounts as there are accounts sum up within 64 bits."""


@dataclass
class Totals:
    """Sums over accounts by kind in the second run, in the order of KINDS; money in cents, as exact whole numbers.

    `parts` (kinds, causes, 3): accounts that a cause touched, change of potential, change of whitespace. `kept`, `new`
    and `gone` (kinds, 3): accounts, potential, whitespace; of those kept the changes of both. `turned` (kinds,): kept
    accounts that were of the other kind before. `calls` (kinds, CALL_CAUSES, 2): accounts of both runs whose value of a
    call a cause touched, and its change; `expected` (kinds, EXPECTED_CAUSES) the change of expected value; `tiers` and
    `quadrants` (kinds, before, after) count them by where they were and are.
    """

    parts: Any = field(default_factory=lambda: np.zeros((len(KINDS), len(CAUSES), 3), object))
    kept: Any = field(default_factory=lambda: np.zeros((len(KINDS), 3), object))
    new: Any = field(default_factory=lambda: np.zeros((len(KINDS), 3), object))
    gone: Any = field(default_factory=lambda: np.zeros((len(KINDS), 3), object))
    turned: Any = field(default_factory=lambda: np.zeros(len(KINDS), np.int64))
    calls: Any = field(default_factory=lambda: np.zeros((len(KINDS), len(CALL_CAUSES), 2), object))
    expected: Any = field(default_factory=lambda: np.zeros((len(KINDS), len(EXPECTED_CAUSES)), object))
    tiers: Any = field(default_factory=lambda: np.zeros((len(KINDS), len(TIERS), len(TIERS)), np.int64))
    quadrants: Any = field(default_factory=lambda: np.zeros((len(KINDS), len(QUADRANTS), len(QUADRANTS)), np.int64))


def exact_sum(amounts: Any) -> Any:
    """Sums over the last axis of int64 amounts (..., m): whole numbers (...) of any size, as 64 bits may not do."""
    high, low = (half.sum(axis=-1).astype(object) for half in (amounts >> _HALF, amounts & (1 << _HALF) - 1))
    return high * (1 << _HALF) + low


def add_accounts(sums: Any, sales: Any, potential: Any, whitespace: Any) -> None:
    """Add accounts to sums (kinds, 3) of accounts, potential and whitespace."""
    for kind in range(len(KINDS)):
        here = (sales > 0) == bool(kind)
        money = [exact_sum(cents(np.asarray(column))[here]) for column in (potential, whitespace)]
        sums[kind] += np.array([int(np.count_nonzero(here)), *money], object)


def add_changes(totals: Totals, changes: Changes, bought: Any, buys: Any) -> None:
    """Add changes to the totals, by whether the accounts (m,) bought in the first run and buy in the second."""
    open_parts = changes.whitespace_parts
    for kind in range(len(KINDS)):
        here = buys == bool(kind)
        change = [exact_sum((after - before)[here]) for before, after in (changes.potential, changes.whitespace)]
        totals.kept[kind] += np.array([int(np.count_nonzero(here)), *change], object)
        totals.turned[kind] += np.count_nonzero(here & (bought != buys))
        touched = np.count_nonzero((changes.parts != 0)[:, here] | (open_parts != 0)[:, here], axis=1)
        sums = [exact_sum(part[:, here]) for part in (changes.parts, open_parts)]
        totals.parts[kind] += np.stack([touched, *sums], axis=1)


def add_priority(totals: Totals, change: PriorityChange, buys: Any) -> None:
    """Add what priority did to the totals, by whether the accounts (m,) buy in the second run."""
    for kind in range(len(KINDS)):
        here = buys == bool(kind)
        calls = change.call[:, here]
        totals.calls[kind] += np.stack([np.count_nonzero(calls, axis=1), exact_sum(calls)], axis=1)
        totals.expected[kind] += exact_sum(change.expected[:, here])
        for sums, name in ((totals.tiers, "tier"), (totals.quadrants, "quadrant")):
            np.add.at(sums[kind], tuple(getattr(standing, name)[here] for standing in (change.before, change.after)), 1)
