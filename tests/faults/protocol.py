"""The commit protocol without the arithmetic: a run of a few small parts, killed or cut off wherever one likes."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tamscore.store import commit, disk, verify
from tamscore.store.run_directory import RunDirectory
from tamscore.store.versions import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tamscore.store.location import Location

OLD, NEW = "00000000000000aa", "00000000000000bb"
PARTS = 6


def content(key: str, index: int) -> bytes:
    """What a part of a run holds: the same whenever it is made."""
    return f"{key} part {index} ".encode() * 40


def run(output: Location, key: str, made: list[int] | None = None) -> RunDirectory:
    """A run as the pipeline does it: parts, each committed; tables; manifest; pointer. A run that is there stays."""
    directory = RunDirectory(output, key)
    directory.prepare([])
    with directory.lock():
        if directory.is_complete():
            directory.point_here()
            return directory
        files: dict[str, commit.Placed] = {}
        for index in range(PARTS):
            files |= part(directory, index, made)
        table = directory.tables / "potential.csv"
        files[directory.name_of(table)] = commit.place_bytes(f"{key} table".encode(), table)
        directory.seal({"rows": {"read": 9, "scored": 9, "rejected": {}}}, files)
    return directory


def part(directory: RunDirectory, index: int, made: list[int] | None = None) -> dict[str, commit.Placed]:
    """One part, unless an earlier run has committed it."""
    if (committed := directory.commit(index)) is not None:
        return committed
    if made is not None:
        made.append(index)
    placed = commit.place_bytes(content(directory.run_key, index), directory.part(index))
    files = {directory.name_of(directory.part(index)): placed}
    directory.commit_part(index, files, {"scored": 3, "rejected": 0})
    return files


STEPS = ("flush_file", "move", "flush_folder", "make_folder", "unlink")


@contextmanager
def every_step(notify: Callable[[str, str, tuple[Any, ...]], None]) -> Iterator[None]:
    """Tell of every step of the protocol, before and after it."""
    plain = {name: getattr(disk, name) for name in STEPS}

    def wrapped(name: str) -> Callable[..., None]:
        def step(*arguments: Any) -> None:
            notify("before", name, arguments)
            plain[name](*arguments)
            notify("after", name, arguments)

        return step

    write = commit.HashingFile.write

    def writing(file: commit.HashingFile, data: Any) -> int:
        notify("before", "write", (file,))
        return write(file, data)

    for name in STEPS:
        setattr(disk, name, wrapped(name))
    commit.HashingFile.write = writing  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        for name in STEPS:
            setattr(disk, name, plain[name])
        commit.HashingFile.write = write  # type: ignore[method-assign]


def killed_at(step: int, program: Callable[[], object]) -> bool:
    """Run a program in a process of its own that kills itself at a step; whether it came that far."""
    child = os.fork()
    if child == 0:
        left = step

        def count(*_: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        status = 1
        try:
            with every_step(count):
                program()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.waitstatus_to_exitcode(status):
        raise AssertionError("the program failed instead of being killed")
    return False


def bytes_of(directory: RunDirectory) -> dict[str, bytes]:
    """Every file of a run."""
    return {directory.name_of(path): path.read_bytes() for path in sorted(directory.path.rglob("*")) if path.is_file()}


def broken(output: Location, allowed: set[str]) -> list[str]:
    """What a reader would find wrong right now: a damaged version, or one that must not be the current one yet."""
    problems = verify.problems_of_output(output)
    current = find(output).run_key
    return problems if current in allowed else [*problems, f"{current} is current"]
