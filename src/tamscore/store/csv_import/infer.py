"""The type of a column, decided from the forms of all its cells; text where they leave a doubt.

The whole column decides, never the first block: one identifier with a leading zero in the last row keeps a column text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tamscore.store.csv_import import doubts
from tamscore.store.csv_import import forms as form
from tamscore.store.csv_import.dates import ORDERS
from tamscore.store.csv_import.evidence import Doubt
from tamscore.store.csv_import.losses import hint, lost, reasons, remedy
from tamscore.store.csv_import.marks import NumberFormat
from tamscore.store.csv_import.types import DATED, ColumnType, accepts, option

if TYPE_CHECKING:
    from tamscore.store.csv_import.scan import Scan

_TEXT = ColumnType("string")
_MOSTLY_OTHER = 0.5
"""Above this share of cells that do not fit, a column is plain text and needs no reason."""


def infer(scan: Scan, layout: NumberFormat | Doubt, max_bad_share: float) -> tuple[ColumnType, str]:
    """Return the type that fits the column and why; text where the cells leave a doubt."""
    values = scan.filled
    if not values:
        return _TEXT, "text: words that stand for no value elsewhere" if scan.empty(
            _TEXT
        ) < scan.forms.total() else "no values"
    answers = _answers(scan)
    if answers:
        return answers
    known = layout if isinstance(layout, NumberFormat) else NumberFormat()
    kind = min((_number(scan, known), *_dates(scan)), key=lambda column_type: _misses(scan, column_type, layout))
    bad = _misses(scan, kind, layout)
    if bad > _MOSTLY_OTHER * values:
        return _TEXT, f"text{hint(scan)}"
    if kind.kind not in DATED and isinstance(layout, Doubt):
        return _TEXT, f"text: {layout.reason()}"
    why = _unreadable(scan, kind, known, max_bad_share) or doubts.doubt(scan, kind, known)
    return (_TEXT, f"text: {why}") if why else (kind, _why(scan, kind, known))


def _misses(scan: Scan, kind: ColumnType, layout: NumberFormat | Doubt) -> int:
    """Return how many cells are no values of the type; while the format is in doubt, numbers in any style count."""
    if isinstance(layout, NumberFormat) or kind.kind in DATED:
        return scan.bad(kind, layout if isinstance(layout, NumberFormat) else NumberFormat())[0]
    either = [shape for shape in scan.forms if form.number_parts(shape) or shape.startswith(form.BIT)]
    return scan.filled - sum(scan.forms[shape] for shape in either)


def _unreadable(scan: Scan, kind: ColumnType, layout: NumberFormat, max_bad_share: float) -> str:
    """Return why cells that do not read as the type keep the column text: too many, in an id column, or with digits."""
    bad, cells = scan.bad(kind, layout)
    values = scan.filled
    if not bad:
        return ""
    text = f"{reasons(scan, kind, layout)}, {cells[0]}"
    if bad > max_bad_share * values:
        return f"only {(values - bad) / values:.1%} of the cells read as {kind} ({text}){remedy(scan, kind, bad)}"
    if kind.kind not in DATED and doubts.looks_like_ids(scan):
        return f"{bad:,} of {values:,} cells are no numbers ({text}), and identifiers must not be lost"
    number = lost(scan, kind, layout)
    if number:
        return (
            f"{number:,} of {values:,} cells hold digits that do not read as {kind} ({text}){remedy(scan, kind, bad)}"
        )
    return ""


def _answers(scan: Scan) -> tuple[ColumnType, str] | None:
    """Return yes or no where both answers of one pair are there and nothing else; text for answers without a pair."""
    shapes = {shape for shape, times in scan.forms.items() if times and shape != form.EMPTY}
    words = {shape.split(" ")[1] for shape in shapes if shape.startswith(form.FLAG)}
    if not words:
        return None
    if any(words == set(pair) for pair in form.FLAG_PAIRS) and len(shapes) == 2:
        return ColumnType("bool"), "two answers"
    if len(shapes) > len(words):
        return None
    what = "single letters" if all(len(word) == 1 for word in words) else "words"
    return _TEXT, f"text: {what} that are not the two answers of one pair ({', '.join(sorted(words))})"


def _number(scan: Scan, layout: NumberFormat) -> ColumnType:
    whole = ColumnType("int")
    numbers = [shape for shape in scan.forms if form.number_parts(shape)]
    fractions = scan.count_styles("whole .", "whole ,")
    return whole if not fractions and all(accepts(whole, shape, layout) for shape in numbers) else ColumnType("float")


def _dates(scan: Scan) -> list[ColumnType]:
    held = {shape.split(" ")[0] for shape in scan.forms}
    kind = "timestamp_utc" if "zoned" in held else "timestamp" if "time" in held else "date"
    return [ColumnType(kind, order) for order in ORDERS]


def _why(scan: Scan, kind: ColumnType, layout: NumberFormat) -> str:
    dressed = doubts.dressed_example(scan, layout)
    shared = f", {layout.decimal!r} as the decimal mark as in other columns" if layout.by_files else ""
    if kind.kind in {"int", "float"} and dressed:
        return f"numbers, also written as {dressed!r}{shared}"
    if kind.kind == "int" and all(re.fullmatch(r"(?:19|20)\d\d[01]\d[0-3]\d", text) for text in scan.samples):
        return f"whole numbers; to read them as dates add {option(scan.name, 'date:%Y%m%d')}"
    words = {"int": "whole numbers", "float": "numbers", "date": "dates"}
    orders = {"dmy": ", day first", "mdy": ", month first"}
    return words.get(kind.kind, "dates with times") + orders.get(kind.detail, "") + shared
