"""Tables of a job file that are CSV: the import's reader makes each a Parquet file, temporarily and once a process.

Whatever the import would leave open is refused: a row with other cells than the header, a cell that is no value of its
column, numbers and dates that can be read in two ways. Ids and texts stay as they are written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError
from tamscore.store.csv_import import inspect, write
from tamscore.store.csv_import.roles import convert, require_cells
from tamscore.store.csv_import.table import require_whole
from tamscore.store.footers import hint_at
from tamscore.store.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tamscore.schema import InputColumns, Stamp
    from tamscore.store.csv_import import ImportPlan
    from tamscore.store.csv_import.types import ColumnType


@dataclass(frozen=True)
class CsvText:
    """A file of a table with the stamp that it had, and the CSV file that has its rows: itself, or one made of it."""

    path: Path
    stamp: Stamp
    text: Path


_Texts = tuple[CsvText, ...]
_inspected: dict[_Texts, ImportPlan] = {}
_copied: dict[tuple[_Texts, tuple[ColumnType, ...]], tuple[Path, ...]] = {}
_numbers = count()


def csv_copies(files: _Texts, columns: InputColumns, key: str, inferred: Sequence[str] = ()) -> tuple[Path, ...]:
    """Return the Parquet files that hold the rows of each file; `key` names the table in the job file.

    Columns `inferred` have the types that an import finds, others those of their part. Raise InputContractError naming
    file, row and column of what cannot be read.
    """
    try:
        if files not in _inspected:
            _inspected[files] = _inspect_table([file.text for file in files])
        plan = _with_types(_inspected[files], columns, inferred)
        what = files, tuple(column.kind for column in plan.columns)
        if what not in _copied:
            _copied[what] = tuple(_copy(plan))
    except InputContractError as error:
        text = str(error)
        for file in files:
            text = text.replace(str(file.text), str(file.path))
        raise InputContractError(f"{text}{_remedy(text, key)}") from error
    return _copied[what]


def _remedy(message: str, key: str) -> str:
    """Return where an option that a message names belongs; nothing where it names none."""
    where = f"set {key} to" if "." in key else "go on with"
    then = f"; give the option to 'tamscore import', and {where} the Parquet file that it writes"
    return then if "add --" in message else ""


def _inspect_table(files: Sequence[Path]) -> ImportPlan:
    """Return what the files hold, each row and cell looked at; InputContractError names the first row left out."""
    plan = inspect(files)
    require_whole(plan)
    return plan


def _with_types(plan: ImportPlan, columns: InputColumns, inferred: Sequence[str]) -> ImportPlan:
    """Return the plan with the types that the parts of the columns ask for; InputContractError names what is not so."""
    names = [column.name for column in plan.columns]
    for name in columns.all:
        if name not in names:
            raise InputContractError(f"{plan.files[0].source.path}: column {name!r} is missing; {hint_at(name, names)}")
    parts = dict.fromkeys((name for name in columns.all if name not in inferred), "text")
    parts |= dict.fromkeys(columns.numbers, "numbers") | dict.fromkeys(columns.dates, "dates")
    return replace(plan, columns=tuple(convert(plan, column, parts.get(column.name)) for column in plan.columns))


def _copy(plan: ImportPlan) -> list[Path]:
    """Return the Parquet files that the files of a plan are written to."""
    made = []
    for file in plan.files:
        copy = temporary_folder() / f"{next(_numbers)}.parquet"
        report = write(replace(plan, files=(file,)), copy, is_private=True)
        for column, written in zip(plan.columns, report.columns, strict=True):
            require_cells(column, written.bad_examples)
        made.append(copy)
    return made
