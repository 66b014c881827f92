"""Excel and OpenDocument workbooks as CSV, so that their cells are read, and doubted, as those of a CSV file are."""

from __future__ import annotations

import csv
import re
import zipfile
from datetime import date, datetime, time
from itertools import count
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.store.sources.extra import require_package
from tamscore.store.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_EXACT = 2**53
"""From this number on, a cell (a float of 64 bits) cannot distinguish whole numbers."""
NEVER_COMPUTED = re.compile(
    rb'<c\b(?![^>]*\bt="str")[^>]*\br="([A-Z]+[0-9]+)"[^>]*>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*'
    rb"(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)
"""A cell of a sheet, as xlsx has it, with a formula and no value; a text may be empty."""
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
"""The file names of the sheets in an xlsx workbook."""
CHUNK, _CELL = 1 << 24, 1 << 16
"""Bytes of a sheet that are looked at together, and those of the longest cell."""
_numbers = count()


def as_csv(path: Path, key: str) -> Path:
    """Return a CSV file with the rows of the one sheet that has any.

    Raise UsageError if the package is not there; InputContractError if the workbook cannot be read, is
    protected by a password, has rows in several sheets, a whole number of 2**53 or more, or a formula that no program
    has computed.
    """
    require_package("python_calamine", "excel", key, f"the workbook {str(path)!r}")
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
        filled = {name: sheet for name, sheet in sheets.items() if sheet.end is not None}
    except (CalamineError, OSError) as error:
        raise InputContractError(
            f"{path}: the workbook cannot be read ({str(error).strip()}); save the sheet as CSV"
        ) from error
    if len(filled) != 1:
        text = f"rows in the sheets {', '.join(map(repr, filled))}" if filled else "no rows"
        raise InputContractError(f"{path}: expected a workbook with one sheet of rows, got {text}; save one as CSV")
    if cell := _never_computed(path):
        raise InputContractError(
            f"{path}: cell {cell}: a formula without a value, which reads as nothing; open the workbook in a program "
            "for spreadsheets and save it, or save the sheet as CSV"
        )
    target = temporary_folder() / f"sheet-{next(_numbers)}.csv"
    with target.open("w", encoding="utf-8", newline="") as file:
        (sheet,) = filled.values()
        csv.writer(file).writerows(_texts(path, sheet.iter_rows()))
    return target


def _never_computed(path: Path) -> str | None:
    """Return the first cell of an xlsx workbook that has a formula and no value, None where there is none."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        for name in filter(_SHEET.fullmatch, archive.namelist()):
            with archive.open(name) as file:
                part = b""
                while chunk := file.read(CHUNK):
                    part = part[-_CELL:] + chunk
                    if b"<f" in part and (result := NEVER_COMPUTED.search(part)):
                        return result[1].decode()
    return None


def _texts(path: Path, rows: Iterable[list[Any]]) -> Iterator[list[str]]:
    """Yield the cells of rows as texts; raise InputContractError that names a whole number that is not exact."""
    for number, row in enumerate(rows, start=1):
        for place, cell in enumerate(row, start=1):
            if isinstance(cell, float) and cell.is_integer() and abs(cell) >= _EXACT:
                raise InputContractError(
                    f"{path}: row {number}, column {place}: the number {cell:.0f} is too large to be exact; store it "
                    "as text"
                )
        yield [_text_of(cell) for cell in row]


def _text_of(cell: Any) -> str:
    """Return a cell as a CSV file has it: whole numbers without a point, days without a time, days as ISO has them."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else str(cell)
