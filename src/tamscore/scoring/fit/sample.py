"""The second pass: the raw rows that the model is fitted on, drawn by account id; or every row, kept as blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.features import Encoding, joined_texts, read_features, take
from tamscore.stages.blocks import BatchStats, BlockRows, DrawnBlock, Farthest, Span
from tamscore.stages.draw import LAST, draw_number, threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.schema import InputColumns
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.stages.shares import Shares
    from tamscore.stages.space import Space


@dataclass(frozen=True)
class RowDraw:
    """Which rows are drawn: the seed, and per party type the draw number up to which rows are taken.

    Customers are taken up to a number of their own.
    """

    seed: int
    up_to: dict[int, int]
    customers_up_to: dict[int, int]

    def drawn(self, item: PartRows, numbers: Any, party: int) -> Any:
        """The positions of the rows of a party type that are drawn, given the draw numbers (m,) of all rows."""
        at = item.of_party(party)
        further = self.customers_up_to[party]
        rows = at[numbers[at] <= np.uint64(self.up_to[party])]
        if further <= self.up_to[party]:
            return rows
        buyers = np.intersect1d(at, np.asarray(item.buyers, dtype=at.dtype), assume_unique=True)
        return np.union1d(rows, buyers[numbers[buyers] <= np.uint64(further)])


def last_drawn(parts: Sequence[PartRows], party: int, seed: int, wanted: int) -> tuple[int, int]:
    """The draw number up to which (inclusive) so many rows of a party type are drawn, and how many these are.

    They are all where there are fewer, and more than wanted only where ids share a hash. Numbers are spread evenly, so
    that those up to a bound hold about half as many rows again, and no others are kept.
    """
    rows = sum(part.count_of(party) for part in parts)
    bound = min(LAST, 3 * 2**63 * wanted // max(rows, 1))
    while True:
        low = [_drawn_up_to(part, party, seed, bound) for part in parts]
        if bound == LAST or sum(map(len, low)) > wanted:
            last = threshold(low, wanted)
            return last, sum(int(np.count_nonzero(numbers <= np.uint64(last))) for numbers in low)
        bound = min(LAST, 2 * bound)


def last_customer(parts: Sequence[PartRows], party: int, seed: int, wanted: int) -> int:
    """The draw number up to which (inclusive) so many customers are drawn; all where there are fewer."""
    return threshold([_customer_numbers(part, party, seed) for part in parts], wanted)


def _customer_numbers(part: PartRows, party: int, seed: int) -> Any:
    """The draw numbers (c,) of the customers of a party type in a partition that may be scored."""
    buyers = np.asarray(part.buyers, dtype=np.int64)
    return draw_number(part.hashes[buyers[part.scored_of(party)[buyers]]], seed)


def _drawn_up_to(part: PartRows, party: int, seed: int, bound: int) -> Any:
    """The draw numbers (s,) of the rows of a party type up to a bound, inclusive."""
    numbers = draw_number(part.hashes, seed)
    return numbers[part.scored_of(party) & (numbers <= np.uint64(bound))]


@dataclass(frozen=True)
class SampledRows:
    """Drawn rows of one party type on the host: draw numbers, sales, numeric and text columns, all (s,).

    Sales are there to judge features and clusters by; nothing is fitted on them. NaN where they are missing.
    """

    numbers: Any
    sales: Any
    numeric: dict[str, Any]
    texts: dict[str, pa.Array]

    def __len__(self) -> int:
        """The number of rows s."""
        return len(self.numbers)

    def taken(self, rows: Any) -> SampledRows:
        """The rows at the positions given."""
        numeric = {name: column[rows] for name, column in self.numeric.items()}
        return SampledRows(self.numbers[rows], self.sales[rows], numeric, take(self.texts, rows))


def draw_sample(item: PartRows, columns: InputColumns, draw: RowDraw, backend: Backend) -> dict[int, SampledRows]:
    """The drawn rows of a partition by party type; rows with numbers out of range are left out."""
    numbers = draw_number(item.hashes, draw.seed)
    drawn = {party: draw.drawn(item, numbers, party) for party in draw.up_to}
    rows = np.sort(np.concatenate(list(drawn.values())))
    if not len(rows):
        return {}
    features = read_features(item.partition, columns, backend, rows)
    xp, record = backend.xp, {}
    for party, of_party in drawn.items():
        place = np.searchsorted(rows, of_party)
        place = place[features.usable[place]]
        row, at = rows[place], backend.put(place)
        numeric = {name: backend.get(xp.take(column, at)) for name, column in features.numeric.items()}
        record[party] = SampledRows(numbers[row], features.sales[place], numeric, take(features.texts, place))
    return record


class GatheredRows:
    """Drawn rows of a party type as they come in, copied to where they stay: no row is in memory twice."""

    def __init__(self, names: Sequence[str], rows: int) -> None:
        self._count, self._texts = 0, list[dict[str, Any]]()
        self._numbers, self._sales = np.empty(rows, np.uint64), np.empty(rows)
        self._numeric = {name: np.empty(rows) for name in names}

    def add(self, drawn: SampledRows) -> None:
        """Take the drawn rows of one more partition."""
        here = slice(self._count, self._count + len(drawn))
        self._count = here.stop
        self._numbers[here], self._sales[here] = drawn.numbers, drawn.sales
        for name, column in self._numeric.items():
            column[here] = drawn.numeric[name]
        self._texts.append(drawn.texts)

    def in_order(self) -> SampledRows:
        """All rows in order of their draw numbers: the same for every partitioning. Nothing may be added any more."""
        order = np.argsort(self._numbers[: self._count], kind="stable")
        numeric = {name: self._numeric.pop(name)[order] for name in list(self._numeric)}
        texts = take(joined_texts(self._texts), order)
        return SampledRows(self._numbers[order], self._sales[order], numeric, texts)


@dataclass(frozen=True)
class StreamedRows:
    """Every row of a party type in a partition, read again for each pass: `kmeans.Rows` that take no memory between."""

    item: PartRows
    encoding: Encoding
    space: Space
    seed: int
    backend: Backend

    def __sizeof__(self) -> int:
        """The bytes that the reasons, party types and id hashes of its rows take."""
        arrays = self.item.reason, self.item.party, self.item.hashes
        return object.__sizeof__(self) + int(sum(array.nbytes for array in arrays))

    def accumulate(self, centers: Any, span: Span | None = None) -> BatchStats:
        """The statistics of all rows, or of those in the span."""
        return self.read().accumulate(centers, span)

    def farthest(self, centers: Any) -> Farthest:
        """The row that lies farthest from its nearest center."""
        return self.read().farthest(centers)

    def shares(self, centers: Any) -> Shares:
        """Return what each of the centers, two at least, has to do with the inertia."""
        return self.read().shares(centers)

    def read(self) -> BlockRows:
        """The rows as blocks."""
        return read_blocks(self.item, self.encoding, self.space, self.seed, self.backend)


def keep_rows(
    item: tuple[PartRows, bool], encoding: Encoding, space: Space, seed: int, backend: Backend
) -> BlockRows | StreamedRows:
    """Every row of a party type in a partition for the fit: as blocks where they may stay, else to be read again."""
    part, stays = item
    if stays:
        return read_blocks(part, encoding, space, seed, backend)
    return StreamedRows(part, encoding, space, seed, backend)


def read_blocks(item: PartRows, encoding: Encoding, space: Space, seed: int, backend: Backend) -> BlockRows:
    """Every row of a party type in a partition as blocks sorted by draw number."""
    features = read_features(item.partition, encoding.columns, backend)
    rows = features.rows_of(item, encoding.party)
    numbers = draw_number(item.hashes[rows], seed)
    order = np.argsort(numbers, kind="stable")
    blocks = space.blocks(backend, features.raw(rows[order], encoding, backend))
    return BlockRows(backend, drawn_blocks(blocks, numbers[order], backend.block_rows))


def drawn_blocks(blocks: Sequence[Any], numbers: Any, block_rows: int) -> list[DrawnBlock]:
    """Blocks with the draw numbers (m,) of their rows."""
    return [DrawnBlock(block, numbers[i * block_rows : (i + 1) * block_rows]) for i, block in enumerate(blocks)]
