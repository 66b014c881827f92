"""A Delta table in a folder or an object store: every export that changes something is one version of it.

The table is written whole: its rows are few numbers and texts, and a merge by the library held 5 KB of memory a row
where an account in every file had changed.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.arrow import as_dictionary, plain_table, strings, truths
from tamscore.errors import RetryableError, TamscoreError, UsageError, without_secrets
from tamscore.questions.export import HASH, VERSION
from tamscore.questions.export_tables.content import GONE, ExistingTable, Merged, stream
from tamscore.questions.export_tables.package import library
from tamscore.questions.join import AccountIndex
from tamscore.questions.sql_names import quote_name
from tamscore.stages.draw import id_hash
from tamscore.store.location import location, whole_address
from tamscore.store.objects import bucket
from tamscore.store.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.questions.export_tables.content import Content
    from tamscore.store.location import Location

_NUMBERS = count()
_PACKED = pa.ipc.IpcWriteOptions(compression="lz4")
_LASTING = ("Permission denied", "AccessDenied", "NoSuchBucket", "os error 20", "NotADirectory", "not supported")
"""What the library says of a place that will refuse the same again."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_SAID = 300
"""So many characters of it are repeated: it can end with the whole answer of a store."""


@dataclass(frozen=True)
class DeltaTarget:
    """A Delta table in a folder, which may not be there yet."""

    location: Location

    @contextmanager
    def open_up(self) -> Iterator[_DeltaTable]:
        """Open the newest version of the table, see `TableTarget`."""
        deltalake = library("deltalake", "lakehouse", "a Delta table")
        place = whole_address(self.location)
        plain = not isinstance(self.location, Path) and bucket.is_plain_endpoint(place)
        options = {"allow_http": "true"} if plain else None
        with _refusals(deltalake, f"delta:{place}"):
            there = deltalake.DeltaTable.is_deltatable(place, options)
            result = deltalake.DeltaTable(place, storage_options=options) if there else None
            yield _DeltaTable(f"delta:{place}", deltalake, place, options, result)


@dataclass(frozen=True)
class _DeltaTable:
    """The table, see `OpenTable`; `found` is the version that changes are computed from."""

    name: str
    library: Any
    place: str
    options: dict[str, str] | None
    found: Any

    def type_name(self, kind: pa.DataType) -> str | None:
        """Return how Arrow calls a type; Delta has no time of day."""
        return None if pa.types.is_time(kind) else str(kind)

    def standing(self) -> ExistingTable | None:
        """Return the table that is there; without columns if the folder holds something else."""
        if self.found is None:
            folder = location(self.place)
            return ExistingTable({}, None) if folder.is_dir() and any(folder.iterdir()) else None
        columns = {field.name: str(field.type) for field in pa.schema(self.found.schema())}
        return ExistingTable(columns, self.found.metadata().description)

    def merge(self, content: Content, batches: Iterator[pa.RecordBatch], there: ExistingTable | None) -> Merged:
        """Bring the table to what the batches say; no version is made where nothing changes."""
        if there is None:
            counted = _Counted(batches)
            self.write(content, counted.batches())
            self.set_mark(content)
            return Merged(counted.rows, 0, 0)
        change = _TableChange.of(self, content)
        staged = change.stage(batches)
        merged = change.merge(adds_columns=len(there.columns) < len(content.schema))
        if merged is None:
            staged.unlink()
            return Merged(0, 0, 0)
        self.write(content, _batches_in(staged))
        staged.unlink()
        return merged

    def write(self, content: Content, batches: Iterator[pa.RecordBatch]) -> None:
        """Write a version that holds the batches alone; fails where another writer made one since this was opened."""
        first = {"mode": "error"} if self.found is None else {"mode": "overwrite", "schema_mode": "overwrite"}
        with stream(content.schema, batches) as reader:
            self.library.write_deltalake(
                self.place if self.found is None else self.found,
                reader,
                **first,
                description=content.mark,
                storage_options=self.options,
                commit_properties=self.library.CommitProperties(max_commit_retries=0),
            )

    def set_mark(self, content: Content) -> None:
        """Let the table say how it came: one that is overwritten keeps its description. Until then it is refused."""
        written = self.library.DeltaTable(self.place, storage_options=self.options)
        if written.metadata().description != content.mark:
            written.alter.set_table_description(content.mark)

    def rows(self, columns: list[str]) -> Iterator[pa.Table]:
        """Yield columns of the version that was found."""
        names = ", ".join(map(quote_name, columns))
        query = self.library.QueryBuilder().register("found", self.found).execute(f"SELECT {names} FROM found")
        for batch in pa.RecordBatchReader.from_stream(query):
            yield plain_table(pa.Table.from_batches([batch]))


