"""The table of families that is scored in place of the accounts: made column by column, so that memory stays bounded.

One column of all accounts is in memory at a time. What families make of it goes to a temporary file, and the files of
all columns are put together, some rows at a time.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, nullable
from tamscore.scoring.context import columns_of
from tamscore.sections.families.grouping import Grouping, join, read_accounts
from tamscore.sections.families.settings import ROW_COLUMNS
from tamscore.store import tables
from tamscore.store.sources.copies import ROW_GROUP, written
from tamscore.store.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from tamscore.config import Job
    from tamscore.schema import InputColumns, Partition
    from tamscore.sections.families.grouping import ScoredAccounts
    from tamscore.sections.families.settings import Families, How
    from tamscore.store.location import Location

METADATA = "tamscore.families"
"""The key under which the file says what it was made of."""


@dataclass(frozen=True)
class Source:
    """The accounts that families are made of: the columns of their market, its partitions, the scored ones in each.

    `hows` says how numbers are made, by column; `target` is the currency that amounts are brought to, None for none.
    """

    columns: InputColumns
    partitions: tuple[Partition, ...]
    parts: tuple[ScoredAccounts, ...]
    hows: Mapping[str, How]
    target: str | None

    @classmethod
    def of(cls, job: Job, settings: Families, partitions: Sequence[Partition], scores: Sequence[Location]) -> Source:
        """Return the accounts of a job, given the parts of their scores."""
        columns = columns_of(job)
        parts = tuple(
            read_accounts(partition, path, columns.account_id, columns.id_form)
            for partition, path in zip(partitions, scores, strict=True)
        )
        target = None if job.currency is None else job.currency.target
        return cls(columns, tuple(partitions), parts, _how_numbers_are_made(job, settings), target)

    @property
    def sales(self) -> Any:
        """The sales (s,) of the scored accounts, NaN where they are missing."""
        return join([part.sales for part in self.parts])

    def number(self, name: str) -> Any:
        """Return a column of numbers of the scored accounts (s,), NaN where it is missing."""
        return join(
            [
                float_column(tables.read(partition, [name])[name])[part.at]
                for partition, part in zip(self.partitions, self.parts, strict=True)
            ]
        )

    def values(self, name: str, accounts: Any) -> pa.Array:
        """Return the values (a,) that scored accounts (a,) have in a column, as the input has them."""
        import pyarrow as pa

        ends = np.cumsum([len(part.at) for part in self.parts])
        order = np.argsort(accounts, kind="stable")
        pieces = np.split(accounts[order], np.searchsorted(accounts[order], ends[:-1]))
        items = [
            tables.read(partition, [name])[name].take(pa.array(part.at[piece - end + len(part.at)]))
            for partition, part, piece, end in zip(self.partitions, self.parts, pieces, ends, strict=True)
        ]
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        chunks = [chunk for column in items for chunk in column.chunks]
        return pa.chunked_array(chunks, items[0].type).combine_chunks().take(pa.array(place))


def _how_numbers_are_made(job: Job, settings: Families) -> dict[str, How]:
    """Return how numbers of families are made, by column: as the job says, sizes and revenue summed by default."""
    sizes = [name for name, feature in job.features.numeric.items() if feature.scaling == "log_standard"]
    revenue = [job.columns.revenue] if job.columns.revenue else []
    return {**dict.fromkeys((*sizes, *revenue), "sum"), **settings.features}


def stage(source: Source, record: Mapping[str, Any]) -> Path:
    """Return a temporary Parquet file with a row for each family, in order of the hashes of their ids.

    It says of itself what is `record`, and how many families have accounts of both party types.
    """
    families = Grouping.of(source.parts)
    mixed = families.are_mixed(join([part.party for part in source.parts]))
    record = {**record, "of_both_party_types": int(np.count_nonzero(mixed)), "features": dict(source.hows)}
    with TemporaryDirectory(dir=temporary_folder()) as folder:
        files = [
            _spool(name, column, Path(folder) / str(place))
            for place, (name, column) in enumerate(_columns_of_families(source, families))
        ]
        return _join_columns(files, {METADATA: json.dumps(record, sort_keys=True)})


def _columns_of_families(source: Source, families: Grouping) -> Iterator[tuple[str, pa.Array]]:
    """Yield the columns (f,) of the table of families by name, each made when it is asked for."""
    columns = source.columns
    yield columns.account_id, families.ids
    yield columns.sales, nullable(families.reduce(source.sales, "sum"))
    for name in columns.numbers:
        if name != columns.sales:
            yield name, nullable(families.reduce(source.number(name), source.hows.get(name, "parent")))
    for name in columns.all:
        if name not in {columns.account_id, columns.currency, *columns.numbers, *columns.parents}:
            yield name, source.values(name, families.stands)
    if columns.currency is not None:
        yield columns.currency, _currency_of(source, families, columns.currency)
    yield from zip(ROW_COLUMNS, _sums_of_members(source, families), strict=True)


def _currency_of(source: Source, families: Grouping, column: str) -> pa.Array:
    """Return the currency (f,) of the amounts of each family: that of all, or of the account with the largest sales."""
    import pyarrow as pa

    if source.target is not None:
        return pa.array([source.target]).take(pa.array(np.zeros(len(families), np.int8)))
    return source.values(column, families.first_by(np.nan_to_num(-source.sales, nan=np.inf)))


def _sums_of_members(source: Source, families: Grouping) -> Iterator[pa.Array]:
    """Yield what families say of their accounts, in the order of ROW_COLUMNS."""
    import pyarrow as pa

    yield pa.array(families.members)
    yield pa.array(families.counted(source.sales > 0))
    yield nullable(families.reduce(join([part.potential for part in source.parts]), "sum"))
    yield nullable(families.reduce(join([part.whitespace for part in source.parts]), "sum"))


def _spool(name: str, column: pa.Array, path: Path) -> Path:
    """Return the temporary file that now holds a column (f,), some rows at a time."""
    import pyarrow as pa

    table = pa.table({name: column})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=ROW_GROUP)
    return path


def _join_columns(files: Iterable[Path], metadata: Mapping[str, str]) -> Path:
    """Return a temporary Parquet file with the columns that files hold, one each."""
    import pyarrow as pa

    with ExitStack() as stack:
        columns = [pa.ipc.open_file(stack.enter_context(pa.memory_map(str(file)))) for file in files]
        schema = pa.schema([column.schema.field(0) for column in columns])
        batches = (
            pa.record_batch([column.get_batch(place).column(0) for column in columns], schema=schema)
            for place in range(columns[0].num_record_batches)
        )
        return written(schema, batches, metadata)
