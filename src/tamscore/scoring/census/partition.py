"""The first pass: who is there, who may be scored, and the numbers by which rows are drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import as_dictionary, float_column, texts_by_code, truths
from tamscore.errors import InputContractError
from tamscore.schema import LONGEST_ID, PARTY_TYPES, InputColumns, Partition, Reason
from tamscore.scoring.census.currencies import read_currencies
from tamscore.scoring.census.money import money_of
from tamscore.scoring.census.part_rows import PartRows
from tamscore.stages import contract, draw
from tamscore.store import tables
from tamscore.substitution import plain_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

_MOST_WORDS = 1000
"""So many different words that are no party type are counted; a column with more of them is another one."""


def take_census(
    partition: Partition,
    columns: InputColumns,
    reject_missing_sales: bool,  # noqa: FBT001
    currencies: Sequence[str] = (),
) -> PartRows:
    """Reason, party type and id hash of every row of a partition, and its market segments with their row counts.

    `currencies` are columns whose words are counted as currencies.
    """
    texts = list(dict.fromkeys(name for name in (columns.party_type, columns.market_segment) if name))
    table = tables.read(partition, [columns.account_id, columns.sales, *texts], dictionary=texts)
    named = read_currencies(partition, currencies, columns)
    return _census_of(table, partition, columns, reject_missing_sales=reject_missing_sales, currencies=named)


def _census_of(
    table: pa.Table,
    partition: Partition,
    columns: InputColumns,
    *,
    reject_missing_sales: bool,
    currencies: Mapping[str, pa.ChunkedArray] = MappingProxyType({}),
) -> PartRows:
    """The census of a table of rows, of a whole partition or of some of its rows; see `take_census`."""
    ids, sales = tables.account_ids(table[columns.account_id], columns.id_form), table[columns.sales]
    amounts, missing = float_column(sales), sales_missing(sales)
    party = party_codes(table[columns.party_type]) if columns.party_type else None
    checks = contract.check_rows(
        unusable_ids(ids), amounts, party, reject_missing_sales=reject_missing_sales, sales_is_null=missing
    )
    _require_lengths(ids, partition, columns)
    segments = level_counts(table[columns.market_segment]) if columns.market_segment else {}
    where, limit = f"{partition.where}: column {columns.market_segment!r}", columns.limits.market_segments
    _require_count(len(segments), where, limit, "name a coarser one, or raise rows.max_market_segments")
    words = _unknown_words(table[columns.party_type], checks.reason) if columns.party_type else {}
    rows = PartRows(partition, checks.reason, checks.party, draw.id_hash(ids), checks.sales_missing, segments, words)
    return _with_money(rows, amounts, currencies)


def _with_money(rows: PartRows, sales: Any, currencies: Mapping[str, pa.ChunkedArray]) -> PartRows:
    """The rows with their sales (m,) counted under the reasons that they have."""
    buyers = np.flatnonzero(sales > 0)
    return replace(rows, money=money_of(rows.reason, sales, currencies), buyers=buyers, bought=sales[buyers])


def _require_lengths(ids: pa.Array, partition: Partition, columns: InputColumns) -> None:
    """Raise InputContractError if any id is too long to be one."""
    import pyarrow as pa

    tables.require_length(pa.chunked_array([ids]), LONGEST_ID, f"{partition.where}: column {columns.account_id!r}")


def _unknown_words(column: pa.ChunkedArray, reason: Any) -> dict[str | None, int]:
    """Return how many rows (m,) have each word that is no party type; the most frequent, where there are very many."""
    at = np.flatnonzero(reason == Reason.PARTY_TYPE_UNKNOWN)
    return _most_frequent(level_counts(column.take(at))) if len(at) else {}


def _most_frequent(counts: dict[str | None, int]) -> dict[str | None, int]:
    """The most frequent of counted words, at most MOST_WORDS; the first in the alphabet among equals."""
    if len(counts) <= _MOST_WORDS:
        return counts
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0] or ""))[:_MOST_WORDS])


def unusable_ids(ids: pa.Array) -> Any:
    """Return which ids (m,) bool are null, empty or blank."""
    import pyarrow.compute as pc

    blank = pc.or_(pc.utf8_is_space(ids), pc.equal(pc.binary_length(ids), 0))
    return truths(blank, null=True)


def sales_missing(sales: pa.ChunkedArray) -> Any:
    """Return which sales (m,) bool are missing: null or not a number."""
    import pyarrow as pa

    return sales.is_null(nan_is_null=pa.types.is_floating(sales.type)).to_numpy()


def party_codes(column: pa.ChunkedArray) -> Any:
    """Positions (m,) int64 in PARTY_TYPES, -1 for null and for anything else.

    Capitals, blanks around a word, and what stands between its parts do not matter: End User is end_user.
    """
    encoded = as_dictionary(column)
    known = {plain_word(name): code for code, name in enumerate(PARTY_TYPES)}
    return texts_by_code(encoded, [known.get(plain_word(text), -1) for text in encoded.dictionary.to_pylist()], -1)


def level_counts(column: pa.ChunkedArray | pa.Array) -> dict[str | None, int]:
    """Return how many rows each level of a column has, nulls under None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counts = pc.value_counts(column.cast(pa.string()))
    return {entry["values"]: entry["counts"] for entry in counts.to_pylist()}


def merged_counts(parts: Iterable[dict[str | None, int]], where: str, limit: int, remedy: str) -> dict[str | None, int]:
    """Level counts of several partitions taken together; InputContractError above so many different levels."""
    total: Counter[str | None] = Counter()
    for counts in parts:
        total.update(counts)
        _require_count(len(total), where, limit, remedy)
    return dict(total)


def _require_count(values: int, where: str, limit: int, remedy: str) -> None:
    """Raise InputContractError unless a column has few enough different values."""
    if values > limit:
        raise InputContractError(f"{where} has more than {limit:,} different values; {remedy}")


def count_again(item: PartRows, columns: InputColumns, currencies: Sequence[str]) -> PartRows:
    """The rows of a partition with what they sell under the reasons that they have now."""
    sales = float_column(tables.read(item.partition, [columns.sales])[columns.sales])
    return _with_money(item, sales, read_currencies(item.partition, currencies, columns))
