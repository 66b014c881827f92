"""Parquet files of an import: written under names that readers pass over, then put in place all at once."""

from __future__ import annotations

import csv
import os
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tamscore.errors import RetryableError
from tamscore.store.csv_output import guarded_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tamscore.store.csv_import.left_out import RejectedRow


class Writer:
    """Collect tables until a row group is full, so that every group but the last has the same number of rows."""

    def __init__(self, path: Path, schema: Any, row_group_rows: int) -> None:
        import pyarrow.parquet as pq

        self.rows = row_group_rows
        self.waiting = schema.empty_table()
        self.file = pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)

    def add(self, table: Any) -> None:
        """Take the rows of a table; write the row groups that they fill."""
        import pyarrow as pa

        self.waiting = pa.concat_tables([self.waiting, table])
        while self.waiting.num_rows >= self.rows:
            self.file.write_table(self.waiting.slice(0, self.rows), row_group_size=self.rows)
            self.waiting = self.waiting.slice(self.rows)

    def close(self) -> None:
        """Write the rows that are left and the footer."""
        if self.waiting.num_rows:
            self.file.write_table(self.waiting, row_group_size=self.rows)
            self.waiting = self.waiting.slice(0, 0)
        self.file.close()

    def abandon(self) -> None:
        """Let go of the file; it is removed next, so it does not matter that a full disk keeps its footer out."""
        with suppress(OSError):
            self.file.close()


@contextmanager
def staged(targets: list[Path], schema: Any, row_group_rows: int) -> Iterator[dict[Path, Writer]]:
    """Give a writer per target under a temporary name; move all into place at the end, or remove all.

    The names begin with `_` and do not end in .parquet: the only staging names that every reader passes over.
    """
    parts = {target: target.with_name(f"_{target.stem}.{os.getpid()}.tmp") for target in targets}
    try:
        with ExitStack() as stack:
            for part in parts.values():
                stack.callback(part.unlink, missing_ok=True)
            next(iter(parts)).parent.mkdir(parents=True, exist_ok=True)
            writers = {target: Writer(part, schema, row_group_rows) for target, part in parts.items()}
            for writer in writers.values():
                stack.callback(writer.abandon)
            yield writers
            for writer in writers.values():
                writer.close()
            for target, part in parts.items():
                _sync(part)
                part.replace(target)
            _sync(next(iter(parts)).parent)
    except OSError as error:
        raise RetryableError(f"{targets[0].parent}: cannot be written: {error}; free space or check rights") from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def rejected_log(path: Path, *, needed: bool) -> Iterator[Callable[[RejectedRow], None] | None]:
    """Give a function that writes a rejected row; the file is there at the end only if one is `needed`."""
    path.unlink(missing_ok=True)
    if not needed:
        yield None
        return
    part = path.with_name(f"_{path.stem}.{os.getpid()}.tmp")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            out = csv.writer(stream)
            out.writerow(("file", "row", "reason", "text"))
            yield lambda row: out.writerow(guarded_cells((row.file, row.row, row.reason, row.text)))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
