"""Boosted trees on the host: leaves of all trees are looked up row by row, as products with sparse rows of ones.

A row of such a product reads the tables once and adds up in the cache, where `trees` writes a column for every tree.
The sums are the same: scores are added tree by tree, and what columns add is exact in whatever order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.sections.propensity.trees import Pair, ScoringTrees

MOST_LEAVES = 16
"""Sets of leaves fit into the bits of a short number, leaves of two trees into a byte."""


@dataclass(frozen=True)
class HostTables:
    """What trees say by leaf: the score (1 + trees,) · leaves, that without any tree first, and what columns add.

    `added` comes for each group of columns, (pairs · leaves ** 2, columns). `ones` is what products of a block are made
    of, which are the same for every block.
    """

    score: Any
    added: list[Any]
    ones: Any

    @classmethod
    def of(cls, trees: ScoringTrees) -> HostTables:
        """The tables of trees on the host."""
        items = [
            (first[::MOST_LEAVES], second[:MOST_LEAVES]) for first, second in (pair.scores for pair in trees.pairs)
        ]
        score = np.concatenate([np.full(MOST_LEAVES, trees.base), *(part for two in items for part in two)])
        added = [_table_of(trees.pairs, *group) for group in enumerate(trees.groups)]
        return cls(score, added, np.ones(trees.block_rows * (1 + 2 * len(trees.pairs))))


def explain_rows(trees: ScoringTrees, tables: HostTables, cells: Mapping[int, Any], rows: int) -> tuple[Any, list[Any]]:
    """The score (m,) of a few rows with cells (m,), and what the columns of each group add (m, columns)."""
    leaf = _leaves_of(trees, cells, rows)
    pairs = _selection(tables, leaf[:, 0::2] * np.uint8(MOST_LEAVES) + leaf[:, 1::2], MOST_LEAVES**2)
    score = _selection(tables, np.insert(leaf, 0, 0, axis=1), MOST_LEAVES) @ tables.score
    return score, [pairs @ table for table in tables.added]


def _leaves_of(trees: ScoringTrees, cells: Mapping[int, Any], rows: int) -> Any:
    """The leaf (m, trees) uint8 of every row in each tree."""
    struck = np.zeros((rows, 2 * len(trees.pairs)), np.uint16)
    also = np.empty_like(struck)
    for column, table in trees.struck.items():
        struck |= table.take(cells[column], axis=0, out=also, mode="clip")  # only so does it write into `also` itself
    return trees.firsts.take(struck, mode="clip")


def _selection(tables: HostTables, place: Any, size: int) -> Any:
    """A sparse matrix (m, n · size) with a one in each row at each of its places (m, n) in tables of a size."""
    from scipy.sparse import csr_array

    rows, count = place.shape
    column = place + np.arange(0, count * size, size, dtype=np.int32)
    starts = np.arange(rows + 1, dtype=np.int32) * np.int32(count)
    return csr_array((tables.ones[: rows * count], column.ravel(), starts), shape=(rows, count * size))


def _table_of(pairs: Sequence[Pair], group: int, columns: Sequence[int]) -> Any:
    """What the columns of a group add by the leaves of each pair, (pairs · leaves ** 2, columns)."""
    nothing = np.zeros((MOST_LEAVES**2, len(columns)))
    return np.concatenate([pair.added.get(group, nothing) for pair in pairs])
