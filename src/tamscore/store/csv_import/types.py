"""Column types of a CSV import: how a user writes them, what they accept, what they are in a Parquet file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tamscore.errors import UsageError
from tamscore.store.csv_import import forms as form
from tamscore.store.csv_import.dates import ORDERS

KINDS = ("string", "int", "float", "bool", "date", "timestamp", "timestamp_utc")
DATED = ("date", "timestamp", "timestamp_utc")
WHOLE = {form.INT, form.GROUPED_INT, form.SPACED, form.LEADING_ZERO}
NUMERIC = WHOLE | {form.FLOAT, form.GROUPED_FLOAT, form.PERCENT, form.LONG_INT}


@dataclass(frozen=True)
class ColumnType:
    """A column type; `detail` is the order of a date's parts (ymd, dmy, mdy) or a strptime format."""

    kind: str
    detail: str = ""

    def __str__(self) -> str:
        """Return the type as the user writes it, such as `float` or `date:dmy`."""
        return f"{self.kind}:{self.detail}" if self.detail not in {"", "ymd"} else self.kind

    @property
    def arrow(self) -> Any:
        """The Arrow type of the column in the Parquet file."""
        import pyarrow as pa

        names = {"string": "string", "int": "int64", "float": "float64", "bool": "bool", "date": "date32"}
        if self.kind in names:
            return pa.type_for_alias(names[self.kind])
        return pa.timestamp("us", tz="UTC" if self.kind == "timestamp_utc" else None)


def column_type(name: str, text: str) -> ColumnType:
    """Return the type that a user wrote for a column; UsageError for what is no type."""
    kind, _, detail = text.strip().partition(":")
    ok = kind in KINDS and (not detail or (kind in DATED and (detail in ORDERS or "%" in detail)))
    if not ok:
        known = f"{', '.join(KINDS)}; dates also as date:dmy, date:mdy or date:%d/%m/%Y"
        raise UsageError(f"type of column {name!r}: expected one of {known}; got {text!r}")
    return ColumnType(kind, detail or ("ymd" if kind in DATED else ""))


def accepts(kind: ColumnType, shape: str) -> bool:
    """Return whether a cell of this form has a value under the type (dates with a strptime format excepted)."""
    first, _, rest = shape.partition(" ")
    if kind.kind == "bool":
        return first in {form.FLAG, form.BIT}
    if kind.kind in DATED:
        held = {"date": {"date"}, "timestamp": {"date", "time"}, "timestamp_utc": {"date", "time", "zoned"}}
        return first in held[kind.kind] and kind.detail in rest.split("+")
    numeric = {"int": WHOLE, "float": NUMERIC}.get(kind.kind)
    return numeric is None or first == form.BIT or shape in numeric


def empty_tokens(kind: ColumnType, always_empty: frozenset[str]) -> frozenset[str]:
    """Return the tokens (lower case) that stand for no value in a column of the type."""
    return always_empty if kind.kind == "string" else always_empty | form.EMPTY_IN_NUMBERS
