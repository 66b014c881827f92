"""Blocks whose categories are codes: what indicators of their levels would say, in less room and with fewer products.

The product of centers and rows is that over the numbers, plus an entry of a table for each category.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.backend import Array


@dataclass(frozen=True)
class CodedBlock:
    """A block (d, m) of whole numbers: `numbers` (n, m) float32, then the code (m,) int64 of each of some categories.

    A category of so many levels stands for as many features, of which that of the code is `on` and all others are 0;
    d is n plus the sum of `sizes`.
    """

    numbers: Array
    codes: tuple[Array, ...]
    sizes: tuple[int, ...]
    on: float

    @property
    def shape(self) -> tuple[int, int]:
        """Features d and rows m."""
        return self.numbers.shape[0] + sum(self.sizes), self.numbers.shape[1]

    @property
    def device(self) -> Any:
        """The device that it lies on."""
        return self.numbers.device

    @property
    def nbytes(self) -> int:
        """The bytes that it takes."""
        return int(self.numbers.nbytes + sum(code.nbytes for code in self.codes))

    def part(self, rows: slice) -> CodedBlock:
        """Neighbouring rows."""
        return replace(self, numbers=self.numbers[:, rows], codes=tuple(code[rows] for code in self.codes))

    def taken(self, xp: Any, rows: Array) -> CodedBlock:
        """The rows at the places (r,) given."""
        codes = tuple(xp.take(code, rows) for code in self.codes)
        return replace(self, numbers=xp.take(self.numbers, rows, axis=1), codes=codes)

    def of_categories(self, values: Any) -> Iterator[tuple[Array, Any]]:
        """Yield the codes (m,) of each category and the part of values (k, d) by feature that belongs to it."""
        start = self.numbers.shape[0]
        for code, size in zip(self.codes, self.sizes, strict=True):
            yield code, values[:, start : start + size]
            start += size

    def dense(self, xp: Any) -> Array:
        """The block (d, m) float32 with an indicator for every level."""
        empty = xp.empty(self.shape, dtype=xp.float32, device=self.device)
        place = self.numbers.shape[0]
        empty[:place, :] = self.numbers
        for code, size in zip(self.codes, self.sizes, strict=True):
            for level in range(size):
                empty[place + level, :] = xp.astype(code == level, xp.float32) * self.on
            place += size
        return empty


Block = Any
"""An array (d, m) float32 of whole numbers, or such a block with codes."""


def dense(xp: Any, block: Block) -> Array:
    """The block as an array (d, m)."""
    return block.dense(xp) if isinstance(block, CodedBlock) else block


def numbers_of(block: Block) -> Array:
    """The rows of a block (n, m) that are no levels of a category with a code."""
    return block.numbers if isinstance(block, CodedBlock) else block


def part(block: Block, rows: slice) -> Block:
    """Neighbouring rows of a block."""
    return block.part(rows) if isinstance(block, CodedBlock) else block[:, rows]


def rows_at(xp: Any, block: Block, rows: Array) -> Block:
    """The rows of a block at the places (r,) given."""
    return block.taken(xp, rows) if isinstance(block, CodedBlock) else xp.take(block, rows, axis=1)


def join(xp: Any, blocks: Sequence[Block]) -> Block:
    """The rows of blocks of one kind, one block after the other."""
    first = blocks[0]
    if not isinstance(first, CodedBlock):
        return xp.concat(blocks, axis=1)
    codes = tuple(xp.concat(parts) for parts in zip(*(block.codes for block in blocks), strict=True))
    return replace(first, numbers=xp.concat([block.numbers for block in blocks], axis=1), codes=codes)


def category_norm(block: Block) -> float:
    """The part of the squared norm of every row of a block that its categories with codes add."""
    return len(block.codes) * block.on**2 if isinstance(block, CodedBlock) else 0.0


def products(xp: Any, centers: Array, block: Block) -> Array:
    """The product (k, m) float64 of centers (k, d) and rows; exact, and so the same for either kind of block."""
    if not isinstance(block, CodedBlock):
        return centers @ xp.astype(block, xp.float64)
    result = centers[:, : block.numbers.shape[0]] @ xp.astype(block.numbers, xp.float64)
    for code, table in block.of_categories(centers):
        result = result + xp.take(table * block.on, code, axis=1)
    return result


def host_products(centers: Any, block: Block, numbers: Any) -> Any:
    """Return products on the host, in the type of the given `numbers` (n, m) of the block."""
    result = centers[:, : len(numbers)].astype(numbers.dtype) @ numbers
    if isinstance(block, CodedBlock):
        added = np.empty_like(result)
        for code, table in block.of_categories(centers):
            result += np.take((table * block.on).astype(numbers.dtype), code, axis=1, out=added, mode="clip")
    return result