@dataclass
class _Counted:
    """Batches on their way, and how many rows have passed."""

    source: Iterator[pa.RecordBatch]
    rows: int = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches."""
        for batch in self.source:
            self.rows += len(batch)
            yield batch


@dataclass
class _TableChange:
    """What an export changes in a version of a table: of the accounts there (n,) it keeps 28 bytes beside their ids.

    `hashes` (n,) uint64 stand for their rows, `versions` (n,) say which version of the scores wrote them, `gone` (n,)
    are those marked before, `seen` (n,) those that the export has.
    """

    table: _DeltaTable
    content: Content
    accounts: AccountIndex
    hashes: Any
    versions: pa.Array
    gone: Any
    seen: Any
    inserted: int = 0
    updated: int = 0

    @classmethod
    def of(cls, table: _DeltaTable, content: Content) -> _TableChange:
        """Return the accounts of the version that was found, none of them seen yet."""
        ids, versions, hashes, gone = [], [], [np.empty(0, np.uint64)], [np.empty(0, bool)]
        for rows in table.rows([content.key, HASH, VERSION, GONE]):
            ids.append(rows[content.key])
            hashes.append(id_hash(strings(rows[HASH])))
            versions.append(as_dictionary(rows[VERSION]))
            gone.append(truths(rows[GONE].is_valid()))
        dictionary = as_dictionary(pa.chunked_array(versions, pa.dictionary(pa.int32(), pa.string())))
        index = AccountIndex.of(ids)
        seen = np.zeros(len(index), dtype=bool)
        return cls(table, content, index, np.concatenate(hashes), dictionary, np.concatenate(gone), seen)

    def stage(self, batches: Iterator[pa.RecordBatch]) -> Path:
        """Return a temporary file with the rows of the next version: those of the export, then accounts that are gone.

        Rows that are there already keep the version that wrote them.
        """
        path = temporary_folder() / f"delta-{next(_NUMBERS)}.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, self.content.schema, options=_PACKED) as writer:
            for batch in batches:
                writer.write_batch(self.compare(batch))
            for batch in self.mark() if self.content.gone == "mark" and not self.seen.all() else ():
                writer.write_batch(batch)
        return path

    def compare(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return rows of the export with the version that wrote them as they are."""
        if not len(self.accounts):
            self.inserted += len(batch)
            return batch
        before = self.accounts.rows_of(pa.chunked_array([batch[self.content.key]]))
        there, at = before >= 0, np.maximum(before, 0)
        hashes = id_hash(batch[HASH].cast(pa.large_string()))
        same = there & (self.hashes[at] == hashes) & ~self.gone[at]
        self.seen[before[there]] = True
        self.inserted += int(np.count_nonzero(~there))
        self.updated += int(np.count_nonzero(there & ~same))
        remaining = self.versions.take(pa.array(at)).cast(pa.string())
        place = batch.schema.get_field_index(VERSION)
        return batch.set_column(place, VERSION, pc.if_else(pa.array(same), remaining, batch[VERSION]))

    def merge(self, *, adds_columns: bool) -> Merged | None:
        """Return how many rows change, None where the version that was found says all of it already."""
        missing = ~self.seen if self.content.gone == "delete" else ~self.seen & ~self.gone
        counts = Merged(self.inserted, self.updated, int(np.count_nonzero(missing)))
        return counts if adds_columns or counts != Merged(0, 0, 0) else None

    def mark(self) -> Iterator[pa.RecordBatch]:
        """Yield the accounts that the export lacks as they are, marked with its version if they were not before."""
        there = [field.name for field in pa.schema(self.table.found.schema())]
        for rows in self.table.rows(there):
            left = rows.filter(pa.array(~self.seen[self.accounts.rows_of(rows[self.content.key])]))
            columns = {name: left[name] if name in there else pa.nulls(len(left)) for name in self.content.schema.names}
            columns[GONE] = pc.fill_null(columns[GONE].cast(pa.string()), self.content.version)
            yield from pa.table(columns).cast(self.content.schema).to_batches()


def _batches_in(staged: Path) -> Iterator[pa.RecordBatch]:
    """Yield the batches of an Arrow file."""
    with pa.memory_map(str(staged)) as file:
        reader = pa.ipc.open_file(file)
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))


@contextmanager
def _refusals(deltalake: Any, name: str) -> Iterator[None]:
    """Raise what the library refuses as an error of ours."""
    try:
        yield
    except deltalake.exceptions.CommitFailedError as error:
        raise RetryableError(f"{name}: another writer changed the table at the same time; run again") from error
    except (deltalake.exceptions.DeltaError, OSError) as error:
        raise _refuse(name, error) from error


def _refuse(name: str, error: Exception) -> TamscoreError:
    """Return the error of ours for what the library says."""
    without_secret = without_secrets(" ".join(_COLOURS.sub("", str(error)).split()))[:_SAID]
    if any(words in without_secret for words in _LASTING):
        return UsageError(f"{name}: the table refuses this ({without_secret}); name another folder")
    return RetryableError(
        f"{name}: cannot be written ({without_secret}); look at the place and the rights, then run again"
    )
