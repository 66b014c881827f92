"""Which currencies the amounts of a market are in: one is expected, or a rate for each."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamscore.errors import InputContractError
from tamscore.passes.money import MOST_CURRENCIES, Counts, merged_currencies
from tamscore.store import tables
from tamscore.store.location import is_local
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.passes.census import PartRows
    from tamscore.schema import InputColumns, Partition
    from tamscore.substitution import Rates

CODES = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLF CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
    HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
    UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL""".split()  # noqa: SIM905
)
"""Codes of ISO 4217."""
COMMON = frozenset(
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD INR JPY KRW MXN NOK NZD PLN SEK SGD TWD USD ZAR".split()  # noqa: SIM905
)
"""Codes that are no words and that a market of several currencies hardly does without."""
NAMES = frozenset(
    """€ $ £ ¥ ₹ us$ fr. kr zł r$ euro euros dollar dollars yen pound pounds sterling franken franc francs rupee rupees
    yuan renminbi krone kroner krona złoty zloty real peso pesos won rand lira""".split()  # noqa: SIM905
)
"""What currencies are called, folded."""
TITLE = re.compile(
    r"curr(ency|encies)?|ccy|w(ä|ae?)hrung|waers|waerk|devise|monnaie|moneda|divisa|valuta|moeda|waluta|měna|pénznem"
    r"|valiuta|para|döviz|валюта|通貨|货币|币种|通貨コード",
    re.IGNORECASE,
)
"""What columns of currencies are called, as a word of their title."""
SAMPLE = 1000
"""So many rows tell whether a column of text holds codes of currencies."""
MOSTLY = 0.9
"""Share of the words that have to be codes."""
LISTED = 10
"""So many currencies are named."""
MOST_COLUMNS = 3
"""So many columns are looked at."""


def currency_columns(partitions: Sequence[Partition], schema: Any, columns: InputColumns) -> tuple[str, ...]:
    """Return the columns whose words are to be counted as currencies: the one that the job names, else what looks so.

    A column looks so by its title, or where the first rows hold hardly anything but codes of currencies.
    """
    if columns.currency:
        return (columns.currency,)
    names = [field.name for field in schema if is_text(field.type)]
    texts = [name for name in names if names.count(name) == 1 and name not in {columns.account_id, columns.name}]
    titled = [name for name in texts if is_titled(name)]
    found = titled or (holding_codes(partitions[0], texts) if partitions else [])
    return tuple(found[:MOST_COLUMNS])


def is_text(kind: pa.DataType) -> bool:
    """Return whether a column holds text, as a dictionary or not."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_string_view(value))


def is_titled(name: str) -> bool:
    """Return whether a title has a word for currency: CurrencyIsoCode, billing_currency, Währung."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return any(TITLE.fullmatch(word) for word in re.split(r"[\W_]+", words))


def holding_codes(partition: Partition, names: Sequence[str]) -> list[str]:
    """Return the columns of text whose first rows hold codes of currencies, common ones among them, and little else.

    Nothing of a table in an object store or one that cannot be read so: whoever needs its columns will say why.
    """
    piece = partition.pieces[0]
    if not names or not is_local(piece.path):
        return []
    try:
        with pq.ParquetFile(piece.path, read_dictionary=list(names), pre_buffer=False) as file:
            batches = file.iter_batches(
                SAMPLE, row_groups=[piece.row_groups[0]], columns=list(names), use_threads=False
            )
            batch = next(batches, None)
    except (pa.ArrowException, OSError):
        return []
    return [name for name in names if batch is not None and holds_codes(batch[name])]


def holds_codes(column: pa.Array) -> bool:
    """Return whether a column holds codes of currencies, common ones among them, and little else."""
    texts = column.cast(pa.string()).cast(pa.binary())  # nobody has looked yet whether they are UTF-8
    words = pc.value_counts(texts).to_pylist()
    counts = {(word["values"] or b"").decode(errors="replace"): word["counts"] for word in words}
    codes = sum(count for word, count in counts.items() if word.strip().upper() in CODES)
    known = sum(count for word, count in counts.items() if word.strip())
    return any(word.strip().upper() in COMMON for word in counts) and codes >= MOSTLY * known


