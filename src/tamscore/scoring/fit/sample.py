"""The second pass: the rows that the model is fitted on, sampled by account id; or every row, stored as blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.features import Encoding, joined_texts, read_features, texts_at
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
    """The rows that are drawn: the seed and, per party type, the highest draw number of rows that are taken.

    Customers have a limit of their own.
    """

    seed: int
    up_to: dict[int, int]
    customers_up_to: dict[int, int]

    def drawn(self, item: PartRows, numbers: Any, party: int) -> Any:
        """Return the positions of the drawn rows of a party type, given the draw numbers (m,) of all rows."""
        at = item.of_party(party)
        further = self.customers_up_to[party]
        rows = at[numbers[at] <= np.uint64(self.up_to[party])]
        if further <= self.up_to[party]:
            return rows
        buyers = np.intersect1d(at, np.asarray(item.buyers, dtype=at.dtype), assume_unique=True)
        return np.union1d(rows, buyers[numbers[buyers] <= np.uint64(further)])


def last_drawn(parts: Sequence[PartRows], party: int, seed: int, wanted: int) -> tuple[int, int]:
    """Return the draw number up to which (inclusive) `wanted` rows of a party type are drawn, and their number.

    All rows are drawn if there are fewer, and more than wanted only if ids share a hash. Numbers are uniform, so that
    those up to a bound hold about half as many rows again; only these are compared.
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
    """Return the draw number up to which (inclusive) `wanted` customers are drawn; all if there are fewer."""
    return threshold([_customer_numbers(part, party, seed) for part in parts], wanted)


def _customer_numbers(part: PartRows, party: int, seed: int) -> Any:
    """Return the draw numbers (c,) of the customers of a party type in a partition that may be scored."""
    buyers = np.asarray(part.buyers, dtype=np.int64)
    return draw_number(part.hashes[buyers[part.scored_of(party)[buyers]]], seed)


def _drawn_up_to(part: PartRows, party: int, seed: int, bound: int) -> Any:
    """Return the draw numbers (s,) of the rows of a party type up to a bound, inclusive."""
    numbers = draw_number(part.hashes, seed)
    return numbers[part.scored_of(party) & (numbers <= np.uint64(bound))]


@dataclass(frozen=True)
class SampledRows:
    """Drawn rows of one party type on the host: draw numbers, sales, numeric and text columns, all (s,).

    Sales serve to judge features and clusters; nothing is fitted on them. Missing sales are NaN.
    """

    numbers: Any
    sales: Any
    numeric: dict[str, Any]
    texts: dict[str, pa.Array]

    def __len__(self) -> int:
        """The number of rows s."""
        return len(self.numbers)

    def taken(self, rows: Any) -> SampledRows:
        """Return the rows at the given positions."""
        numeric = {name: column[rows] for name, column in self.numeric.items()}
        return SampledRows(self.numbers[rows], self.sales[rows], numeric, texts_at(self.texts, rows))


def draw_sample(item: PartRows, columns: InputColumns, draw: RowDraw, backend: Backend) -> dict[int, SampledRows]:
    """Return the drawn rows of a partition by party type; rows with numbers out of range are left out."""
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
        record[party] = SampledRows(numbers[row], features.sales[place], numeric, texts_at(features.texts, place))
    return record


class GatheredRows:
    """Drawn rows of a party type, copied to their final place as they arrive, so that no row is in memory twice."""

    def __init__(self, names: Sequence[str], rows: int) -> None:
        self._count, self._texts = 0, list[dict[str, Any]]()
        self._numbers, self._sales = np.empty(rows, np.uint64), np.empty(rows)
        self._numeric = {name: np.empty(rows) for name in names}

    def add(self, drawn: SampledRows) -> None:
        """Add the drawn rows of one more partition."""
        here = slice(self._count, self._count + len(drawn))
        self._count = here.stop
        self._numbers[here], self._sales[here] = drawn.numbers, drawn.sales
        for name, column in self._numeric.items():
            column[here] = drawn.numeric[name]
        self._texts.append(drawn.texts)

    def in_order(self) -> SampledRows:
        """Return all rows in order of draw number, the same for every partitioning; no rows may be added then."""
        order = np.argsort(self._numbers[: self._count], kind="stable")
        numeric = {name: self._numeric.pop(name)[order] for name in list(self._numeric)}
        texts = texts_at(joined_texts(self._texts), order)
        return SampledRows(self._numbers[order], self._sales[order], numeric, texts)


@dataclass(frozen=True)
class StreamedRows:
    """Every row of a party type in a partition, read again for each pass: `kmeans.Rows` without memory in between."""

    item: PartRows
    encoding: Encoding
    space: Space
    seed: int
    backend: Backend

    def __sizeof__(self) -> int:
        """Return the bytes of the reasons, party types and id hashes of its rows."""
        arrays = self.item.reason, self.item.party, self.item.hashes
        return object.__sizeof__(self) + int(sum(array.nbytes for array in arrays))

    def accumulate(self, centers: Any, span: Span | None = None) -> BatchStats:
        """Return the statistics of all rows, or of those in the span."""
        return self.read().accumulate(centers, span)

    def farthest(self, centers: Any) -> Farthest:
        """Return the row farthest from its nearest center."""
        return self.read().farthest(centers)

    def shares(self, centers: Any) -> Shares:
        """Return the share of each of the centers, at least two, in the inertia."""
        return self.read().shares(centers)

    def read(self) -> BlockRows:
        """Return the rows as blocks."""
        return read_blocks(self.item, self.encoding, self.space, self.seed, self.backend)


def keep_rows(
    item: tuple[PartRows, bool], encoding: Encoding, space: Space, seed: int, backend: Backend
) -> BlockRows | StreamedRows:
    """Return every row of a party type in a partition for the fit: blocks if they may stay, else to be read again."""
    part, stays = item
    if stays:
        return read_blocks(part, encoding, space, seed, backend)
    return StreamedRows(part, encoding, space, seed, backend)


def read_blocks(item: PartRows, encoding: Encoding, space: Space, seed: int, backend: Backend) -> BlockRows:
    """Return every row of a party type in a partition as blocks sorted by draw number."""
    features = read_features(item.partition, encoding.columns, backend)
    rows = features.rows_of(item, encoding.party)
    numbers = draw_number(item.hashes[rows], seed)
    order = np.argsort(numbers, kind="stable")
    blocks = space.blocks(backend, features.raw(rows[order], encoding, backend))
    return BlockRows(backend, drawn_blocks(blocks, numbers[order], backend.block_rows))


def drawn_blocks(blocks: Sequence[Any], numbers: Any, block_rows: int) -> list[DrawnBlock]:
    """Return blocks with the draw numbers (m,) of their rows."""
    return [DrawnBlock(block, numbers[i * block_rows : (i + 1) * block_rows]) for i, block in enumerate(blocks)]
