"""Reasons why cells that could be read as a type stay text: codes, identifiers, several currencies, dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.store.csv_import import dress, marks, names
from tamscore.store.csv_import import forms as form
from tamscore.store.csv_import.dates import ORDERS
from tamscore.store.csv_import.marks import MARKS
from tamscore.store.csv_import.types import DATED, ColumnType, accepts, option

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.store.csv_import.marks import NumberFormat
    from tamscore.store.csv_import.scan import Scan

_ALL_DIFFERENT = 0.99
"""From this share of distinct cells on, a column of whole numbers may hold identifiers."""

_MOSTLY_UNITS = 0.5
"""Below this share of cells with a letter behind the digits, "12K" may be a code."""


def doubt(scan: Scan, kind: ColumnType, layout: NumberFormat) -> str:
    """Return why the cells must stay text although they could be read as the type, empty for no doubt."""
    if kind.kind in DATED:
        return _of_dates(scan, kind, layout)
    spaces = () if layout.thousands == {" "} else (_spaces,)
    checks: tuple[Callable[[Scan], str], ...] = (_codes, _digits, _units, *spaces)
    if kind.kind != "int" and scan.count_styles("huge"):
        return f"more digits than a number with fractions can hold ({scan.first('huge')})"
    why = next((f"{text}; {_doubt_text(scan, kind)}" for check in checks if (text := check(scan))), "")
    return _money(scan) or why


def looks_like_ids(scan: Scan) -> bool:
    """Return whether the name or the cells (whole numbers, all different) show that a column holds identifiers.

    A column with the name of an amount holds no identifiers.
    """
    plain = scan.whole_numbers() + scan.count_styles("long")
    different = scan.distinct >= _ALL_DIFFERENT * scan.filled and not names.is_amount(scan.name)
    return names.is_code(scan.name) or (different and plain > 0 and plain == scan.numbers())


def dressed_example(scan: Scan, layout: NumberFormat) -> str:
    """Return the first number that holds more than digits, a sign and a fraction behind a point, empty for none."""
    plain = {form.number_form(style) for style in marks.PLAIN_STYLES}
    plain -= {form.number_form("amb .")} if layout.decimal == "," else set()
    shapes = [shape for shape in scan.forms if form.number_parts(shape) and shape not in plain]
    cells = scan.cells(shapes)
    return cells[0].value if cells else ""


def _doubt_text(scan: Scan, kind: ColumnType) -> str:
    return f"to read numbers add {option(scan.name, str(kind))}"


def _codes(scan: Scan) -> str:
    """Return why the cells may be codes: a zero before a digit, a plus before a long number, the column's name."""
    zero = scan.first("zero") or scan.first("zero .") or scan.first("zero ,")
    if zero:
        return f"leading zeros as identifiers have ({zero})"
    if scan.count_styles("plus"):
        return f"a plus before many digits, as telephone numbers have ({scan.first('plus')})"
    if scan.count_styles("signed") and scan.count_styles("signed") == scan.numbers():
        return f"a plus before every number, as dialling codes have ({scan.first('signed')})"
    styled = [
        shape for shape in scan.forms if (number := form.number_parts(shape)) and number[0] not in marks.CODE_STYLES
    ]
    dressed = [shape for shape in scan.forms if (number := form.number_parts(shape)) and number[1]]
    if names.is_code(scan.name) and (styled or dressed):
        return f"the name says codes, and not all are plain whole numbers ({scan.cells([*styled, *dressed])[0]})"
    return ""


def _digits(scan: Scan) -> str:
    if scan.count_styles("long"):
        return f"more digits than a whole number can hold ({scan.first('long')})"
    powers = [f"loose exp{mark}" for mark in ("", " .", " ,")]
    fractions = [f"{name} {mark}" for name in ("dec", "both", "space", "wide", "quote", "exp") for mark in MARKS]
    if scan.count_styles(*powers) and not scan.count_styles(*fractions, *(f"whole {mark}" for mark in MARKS)):
        cell = next(scan.first(power) for power in powers if scan.count_styles(power))
        return f"E between digits may be a power of ten or part of a code ({cell})"
    fraction = scan.count_styles(*fractions) + scan.count_styles("amb .", "amb ,")
    ends = scan.count_styles("whole .", "whole ,") > 0 and scan.whole_numbers() > 0 and not fraction
    if (scan.digits.mixed or ends) and not _are_amounts(scan):
        return "numbers that differ as text and are equal as numbers, as 47.10 and 47.1, may be codes"
    return ""


def _are_amounts(scan: Scan) -> bool:
    """Return whether currencies, groups, signs, units or the name show that decimals are amounts and not codes."""
    groups = [f"{name} {mark}" for name in ("group", "both", "wide", "quote") for mark in MARKS] + ["wide", "quote"]
    evidence = scan.signs or scan.units or scan.negatives or scan.count_styles(*groups) or scan.count_tag("percent")
    return bool(evidence) or names.is_amount(scan.name)


def _money(scan: Scan) -> str:
    if len(scan.signs) > 1:
        return f"several currencies ({', '.join(sorted(scan.signs))}); convert them to one"
    if strange := names.other_currency(scan.name, scan.signs):
        return f"the name of the column and its cells say different currencies ({strange}); correct one of them"
    percent = scan.count_tag("percent")
    if percent and percent < scan.numbers():
        return f"numbers with and without a percent sign ({scan.first('percent')}); write all of them in one way"
    return ""


def _units(scan: Scan) -> str:
    """Return why letters behind the digits may not be units: M beside MM, or letters like those of codes.

    Fractions, currencies and the name of an amount show units; so do two different letters behind most numbers.
    """
    if scan.units["MM"] and scan.units["M"]:
        return "M may be a thousand where MM is a million"
    cells = scan.count_tag("unit") + scan.count_tag("m or b")
    bare = set(scan.units) <= dress.LETTERS and not scan.signs and not scan.unit_fractions
    different = len({dress.SHIFTS[unit] for unit in scan.units}) > 1 and cells >= _MOSTLY_UNITS * scan.filled
    if cells and bare and not different and not names.is_amount(scan.name):
        return f"letters behind whole numbers may be parts of codes ({scan.first('unit')})"
    return ""


def _spaces(scan: Scan) -> str:
    fractions = [f"{name} {mark}" for name in ("dec", "whole", "both", "space", "wide", "quote") for mark in MARKS]
    if scan.count_styles("space") and not scan.count_styles(*fractions):
        return f"digits grouped by spaces, which may be an identifier ({scan.first('space')})"
    return ""


def _of_dates(scan: Scan, kind: ColumnType, layout: NumberFormat) -> str:
    rivals = [
        ColumnType(kind.kind, order)
        for order in ORDERS
        if order != kind.detail and scan.bad(ColumnType(kind.kind, order), layout)[0] == scan.bad(kind, layout)[0]
    ]
    ours = [shape for shape in scan.forms if accepts(kind, shape, layout)]
    cell = scan.examples[ours[0]][0]
    if rivals:
        return f"day and month cannot be told apart ({cell}); add {option(scan.name, 'date:dmy', 'date:mdy')}"
    if kind.kind == "timestamp_utc" and any(not shape.startswith("zoned") for shape in ours):
        return f"times with and without a zone; add {option(scan.name, 'timestamp_utc')} to take the others as UTC"
    return ""
