"""A model of a disk that loses power: what was flushed is there, of the rest the worst may be true."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faults import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Log:
    """Steps in order, `("make_folder", folder)`, `("move", part, path)`, `("fsync", name)`; and what was moved."""

    steps: list[tuple[Any, ...]] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)

    def note(self, when: str, name: str, arguments: tuple[Any, ...]) -> None:
        """Take down a step: a folder that is about to be made, anything else once it is done."""
        if when == "before" and name == "make_folder" and not arguments[0].is_dir():
            self.steps.append((name, *arguments))
        if when == "before" and name == "move":
            part, _ = arguments
            self.contents[part.name] = part.read_bytes()
        if when == "after" and name != "make_folder":
            self.steps.append((name, *arguments))


def power_losses(folder: Path, run: Callable[[Path, str], object]) -> Iterator[Path]:
    """An output for every state in which a power cut during a run could leave it, made in turn in one place."""
    protocol.run(folder / "old", protocol.OLD)
    target, log = folder / "output", Log()
    shutil.copytree(folder / "old", target)
    plain = os.fsync

    def fsync(fd: Any) -> None:
        plain(fd)
        log.steps.append(("fsync", str(Path(f"/proc/self/fd/{fd}").readlink())))

    os.fsync = fsync
    try:
        with protocol.every_step(log.note):
            run(target, protocol.NEW)
    finally:
        os.fsync = plain
    for count in range(len(log.steps) + 1):
        for choice in choices(log.steps[:count]):
            shutil.rmtree(target)
            shutil.copytree(folder / "old", target)
            replay(log, log.steps[:count], choice)
            yield target


def choices(steps: list[tuple[Any, ...]]) -> Iterator[set[int]]:
    """Sets of steps that were not flushed and reached the disk all the same: none, all, each alone."""
    loose = [i for i in range(len(steps)) if steps[i][0] in {"move", "make_folder"} and not flushed(steps, i)]
    yield set()
    if loose:
        yield set(loose)
    if len(loose) > 1:
        yield from ({i} for i in loose)


def flushed(steps: list[tuple[Any, ...]], i: int) -> bool:
    """Whether the folder that holds the name of a step was flushed after it."""
    folder = str(steps[i][-1].parent)
    return any(step[0] == "fsync" and step[1] == folder for step in steps[i:])


def replay(log: Log, steps: list[tuple[Any, ...]], choice: set[int]) -> None:
    """Bring about what the disk holds: names that were flushed or chosen, with bytes where those were flushed."""
    for i, step in enumerate(steps):
        if step[0] == "move" and (i in choice or flushed(steps, i)):
            part, path = step[1:]
            data = log.contents[part.name]
            durable = any(other == ("fsync", str(part)) for other in steps[:i])
            if path.parent.is_dir():
                path.write_bytes(data if durable else b"")
        if step[0] == "make_folder" and (i in choice or flushed(steps, i)) and step[1].parent.is_dir():
            step[1].mkdir(exist_ok=True)
