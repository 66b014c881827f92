"""The SQL statement by which other engines read the scores of a version: the parts that its manifest lists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from tamscore.errors import UsageError
from tamscore.questions.sql_names import backquote_name, literal, quote_name
from tamscore.store.location import whole_address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tamscore.questions.stored import StoredRun

_Dialect = Literal["duckdb", "spark"]
_GLOB = re.compile(r"([\\{}\[\]*?])")
"""Characters with a meaning in the paths of Hadoop's file systems."""


def statement(run: StoredRun, dialect: _Dialect, view: str | None = None) -> str:
    """Return the statement that reads the scores of a run, or that makes a view of them.

    It fails where a file is missing. Raise UsageError if a path has a character that the dialect cannot write.
    """
    folder = whole_address(run.directory.scores)
    select = _SELECTS[dialect]([f"{folder}/{part.name}" for part in run.parts()])
    if view is None:
        return f"{select};"
    kind = {"duckdb": "VIEW", "spark": "TEMPORARY VIEW"}[dialect]  # Spark keeps no lasting view of files
    return f"CREATE OR REPLACE {kind} {_QUOTES[dialect](view)} AS\n{select};"


def duckdb_select(files: Sequence[str]) -> str:
    """Return the query of DuckDB; names of folders such as `industry=Food` become no columns."""
    listed = ",\n  ".join(map(literal, files))
    return f"SELECT * FROM read_parquet([\n  {listed}\n], hive_partitioning = false)"


def spark_select(files: Sequence[str]) -> str:
    """Return the query of Spark, file by file: a choice of names in one path would pass over one that is missing."""
    if "\n" in files[0] or "\r" in files[0]:
        raise UsageError(f"--dialect: Spark has no way to write the line end in {files[0]!r}; move the output")
    return "\nUNION ALL ".join(f"SELECT * FROM parquet.{backquote_name(spark_path(file))}" for file in files)


def spark_path(file: str) -> str:
    """Return a path with its file system, on S3 that of Hadoop's own client, and no character that chooses files."""
    return _GLOB.sub(r"\\\1", f"file:{file}" if file.startswith("/") else re.sub("^s3://", "s3a://", file))


_SELECTS: dict[_Dialect, Callable[[Sequence[str]], str]] = {"duckdb": duckdb_select, "spark": spark_select}
_QUOTES: dict[_Dialect, Callable[[str], str]] = {"duckdb": quote_name, "spark": backquote_name}
