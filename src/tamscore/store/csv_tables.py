"""Tables of a job file that are CSV: the import's reader makes each a Parquet file, temporarily and once a process.

Whatever the import would leave open is refused: a row with other cells than the header, a cell that is no value of its
column, numbers and dates that can be read in two ways. Ids and texts stay as they are written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError, UsageError
from tamscore.store import tables
from tamscore.store.csv_import import inspect, is_csv, write
from tamscore.store.csv_import.roles import require_cells, typed
from tamscore.store.csv_import.table import require_whole
from tamscore.store.footers import MAGIC, hint_at
from tamscore.store.location import files_in, location, matching
from tamscore.store.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.schema import InputColumns, Stamp
    from tamscore.store.csv_import import ImportPlan
    from tamscore.store.csv_import.types import ColumnType
    from tamscore.store.location import Location


@dataclass(frozen=True)
class CsvFile:
    """A CSV file with the stamp that it had when it was read, and its rows as Parquet."""

    path: Path
    stamp: Stamp
    copy: Path


@dataclass(frozen=True)
class CsvTable:
    """The files of a table in order, and the names of those in its folder that were passed over."""

    files: tuple[CsvFile, ...]
    ignored: tuple[str, ...] = ()


Identity = tuple[tuple[str, "Stamp"], ...]
"""Paths and stamps of the files of a table."""
_inspected: dict[Identity, ImportPlan] = {}
_copied: dict[tuple[Identity, tuple[ColumnType, ...]], tuple[CsvFile, ...]] = {}
_numbers = count()


def csv_table(path: str, columns: InputColumns, key: str) -> CsvTable | None:
    """Return the table at a path, a folder or a glob if it is CSV, None if it is not; `key` names it in the job file.

    Raises InputContractError naming file, row and column of what cannot be read; UsageError where workers on other
    machines would read it.
    """
    files, ignored = csv_files(path, key)
    if not files:
        return None
    if columns.far:
        raise UsageError(
            f"{key}: {str(files[0])!r} is CSV, but the workers of engine.kind = 'remote' read Parquet only; convert it "
            "with 'tamscore import', and name the Parquet file"
        )
    identity = tuple((str(file.absolute()), tables.stamp_of(str(file))) for file in files)
    try:
        if identity not in _inspected:
            _inspected[identity] = inspected(files)
        plan = with_types(_inspected[identity], columns)
    except InputContractError as error:
        raise InputContractError(f"{error}{remedy(str(error), key)}") from error
    what = identity, tuple(column.kind for column in plan.columns)
    if what not in _copied:
        _copied[what] = tuple(copied(plan))
    return CsvTable(_copied[what], ignored)


def remedy(message: str, key: str) -> str:
    """Return where an option that a message names belongs; nothing where it names none."""
    then = f"; give the option to 'tamscore import', and set {key} to the Parquet file that it writes"
    return then if "add --" in message else ""


def csv_files(path: str, key: str) -> tuple[list[Path], tuple[str, ...]]:
    """Return the CSV files at a path in order of name, and the names of what is passed over in a folder of them.

    There are none where a table is Parquet or lies in an object store; a folder is not asked for Parquet files.
    """
    where = location(path)
    if not isinstance(where, Path):
        return [], ()
    if where.is_dir():
        inside = [file for file in files_in(where) if isinstance(file, Path)]
        visible = [file for file in inside if not file.name.startswith(("_", "."))]
        taken = [*filter(is_csv, visible)]
        return taken, tuple(file.name for file in inside if file not in taken)
    found = [where] if where.is_file() else matching(path)
    taken = [file for file in found if isinstance(file, Path) and is_csv(file) and not is_parquet(file)]
    if taken and len(taken) < len(found):
        other = next(file for file in found if file not in taken)
        raise UsageError(f"{key}: {path!r} names {str(taken[0])!r} and {str(other)!r}; name files of one kind")
    return taken, ()


def is_parquet(file: Location) -> bool:
    """Return whether a file begins as Parquet does, whatever its name says."""
    with file.open("rb") as stream:
        return bool(stream.read(len(MAGIC)) == MAGIC)


def inspected(files: Sequence[Path]) -> ImportPlan:
    """Return what the files hold, each row and cell looked at; InputContractError names the first row left out."""
    plan = inspect(files)
    require_whole(plan)
    return plan


def with_types(plan: ImportPlan, columns: InputColumns) -> ImportPlan:
    """Return the plan with the types that the parts of the columns ask for; InputContractError names what is not so."""
    names = [column.name for column in plan.columns]
    for name in columns.all:
        if name not in names:
            raise InputContractError(f"{plan.files[0].source.path}: column {name!r} is missing; {hint_at(name, names)}")
    parts = dict.fromkeys(columns.all, "text")
    parts |= dict.fromkeys(columns.numbers, "numbers") | dict.fromkeys(columns.dates, "dates")
    return replace(plan, columns=tuple(typed(plan, column, parts.get(column.name)) for column in plan.columns))


def copied(plan: ImportPlan) -> list[CsvFile]:
    """Return the files of a plan after each is written as Parquet."""
    made = []
    for file in plan.files:
        copy = temporary_folder() / f"{next(_numbers)}.parquet"
        report = write(replace(plan, files=(file,)), copy)
        for column, written in zip(plan.columns, report.columns, strict=True):
            require_cells(column, written.bad_examples)
        made.append(CsvFile(file.source.path, (file.source.size, file.source.mtime_ns), copy))
    return made
