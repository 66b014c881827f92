"""A file that was put in place: its size and hash, computed while it was written."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any, Self, TypeAlias

from tamscore.errors import InputContractError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.store.location import Location

_Data: TypeAlias = bytes | memoryview
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Placed:
    """A file in place: its size in bytes and its XXH3 hash, 32 hexadecimal digits."""

    bytes: int
    xxh3: str

    @classmethod
    def of(cls, path: Location) -> Self:
        """Size and hash of a file as it lies there."""
        import xxhash

        digest, size = xxhash.xxh3_128(), 0
        with path.open("rb") as file:
            while data := file.read(_READ_BYTES):
                digest.update(data)
                size += len(data)
        return cls(size, digest.hexdigest())

    @classmethod
    def of_bytes(cls, data: _Data) -> Self:
        """Size and hash of some bytes."""
        import xxhash

        return cls(memoryview(data).nbytes, xxhash.xxh3_128_hexdigest(data))

    def require_match(self, data: _Data, path: object) -> None:
        """Raise InputContractError that names the path unless some bytes are what was placed there."""
        self.require(type(self).of_bytes(data), path)

    def require(self, here: Self, path: object) -> None:
        """Raise the same unless what lies `here` is what was placed."""
        if here != self:
            raise InputContractError(
                f"{path}: was changed after its run: {here.bytes:,} bytes with hash {here.xxh3}, the manifest says "
                f"{self.bytes:,} with {self.xxh3}; restore it, or run its job again"
            )

    def record(self) -> dict[str, Any]:
        """Return the same as JSON holds it."""
        return asdict(self)


def files_of(record: Mapping[str, Any]) -> dict[str, Placed]:
    """The files that a manifest or a sidecar lists, by name."""
    return {name: Placed(**text) for name, text in record["files"].items()}


class HashingFile:
    """A file to write to that hashes what passes, so that nothing has to be read again."""

    def __init__(self, file: IO[bytes]) -> None:
        import xxhash

        self._file, self._digest, self._bytes = file, xxhash.xxh3_128(), 0

    closed = False

    def write(self, data: Any) -> int:
        """Write and hash some bytes."""
        self._digest.update(data)
        self._file.write(data)
        size = memoryview(data).nbytes
        self._bytes += size
        return size

    def tell(self) -> int:
        """Return how many bytes were written so far."""
        return self._bytes

    def flush(self) -> None:
        """Hand on what is buffered."""
        self._file.flush()

    def place(self) -> Placed:
        """Size and hash of what was written."""
        return Placed(self._bytes, self._digest.hexdigest())
