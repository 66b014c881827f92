"""The type of a column, decided from the forms of all its cells; text where they leave a doubt.

The whole column decides, never the first block: one identifier with a leading zero in the last row keeps a column text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tamscore.store.csv_import import forms as form
from tamscore.store.csv_import.dates import ORDERS
from tamscore.store.csv_import.types import DATED, NUMERIC, ColumnType, accepts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.store.csv_import.scan import Scan

DRESSED = {form.GROUPED_INT, form.GROUPED_FLOAT, form.PERCENT, form.SPACED}
MOSTLY_OTHER = 0.5
"""Above this share of cells that do not fit, a column is plain text and needs no reason."""


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
    return [ColumnType(kind, order) for order in ORDERS]


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
