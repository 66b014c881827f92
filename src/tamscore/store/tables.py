"""Tables on disk, read by partition: unchanged since they were planned, checked, and within their memory limit."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tamscore.arrow import holds_text, plain_table, plain_type, strings
from tamscore.errors import InputContractError, MemoryLimitError
from tamscore.schema import LONGEST_TEXT
from tamscore.stages.folding import fold_ids
from tamscore.store import substituting
from tamscore.store.contents import source
from tamscore.store.location import is_local, location
from tamscore.store.objects.path import ObjectPath

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.schema import Constant, Partition, Piece, Stamp
    from tamscore.stages.folding import IdForm


_FEW_ROWS = 256


def read(
    partition: Partition, columns: Sequence[str], dictionary: Sequence[str] = (), seen: Sequence[str] = ()
) -> pa.Table:
    """Return columns of a partition as an Arrow table, text columns named in `dictionary` dictionary-encoded.

    Words and amounts are replaced by the partition's substitution. All other dictionaries and views become plain
    values. Columns `seen` were read before by the same run, which checked their size and text: they are decoded in one
    pass. Raise InputContractError if a file has changed since it was planned, cannot be decoded, has another number of
    rows than its footer states, or holds text that is not UTF-8 or too long. Raise MemoryLimitError if memory runs out.
    """
    import pyarrow as pa

    wanted, coded = substituting.needed_columns(partition.substitution, columns, dictionary)
    read_pieces = [read_piece(piece, wanted, coded, seen, partition.max_bytes) for piece in partition.pieces]
    table = read_pieces[0] if len(read_pieces) == 1 else pa.concat_tables(read_pieces)
    return substituting.substitute(table, partition, columns)


def money_factors(partition: Partition) -> Any | None:
    """Return the value of one unit of each row's currency (m,), infinite if unknown; None if nothing is converted."""
    rates = partition.substitution.rates
    if rates is None:
        return None
    return substituting.factors(read(partition, [rates.column], dictionary=[rates.column])[rates.column], rates)


def read_piece(
    piece: Piece, columns: Sequence[str], dictionary: Sequence[str], seen: Sequence[str], max_bytes: int
) -> pa.Table:
    """Return the columns of one piece of a partition; see `read`."""
    import pyarrow as pa

    require_stamp(piece.path, piece.stamp)
    with decoding(piece):
        try:
            table = _decode(piece, columns, dictionary, seen, max_bytes)
        except (pa.ArrowException, OSError):
            # PyArrow makes no dictionary of text that is stored as differences, as other writers do; a damaged file
            # fails again.
            table = _with_dictionaries(_decode(piece, columns, (), seen, max_bytes), dictionary)
    if table.num_rows != piece.rows:
        raise InputContractError(
            f"{piece.where}: the footer states {piece.rows:,} rows, the file holds {table.num_rows:,}; "
            "write the file again"
        )
    for name in (name for name in columns if name not in seen):
        _require_text(table[name], f"{piece.path}: column {name!r}")
        if name in dictionary:
            require_length(table[name], LONGEST_TEXT, f"{piece.path}: column {name!r}")
    return table


def _decode(
    piece: Piece, columns: Sequence[str], dictionary: Sequence[str], seen: Sequence[str], max_bytes: int
) -> pa.Table:
    """Return the columns of one piece as its file holds them, of plain types except for the named dictionaries."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    record = {constant.name: constant for constant in piece.constants if constant.name in columns}
    stored = [name for name in columns if name not in record]
    with pq.ParquetFile(
        source(piece.file, None if piece.copy else piece.stamp),
        page_checksum_verification=True,
        read_dictionary=[name for name in dictionary if name in stored],
        pre_buffer=not is_local(piece.path),  # neighbouring ranges of an object are fetched together
    ) as file:
        schema = file.schema_arrow
        doubted = [
            constant
            for constant in record.values()
            if constant.of_folder and constant.name in schema.names and constant.name not in seen
        ]
        for item in doubted:
            _require_agreement(file.read_row_groups(piece.row_groups, columns=[item.name])[item.name], item, piece)
        kinds = {name: schema.field(name).type for name in stored}
        steady = [name for name in stored if name in (*dictionary, *seen) or not _stretches(kinds[name])]
        result = file.read_row_groups(piece.row_groups, columns=steady, use_threads=False) if steady else {}
        arrays = {name: result[name] if name in steady else _stretch(file, piece, name, max_bytes) for name in stored}
    filled = {
        name: constant_column(record[name], piece.rows, dictionary) if name in record else arrays[name]
        for name in columns
    }
    return plain_table(pa.table(filled), dictionary)


def _require_agreement(column: pa.ChunkedArray, constant: Constant, piece: Piece) -> None:
    """Raise InputContractError if a column of a file holds another value than the name of its folder."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        plain = column.cast(plain_type(column.type))
        values = pc.unique(plain).to_pylist()
        expected = None if constant.value is None else pa.scalar(str(constant.value)).cast(plain.type).as_py()
    except pa.ArrowException:  # the folder's value cannot have that type
        values, expected = column[:3].to_pylist(), constant.value
    if values not in ([expected], [""] if expected is None else []):
        raise InputContractError(
            f"{piece.where}: the folder states {constant.value!r} for column {constant.name!r}, the file holds "
            f"{', '.join(map(repr, values[:3]))}; drop the column from the file, or correct either value"
        )


