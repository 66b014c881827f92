"""A process that checks cases, watched: what it says, how it ends, how long it is silent."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[2]
SILENCE_S = 30.0
"""A case that takes longer hangs; the first of a process has its start in it."""


@dataclass
class Tally:
    """Cases taken and refused, and the finds: kind, number, what happened."""

    taken: int = 0
    refused: int = 0
    finds: list[str] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.taken + other.taken, self.refused + other.refused, self.finds + other.finds)

    def record(self) -> dict[str, Any]:
        """The same for a line of JSON."""
        cases = self.taken + self.refused + len(self.finds)
        return {"cases": cases, "taken": self.taken, "refused": self.refused, "finds": self.finds}


def supervise(kind: str, first: int, last: int, deadline: float | None = None) -> Tally:
    """What the cases from `first` up to `last` come to; a process that dies or hangs is followed by another."""
    tally = Tally()
    while first < last:
        reached, end = supervise_cases(kind, first, last, tally, deadline)
        if end:
            tally.finds.append(f"{kind} {reached}: {end}")
        if deadline is not None and time.monotonic() >= deadline:
            break
        first = reached + 1
    return tally


def supervise_cases(kind: str, first: int, last: int, tally: Tally, deadline: float | None) -> tuple[int, str]:
    """The last case that a process reached, and why it did not get further ('' where it did, or time was up)."""
    reached = first - 1
    with TemporaryDirectory(prefix="tamscore-fuzz-") as folder:
        command = [sys.executable, "-m", "tests.fuzz.checks", kind, str(first), str(last), folder]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=read_lines, args=(process, lines), daemon=True).start()
        try:
            while True:
                line = lines.get(timeout=SILENCE_S)
                if line is None or (deadline is not None and time.monotonic() >= deadline):
                    break
                reached = note(kind, line, reached, tally)
        except queue.Empty:
            return reached, f"silent for {SILENCE_S:g} s"
        finally:
            finished = line_is_last(process, reached, last)
            process.kill()
            _, said = process.communicate()
    out_of_time = deadline is not None and time.monotonic() >= deadline
    return reached, "" if finished or out_of_time else f"exit code {process.returncode}: {said[-400:]}"


def line_is_last(process: subprocess.Popen[str], reached: int, last: int) -> bool:
    """Whether a process has ended well after its last case."""
    return reached == last - 1 and process.wait(SILENCE_S) == 0


def read_lines(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    """Hand on what a process says, and None when it has ended."""
    for line in process.stdout or ():
        lines.put(line)
    lines.put(None)


def note(kind: str, line: str, reached: int, tally: Tally) -> int:
    """The case reached after a line, which is counted."""
    mark, text = line[:1], line[2:].strip()
    if mark == "?":
        return int(text)
    if mark == "+":
        tally.taken += 1
    elif mark == "-":
        tally.refused += 1
    elif mark == "!":
        tally.finds.append(f"{kind} {reached}: {text}")
    return reached
