"""What the numbers of a column say about their format: the marks that are certain, those that may be either.

A column decides with its own certain cells first, then with what other columns of the same files are certain of. Where
both leave a doubt, the column has no format, and the doubt says what the user can add.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tamscore.errors import UsageError
from tamscore.store.csv_import import forms as form
from tamscore.store.csv_import.marks import DECIMAL_STYLES, MARKS, OTHER, NumberFormat, parts, usual
from tamscore.store.csv_import.types import option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.store.csv_import.scan import CsvCell, Scan

_FEW = 0.05
"""Certain fractions below this share of the cells in doubt decide nothing where whole numbers or the count of digits
speak against them."""

_THOUSANDS = {"none": frozenset(), "space": frozenset({" "}), " ": frozenset({" "}), "'": frozenset({"'"})} | {
    mark: frozenset({mark}) for mark in MARKS
}


@dataclass(frozen=True)
class Doubt:
    """The format of a column is not known: why, and, where only groups or fractions are in question, the mark."""

    name: str
    cause: str
    mark: str = ""

    def reason(self, kind: str = "number", options: Iterable[str] = ()) -> str:
        """Return why, and what to add; `kind` and `options` are what the user wants to read besides."""
        points = ("+".join([mark, *sorted(options)]) for mark in ("decimal_point", "decimal_comma"))
        types = option(self.name, *(f"{kind}:{detail}" for detail in points))
        return f"{self.cause}; add --decimal (or --thousands) with '.' or ',' for all columns, or {types} for this one"


@dataclass(frozen=True)
class Wish:
    """The marks that the user gave; None where the cells decide."""

    decimal: str | None = None
    thousands: str | None = None


@dataclass
class _Seen:
    """The first cells by mark: fractions for certain, groups for certain, either."""

    decimal: dict[str, CsvCell] = field(default_factory=dict)
    groups: dict[str, CsvCell] = field(default_factory=dict)
    either: dict[str, CsvCell] = field(default_factory=dict)


def wish(decimal: str | None, thousands: str | None) -> Wish:
    """Return the checked marks; raise UsageError for marks that are unknown or the same."""
    if decimal not in {None, *MARKS}:
        raise UsageError(f"decimal: expected '.' or ',', got {decimal!r}")
    if thousands is not None and thousands.lower() not in _THOUSANDS:
        raise UsageError(f"thousands: expected '.', ',', an apostrophe, space or none, got {thousands!r}")
    if decimal and decimal == thousands:
        raise UsageError(f"thousands: expected another mark than the decimal mark {decimal!r}, got the same")
    return Wish(decimal, thousands.lower() if thousands else None)


def own_format(scan: Scan, wanted: Wish, *, ranges: bool) -> NumberFormat | Doubt:
    """Return the format that the user or the column's own cells decide, or the doubt that they leave.

    With `ranges`, the bounds of ranges count as numbers do. m is million beside currencies and other large units.
    """
    layout = _own_format(scan, wanted, ranges=ranges)
    large = scan.signs or set(scan.units) - {"k", "K", "m", "b"}
    return replace(layout, m_million=True) if large and isinstance(layout, NumberFormat) else layout


def _own_format(scan: Scan, wanted: Wish, *, ranges: bool) -> NumberFormat | Doubt:
    seen = _seen(scan, ranges=ranges)
    groups = None if wanted.thousands is None else _THOUSANDS[wanted.thousands]
    if wanted.decimal:
        return NumberFormat(wanted.decimal, usual(wanted.decimal).thousands if groups is None else groups)
    if groups is not None:
        return _by_groups(groups, seen, scan)
    decimals = {**{OTHER[mark]: cell for mark, cell in seen.groups.items()}, **seen.decimal}
    if len(decimals) > 1:
        return _two_ways(decimals.values(), scan)
    if decimals:
        return _with_either(next(iter(decimals)), seen, scan)
    return _without_certain(seen, scan)


def _without_certain(seen: _Seen, scan: Scan) -> NumberFormat | Doubt:
    if len(seen.either) > 1:
        return _two_ways(seen.either.values(), scan)
    return _either(next(iter(seen.either)), scan) if seen.either else usual(".")


def _seen(scan: Scan, *, ranges: bool) -> _Seen:
    seen = _Seen()
    for shape, cells in scan.examples.items():
        bound = shape.removeprefix(f"{form.RANGE} ") if ranges and shape.startswith(form.RANGE) else ""
        for mark in MARKS if bound == "either" else (bound,) if bound in MARKS else ():
            _first(seen.either if bound == "either" else seen.decimal, mark, cells)
        number = form.number_parts(shape)
        if number is None:
            continue
        name, mark = parts(number[0])
        if mark and name in DECIMAL_STYLES:
            _first(seen.decimal, mark, cells)
        if mark and name == "both":
            _first(seen.groups, OTHER[mark], cells)
        if mark and name in {"group", "amb"}:
            _first(seen.groups if name == "group" else seen.either, mark, cells)
    return seen


def _first(cells: dict[str, CsvCell], mark: str, more: list[CsvCell]) -> None:
    cells[mark] = min([*([cells[mark]] if mark in cells else []), more[0]], key=lambda cell: cell.row)


def _by_groups(groups: frozenset[str], seen: _Seen, scan: Scan) -> NumberFormat | Doubt:
    """Return the format where only the mark between groups is given: all other marks are decimal marks."""
    mark = next(iter(groups & set(MARKS)), "")
    decimals = {OTHER[mark]: None} if mark else {**seen.either, **seen.decimal}
    if len(decimals) > 1:
        return _two_ways([cell for cell in decimals.values() if cell], scan)
    return NumberFormat(next(iter(decimals), "."), groups)


def _with_either(decimal: str, seen: _Seen, scan: Scan) -> NumberFormat | Doubt:
    """Return the format of a column with a certain mark, unless too little of it stands against too much."""
    fractions = scan.count_styles(f"amb {decimal}")
    if fractions and decimal not in seen.decimal:
        return _two_ways([*seen.groups.values(), seen.either[decimal]], scan)
    certain = sum(scan.count_styles(f"{name} {decimal}") for name in DECIMAL_STYLES)
    groups = scan.count_styles(f"amb {OTHER[decimal]}")
    if certain < _FEW * fractions and (scan.whole_numbers() or scan.digits.fewest < 3):
        return _two_ways([seen.decimal[decimal], seen.either[decimal]], scan)
    if certain < _FEW * groups and not (seen.groups or scan.whole_numbers()):
        return _two_ways([seen.decimal[decimal], seen.either[OTHER[decimal]]], scan)
    return usual(decimal)


def _two_ways(cells: Iterable[CsvCell], scan: Scan) -> Doubt:
    shown = list(dict.fromkeys(map(str, cells)))
    what = "marks that contradict each other" if len(shown) > 1 else "a mark that may group or begin a fraction"
    return Doubt(scan.name, f"{what} ({' and '.join(shown)})")


def _either(mark: str, scan: Scan) -> Doubt:
    cell = scan.first(f"amb {mark}")
    return Doubt(scan.name, f"{mark!r} may group thousands or begin a fraction ({cell})", mark)


@dataclass(frozen=True)
class CertainMarks:
    """What the columns that are certain say of the files: the decimal mark ("" for none), and whether groups stand."""

    decimal: str = ""
    grouped: bool = False


def shared_marks(scans: Iterable[tuple[Scan, NumberFormat]]) -> CertainMarks:
    """Return what number columns with their formats say together; nothing where they disagree.

    "7." alone is no evidence: it may be an ordinal.
    """
    decimals, grouped = set(), False
    for scan, layout in scans:
        seen = _seen(scan, ranges=False)
        styles = [f"{name} {layout.decimal}" for name in DECIMAL_STYLES if name != "whole"]
        if seen.groups or scan.count_styles(*styles):
            decimals.add(layout.decimal)
            grouped |= bool(seen.groups)
    return CertainMarks(decimals.pop(), grouped) if len(decimals) == 1 else CertainMarks()


def by_files(scan: Scan, doubt: Doubt, known: CertainMarks) -> NumberFormat | Doubt:
    """Return the format that other columns give a column in doubt, unless its own whole numbers speak against it.

    Fractions of three digits all over do not stand beside whole numbers; groups not beside whole numbers above 999.
    Points alone are weak evidence, as coordinates and codes have them in any country: groups must stand in the files,
    or for commas in doubt whole numbers in the column.
    """
    if not (known.decimal and doubt.mark):
        return doubt
    if doubt.mark == known.decimal:
        decided = known.grouped and not scan.whole_numbers()
    else:
        sure = known.decimal == "," or known.grouped or scan.whole_numbers() > 0
        decided = sure and not scan.count_styles("big", "huge")
    return replace(usual(known.decimal), m_million=bool(scan.signs), by_files=True) if decided else doubt