def constant_column(constant: Constant, rows: int, dictionary: Sequence[str]) -> pa.ChunkedArray:
    """Return a column (rows,) of one value, dictionary-encoded if it is text and named in `dictionary`."""
    import pyarrow as pa

    column = pa.chunked_array([pa.repeat(pa.scalar(constant.value, constant.kind), rows)])
    return column.dictionary_encode() if constant.name in dictionary and holds_text(constant.kind) else column


def _with_dictionaries(table: pa.Table, dictionary: Sequence[str]) -> pa.Table:
    """Return the table with its text columns among those named dictionary-encoded."""
    import pyarrow.types as t

    for place, name in enumerate(table.column_names):
        kind = table[name].type
        if name in dictionary and (t.is_string(kind) or t.is_large_string(kind)):
            table = table.set_column(place, name, table[name].dictionary_encode())
    return table


def _stretches(kind: pa.DataType) -> bool:
    """Return whether values of a type can take up more memory than a fixed number of bytes each."""
    import pyarrow.types as t

    return bool(not t.is_primitive(kind) and not t.is_decimal(kind) and not t.is_null(kind))


def _stretch(file: Any, piece: Piece, name: str, max_bytes: int) -> pa.ChunkedArray:
    """Return a column of texts or nested values, decoded a few rows at a time.

    A long text that a file stores once and refers to in a million rows grows a million times: such a column is refused
    before it is decoded in full. No value is longer than its row group. The size of the single column is not read from
    the metadata: PyArrow ends the process if the metadata of a column are damaged or encrypted.
    """
    import pyarrow as pa

    longest = max(file.metadata.row_group(number).total_byte_size for number in piece.row_groups)
    step = min(max(max_bytes // max(longest, 1), _FEW_ROWS), max(piece.rows, _FEW_ROWS))
    chunks, size = [], 0
    kind = plain_type(file.schema_arrow.field(name).type)
    for batch in file.iter_batches(step, row_groups=piece.row_groups, columns=[name], use_threads=False):
        chunk = batch.column(batch.schema.get_field_index(name))
        chunks.append(chunk if chunk.type == kind else chunk.cast(kind))
        size += chunks[-1].nbytes
        if size > max_bytes:
            raise InputContractError(
                f"{piece.where}: column {name!r} takes up more than {max_bytes:,} bytes in memory; leave it out, write "
                "the file with smaller row groups, or raise input.max_row_group_bytes"
            )
    return pa.chunked_array(chunks, kind)


def stamp_of(path: str) -> Stamp:
    """Return the stamp of a file as it is now; raise InputContractError if it cannot be read."""
    where = location(path)
    try:
        if isinstance(where, ObjectPath):
            return where.stamp()
        stat = where.stat()
    except OSError as error:
        raise InputContractError(
            f"{path}: cannot be read ({error.strerror}); put it back, or fix access, and run again"
        ) from error
    return stat.st_size, stat.st_mtime_ns


def require_stamp(path: str, stamp: Stamp | None) -> None:
    """Raise InputContractError unless a file is unchanged since it was planned."""
    now = stamp_of(path) if stamp else None
    if stamp and now and now != stamp:
        size = "" if now[0] == stamp[0] else f", from {stamp[0]:,} to {now[0]:,} bytes"
        raise InputContractError(
            f"{path}: changed while the run was under way{size}; run again when nobody writes to it"
        )


@contextmanager
def decoding(place: Partition | Piece) -> Iterator[None]:
    """Turn errors during decoding into an InputContractError or MemoryLimitError that names the place."""
    import pyarrow as pa

    try:
        yield
    except MemoryError as error:
        raise MemoryLimitError(
            f"{place.where}: out of memory ({str(error).strip()}); set engine.workers lower, write the file with "
            "smaller row groups, or write it again if it is damaged"
        ) from error
    except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        raise InputContractError(f"{place.where}: {str(error).strip()}; write the file again") from error


def _require_text(column: pa.ChunkedArray, where: str) -> None:
    """Raise InputContractError unless every text is UTF-8, which Arrow does not check itself."""
    import pyarrow as pa

    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise InputContractError(f"{where}: {error}; write the column as UTF-8") from error


def require_length(column: pa.ChunkedArray, longest: int, where: str) -> None:
    """Raise InputContractError if any text of a column is longer than so many bytes, and show its beginning."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for chunk in column.chunks:
        values = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
        if pa.types.is_integer(values.type) or pa.types.is_boolean(values.type):
            continue
        result = pc.max(pc.binary_length(values)).as_py() or 0
        if result > longest:
            value = pc.filter(values, pc.equal(pc.binary_length(values), result))[0].as_py()
            raise InputContractError(
                f"{where}: {value[:40]!r}… is {result:,} bytes long, at most {longest:,} are taken; cut it, or leave "
                "the column out"
            )


def account_ids(column: pa.ChunkedArray, form: IdForm = "text") -> pa.Array:
    """Return a column of account ids as one array of normalised strings; see `folding.fold_ids`."""
    return fold_ids(strings(column), form)
