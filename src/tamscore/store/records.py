"""Results beside the versions of an output: tables, and a record that holds their hashes and its own.

The record is written last, so that a folder without one holds nothing that anybody reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError, unreadable
from tamscore.store import commit
from tamscore.store.commit import Placed
from tamscore.store.placed import files_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tamscore.store.location import Location

FILES, _DIGEST = "files", "xxh3"


def place(record: Mapping[str, Any], files: Mapping[str, Placed], path: Location) -> Placed:
    """Put a record in place as JSON, with the hashes of the files of its folder, by name, and of itself."""
    whole = {**record, FILES: {name: placed.record() for name, placed in sorted(files.items())}}
    return commit.place_json({**whole, _DIGEST: _digest_of(whole)}, path)


def replace(record: Mapping[str, Any], changed: Mapping[str, Placed], path: Location) -> Placed:
    """Put a record in place again, with the hashes of files that changed; one that was not sealed stays so."""
    if _DIGEST not in record:
        return commit.place_json(dict(record), path)
    rest = {name: value for name, value in record.items() if name not in {FILES, _DIGEST}}
    return place(rest, {**files_of(record), **changed}, path)


def _digest_of(record: Mapping[str, Any]) -> str:
    """Return the hash of a record, but for the hash that it holds."""
    return Placed.of_bytes(commit.json_bytes({k: v for k, v in record.items() if k != _DIGEST})).xxh3


def read(path: Location, goes: Location | None = None) -> dict[str, Any]:
    """Return a record; one from before records were sealed has no hash, and is taken as it is.

    `goes` is what may be removed where it was changed: its folder, unless another place is named.

    Raise InputContractError that names the file if it was changed.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    record = commit.json_object(data) or {}
    sealed = record.keys() & {FILES, _DIGEST}
    if not record or (sealed and (record.get(_DIGEST) != _digest_of(record) or data != commit.json_bytes(record))):
        raise InputContractError(
            f"{path}: was changed after it was written; run the command that wrote it again, or remove "
            f"{goes or path.parent}"
        )
    return record


def problems(path: Location, goes: Location | None = None) -> Iterator[str]:
    """Yield what is wrong with a record, see `read`, and with the files that it lists."""
    try:
        record = read(path, goes)
    except InputContractError as error:
        yield str(error)
        return
    for name, placed in files_of({FILES: {}, **record}).items():
        file = path.parent / name
        if not file.is_file() or file.is_symlink():
            yield f"{file}: missing"
        elif Placed.of(file) != placed:
            yield f"{file}: was changed after it was written"
