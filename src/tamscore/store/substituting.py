"""Columns of a partition with other words and amounts in place of those that its files hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import as_dictionary, float_column, texts_by_code
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tamscore.schema import Partition
    from tamscore.substitution import Rates, SubstituteSums, Substitution


def needed_columns(
    substitution: Substitution, columns: Sequence[str], dictionary: Sequence[str]
) -> tuple[Sequence[str], Sequence[str]]:
    """Return the columns to read and those to encode as dictionaries: with the currency where amounts ask for it."""
    rates = substitution.rates
    if rates is None or rates.column in columns or not set(rates.money) & set(columns):
        return columns, dictionary
    return [*columns, rates.column], [*dictionary, rates.column]


def substitute(table: pa.Table, partition: Partition, columns: Sequence[str]) -> pa.Table:
    """Return the columns asked for of a partition's table as they are meant."""
    how = partition.substitution
    for name in how.words.keys() & set(table.column_names):
        table = table.set_column(table.column_names.index(name), name, replace_words(table[name], how.words[name]))
    money = [name for name in how.money if name in columns]
    rates = how.rates
    units = factors(table[rates.column], rates) if rates and set(money) & set(rates.money) else None
    for name in money:
        by = units if rates and name in rates.money else None
        amounts = _changed_amounts(table[name], by, partition.sums if name == how.summed else None)
        table = table.set_column(table.column_names.index(name), name, amounts)
    return table if len(columns) == table.num_columns else table.select(list(columns))


def replace_words(column: pa.ChunkedArray, words: Mapping[str, str]) -> pa.ChunkedArray:
    """Return a column with its words replaced where the map has them, dictionary-encoded where it was; else as text.

    Equal words share one place in a dictionary. Missing values and blank words go by the empty word.
    """
    import pyarrow as pa

    encoded = pa.types.is_dictionary(column.type)
    chunks = [_mapped_chunk(chunk, words) for chunk in column.chunks]
    kind = pa.dictionary(pa.int32(), pa.string())
    whole = pa.chunked_array(chunks, kind)
    return whole if encoded else whole.cast(pa.string())


def _mapped_chunk(chunk: pa.Array, words: Mapping[str, str]) -> pa.DictionaryArray:
    """Return one chunk of a column with its words replaced."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(chunk.type):
        chunk = chunk.cast(pa.string()).dictionary_encode()
    if "" in words and chunk.null_count:
        chunk = chunk.cast(pa.string()).fill_null("").dictionary_encode()
    texts = chunk.dictionary.cast(pa.string()).to_pylist()
    targets = pa.array([words.get(fold_word(text), text) for text in texts], pa.string())
    distinct = targets.unique()
    codes = pc.index_in(targets, distinct).take(chunk.indices)
    return pa.DictionaryArray.from_arrays(codes.cast(pa.int32()), distinct)


def factors(column: pa.ChunkedArray, rates: Rates) -> Any:
    """Return what one unit of each row's currency (m,) is worth; infinite where it is missing or has no rate.

    What such a currency multiplies is rejected as not finite, and never taken for a missing number.
    """
    encoded = as_dictionary(column)
    known = [rates.factors.get(fold_word(str(text)), np.inf) for text in encoded.dictionary.to_pylist()]
    return texts_by_code(encoded, known, np.inf)


def _changed_amounts(column: pa.ChunkedArray, units: Any | None, sums: SubstituteSums | None) -> pa.ChunkedArray:
    """Return amounts as float64: multiplied, then replaced by sums; what is missing stays missing."""
    import pyarrow as pa

    values, missing = float_column(column), column.is_null().to_numpy()
    if units is not None:
        values = convert(np, values, units)
    if sums is not None:
        values, missing = values.copy(), missing.copy()
        values[sums.rows], missing[sums.rows] = sums.amounts, np.isnan(sums.amounts)
    return pa.chunked_array([pa.array(values, pa.float64(), mask=missing if missing.any() else None)])


def convert(xp: Any, amounts: Any, units: Any) -> Any:
    """Return amounts (m,) in the other currency; nothing is nothing in every currency, even in an unknown one."""
    with np.errstate(over="ignore"):
        return amounts * xp.where(amounts == 0.0, xp.ones_like(units), units)
