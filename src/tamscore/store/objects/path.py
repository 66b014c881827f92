"""An address in an object store with the methods of a path: its content and its bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.store.objects.bucket import Bucket, ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.schema import Stamp
    from tamscore.store.objects.bucket import StoredObject

_AHEAD_BYTES = 8 << 20
"""Bytes fetched at once when a whole object is read from beginning to end."""


@dataclass(frozen=True)
class ObjectPath:
    """An object, or a folder in the sense that keys begin with its name and a slash."""

    bucket: Bucket
    key: str

    @classmethod
    def at(cls, url: str) -> ObjectPath:
        """Return the path at an address such as s3://bucket/folder/object."""
        scheme, _, rest = url.partition("://")
        authority, _, key = rest.partition("/")
        return cls(Bucket(f"{scheme}://{authority}"), key.strip("/"))

    def __str__(self) -> str:
        return f"{self.bucket.url}/{self.key}".rstrip("/")

    def __truediv__(self, name: str) -> ObjectPath:
        return ObjectPath(self.bucket, f"{self.key}/{name}".strip("/"))

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The ending of its name, with the dot."""
        stem, dot, ending = self.name.rpartition(".")
        return dot + ending if stem else ""

    @property
    def parent(self) -> ObjectPath:
        """The folder that contains it."""
        return ObjectPath(self.bucket, self.key.rpartition("/")[0])

    @property
    def parents(self) -> Iterator[ObjectPath]:
        """The folders that contain it, the nearest first."""
        folder = self
        while folder.key:
            folder = folder.parent
            yield folder

    def relative_to(self, folder: ObjectPath) -> PurePosixPath:
        """Return its name within a folder; raise ValueError if it is not in that folder."""
        return PurePosixPath(self.key).relative_to(folder.key)

    def entry(self) -> StoredObject | None:
        """Return the store's description of the object, None if there is no object."""
        try:
            return self.bucket.head(self.key)
        except FileNotFoundError:
            return None

    def exists(self) -> bool:
        """Return whether there is such an object."""
        return self.entry() is not None

    is_file = exists

    def is_symlink(self) -> bool:
        """Return False: object stores have no links."""
        return False

    def is_dir(self) -> bool:
        """Return whether the folder contains any object."""
        return bool(self.iterdir())

    def stat(self) -> Any:
        """Return size and time of last change as for a file; raise FileNotFoundError if there is no such object."""
        entry = self.bucket.head(self.key)
        return SimpleNamespace(st_size=entry.size, st_mtime_ns=entry.changed_ns)

    def read_bytes(self) -> bytes:
        """Return all its bytes."""
        return self.bucket.get(self.key)[0]

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return all its text."""
        return self.read_bytes().decode(encoding)

    def stamp(self) -> Stamp:
        """Return its size and entity tag; raise FileNotFoundError if there is no such object."""
        entry = self.bucket.head(self.key)
        return entry.size, entry.tag or ""

    def open(self, mode: str = "rb", buffering: int = _AHEAD_BYTES, stamp: Stamp | None = None) -> Any:
        """Return a file that reads the object: every read is a request for a range, of one version of the object.

        Without buffering (0) nothing is read ahead, which suits a reader of Parquet. The stamp says which version; the
        default is the present version.
        """
        if mode != "rb":
            raise ValueError(f"objects are opened to read, not {mode!r}")
        raw = _ObjectFile(self, stamp or self.stamp())
        return io.BufferedReader(raw, buffering) if buffering else raw

    def below(self) -> list[ObjectPath]:
        """Return every object in it and in its folders."""
        return [ObjectPath(self.bucket, entry.key) for entry in self.bucket.entries(self._prefix)]

    def sizes(self) -> dict[str, int]:
        """Return the sizes in bytes of all objects in it and in its folders, by their names within it."""
        return {entry.key.removeprefix(self._prefix): entry.size for entry in self.bucket.entries(self._prefix)}

    def objects(self) -> list[ObjectPath]:
        """Return the objects in it, without those of its folders."""
        return [ObjectPath(self.bucket, entry.key) for entry in self.bucket.folders(self._prefix)[1]]

    def iterdir(self) -> list[ObjectPath]:
        """Return the folders and the objects in it."""
        folders, entries = self.bucket.folders(self._prefix)
        return [ObjectPath(self.bucket, key) for key in sorted((*folders, *(entry.key for entry in entries)))]

    @property
    def _prefix(self) -> str:
        return f"{self.key}/" if self.key else ""


class _ObjectFile(io.RawIOBase):
    """An object as a file to read from; ranges are fetched on demand, all from the version that was opened.

    Raise InputContractError if the object has been replaced since.
    """

    def __init__(self, path: ObjectPath, stamp: Stamp) -> None:
        self._path, self._size, self._tag, self._at = path, stamp[0], str(stamp[1]), 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position, counted from the beginning, from the present position or from the end."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Return the position of the next read."""
        return self._at

    def readinto(self, target: Any) -> int:
        """Fill the buffer as far as there are bytes, and return their number."""
        view = memoryview(target).cast("B")
        stop = min(self._at + len(view), self._size)
        if stop <= self._at:
            return 0
        data = self._range(self._at, stop)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _range(self, start: int, stop: int) -> bytes:
        try:
            return self._path.bucket.get(self._path.key, start=start, stop=stop, tag=self._tag or None)[0]
        except (ConflictError, FileNotFoundError) as error:
            raise InputContractError(
                f"{self._path}: changed while the run was under way; run again when nobody writes to it"
            ) from error
