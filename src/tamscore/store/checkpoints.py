"""Intermediate results of a run, stored until it is complete: a killed run resumes from them.

OUTPUT/_checkpoints/<run_key>/NAME holds one value in the form of `stored_values`, after a line with its run, the
versions of libraries, and the hash of all the rest. A file with another line or hash is computed again.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tamscore.store import commit
from tamscore.store.background import BackgroundWriter
from tamscore.store.location import files_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tamscore.progress import Progress
    from tamscore.store.location import Location
    from tamscore.store.stored_values import ValueFormat

_Value = TypeVar("_Value")
CHECKPOINTS = "_checkpoints"
"""The folder of an output for intermediate results of incomplete runs."""
_FORMAT = 1
GROUP_ROWS = 1 << 18
"""Least rows of a group of partitions that is stored together."""
_READERS = 8
"""Files read at the same time."""


@dataclass
class Checkpoints:
    """The checkpoints of one run in a folder; `rows` are the rows of the run's partitions.

    Without a folder, nothing is stored and nothing found. `found` names what did not have to be computed.
    """

    folder: Location | None = None
    run_key: str = ""
    rows: Sequence[int] = ()
    format: ValueFormat | None = None
    progress: Progress | None = None
    found: list[str] = field(default_factory=list)
    _writer: BackgroundWriter = field(default_factory=BackgroundWriter)
    _has_reported: bool = False

    def once(self, name: str, make: Callable[[], _Value], what: str = "") -> _Value:
        """Return the value of that name, computed by `make` unless it is stored; its notices are given either way."""
        (remaining,) = self._read_all([name])
        if remaining is not None:
            value, notices = remaining
            for text in notices:
                self._notice(text)
            self.found += [what] if what else []
            return value  # type: ignore[no-any-return]
        before = len(self.progress.notices) if self.progress else 0
        value = make()
        self._store_value(name, (value, self.progress.notices[before:] if self.progress else []))
        return value

    def each(
        self, name: str, items: Sequence[Any], make: Callable[[list[Any]], Iterable[_Value]], what: str = ""
    ) -> Iterator[_Value]:
        """Yield a value for each partition's item, in order; `make` computes those that are not stored."""
        known = self.stored_values(name, len(items))
        missing = [item for item, value in zip(items, known, strict=True) if value is None]
        made = iter(make(missing)) if missing else iter(())
        if what and self.rows and len(missing) < len(items):
            self.found.append(what if not missing else f"{len(items) - len(missing)} of {len(items)} parts of {what}")
        yield from self.keeping(name, known, (next(made) if value is None else value for value in known))

    def stored_values(self, name: str, count: int) -> list[Any]:
        """Return the stored values of partitions, None for the others."""
        items: list[Any] = [None] * count
        groups = self._groups()
        read = self._read_all([_part_name(name, place) for place in range(len(groups))])
        for group, values in zip(groups, read, strict=True):
            if isinstance(values, list) and len(values) == len(group):
                items[group.start : group.stop] = values
        return items

    def keeping(self, name: str, known: Sequence[Any], values: Iterator[_Value]) -> Iterator[_Value]:
        """Yield the values of all partitions; a new group of values is stored once it is complete."""
        for place, group in enumerate(self._groups()):
            here = []
            for _ in group:
                here.append(next(values))
                yield here[-1]
            if any(known[i] is None for i in group):
                self._store_value(_part_name(name, place), here)
        yield from values

    def _groups(self) -> list[range]:
        """Return the places of neighbouring partitions that are stored together."""
        groups, start, rows = [], 0, 0
        for place, here in enumerate(self.rows):
            rows += here
            if rows >= GROUP_ROWS or place == len(self.rows) - 1:
                groups.append(range(start, place + 1))
                start, rows = place + 1, 0
        return groups

    def _read_all(self, names: Sequence[str]) -> list[Any]:
        """Return the values of files, several read at a time; None for a missing or, with a notice, a damaged one."""
        there = [name for name in names if name in self._there]
        if not there:
            return [None] * len(names)
        with ThreadPoolExecutor(min(_READERS, len(there))) as pool:
            record = dict(zip(there, pool.map(self._read, there), strict=True))
        for name, (_, problem) in record.items():
            if problem:
                self._notice(f"{self.folder}/{name}: not used, computed again: {problem}")
        return [record[name][0] if name in record else None for name in names]

    def _read(self, name: str) -> tuple[Any, str]:
        """Return the value of a file, or None and the reason."""
        if self.folder is None or self.format is None:
            return None, ""
        try:
            data = (self.folder / name).read_bytes()
            return self.format.from_bytes(_content_of(data, self._line(name))), ""
        except (OSError, ValueError) as error:
            return None, str(error)

    @cached_property
    def _there(self) -> set[str]:
        """The names of the files that existed when the first was asked for."""
        if self.folder is None or not self.folder.is_dir():
            return set()
        return {path.name for path in files_in(self.folder)}

    def _store_value(self, name: str, value: Any) -> None:
        """Store a value in the background; if that fails, give one notice, and the run goes on without checkpoints."""
        if self.folder is None or self.format is None or self._has_reported:
            return
        try:
            self._writer.put(self.folder / name, _frame(self.format.to_bytes(value), self._line(name)))
            problem = self._writer.problem
        except TypeError as error:
            problem = str(error)
        if problem is not None:
            self._has_reported = True
            self._notice(f"{self.folder}: cannot keep what a killed run would go on from ({problem}); the run goes on")

    def _line(self, name: str) -> bytes:
        """Return the beginning of a file of that name."""
        return f"tamscore checkpoint {_FORMAT} {self.run_key} {name} {_libraries()} ".encode()

    def _notice(self, text: str) -> None:
        if self.progress:
            self.progress.notice(text)

    def __enter__(self) -> Self:
        """Return the checkpoints."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish storing if the run ends early; remove all checkpoints of the output if it is complete."""
        self._writer.end(drop=kind is None)
        if kind is None and self.folder is not None:
            commit.discard(self.folder.parent)


def _part_name(name: str, place: int) -> str:
    """Return the name of the file of a group of partitions."""
    return f"{name}-{place:05d}"


def _libraries() -> str:
    """Return the libraries that affect numbers, with their versions."""
    import numpy as np
    import pyarrow as pa

    return f"numpy={np.__version__} pyarrow={pa.__version__}"


def _frame(content: bytes, line: bytes) -> bytes:
    """Return the bytes of a file: its first line, which ends with the hash of all the rest, and the content."""
    return b"".join((line, _digest_of(line, content), b"\n", content))


def _content_of(data: bytes, line: bytes) -> bytes:
    """Return the content of a file; raise ValueError if its first line or its hash differs."""
    start, _, content = data[len(line) :].partition(b"\n")
    if not data.startswith(line):
        raise ValueError("of another run, or made with other libraries")
    if start != _digest_of(line, content):
        raise ValueError("damaged")
    return content


def _digest_of(*pieces: bytes) -> bytes:
    """Return the XXH3 hash of some bytes, hexadecimal."""
    import xxhash

    digest = xxhash.xxh3_128()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest().encode()
