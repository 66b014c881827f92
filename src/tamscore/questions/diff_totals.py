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
    from collections.abc import Iterator

    from tamscore.questions.diff import Changes
    from tamscore.questions.diff_priority import PriorityChange


_LARGEST = 2**63 - 1
_HALF = 32
"""Bits of half an amount: the halves of as many amounts as there are accounts sum up within 64 bits."""


@dataclass
class Totals:
    """Sums over accounts by kind in the second run, in the order of KINDS; money in cents, as exact whole numbers.

    `parts` (kinds, causes, 3): accounts that a cause touched, change of potential, change of whitespace. `both`, `new`
    and `gone` (kinds, 3): accounts, potential, whitespace; of those kept the changes of both. `turned` (kinds,): kept
    accounts that were of the other kind before. `calls` (kinds, CALL_CAUSES, 2): accounts of both runs whose value of a
    call a cause touched, and its change; `expected` (kinds, EXPECTED_CAUSES) the change of expected value; `tiers` and
    `quadrants` (kinds, before, after) count them by where they were and are.
    """

    parts: Any = field(default_factory=lambda: np.zeros((len(KINDS), len(CAUSES), 3), object))
    both: Any = field(default_factory=lambda: np.zeros((len(KINDS), 3), object))
    new: Any = field(default_factory=lambda: np.zeros((len(KINDS), 3), object))
    gone: Any = field(default_factory=lambda: np.zeros((len(KINDS), 3), object))
    turned: Any = field(default_factory=lambda: np.zeros(len(KINDS), np.int64))
    calls: Any = field(default_factory=lambda: np.zeros((len(KINDS), len(CALL_CAUSES), 2), object))
    expected: Any = field(default_factory=lambda: np.zeros((len(KINDS), len(EXPECTED_CAUSES)), object))
    tiers: Any = field(default_factory=lambda: np.zeros((len(KINDS), len(TIERS), len(TIERS)), np.int64))
    quadrants: Any = field(default_factory=lambda: np.zeros((len(KINDS), len(QUADRANTS), len(QUADRANTS)), np.int64))


def exact_sum(amounts: Any) -> Any:
    """Sums over the last axis of int64 amounts (..., m): whole numbers (...) of any size, as 64 bits may not do."""
    rows = amounts.shape[-1]
    if amounts.size and max(-int(amounts.min()), int(amounts.max())) < _LARGEST // rows:
        return amounts.sum(axis=-1).astype(object)
    high, low = (half.sum(axis=-1).astype(object) for half in (amounts >> _HALF, amounts & (1 << _HALF) - 1))
    return high * (1 << _HALF) + low


def _by_kind(buys: Any, *rows: Any) -> Iterator[tuple[Any, ...]]:
    """Yield for each kind a summation of rows (n, m) of whole numbers: of those that do not buy (m,), and that do.

    Few buy: their part of the sum over all rows is taken off, which is exact.
    """
    at = np.flatnonzero(buys)
    whole = [exact_sum(block) for block in rows]
    mine = [exact_sum(np.take(block, at, axis=-1)) for block in rows]
    yield tuple(total - part for total, part in zip(whole, mine, strict=True))
    yield tuple(mine)


def add_accounts(sums: Any, sales: Any, potential: Any, whitespace: Any) -> None:
    """Add accounts to sums (kinds, 3) of accounts, potential and whitespace."""
    for kind in range(len(KINDS)):
        here = (sales > 0) == bool(kind)
        money = [exact_sum(cents(np.asarray(column))[here]) for column in (potential, whitespace)]
        sums[kind] += np.array([int(np.count_nonzero(here)), *money], object)


def add_changes(totals: Totals, changes: Changes, bought: Any, buys: Any) -> None:
    """Add changes to the totals, by whether the accounts (m,) bought in the first run and buy in the second."""
    open_parts = changes.whitespace_parts
    money = np.stack([after - before for before, after in (changes.potential, changes.whitespace)])
    counts = np.stack([np.ones(len(buys), bool), bought != buys, *((changes.parts != 0) | (open_parts != 0))])
    sums = _by_kind(buys, counts, money, changes.parts, open_parts)
    for kind, (counted, change, own, free) in enumerate(sums):
        totals.both[kind] += np.array([counted[0], *change], object)
        totals.turned[kind] += counted[1]
        totals.parts[kind] += np.stack([counted[2:], own, free], axis=1)


def add_priority(totals: Totals, change: PriorityChange, buys: Any) -> None:
    """Add what priority did to the totals, by whether the accounts (m,) buy in the second run."""
    sums = _by_kind(buys, change.call != 0, change.call, change.expected)
    for kind, (counted, call, expected) in enumerate(sums):
        totals.calls[kind] += np.stack([counted, call], axis=1)
        totals.expected[kind] += expected
    for counts, name in ((totals.tiers, "tier"), (totals.quadrants, "quadrant")):
        before, after = (getattr(standing, name).astype(np.int64) for standing in (change.before, change.after))
        flat = (buys * counts.shape[1] + before) * counts.shape[2] + after
        np.add(counts, np.bincount(flat, minlength=counts.size).reshape(counts.shape), out=counts)
