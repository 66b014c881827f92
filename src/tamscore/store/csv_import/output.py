"""Parquet files of an import: written aside, then put in place all at once."""

from __future__ import annotations

import csv
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tamscore.store import commit, disk, folders
from tamscore.store.csv_output import guarded_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tamscore.store.csv_import.left_out import RejectedRow


_PART = ".tmp"


class _Writer:
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
def written(
    targets: list[Path],
    schema: Any,
    row_group_rows: int,
    log: Path,
    *,
    rejects: bool,
    free: AbstractContextManager[None],
) -> Iterator[tuple[dict[Path, _Writer], Callable[[RejectedRow], None] | None]]:
    """Give a writer per target, and what takes rejected rows if there are any; at the end all are in place, or none.

    Several files take the place of their folder as a whole, a single one is moved. Until then their names do not end in
    .parquet, and begin with `_` or lie in a folder whose name does: every reader passes over them. `free` is
    entered while they take their place, and raises an error if they must not.
    Raise RetryableError where they cannot be written.
    """
    targets = list(dict.fromkeys(targets))
    place = targets[0] if len(targets) == 1 else targets[0].parent.resolve()
    commit.sweep_beside(place)
    with folders.stage(place) as folder:
        parts = {folder / f"{target.name}{_PART}": target for target in targets}
        with ExitStack() as stack:
            keep = stack.enter_context(rejected_log(folder / log.name)) if rejects else None
            writers = {target: _Writer(part, schema, row_group_rows) for part, target in parts.items()}
            for writer in writers.values():
                stack.callback(writer.abandon)
            yield writers, keep
            for writer in writers.values():
                writer.close()
        with free:
            if len(targets) == 1:
                _move_file(folder, targets[0], log)
            else:
                for part, target in parts.items():
                    disk.move(part, folder / target.name)
                folders.put_in_place(folder, place, {log.name, *(target.name for target in targets)})


def _move_file(folder: Path, target: Path, log: Path) -> None:
    """Move the only file of an import, and its rejected rows if there are any, from a staged folder into place."""
    folders.flush(folder)
    disk.move(folder / f"{target.name}{_PART}", target)
    if (folder / log.name).exists():
        disk.move(folder / log.name, log)
    else:
        log.unlink(missing_ok=True)
    disk.flush_folder(target.parent)


@contextmanager
def rejected_log(path: Path) -> Iterator[Callable[[RejectedRow], None]]:
    """Give a function that writes a rejected row to a new CSV file."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(("file", "row", "reason", "text"))
        yield lambda row: out.writerow(guarded_cells((row.file, row.row, row.reason, row.text)))
