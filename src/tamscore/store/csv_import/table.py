"""A whole CSV table of a job file in memory: people, owners, plans, overrides. Nothing in it is passed over.

The same reader as that of an import: delimiter, encoding and quotes are looked at; but there are no options, so that
each row must have the cells of the header, and each cell must be of its column's type.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError
from tamscore.store.csv_import.inspection import inspect
from tamscore.store.csv_import.source import ENDINGS, dialect, open_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.store.csv_import.plan import ImportPlan

EXPECTED = {"float": "a number", "int": "a whole number", "bool": "true or false", "date": "a date"}
"""What a cell of a type holds, in words."""
CONVERT = "; or run tamscore import with what it needs, and name the Parquet file that it writes"


def is_csv(path: Path | str) -> bool:
    """Return whether a path is that of a CSV file, packed or not, by its ending."""
    return str(path).lower().endswith(ENDINGS)


def table_plan(path: Path | str, types: Mapping[str, str]) -> ImportPlan:
    """Return how to read a CSV file: columns in `types` as those (float, bool, …), all others as text.

    InputContractError names the first row with another number of cells than the header, or the first cell, by row and
    column, that is not of its column's type.
    """
    try:
        names = open_source(Path(path), dialect()).names
        plan = inspect([path], {name: types.get(name, "string") for name in names}, may_be_empty=True)
    except InputContractError as error:
        raise InputContractError(f"{error}{CONVERT if 'add --' in str(error) else ''}") from error
    _require_whole(plan)
    return plan


def _require_whole(plan: ImportPlan) -> None:
    """Raise InputContractError where a row or a cell of the file cannot be read."""
    path = plan.files[0].source.path
    for row in plan.rejected_examples:
        raise InputContractError(f"{path}: row {row.row}: {row.reason} ({row.text!r}); correct the row")
    for column in plan.columns:
        for cell in column.bad_examples:
            expected = EXPECTED.get(column.kind.kind, column.type)
            raise InputContractError(
                f"{path}: row {cell.row}: column {column.name!r} holds {cell.value!r}, expected {expected}"
            )
    for file in plan.files:
        for quoted in file.sloppy_rows:
            raise InputContractError(
                f"{path}: row {quoted.row}: text behind a closing quote ({quoted.text!r}); write a quote within a cell "
                'twice ("")'
            )
