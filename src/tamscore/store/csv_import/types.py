"""Column types of a CSV import: decided from the forms of all cells of a column, then applied to text.

The whole column decides, never the first block: one identifier with a leading zero in the last row keeps a column text.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import UsageError
from tamscore.store.csv_import import forms as form

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("string", "int", "float", "bool", "date", "timestamp", "timestamp_utc")
DATED = ("date", "timestamp", "timestamp_utc")
WHOLE = {form.INT, form.GROUPED_INT, form.SPACED, form.LEADING_ZERO}
NUMERIC = WHOLE | {form.FLOAT, form.GROUPED_FLOAT, form.PERCENT, form.LONG_INT}
DRESSED = {form.GROUPED_INT, form.GROUPED_FLOAT, form.PERCENT, form.SPACED}
EXAMPLES = 5
MOSTLY_OTHER = 0.5
"""Above this share of cells that do not fit, a column is plain text and needs no reason."""


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


@dataclass(frozen=True)
class Cell:
    """One cell as the file holds it; `row` as a spreadsheet counts, the header being row 1."""

    file: str
    row: int
    value: str

    def __str__(self) -> str:
        """Return the cell for a message."""
        shown = self.value if len(self.value) <= 40 else f"{self.value[:37]}..."
        return f"row {self.row}: {shown!r}"


def column_type(name: str, text: str) -> ColumnType:
    """Return the type that a user wrote for a column; UsageError for what is no type."""
    kind, _, detail = text.strip().partition(":")
    ok = kind in KINDS and (not detail or (kind in DATED and (detail in form.ORDERS or "%" in detail)))
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


@dataclass
class Scan:
    """Count the forms of a column's cells over all files; keep the first examples of each."""

    name: str
    decimal: str
    always_empty: frozenset[str]
    sample_rows: int
    forms: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    signs: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Cell]] = field(default_factory=dict)
    samples: dict[str, None] = field(default_factory=dict)
    padded: int = 0

    def add(self, column: Any, rows: np.ndarray, file: str) -> None:
        """Count one batch of text cells; `rows` are their row numbers."""
        import pyarrow.compute as pc

        trimmed = pc.utf8_trim_whitespace(column)
        self.padded += pc.sum(pc.not_equal(trimmed, column)).as_py() or 0
        encoded = pc.dictionary_encode(trimmed)
        texts, places = encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False)
        shapes = form.forms(texts, self.decimal, self.always_empty | form.EMPTY_IN_NUMBERS)
        times = np.bincount(places, minlength=len(texts))
        self._sample(texts, shapes)
        for shape in sorted(set(shapes)):
            where = shapes == shape
            self.forms[shape] += int(times[where].sum())
            self._keep(shape, texts, where, times)
            self._example(shape, where, texts, places, rows, file)

    def _sample(self, texts: Any, shapes: np.ndarray) -> None:
        room = self.sample_rows - len(self.samples)
        if room > 0:
            filled = texts.take(np.flatnonzero(shapes != form.EMPTY)[: self.sample_rows])
            self.samples.update(dict.fromkeys([text for text in filled.to_pylist() if text not in self.samples][:room]))

    def _keep(self, shape: str, texts: Any, where: np.ndarray, times: np.ndarray) -> None:
        if shape == form.EMPTY:
            self.tokens.update(dict(zip(texts.filter(where).to_pylist(), times[where].tolist(), strict=True)))
            return
        if shape in {form.GROUPED_INT, form.GROUPED_FLOAT}:
            signs = form.currency(texts.filter(where)).to_pylist()
            self.signs.update(dict.fromkeys(filter(None, signs), 1))

    def _example(
        self, shape: str, where: np.ndarray, texts: Any, places: np.ndarray, rows: np.ndarray, file: str
    ) -> None:
        kept = self.examples.setdefault(shape, [])
        if len(kept) < EXAMPLES:
            found = np.flatnonzero(where[places])[: EXAMPLES - len(kept)]
            kept += [Cell(file, int(rows[one]), texts[int(places[one])].as_py()) for one in found]

    def empty(self, kind: ColumnType) -> int:
        """Return the number of cells without a value under the type."""
        tokens = empty_tokens(kind, self.always_empty)
        return sum(times for token, times in self.tokens.items() if token.lower() in tokens)

    def bad(self, kind: ColumnType) -> tuple[int, tuple[Cell, ...]]:
        """Return how many cells have no value under the type though they hold something, and the first of them."""
        refused = [shape for shape in self.forms if shape != form.EMPTY and not accepts(kind, shape)]
        cells = sorted((cell for shape in refused for cell in self.examples[shape]), key=lambda cell: cell.row)
        return sum(self.forms[shape] for shape in refused), tuple(cells[:EXAMPLES])


def empty_tokens(kind: ColumnType, always_empty: frozenset[str]) -> frozenset[str]:
    """Return the tokens (lower case) that stand for no value in a column of the type."""
    return always_empty if kind.kind == "string" else always_empty | form.EMPTY_IN_NUMBERS


