"""Column types of a CSV import: how a user writes them, what they accept, what they are in a Parquet file."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.store.csv_import import forms as form
from tamscore.store.csv_import.dates import ORDERS
from tamscore.store.csv_import.numerals import is_readable, is_readable_whole

if TYPE_CHECKING:
    from tamscore.store.csv_import.marks import NumberFormat

_KINDS = ("string", "int", "float", "number", "range", "bool", "date", "timestamp", "timestamp_utc")
DATED = ("date", "timestamp", "timestamp_utc")
NUMERIC = ("int", "float", "number", "range")
_NUMBER_OPTIONS = ("decimal_point", "decimal_comma", "credit_negative", "credit_positive", "m_million")


@dataclass(frozen=True)
class ColumnType:
    """A column type.

    `detail` is the order of a date's parts (ymd, dmy, mdy), a strptime format, or how numbers are read
    (`_NUMBER_OPTIONS`, separated by +).
    """

    kind: str
    detail: str = ""

    def __str__(self) -> str:
        """Return the type as the user writes it, such as `float` or `date:dmy`."""
        return f"{self.kind}:{self.detail}" if self.detail not in {"", "ymd"} else self.kind

    @property
    def arrow(self) -> Any:
        """The Arrow type of the column in the Parquet file."""
        import pyarrow as pa

        names = {"string": "string", "int": "int64", "bool": "bool", "date": "date32"}
        names |= dict.fromkeys(("float", "number", "range"), "float64")
        if self.kind in names:
            return pa.type_for_alias(names[self.kind])
        return pa.timestamp("us", tz="UTC" if self.kind == "timestamp_utc" else None)

    @property
    def options(self) -> frozenset[str]:
        """Return how the user wants numbers read; empty for other types."""
        return frozenset(self.detail.split("+")) - {""} if self.kind in NUMERIC else frozenset()

    @property
    def decimal(self) -> str | None:
        """The decimal mark that the type fixes, None for none."""
        marks = {"decimal_point": ".", "decimal_comma": ","}
        return next((mark for option, mark in marks.items() if option in self.options), None)

    def reading(self, layout: NumberFormat) -> NumberFormat:
        """Return the format with what the type says of credits and of m for million."""
        credit = next((side for side in ("negative", "positive") if f"credit_{side}" in self.options), "")
        return replace(layout, credit=credit, m_million=layout.m_million or "m_million" in self.options)


def option(name: str, *kinds: str) -> str:
    """Return the option that fixes a column's type, as it stands on a command line."""
    return " or ".join(f"--type {shlex.quote(f'{name}={kind}')}" for kind in kinds)


def column_type(name: str, text: str) -> ColumnType:
    """Return the type that a user wrote for a column; raise UsageError for what is no type."""
    kind, _, detail = text.strip().partition(":")
    dated = kind in DATED and (detail in ORDERS or "%" in detail)
    ok = kind in _KINDS and (not detail or dated or _are_options(kind, detail))
    if not ok:
        known = (
            f"{', '.join(_KINDS)}; dates also as date:dmy, date:mdy or date:%d/%m/%Y; "
            f"number and range with {', '.join(_NUMBER_OPTIONS)}, such as number:credit_negative"
        )
        raise UsageError(f"type of column {name!r}: expected one of {known}; got {text!r}")
    return ColumnType(kind, detail or ("ymd" if kind in DATED else ""))


def _are_options(kind: str, detail: str) -> bool:
    options = detail.split("+")
    rivals = ({"decimal_point", "decimal_comma"}, {"credit_negative", "credit_positive"})
    fits = kind in {"number", "range"} and set(options) <= set(_NUMBER_OPTIONS)
    return fits and not any(pair <= set(options) for pair in rivals)


def accepts(kind: ColumnType, shape: str, layout: NumberFormat) -> bool:
    """Return whether a cell of this form has a value under type and format (strptime formats excepted)."""
    first, _, rest = shape.partition(" ")
    if kind.kind == "bool":
        return first in {form.FLAG, form.BIT}
    if kind.kind in DATED:
        held = {"date": {"date"}, "timestamp": {"date", "time"}, "timestamp_utc": {"date", "time", "zoned"}}
        return first in held[kind.kind] and kind.detail in rest.split("+")
    if kind.kind not in NUMERIC or first == form.BIT:
        return True
    number = form.number_parts(shape)
    if number is None:
        return kind.kind == "range" and first == form.RANGE and rest in {"any", "either", layout.decimal}
    return (is_readable_whole if kind.kind == "int" else is_readable)(*number, layout)


def empty_tokens(kind: ColumnType, always_empty: frozenset[str]) -> frozenset[str]:
    """Return the tokens (lower case) that stand for no value in a column of the type."""
    return always_empty if kind.kind == "string" else always_empty | form.EMPTY_IN_NUMBERS
