"""Small tables that are read whole: people, owners, plans, overrides; in any format of one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError
from tamscore.store import csv_import, tables
from tamscore.store.csv_import.encodings import text_encoding
from tamscore.store.footers import is_parquet
from tamscore.store.sources.converted import READERS, kind_of, once

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa


def encoding_of(path: str | Path) -> str:
    """Return the encoding of a CSV file that is read by what its bytes say: "utf-8" or "cp1252"; "utf-8" for others."""
    file = Path(path)
    is_text = file.is_file() and kind_of(file) in {None, "CSV"} and not is_parquet(file)
    return text_encoding(file) if is_text else "utf-8"


def whole_table(path: str | Path, types: Mapping[str, str], encoding: str = "utf-8") -> pa.Table:
    """Return the table of a file: Parquet, CSV (in the encoding), a workbook, lines of JSON or Arrow.

    Cells of CSV files and workbooks are texts but for the columns in `types` (float, bool, …). Raises
    InputContractError that names the file, and of a cell its row and column, where it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = Path(path)
    if not file.is_file():
        raise InputContractError(f"{path}: expected a Parquet or CSV file, found none; check the path")
    kind = kind_of(file)
    if kind == "workbook":
        return _of_workbook(file, types)
    if kind not in READERS and not is_parquet(file):
        return csv_import.read_table(file, types, encoding)
    try:
        if kind is None:
            return pq.read_table(file)
        schema, batches = READERS[kind](file)
        return pa.Table.from_batches(batches, schema)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise InputContractError(
            f"{path}: {str(error).strip()}; expected Parquet, CSV, a workbook, lines of JSON or Arrow"
        ) from error


def _of_workbook(file: Path, types: Mapping[str, str]) -> pa.Table:
    """Return the table of a workbook; raises as `whole_table`."""
    text = once((file, tables.stamp_of(str(file))), "workbook", str(file))
    try:
        return csv_import.read_table(text, types)
    except InputContractError as error:
        raise InputContractError(str(error).replace(str(text), str(file))) from error
