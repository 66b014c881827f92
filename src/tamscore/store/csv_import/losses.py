"""Cells that have no value under a type: why, how many of each kind, and whether anything in them could be read."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from tamscore.store.csv_import import forms as form
from tamscore.store.csv_import.types import DATED, option

if TYPE_CHECKING:
    from tamscore.store.csv_import.marks import NumberFormat
    from tamscore.store.csv_import.scan import Scan
    from tamscore.store.csv_import.types import ColumnType

_SHOWN = 4
"""The number of reasons that a message names one by one."""


_FEW = 0.05
"""Up to this share of bad cells a message names the option that lets them become empty."""


def lost(scan: Scan, kind: ColumnType, layout: NumberFormat) -> int:
    """Return how many cells hold digits that a person could read and the type cannot: they must not become empty.

    Words hold none. A day among numbers is no number, a day that no calendar has is no date.
    """
    nothing = {form.WORD, form.NO_DAY} | (set() if kind.kind in DATED else {form.SHORT_DAY})
    return sum(
        scan.forms[shape]
        for shape in scan.refused(kind, layout)
        if shape not in nothing
        and not shape.startswith(form.FLAG)
        and (kind.kind in DATED or shape.split(" ")[0] not in {"date", "time", "zoned"})
    )


def losses(scan: Scan, kind: ColumnType, layout: NumberFormat) -> list[tuple[str, int]]:
    """Return the reasons why cells have no value under the type with the number of their cells, most first."""
    result: Counter[str] = Counter()
    for shape in scan.refused(kind, layout):
        if shape == form.WORD:
            result.update({repr(word): times for word, times in scan.words.items()})
            result["other words"] += scan.forms[shape] - scan.words.total()
        else:
            result[_reason(shape, kind)] += scan.forms[shape]
    return sorted(((text, times) for text, times in result.items() if times), key=lambda parts: (-parts[1], parts[0]))


def reasons(scan: Scan, kind: ColumnType, layout: NumberFormat) -> str:
    """Return the losses in words, such as "'tbd' (3), a range (2)"."""
    items = losses(scan, kind, layout)
    more = sum(times for _, times in items[_SHOWN:])
    shown = [f"{text} ({times:,})" for text, times in items[:_SHOWN]]
    return ", ".join([*shown, *([f"others ({more:,})"] if more else [])])


def _reason(shape: str, kind: ColumnType) -> str:
    """Return what a cell of this form holds in place of a value of the type."""
    number = form.number_parts(shape)
    if number:
        style, tag = number
        tags = {
            "credit": "an amount marked CR or DR",
            "m or b": "a number with m or b",
            "billion": "a number in billions",
        }
        fraction = "a number with a fraction" if kind.kind == "int" else "a number with other marks"
        return tags.get(tag, "a number" if kind.kind in DATED or not style else fraction)
    words = {
        form.RANGE: "a range", "date": "a date", "time": "a date with time", "zoned": "a date with time",
        form.SHORT_DAY: "a date", form.NO_DAY: "no day of the calendar", form.MIXED: "digits with other text",
        form.FLAG: "a yes or no", form.BIT: "a number",
    }  # fmt: skip
    return next((text for name, text in words.items() if shape.startswith(name)), "other text")


def remedy(scan: Scan, kind: ColumnType, bad: int) -> str:
    """Return what to add so that the column is read, or how to let cells that no option reads become empty."""
    share = math.ceil(1000 * bad / scan.filled) / 1000
    loss = f", or let them become empty with {option(scan.name, str(kind))} --max-bad-share {share:g}"
    return hint(scan) or f"; correct these cells{loss if share <= _FEW else ''}"


def hint(scan: Scan) -> str:
    """Return what to add where cells are ranges, credits or millions in small letters; empty for nothing to add."""
    ranges = sum(times for shape, times in scan.forms.items() if shape.startswith(form.RANGE))
    known = scan.filled - scan.forms[form.WORD] - scan.forms[form.MIXED]
    if ranges and known > 0.5 * scan.filled and not any("date" in shape for shape in scan.forms):
        return f"; to read ranges such as '11-50' as their midpoints add {option(scan.name, 'range')}"
    if scan.count_tag("credit"):
        return f"; to read CR as negative and DR as positive add {option(scan.name, 'number:credit_negative')}"
    if scan.count_tag("m or b"):
        return f"; to read m as million add {option(scan.name, 'number:m_million')}"
    return ""
