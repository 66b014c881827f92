"""Tables that are no Parquet: each file is copied to Parquet, and its rows are read from the copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tamscore.errors import InputContractError, UsageError
from tamscore.store import contents, tables
from tamscore.store.csv_import import is_csv
from tamscore.store.csv_tables import CsvText, csv_copies
from tamscore.store.formats import HEAD_BYTES, format_of
from tamscore.store.location import files_in, location, matching
from tamscore.store.sources import rows
from tamscore.store.sources.copies import content_digest, keep_copies, written
from tamscore.store.sources.found import MARKET, FoundFiles, SourceFile
from tamscore.store.sources.parquet import is_hidden
from tamscore.store.sources.workbook import as_csv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.schema import InputColumns, Stamp

_Kind = Literal["CSV", "workbook", "JSON lines", "Arrow file", "Arrow stream"]
READERS = {"JSON lines": rows.json_lines, "Arrow file": rows.arrow_file, "Arrow stream": rows.arrow_stream}
_BEGINNINGS: dict[bytes, _Kind | None] = {b"PAR1": None, b"ARROW1": "Arrow file", b"\xff\xff\xff\xff": "Arrow stream"}
_PACKED_JSON = (".json.gz", ".jsonl.gz", ".ndjson.gz")
_WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


@dataclass(frozen=True)
class _Listed:
    """The files at a path that can be copied, all of one kind, and the names of those passed over in a folder."""

    kind: _Kind
    files: tuple[Path, ...]
    ignored: tuple[str, ...] = ()


_copies: dict[tuple[Path, Stamp], Path] = {}


def find(path: str, columns: InputColumns, key: str) -> FoundFiles | None:
    """Return the table at a path, a folder or a glob if its files are of a kind that is copied, None if they are not.

    Raise InputContractError naming the file and what in it cannot be read; UsageError if files are of two kinds, or
    workers on other machines could not read the copies.
    """
    listed = _listed_at(path, key)
    if listed is None:
        return None
    stamped = [(file, tables.stamp_of(str(file))) for file in listed.files]
    inferred = columns.keep if key == MARKET else ()
    parts = () if listed.kind in READERS else (columns.all, columns.numbers, columns.dates, inferred)

    def make() -> Sequence[Path]:
        if listed.kind in READERS:
            made = [once(file, listed.kind, key) for file in stamped]
        else:
            texts = [CsvText(file, stamp, _text_of((file, stamp), listed.kind, key)) for file, stamp in stamped]
            made = [*csv_copies(tuple(texts), columns, key, inferred)]
        for file, stamp in stamped:
            tables.require_stamp(str(file), stamp)  # else the copy of other bytes would be found by the hash of these
        return made

    files = [(file.name, content_digest(file)) for file in listed.files]
    copies = keep_copies(columns.copies, key, (listed.kind, *files, *parts), make)
    pairs = zip(stamped, copies, strict=True)
    result = (SourceFile(file, file.name, copy, stamp=stamp) for (file, stamp), copy in pairs)
    return FoundFiles(listed.kind, tuple(result), listed.ignored)


def _listed_at(path: str, key: str) -> _Listed | None:
    """Return the files at a path that can be copied; None where there are none, or they lie in an object store.

    In a folder files of no known kind are passed over; a pattern must not name any.
    """
    where = location(path)
    if not isinstance(where, Path):
        return None
    inside = files_in(where) if where.is_dir() else [where] if where.is_file() else matching(path)
    files = [file for file in inside if isinstance(file, Path)]
    kinds = {file: kind_of(file) for file in files if not (where.is_dir() and is_hidden(file.name))}
    known = {file: kind for file, kind in kinds.items() if kind}
    if not known:
        return None
    first, kind = next(iter(known.items()))
    other = next((file for file, item in (known if where.is_dir() else kinds).items() if item != kind), None)
    if other is not None:
        raise UsageError(f"{key}: {path!r} names {str(first)!r} and {str(other)!r}; name files of one kind")
    return _Listed(kind, tuple(known), tuple(file.name for file in files if file not in known))


def kind_of(file: Path) -> _Kind | None:
    """Return the kind of a file by how it begins, then by its ending; None for Parquet and what is not known."""
    head, name = contents.beginning(file, HEAD_BYTES), file.name.lower()
    for magic, kind in _BEGINNINGS.items():
        if head.startswith(magic):
            return kind
    if name.endswith(_WORKBOOKS):
        return "workbook"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if name.endswith(_PACKED_JSON) or (text.startswith(b"{") and format_of(head)):
        return "JSON lines"
    return "CSV" if is_csv(file) else None


def once(file: tuple[Path, Stamp], kind: _Kind, key: str) -> Path:
    """Return the copy of a file; raise InputContractError if it cannot be read."""
    import pyarrow as pa

    if file not in _copies:
        try:
            _copies[file] = as_csv(file[0], key) if kind == "workbook" else written(*READERS[kind](file[0]))
        except (pa.ArrowException, OSError, EOFError) as error:
            raise InputContractError(
                f"{file[0]}: expected {kind} ({str(error).strip()}); write the file again"
            ) from error
    return _copies[file]


def _text_of(file: tuple[Path, Stamp], kind: _Kind, key: str) -> Path:
    """Return the CSV file that has the rows of a CSV file or a workbook."""
    return file[0] if kind == "CSV" else once(file, kind, key)
