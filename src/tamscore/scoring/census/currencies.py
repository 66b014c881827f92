"""The currencies of a market's amounts: one currency is expected, or a rate for each."""

from __future__ import annotations

import json
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamscore.arrow import holds_text
from tamscore.errors import InputContractError
from tamscore.scoring.census.currency_words import is_common, is_currency, is_titled, one_spelling
from tamscore.scoring.census.money import MOST_CURRENCIES, Counts, merge
from tamscore.store import tables
from tamscore.store.location import is_local
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.schema import InputColumns, Partition
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.substitution import Rates

_SAMPLE = 1000
"""Rows examined to decide whether a text column holds currency codes."""
_MOSTLY = 0.9
"""Share of the words that must be currency codes."""
_LISTED = 10
"""Most currencies named in a message."""
_MOST_COLUMNS = 3
"""Most columns examined."""


def currency_columns(partitions: Sequence[Partition], schema: Any, columns: InputColumns) -> tuple[str, ...]:
    """Return the columns to count currencies in: the column that the job names, else columns that look like currencies.

    A column looks like currencies by its title, or if its first rows hold little else than codes of currencies.
    """
    if columns.currency:
        return (columns.currency,)
    names = [field.name for field in schema if holds_text(field.type)]
    texts = [name for name in names if names.count(name) == 1 and name not in {columns.account_id, columns.name}]
    titled = [name for name in texts if is_titled(name)]
    items = titled or (_holding_codes(partitions[0], texts) if partitions else [])
    return tuple(items[:_MOST_COLUMNS])


def _holding_codes(partition: Partition, names: Sequence[str]) -> list[str]:
    """Return the text columns whose first rows hold codes of currencies, common ones among them, and little else.

    Return no column of a table that lies in an object store or cannot be read: the reader of its columns raises the
    error.
    """
    piece = partition.pieces[0]
    constants = {constant.name for constant in piece.constants}
    names = [name for name in names if name not in constants]
    if not names or not is_local(piece.path):
        return []
    try:
        with pq.ParquetFile(piece.file, read_dictionary=list(names), pre_buffer=False) as file:
            batches = file.iter_batches(
                _SAMPLE, row_groups=[piece.row_groups[0]], columns=list(names), use_threads=False
            )
            batch = next(batches, None)
    except (pa.ArrowException, OSError):
        return []
    return [name for name in names if batch is not None and holds_codes(batch[name])]


def holds_codes(column: pa.Array) -> bool:
    """Return whether a column holds codes, signs or names of currencies, common ones among them, and little else."""
    texts = column.cast(pa.string()).cast(pa.binary())  # not known to be valid UTF-8 yet
    words = pc.value_counts(texts).to_pylist()
    counts = {(word["values"] or b"").decode(errors="replace"): word["counts"] for word in words}
    named = sum(count for word, count in counts.items() if is_currency(word))
    known = sum(count for word, count in counts.items() if word.strip())
    return any(map(is_common, counts)) and named >= _MOSTLY * known


def read_currencies(partition: Partition, names: Sequence[str], columns: InputColumns) -> dict[str, pa.ChunkedArray]:
    """Return columns of currencies, without columns that the job does not name and that cannot be read."""
    record = {}
    for name in names:
        with nullcontext() if name == columns.currency else suppress(InputContractError):
            record[name] = tables.read(partition, [name], dictionary=[name])[name]
    return record


def settle_currencies(parts: Sequence[PartRows], names: Sequence[str], columns: InputColumns, path: str) -> list[str]:
    """Return notices on the currencies of accounts with sales.

    Raise InputContractError if the column that the job names holds several currencies, or a currency without a rate.
    """
    if columns.currency is None:
        return [text for name in names if (text := _several(name, _merged_currencies(parts, name), columns))]
    counts = _merged_currencies(parts, columns.currency)
    where = f"{path}: column {columns.currency!r}"
    if counts is None:
        raise InputContractError(f"{where} holds more than {MOST_CURRENCIES} different words, expected currencies")
    rates = columns.substitution.rates
    if rates is None:
        _require_one(counts, where, columns)
    else:
        _require_rates(counts, where, rates)
    return []


def _require_one(counts: Counts, where: str, columns: InputColumns) -> None:
    """Raise InputContractError if accounts with sales have several currencies, or some of them have none."""
    selling = {name: count for name, count in counts.items() if count.selling}
    if len(selling) > 1:
        main = max((name for name in selling if name), key=lambda name: selling[name].selling)
        others = ", ".join(f"{_quote(name)} = ..." for name in selling if name and name != main)
        remedy = f"add [currency] with target = {_quote(main)} and rates = {{ {others} }}" if others else "fill them"
        raise InputContractError(
            f"{where}: expected one currency in all rows with sales, got {describe(selling)}; sum of "
            f"{columns.sales!r} per currency; {remedy}, or split the input"
        )


def _require_rates(counts: Counts, where: str, rates: Rates) -> None:
    """Raise InputContractError if rows with amounts have no currency, or a currency without a rate."""
    more = len(rates.money) > 1
    lost = {
        name: count.unrated + (count.rows if more and name else 0)
        for name, count in counts.items()
        if fold_word(name or "") not in rates.factors
    }
    lost = {name: rows for name, rows in lost.items() if rows}
    if not lost:
        return
    text = ", ".join(f"{name or 'none'} ({rows:,} rows)" for name, rows in list(lost.items())[:_LISTED])
    named = ", ".join(f"{_quote(name)} = ..." for name in lost if name)
    remedy = f"add {named} to currency.rates" if named else "fill the column"
    raise InputContractError(f"{where}: no rate for {text}; {remedy}")


def _several(name: str, counts: Counts | None, columns: InputColumns) -> str:
    """Return a notice on a column with several currencies among accounts with sales, else an empty text."""
    selling = selling_in_several(counts)
    if not selling:
        return ""
    return (
        f"column {name!r} holds several currencies in rows with sales: {describe(selling)}; sums of {columns.sales!r} "
        f"take them for one: set columns.currency = {_quote(name)} and add [currency] with rates, or convert the input"
    )


def selling_in_several(counts: Counts | None) -> Counts:
    """Return the words of rows with amounts if they are several currencies, else an empty dict."""
    selling: Counts = {word: count for word, count in (counts or {}).items() if count.selling and word}
    different = {one_spelling(word) for word in selling if word}
    return selling if len(different) > 1 and any(is_currency(word) for word in selling if word) else {}


def describe(selling: Counts) -> str:
    """Return currencies with their rows and sums, the most frequent first."""
    ordered = sorted(selling.items(), key=lambda pair: (-pair[1].selling, pair[0] or ""))
    items = [f"{name or 'none'} ({count.selling:,} rows, sum {count.sales:,.2f})" for name, count in ordered[:_LISTED]]
    more = f" and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else ""
    return ", ".join(items) + more


def _quote(word: Any) -> str:
    """Return a word as a TOML string."""
    return json.dumps(word, ensure_ascii=False)


def _merged_currencies(parts: Sequence[PartRows], column: str) -> Counts | None:
    """Return the rows of all partitions by currency, in alphabetical order; None if there are too many words."""
    return merge(part.money.currencies.get(column, {}) for part in parts)
