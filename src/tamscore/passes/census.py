"""The first pass: who is there, who may be scored, and the numbers by which rows are drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import float_column
from tamscore.errors import InputContractError
from tamscore.schema import LONGEST_ID, PARTY_TYPES, InputColumns, Partition, Reason
from tamscore.stages import contract, draw
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa


@dataclass(frozen=True)
class PartRows:
    """The rows of one partition as the run remembers them: reason (m,) uint8, party (m,) int8, hash (m,) uint64.

    `buyers` (c,) are the positions of rows with sales above 0, and `bought` (c,) float64 their sales.
    """

    partition: Partition
    reason: Any
    party: Any
    hashes: Any
    sales_missing: int
    segments: dict[str | None, int]
    buyers: Any = ()
    bought: Any = ()

    @property
    def hashes_of_ids(self) -> Any:
        """The hashes of the rows that have an id."""
        there = self.reason != Reason.MISSING_ID
        return self.hashes if there.all() else self.hashes[there]

    def scored_of(self, party: int) -> Any:
        """Which rows (m,) bool are of a party type and may be scored."""
        return (self.reason == Reason.SCORED) & (self.party == party)

    def of_party(self, party: int) -> Any:
        """The positions of the rows of a party type that may be scored."""
        return np.flatnonzero(self.scored_of(party))

    def count_of(self, party: int) -> int:
        """How many rows of a party type may be scored."""
        return int(np.count_nonzero(self.scored_of(party)))


def take_census(partition: Partition, columns: InputColumns, reject_missing_sales: bool) -> PartRows:  # noqa: FBT001
    """Reason, party type and id hash of every row of a partition, and its market segments with their row counts."""
    import pyarrow as pa

    texts = list(dict.fromkeys(name for name in (columns.party_type, columns.market_segment) if name))
    table = tables.read(partition, [columns.account_id, columns.sales, *texts], dictionary=texts)
    ids = tables.strings(table[columns.account_id])
    sales = table[columns.sales]
    checks = contract.check_rows(
        unusable_ids(ids),
        amounts := float_column(sales),
        party_codes(table[columns.party_type]) if columns.party_type else None,
        reject_missing_sales=reject_missing_sales,
        sales_is_null=sales_missing(sales),
    )
    tables.check_length(pa.chunked_array([ids]), LONGEST_ID, f"{partition.where}: column {columns.account_id!r}")
    segments = level_counts(table[columns.market_segment]) if columns.market_segment else {}
    where, limit = f"{partition.where}: column {columns.market_segment!r}", columns.limits.market_segments
    check_count(len(segments), where, limit, "name a coarser one, or raise rows.max_market_segments")
    counts, buyers = (checks.sales_missing, segments), np.flatnonzero(amounts > 0)
    return PartRows(partition, checks.reason, checks.party, draw.id_hash(ids), *counts, buyers, amounts[buyers])


def unusable_ids(ids: pa.Array) -> Any:
    """Which ids (m,) bool are null, empty or blank."""
    import pyarrow.compute as pc

    blank = pc.or_(pc.utf8_is_space(ids), pc.equal(pc.binary_length(ids), 0))
    return pc.fill_null(blank, fill_value=True).to_numpy(zero_copy_only=False)


def sales_missing(sales: pa.ChunkedArray) -> Any:
    """Which sales (m,) bool are missing: null or not a number."""
    import pyarrow as pa

    return sales.is_null(nan_is_null=pa.types.is_floating(sales.type)).to_numpy()


def party_codes(column: pa.ChunkedArray) -> Any:
    """Positions (m,) int64 in PARTY_TYPES, -1 for null and for anything else."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(column.cast(pa.string()), value_set=pa.array(PARTY_TYPES))
    return pc.fill_null(found, -1).to_numpy()


def level_counts(column: pa.ChunkedArray | pa.Array) -> dict[str | None, int]:
    """How many rows each level of a column has, nulls under None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counts = pc.value_counts(column.cast(pa.string()))
    return {entry["values"]: entry["counts"] for entry in counts.to_pylist()}


def merged_counts(parts: Iterable[dict[str | None, int]], where: str, limit: int, remedy: str) -> dict[str | None, int]:
    """Level counts of several partitions taken together; InputContractError above so many different levels."""
    total: Counter[str | None] = Counter()
    for counts in parts:
        total.update(counts)
        check_count(len(total), where, limit, remedy)
    return dict(total)


def check_count(values: int, where: str, limit: int, remedy: str) -> None:
    """Nothing, where a column has few enough different values; InputContractError else."""
    if values > limit:
        raise InputContractError(f"{where} has more than {limit:,} different values; {remedy}")


@dataclass(frozen=True)
class Suspects:
    """Rows of a partition whose id hash another row has too: positions (s,) and ids (s,)."""

    rows: Any
    ids: pa.Array


def ids_with(item: PartRows, columns: InputColumns, hashes: Any) -> Suspects:
    """The rows of a partition whose hash is among those given (sorted), with their ids."""
    at = np.flatnonzero(np.isin(item.hashes, hashes) & (item.reason != Reason.MISSING_ID))
    if not len(at):
        import pyarrow as pa

        return Suspects(at, pa.array([], pa.large_string()))
    table = tables.read(item.partition, [columns.account_id])
    return Suspects(at, tables.strings(table[columns.account_id]).take(at))


def marked_duplicates(parts: Sequence[PartRows], found: Sequence[Suspects]) -> tuple[list[PartRows], list[str]]:
    """The parts with every row of a repeated id rejected, and up to five such ids for the message.

    All rows of the id go, since nothing tells which of them is right; so row order does not matter either. Ids are
    compared in full, since two may share a hash. Beside the hashes, 8 bytes a row, memory goes to suspects only: their
    ids and 20 bytes each.
    """
    import pyarrow as pa

    ids = pa.chunked_array([here.ids for here in found], pa.large_string()).combine_chunks().dictionary_encode()
    code = ids.indices.to_numpy()
    repeated = np.bincount(code, minlength=len(ids.dictionary)) > 1
    marked, start = [], 0
    for part, here in zip(parts, found, strict=True):
        rows = here.rows[repeated[code[start : start + len(here.rows)]]]
        start += len(here.rows)
        reason = part.reason.copy()
        reason[rows] = Reason.DUPLICATE_ID
        marked.append(replace(part, reason=reason) if len(rows) else part)
    return marked, sorted(ids.dictionary.filter(pa.array(repeated)).to_pylist())[:5]