def read_currencies(partition: Partition, names: Sequence[str], columns: InputColumns) -> dict[str, pa.ChunkedArray]:
    """Return columns of currencies; those that the job does not name and that cannot be read are left out."""
    found = {}
    for name in names:
        with nullcontext() if name == columns.currency else suppress(InputContractError):
            found[name] = tables.read(partition, [name], dictionary=[name])[name]
    return found


def settle_currencies(parts: Sequence[PartRows], names: Sequence[str], columns: InputColumns, path: str) -> list[str]:
    """Return what is to be said about the currencies of accounts with sales.

    Raises InputContractError where the column that the job names holds several of them, or one without a rate.
    """
    if columns.currency is None:
        return [text for name in names if (text := several(name, merged_currencies(parts, name), columns))]
    counts = merged_currencies(parts, columns.currency)
    where = f"{path}: column {columns.currency!r}"
    if counts is None:
        raise InputContractError(f"{where} holds more than {MOST_CURRENCIES} different words, expected currencies")
    rates = columns.substitution.rates
    if rates is None:
        require_one(counts, where, columns)
    else:
        require_rates(counts, where, rates)
    return []


def require_one(counts: Counts, where: str, columns: InputColumns) -> None:
    """Raise InputContractError where accounts with sales have several currencies, or some of them none."""
    selling = {name: count for name, count in counts.items() if count.selling}
    if len(selling) > 1:
        main = max((name for name in selling if name), key=lambda name: selling[name].selling)
        others = ", ".join(f"{quoted(name)} = ..." for name in selling if name and name != main)
        remedy = f"add [currency] with target = {quoted(main)} and rates = {{ {others} }}" if others else "fill them"
        raise InputContractError(
            f"{where}: expected one currency in all rows with sales, got {described(selling)}; sum of "
            f"{columns.sales!r} per currency; {remedy}, or split the input"
        )


def require_rates(counts: Counts, where: str, rates: Rates) -> None:
    """Raise InputContractError where rows with amounts have no currency, or one without a rate."""
    more = len(rates.money) > 1
    lost = {
        name: count.unrated + (count.rows if more and name else 0)
        for name, count in counts.items()
        if fold_word(name or "") not in rates.factors
    }
    lost = {name: rows for name, rows in lost.items() if rows}
    if not lost:
        return
    told = ", ".join(f"{name or 'none'} ({rows:,} rows)" for name, rows in list(lost.items())[:LISTED])
    named = ", ".join(f"{quoted(name)} = ..." for name in lost if name)
    remedy = f"add {named} to currency.rates" if named else "fill the column"
    raise InputContractError(f"{where}: no rate for {told}; {remedy}")


def several(name: str, counts: Counts | None, columns: InputColumns) -> str:
    """Return a notice on a column that holds several currencies among accounts with sales; empty where it does not."""
    selling = selling_in_several(counts)
    if not selling:
        return ""
    return (
        f"column {name!r} holds several currencies in rows with sales: {described(selling)}; sums of {columns.sales!r} "
        f"take them for one: set columns.currency = {quoted(name)} and add [currency] with rates, or convert the input"
    )


def selling_in_several(counts: Counts | None) -> Counts:
    """Return the words of rows with amounts where they are several and currencies; nothing else."""
    selling: Counts = {word: count for word, count in (counts or {}).items() if count.selling and word}
    return selling if len(selling) > 1 and any(is_currency(word) for word in selling if word) else {}


def described(selling: Counts) -> str:
    """Return currencies with their rows and sums, the most frequent first."""
    ordered = sorted(selling.items(), key=lambda pair: (-pair[1].selling, pair[0] or ""))
    told = [f"{name or 'none'} ({count.selling:,} rows, sum {count.sales:,.2f})" for name, count in ordered[:LISTED]]
    more = f" and {len(ordered) - LISTED} more" if len(ordered) > LISTED else ""
    return ", ".join(told) + more


def is_currency(word: str) -> bool:
    """Return whether a word is a code, a sign or a name of a currency."""
    return word.strip().upper() in CODES or fold_word(word) in NAMES


def quoted(word: Any) -> str:
    """Return a word as a TOML string."""
    return json.dumps(word, ensure_ascii=False)
