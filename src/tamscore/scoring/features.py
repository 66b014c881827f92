"""The features of a partition, read once: from its columns to the raw rows of each party type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import as_dictionary, float_column
from tamscore.errors import InputContractError
from tamscore.stages import contract
from tamscore.stages.space import RawRows
from tamscore.store import tables
from tamscore.store.location import is_local
from tamscore.store.substituting import convert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.backend import Array, Backend
    from tamscore.schema import InputColumns, Partition
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.stages.prepare import Vocabulary
    from tamscore.substitution import SubstituteSums


@dataclass(frozen=True)
class Encoding:
    """What turns a partition's columns into the raw rows of one party type."""

    columns: InputColumns
    party: int
    vocabularies: tuple[Vocabulary, ...]
    segments: Vocabulary | None

    @property
    def places(self) -> int:
        """The number of market segments, one where the job has none."""
        return len(self.segments.all_levels) if self.segments else 1

    def raw(self, backend: Backend, numeric: dict[str, Array], texts: dict[str, pa.Array], rows: int) -> RawRows:
        """Rows with their categories and market segment as codes on the device."""
        segment = self.segments.encode(texts[self.segments.column]) if self.segments else np.zeros(rows, np.int64)
        codes = {v.column: backend.put(v.encode(texts[v.column])) for v in self.vocabularies}
        return RawRows(numeric, codes, backend.put(segment))


@dataclass(frozen=True)
class PartFeatures:
    """The features of neighbouring rows of a partition, and their sales: numbers (m,) on the device.

    Sales, texts and usability (m,) are on the host. `first` is the position of the first row in the partition.
    """

    numeric: dict[str, Array]
    sales: Any
    texts: dict[str, pa.Array]
    usable: Any
    first: int = 0

    @property
    def here(self) -> slice:
        """Return where the rows stand in the partition."""
        return slice(self.first, self.first + len(self.usable))

    def rows_of(self, item: PartRows, party: int) -> Any:
        """The positions among these rows of those of a party type that may be scored and whose numbers are usable."""
        return np.flatnonzero(item.scored_of(party)[self.here] & self.usable)

    def fill_in(self, scored: Any, backend: Backend) -> dict[str, int]:
        """Return how many of the rows that are scored, (m,) bool, miss a number and get the median, by column."""
        xp, rows = backend.xp, backend.put(scored)
        counts = {name: xp.count_nonzero(xp.isnan(column) & rows) for name, column in self.numeric.items()}
        return {name: int(count) for name, count in counts.items()}

    def raw(self, rows: Any, encoding: Encoding, backend: Backend) -> RawRows:
        """The rows at the positions given, as a party type's model wants them."""
        if np.array_equal(rows, np.arange(len(self.usable))):
            return encoding.raw(backend, self.numeric, self.texts, len(rows))
        at = backend.put(rows)
        numeric = {name: backend.xp.take(column, at) for name, column in self.numeric.items()}
        return encoding.raw(backend, numeric, texts_at(self.texts, rows), len(rows))


def read_features(
    partition: Partition, columns: InputColumns, backend: Backend, rows: Any | None = None
) -> PartFeatures:
    """The features of a whole partition, or of its rows at the positions given."""
    pieces = list(stream_features(partition, columns, backend, rows))
    if len(pieces) == 1:
        return pieces[0]
    numeric = {name: backend.xp.concat([piece.numeric[name] for piece in pieces]) for name in columns.numeric}
    texts = joined_texts([piece.texts for piece in pieces])
    sales, usable = (
        np.concatenate(parts) for parts in zip(*((piece.sales, piece.usable) for piece in pieces), strict=True)
    )
    return PartFeatures(numeric, sales, texts, usable)


def stream_features(
    partition: Partition, columns: InputColumns, backend: Backend, rows: Any | None = None
) -> Iterator[PartFeatures]:
    """The features of a partition, or of its rows at the positions given, as many at a time as the backend reads.

    Rows are usable where float32 can hold each of their numbers.
    """
    names = list(dict.fromkeys((*columns.numeric, columns.sales)))
    texts, stop = read_texts(partition, columns, rows), 0
    for arrays in _stream_numbers(partition, names, backend, rows):
        read = dict(zip(names, arrays, strict=True))
        numeric, sales = {name: read[name] for name in columns.numeric}, np.asarray(backend.get(read[columns.sales]))
        start, stop = stop, stop + len(sales)
        usable = np.ones(len(sales), dtype=bool)
        if numeric:
            usable = np.asarray(backend.get(contract.usable(backend.xp, list(numeric.values()))))
        here = {name: text.slice(start, len(sales)) for name, text in texts.items()}
        yield PartFeatures(numeric, sales, here, usable, start)


