"""Standard output and standard error that may be closed, full, or read by nobody: the work goes on without them."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from pathlib import Path


class Outlet:
    """A text stream that takes everything; from the first write that fails on, what it takes goes nowhere.

    `lost` is the error of that write, None while all is well.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: Exception | None = None

    def write(self, text: str) -> int:
        """Write a text, or let it go."""
        if self.lost is None:
            try:
                return self._stream.write(text)
            except (OSError, ValueError) as error:
                self._lose(error)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write some texts."""
        for line in lines:
            self.write(line)

    def put(self, path: Path) -> None:
        """Write the bytes of a file as they are, or let them go."""
        self.flush()
        if self.lost is None:
            try:
                with path.open("rb") as file:
                    shutil.copyfileobj(file, self._stream.buffer)
                self._stream.buffer.flush()
            except OSError as error:
                self._lose(error)

    def flush(self) -> None:
        """Hand on what waits, or let it go."""
        if self.lost is None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._lose(error)

    def _lose(self, error: Exception) -> None:
        """Note the error, and send what still waits nowhere: it would fail again at the end."""
        self.lost = error
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        """All else that a stream has."""
        return getattr(self._stream, name)


def open_all() -> None:
    """Let standard input, output and error be there, whatever the caller has closed, and fail no work.

    A closed one becomes /dev/null before any file is opened: that file would get its number, and what a library writes
    to standard error would land in it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name) or os.fdopen(number, "w", encoding="utf-8", closefd=False)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name in another script must not end a table
        setattr(sys, name, cast("TextIO", Outlet(stream)))


def print_file(path: Path) -> None:
    """Write the bytes of a file to standard output as they are, whatever the encoding of texts is, and remove it."""
    outlet = sys.stdout if isinstance(sys.stdout, Outlet) else Outlet(sys.stdout)
    outlet.put(path)
    path.unlink()


def lost_output() -> str | None:
    """Return why standard output could not be written; None where it could, or its reader has seen enough."""
    sys.stdout.flush()
    error = getattr(sys.stdout, "lost", None)
    if error is None or isinstance(error, BrokenPipeError):
        return None
    return str(getattr(error, "strerror", None) or error).lower()
