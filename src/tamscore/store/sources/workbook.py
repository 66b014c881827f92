"""Excel and OpenDocument workbooks as CSV, so that their cells are read, and doubted, as those of a CSV file are."""

from __future__ import annotations

import csv
from datetime import date, datetime, time
from itertools import count
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.store.sources.extra import require_package
from tamscore.store.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

EXACT = 2**53
"""From here on a cell, a float of 64 bits, does not tell whole numbers apart."""
_numbers = count()


def as_csv(path: Path, key: str) -> Path:
    """Return a CSV file with the rows of the one sheet that has any.

    Raises UsageError where the package is not there; InputContractError where the workbook cannot be read, is
    protected by a password, has rows in several sheets, or a whole number of 2**53 or more.
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
        told = f"rows in the sheets {', '.join(map(repr, filled))}" if filled else "no rows"
        raise InputContractError(f"{path}: expected a workbook with one sheet of rows, got {told}; save one as CSV")
    target = temporary_folder() / f"sheet-{next(_numbers)}.csv"
    with target.open("w", encoding="utf-8", newline="") as file:
        (sheet,) = filled.values()
        csv.writer(file).writerows(texts(path, sheet.iter_rows()))
    return target


def texts(path: Path, rows: Iterable[list[Any]]) -> Iterator[list[str]]:
    """Yield the cells of rows as texts; raise InputContractError that names a whole number that is not exact."""
    for number, row in enumerate(rows, start=1):
        for place, cell in enumerate(row, start=1):
            if isinstance(cell, float) and cell.is_integer() and abs(cell) >= EXACT:
                raise InputContractError(
                    f"{path}: row {number}, column {place}: the number {cell:.0f} is too large to be exact; store it "
                    "as text"
                )
        yield [text_of(cell) for cell in row]


def text_of(cell: Any) -> str:
    """Return a cell as a CSV file has it: whole numbers without a point, days without a time, days as ISO has them."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else str(cell)