def _stream_numbers(
    partition: Partition, names: list[str], backend: Backend, rows: Any | None
) -> Iterator[Sequence[Array]]:
    """Columns of numbers of a partition, or of some rows, on the device; InputContractError if they cannot be."""
    for piece in partition.pieces:
        tables.require_stamp(piece.path, piece.stamp)
    try:
        with tables.decoding(partition):
            read = _decode if _are_stored(partition, names) else _fetch
            yield from read(backend, partition, names, rows)
    except InputContractError:
        tables.read(partition, names)  # fails as well, and names the file among several
        raise


def _are_stored(partition: Partition, names: Sequence[str]) -> bool:
    """Return whether columns stand in files on this machine's disks, so that a backend can decode them itself."""
    pieces = {constant.name for piece in partition.pieces for constant in piece.constants}
    return is_local(partition.path) and pieces.isdisjoint(names)


def _decode(backend: Backend, partition: Partition, names: list[str], rows: Any | None) -> Iterator[Sequence[Array]]:
    """Yield the same as the backend decodes them itself, with the amounts that the partition's substitution gives."""
    how, money = partition.substitution, set(partition.substitution.money) & set(names)
    result = backend.read(partition, names, rows)
    if not money:
        yield from result
        return
    units = tables.money_factors(partition)
    places, stop = np.arange(partition.rows) if rows is None else np.asarray(rows), 0
    for arrays in result:
        start, stop = stop, stop + arrays[0].shape[0]
        at, changed = places[start:stop], list(arrays)
        for place, name in enumerate(names):
            if units is not None and how.rates and name in how.rates.money:
                changed[place] = convert(backend.xp, changed[place], backend.put(units[at]))
            if partition.sums is not None and name == how.summed:
                changed[place] = _with_sums(backend, changed[place], at, partition.sums)
        yield changed


def _with_sums(backend: Backend, sales: Array, at: Any, sums: SubstituteSums) -> Array:
    """Sales (m,) of the rows at some places of a partition, with those of several rows where they are added up."""
    place = np.minimum(np.searchsorted(sums.rows, at), max(len(sums.rows) - 1, 0))
    known = sums.rows[place] == at
    put = backend.put
    return backend.xp.where(put(known), put(np.where(known, sums.amounts[place], 0.0)), sales)


def _fetch(backend: Backend, partition: Partition, names: list[str], rows: Any | None) -> Iterator[list[Array]]:
    """Yield the same of objects, which a backend has no client for: decoded on the host, then put on the device."""
    table = tables.read(partition, names)
    table = table if rows is None else table.take(rows)
    yield [backend.put(float_column(table[name])) for name in names]


def read_texts(partition: Partition, columns: InputColumns, rows: Any | None = None) -> dict[str, pa.Array]:
    """The categorical columns and the market segment of a partition, or of some rows, dictionary-encoded."""
    segment = (columns.market_segment,) if columns.market_segment else ()
    names = list(dict.fromkeys((*columns.categorical, *segment)))
    if not names:
        return {}
    table = tables.read(partition, names, dictionary=names)
    texts = {name: as_dictionary(table[name]) for name in names}
    return texts if rows is None else texts_at(texts, rows)


def texts_at(texts: dict[str, pa.Array], rows: Any) -> dict[str, pa.Array]:
    """The texts of the rows at the positions given."""
    return {name: text.take(rows) for name, text in texts.items()}


def joined_texts(parts: Sequence[dict[str, pa.Array]]) -> dict[str, pa.Array]:
    """The texts of several parts one after another, by column; nothing of no parts."""
    import pyarrow as pa

    return {
        name: as_dictionary(pa.chunked_array([part[name] for part in parts])) for name in (parts[0] if parts else ())
    }
