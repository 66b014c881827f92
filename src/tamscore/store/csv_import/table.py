"""A whole CSV table of a job file in memory: people, owners, plans, overrides. Nothing in it is passed over.

The same reader as that of an import: delimiter, encoding and quotes are looked at; but there are no options, so that
each row must have the cells of the header, and each cell must be of its column's type.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError
from tamscore.store.csv_import.inspection import inspect
from tamscore.store.csv_import.source import ENDINGS, dialect, open_source
from tamscore.store.csv_import.types import column_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.store.csv_import.plan import ColumnPlan, ImportPlan
    from tamscore.store.csv_import.scan import CsvCell

_EXPECTED = {"float": "a number", "int": "a whole number", "bool": "true or false, yes or no, 1 or 0", "date": "a date"}
"""What a cell of a type holds, in words."""
_CONVERT = "; these are options of tamscore import: convert the table with it, and name the Parquet file that it writes"


def is_csv(path: Path | str) -> bool:
    """Return whether a path is that of a CSV file, packed or not, by its ending."""
    return str(path).lower().endswith(ENDINGS)


def table_plan(path: Path | str, types: Mapping[str, str], encoding: str = "utf-8") -> ImportPlan:
    """Return how to read a CSV file: columns in `types` as those (float, bool, …), all others as text.

    InputContractError names the first row with another number of cells than the header.
    """
    try:
        names = open_source(Path(path), dialect(encoding=encoding)).names
        texts = {name: "string" for name in names if name not in types}
        plan = inspect([path], texts, encoding=encoding, may_be_empty=True)
    except InputContractError as error:
        raise InputContractError(f"{error}{_CONVERT if 'add --' in str(error) else ''}") from error
    require_whole(plan)
    wanted = {name: column_type(name, text) for name, text in types.items()}
    columns = tuple(replace(column, kind=wanted.get(column.name, column.kind)) for column in plan.columns)
    return replace(plan, columns=columns)


def require_cell(path: Path | str, column: ColumnPlan, bad: Sequence[CsvCell]) -> None:
    """Raise InputContractError for the first bad cell of a column, and where its numbers leave a doubt."""
    kind = column.kind.kind
    for cell in bad[:1]:
        raise InputContractError(
            f"{path}: row {cell.row}: column {column.name!r} holds {cell.value!r}, expected {_EXPECTED.get(kind, kind)}"
        )
    if kind == "float" and column.filled and column.type not in {"int", "float"}:
        raise InputContractError(f"{path}: column {column.name!r}: expected plain numbers, got {column.why}{_CONVERT}")


def require_whole(plan: ImportPlan) -> None:
    """Raise InputContractError where a row of the files cannot be read as it is."""
    for row in plan.rejected_examples:
        raise InputContractError(f"{row.file}: row {row.row}: {row.reason} ({row.text!r}); correct the row")
    for file in plan.files:
        for quoted in file.sloppy_rows:
            raise InputContractError(
                f"{file.source.path}: row {quoted.row}: text behind a closing quote ({quoted.text!r}); write a quote "
                'within a cell twice ("")'
            )
