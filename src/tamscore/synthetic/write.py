"""A synthetic market on disk, streamed: memory does not grow with the number of rows."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tamscore.errors import UsageError
from tamscore.synthetic.baskets import baskets
from tamscore.synthetic.draws import CHUNK_ROWS
from tamscore.synthetic.job_file import job_file
from tamscore.synthetic.measures import CATEGORICAL
from tamscore.synthetic.orders import order_lines
from tamscore.synthetic.parents import with_parents
from tamscore.synthetic.rows import FIRST_MONTH, chunk_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tamscore.synthetic.months import Month

    _Tables = tuple[pa.Table, pa.Table]

ROW_GROUP_ROWS = 131_072
_MAX_SEED = 2**32 - 1
_MOST_MONTHS = 24


def write_market(  # noqa: PLR0913 - every option of the command
    directory: Path,
    rows: int,
    seed: int = 0,
    files: int = 16,
    progress: Callable[[int], None] | None = None,
    month: Month = FIRST_MONTH,
    *,
    orders: bool = False,
    products: bool = False,
    families: bool = False,
) -> None:
    """Write DIRECTORY/market and DIRECTORY/truth (part-*.parquet each), and last DIRECTORY/job.toml.

    Where `orders` are asked for, DIRECTORY/orders holds two years of their lines. With `products`, DIRECTORY/products
    holds what each customer buys of each product, and DIRECTORY/customer_jobs the job of every account. With `families`
    accounts have parents. The job file makes use of them.

    `rows` accounts go to min(files, rows) parts of nearly equal size. The same seed gives the same bytes, and a
    shorter market is the beginning of a longer one; in later months some of its accounts have gone, others have come.
    `progress` is called after each row group with the rows so far.
    Raise UsageError for arguments out of range, and where `directory` is a file or holds anything already.
    """
    _require_arguments(directory, rows, seed, files, month)
    files = min(files, rows)
    segments = month.segments(seed)
    chunk = lru_cache(maxsize=1)(partial(_chunk_of, partial(chunk_tables, segments, seed, month=month), seed, families))
    first = month.first_row(rows)
    for folder in ("market", "truth", *(["orders"] if orders else [])):
        (directory / folder).mkdir(parents=True)
    for folder in ("products", "customer_jobs") if products else ():
        (directory / folder).mkdir()
    for number in range(files):
        start, stop = rows * number // files, rows * (number + 1) // files
        if orders:
            lines = _order_groups(chunk, seed, first + start, first + stop)
            _write_lines(directory / "orders" / f"part-{number:05d}.parquet", lines)
        if products:
            pairs = zip(*_basket_groups(chunk, seed, first + start, first + stop), strict=True)
            for folder, parts in zip(("products", "customer_jobs"), pairs, strict=True):
                _write_lines(directory / folder / f"part-{number:05d}.parquet", parts)
        groups = _row_groups(chunk, first + start, first + stop)
        _write_part(directory, f"part-{number:05d}.parquet", groups, start, progress)
    with _whole(directory / "job.toml") as unfinished:
        text = job_file(rows, seed, orders=orders, products=products, families=families)
        unfinished.write_text(text, encoding="utf-8", newline="\n")


def _chunk_of(make: Callable[[int], _Tables], seed: int, families: bool, number: int) -> _Tables:  # noqa: FBT001
    """Return market and truth of a chunk that `make` makes, with parents where there are `families`."""
    market, truth = make(number)
    return (with_parents(market, seed, number) if families else market), truth


def _require_arguments(directory: Path, rows: int, seed: int, files: int, month: Month) -> None:
    for name, value, low, high in (
        ("rows", rows, 1, month.most_rows),
        ("seed", seed, 0, _MAX_SEED),
        ("files", files, 1, 99_999),
        ("month", month.number, 1, _MOST_MONTHS),
    ):
        if not low <= value <= high:
            raise UsageError(f"{name}: expected an integer from {low} to {high}, got {value!r}")
    require_unused(directory)


def require_unused(directory: Path) -> None:
    """Raise UsageError if a market cannot be written there: a file, or a folder that holds anything."""
    if directory.exists() and not (directory.is_dir() and next(directory.iterdir(), None) is None):
        raise UsageError(f"{directory}: expected a new or empty directory, got one in use; name another")


def _row_groups(chunk: Callable[[int], _Tables], start: int, stop: int) -> Iterator[_Tables]:
    for low in range(start, stop, ROW_GROUP_ROWS):
        high = min(low + ROW_GROUP_ROWS, stop)
        pieces = list(_pieces(chunk, low, high))
        market, truth = (pa.concat_tables(tables) for tables in zip(*pieces, strict=True))
        yield market, truth


def _pieces(chunk: Callable[[int], _Tables], low: int, high: int) -> Iterator[_Tables]:
    for number in range(low // CHUNK_ROWS, (high - 1) // CHUNK_ROWS + 1):
        first = number * CHUNK_ROWS
        begin, end = max(low - first, 0), min(high - first, CHUNK_ROWS)
        market, truth = chunk(number)
        yield market.slice(begin, end - begin), truth.slice(begin, end - begin)


def _write_part(
    directory: Path, name: str, groups: Iterator[_Tables], done: int, progress: Callable[[int], None] | None
) -> None:
    with ExitStack() as stack:
        paths = [stack.enter_context(_whole(directory / folder / name)) for folder in ("market", "truth")]
        writers: list[pq.ParquetWriter] = []
        for tables in groups:
            if not writers:
                pairs = zip(paths, tables, strict=True)
                writers = [stack.enter_context(_writer(path, table.schema)) for path, table in pairs]
            for writer, table in zip(writers, tables, strict=True):
                writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
            done += tables[0].num_rows
            if progress is not None:
                progress(done)


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    few_values = [name for name in (*CATEGORICAL, "party_type", "segment") if name in schema.names]
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=few_values, write_page_checksum=True)


def _order_groups(chunk: Callable[[int], _Tables], seed: int, start: int, stop: int) -> Iterator[pa.Table]:
    for number in range(start // CHUNK_ROWS, (stop - 1) // CHUNK_ROWS + 1):
        first = number * CHUNK_ROWS
        rows, lines = order_lines(*chunk(number), seed, number)
        low, high = rows.searchsorted([max(start - first, 0), min(stop - first, CHUNK_ROWS)])
        yield lines.slice(low, high - low)


def _basket_groups(
    chunk: Callable[[int], _Tables], seed: int, start: int, stop: int
) -> Iterator[tuple[pa.Table, pa.Table]]:
    for number in range(start // CHUNK_ROWS, (stop - 1) // CHUNK_ROWS + 1):
        begin, end = max(start - number * CHUNK_ROWS, 0), min(stop - number * CHUNK_ROWS, CHUNK_ROWS)
        rows, (lines, jobs) = baskets(*chunk(number), seed, number)
        low, high = rows.searchsorted([begin, end])
        yield lines.slice(low, high - low), jobs.slice(begin, end - begin)


def _write_lines(file: Path, groups: Iterable[pa.Table]) -> None:
    """Write the lines of a part, a row group for each chunk."""
    with _whole(file) as path, ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for lines in groups:
            writer = writer or stack.enter_context(pq.ParquetWriter(path, lines.schema, compression="zstd"))
            writer.write_table(lines)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Yield a name to write to that readers of Parquet folders ignore; it becomes `path` only when all went well."""
    unfinished = path.with_name(f"_{path.name}.unfinished")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
