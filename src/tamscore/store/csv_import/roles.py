"""Columns by the part that they play in a job: numbers, dates or text; whatever leaves a doubt is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError
from tamscore.store.csv_import import rows as csv_rows
from tamscore.store.csv_import.left_out import Intake
from tamscore.store.csv_import.scan import CsvCell, bad_cells
from tamscore.store.csv_import.types import DATED, ColumnType
from tamscore.store.csv_import.values import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.store.csv_import.plan import ColumnPlan, ImportPlan

_EXPECTED = {"numbers": "a number", "dates": "a date"}
"""What a cell of a column with this part holds, in words."""
_KINDS = {"numbers": ("int", "float", "bool"), "dates": DATED}
_EMPTY = {"numbers": ColumnType("float"), "dates": ColumnType("date", "ymd")}
"""The type of a column without values."""
_TEXT = ColumnType("string")


def convert(plan: ImportPlan, column: ColumnPlan, part: str | None) -> ColumnPlan:
    """Return the column with the type that its part asks for: "numbers", "dates" or "text"; None for one without part.

    Raises InputContractError naming file, row and column of a cell that is no such value, or the doubt about all.
    """
    if part is None:
        return column if not column.bad else replace(column, kind=_TEXT)
    if part == "text":
        return replace(column, kind=_TEXT)
    if not column.filled:
        return replace(column, kind=_EMPTY[part])
    if column.kind.kind not in _KINDS[part]:
        raise InputContractError(_refusal(plan, column, part))
    require_cells(column, column.bad_examples)
    return column


def require_cells(column: ColumnPlan, bad: Sequence[CsvCell]) -> None:
    """Raise InputContractError for the first cell that is no value of the column's type."""
    for cell in bad[:1]:
        part = next((part for part, kinds in _KINDS.items() if column.kind.kind in kinds), "")
        raise InputContractError(_not_expected(column, cell, part))


def _not_expected(column: ColumnPlan, cell: CsvCell, part: str) -> str:
    expected = _EXPECTED.get(part, "text")
    return f"{cell.file}: row {cell.row}: column {column.name!r} holds {cell.value!r}, expected {expected}"


def _refusal(plan: ImportPlan, column: ColumnPlan, part: str) -> str:
    """Return why a column is not what its part asks for: the doubt that kept it text, else its first other cell."""
    text, mark, option = column.why.partition(";")
    cell = _first_other(plan, column, part) if text == "text" else None
    if cell is not None:
        return f"{_not_expected(column, cell, part)}{mark}{option}"
    file = plan.files[0].source.path
    return f"{file}: column {column.name!r}: expected {part}, got {column.why}"


def _first_other(plan: ImportPlan, column: ColumnPlan, part: str) -> CsvCell | None:
    """Return the first cell of a column that is no value of any type of the part; None if each is."""
    orders = ("ymd", "dmy", "mdy")
    kinds = [_EMPTY[part]] if part == "numbers" else [ColumnType("timestamp_utc", order) for order in orders]
    for file in plan.files:
        for batch, numbers in csv_rows.batches(file.source, Intake(), lambda _: None):
            texts = batch.column(column.name)
            bad = values(texts, kinds[0], column.layout, plan.always_empty)[1]
            for kind in kinds[1:]:
                bad &= values(texts, kind, column.layout, plan.always_empty)[1]
            if bad.any():
                return bad_cells(texts, numbers, bad, str(file.source.path), 1)[0]
    return None