def infer(scan: Scan, max_bad_share: float) -> tuple[ColumnType, str]:
    """Return the type that fits the column and why; text where the cells leave a doubt."""
    values = scan.forms.total() - scan.forms[form.EMPTY]
    if not values:
        return ColumnType("string"), "no values"
    kind = min((_number(scan), ColumnType("bool"), *_dates(scan)), key=lambda one: scan.bad(one)[0])
    bad, cells = scan.bad(kind)
    if bad > MOSTLY_OTHER * values:
        return ColumnType("string"), "text" + _comma_hint(scan)
    if bad > max_bad_share * values:
        share = f"{(values - bad) / values:.1%}"
        return ColumnType("string"), f"text: only {share} of the cells read as {kind} ({cells[0]}){_comma_hint(scan)}"
    doubt = _doubt(scan, kind)
    if doubt:
        return ColumnType("string"), f"text: {doubt}"
    return kind, _why(scan, kind)


def _comma_hint(scan: Scan) -> str:
    """Return a hint where the text cells look like numbers with the other decimal mark."""
    other = "," if scan.decimal == "." else "."
    texts = [cell.value for cell in scan.examples.get(form.TEXT, ())]
    like = texts and all(re.fullmatch(rf"[-+]?\d[\d ]*[{other}]\d+", text) for text in texts)
    return f"; these look like decimal marks, add --decimal {other!r}" if like else ""


def _number(scan: Scan) -> ColumnType:
    broken = any(scan.forms[shape] for shape in (form.FLOAT, form.GROUPED_FLOAT, form.PERCENT, form.LONG_INT))
    spaced = any("." in cell.value or "," in cell.value for cell in scan.examples.get(form.SPACED, ()))
    return ColumnType("float" if broken or spaced else "int")


def _dates(scan: Scan) -> list[ColumnType]:
    held = {shape.split(" ")[0] for shape in scan.forms}
    kind = "timestamp_utc" if "zoned" in held else "timestamp" if "time" in held else "date"
    return [ColumnType(kind, order) for order in form.ORDERS]


def _doubt(scan: Scan, kind: ColumnType) -> str:
    """Return why the cells must stay text although they could be read as the type, empty for no doubt."""
    doubts: dict[str, Callable[[Scan, ColumnType], str]] = {"int": _number_doubt, "float": _number_doubt}
    doubts |= {"bool": _flag_doubt} | dict.fromkeys(DATED, _date_doubt)
    return doubts[kind.kind](scan, kind)


def _number_doubt(scan: Scan, kind: ColumnType) -> str:
    say = f"add --type {scan.name}={kind}"
    seen = scan.examples
    plain = sum(scan.forms[shape] for shape in NUMERIC - {form.PERCENT})
    if scan.forms[form.LEADING_ZERO]:
        return f"leading zeros as identifiers have ({seen[form.LEADING_ZERO][0]})"
    if scan.forms[form.LONG_INT]:
        return f"more digits than a whole number can hold ({seen[form.LONG_INT][0]})"
    if len(scan.signs) > 1:
        return f"several currencies ({', '.join(sorted(scan.signs))}); convert them to one, or {say}"
    if scan.forms[form.PERCENT] and plain:
        return f"numbers with and without a percent sign ({seen[form.PERCENT][0]}); {say} to drop the sign"
    if scan.forms[form.SPACED] and not scan.forms[form.FLOAT] + scan.forms[form.GROUPED_FLOAT]:
        return f"digits grouped by spaces, which may be an identifier ({seen[form.SPACED][0]}); {say} to read numbers"
    return ""


def _flag_doubt(scan: Scan, _: ColumnType) -> str:
    words = {shape.split(" ")[1] for shape in scan.forms if shape.startswith(form.FLAG)}
    letters = {word for word in words if len(word) == 1}
    if letters == words and not any(letters == set(pair) for pair in form.FLAG_PAIRS):
        return f"single letters that are not a pair of yes and no ({', '.join(sorted(letters))})"
    return ""


def _date_doubt(scan: Scan, kind: ColumnType) -> str:
    rivals = [one for one in _dates(scan) if one != kind and scan.bad(one)[0] == scan.bad(kind)[0]]
    ours = [shape for shape in scan.forms if accepts(kind, shape)]
    cell = scan.examples[ours[0]][0]
    if rivals:
        return f"day and month cannot be told apart ({cell}); add --type {scan.name}=date:dmy or date:mdy"
    if kind.kind == "timestamp_utc" and any(not shape.startswith("zoned") for shape in ours):
        return f"times with and without a zone; add --type {scan.name}=timestamp_utc to take the others as UTC"
    return ""


def _why(scan: Scan, kind: ColumnType) -> str:
    dressed = [scan.examples[shape][0].value for shape in sorted(DRESSED) if scan.forms[shape]]
    if kind.kind in {"int", "float"} and dressed:
        return f"numbers, also written as {dressed[0]!r}"
    if kind.kind == "int" and all(re.fullmatch(r"(?:19|20)\d\d[01]\d[0-3]\d", text) for text in scan.samples):
        return f"whole numbers; to read them as dates add --type {scan.name}=date:%Y%m%d"
    words = {"int": "whole numbers", "float": "numbers", "bool": "two answers", "date": "dates"}
    orders = {"dmy": ", day first", "mdy": ", month first"}
    return words.get(kind.kind, "dates with times") + orders.get(kind.detail, "")
