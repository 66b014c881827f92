"""The error tree of the package; every leaf carries the exit code of the command line.

TamscoreError                1   anything that has no better name
├── UsageError               2   the request makes no sense: wrong option, wrong path
│   └── JobFileError         2   the job file is wrong; holds every problem found, not just the first
├── InputContractError       3   the data break the contract: columns, types, ids, too many rejected rows
├── GateError                4   a safety gate closed: a person must look and accept
├── RetryableError           5   the same command may succeed later: lost worker, full disk, held lock
├── MemoryLimitError         6   out of host or device memory
├── DeviceError              7   the GPU that was asked for cannot be used
└── NothingToDo             10   the run is already complete; not a failure

The module imports nothing from the package, so that every layer may raise from it.
"""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


GATES = ("leakage", "relabelled_share", "input_change")
"""Gates, closed until a person accepts: a feature that looks like sales, a refresh that would move too many accounts,
an input that is unlike that of the run before."""

_USER = re.compile(r"://[^/\s@]+@")
_QUERY = re.compile(r"(://[^\s?'\"]*)\?[^\s'\"]+")


class TamscoreError(Exception):
    """The base of all errors of the package. The command line prints one message and ends with `exit_code`.

    Attributes
    ----------
    exit_code : int
        The exit code of the command line.
    """

    exit_code: ClassVar[int] = 1


class UsageError(TamscoreError):
    """The request makes no sense, such as a wrong path or option."""

    exit_code: ClassVar[int] = 2


class JobFileError(UsageError):
    """The job is invalid.

    Attributes
    ----------
    problems : tuple of str
        Every problem of the job, a line for each. The message is the lines joined.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[JobFileError], tuple[tuple[str, ...]]]:
        """Return how to rebuild the error, so that it keeps its list in other processes."""
        return type(self), (self.problems,)


class InputContractError(TamscoreError):
    """The data break the contract: columns, types, ids, or too many rejected rows."""

    exit_code: ClassVar[int] = 3


class GateError(TamscoreError):
    """A gate closed: a person must look first, and accept.

    Attributes
    ----------
    plan : tuple of dict
        What there is to look at, row by row.
    gate : str
        The gate: `leakage`, `relabelled_share`, `input_change`, or `other`.
    """

    exit_code: ClassVar[int] = 4

    def __init__(self, message: str, plan: Iterable[dict[str, object]] = (), *, gate: str = "other") -> None:
        self.plan, self.gate = tuple(plan), gate
        super().__init__(message)


class RetryableError(TamscoreError):
    """The same request may succeed later: a lost worker, a full disk, a held lock."""

    exit_code: ClassVar[int] = 5


class MemoryLimitError(TamscoreError):
    """Memory of the host or of the device ran out."""

    exit_code: ClassVar[int] = 6


class DeviceError(TamscoreError):
    """A device that was asked for cannot be used."""

    exit_code: ClassVar[int] = 7


class NothingToDo(TamscoreError):  # noqa: N818 - an outcome, not a failure
    """The work is done already. The command line reports it by its exit code; runs from Python do not raise it."""

    exit_code: ClassVar[int] = 10


class Refusals:
    """The refusals of a run, collected so that all of them are reported at once."""

    def __init__(self) -> None:
        self.errors: list[InputContractError | GateError] = []

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Collect an InputContractError or GateError that is raised inside the block, and continue after the block."""
        try:
            yield
        except (InputContractError, GateError) as error:
            self.errors.append(error)

    def raise_all(self) -> None:
        """Raise the collected refusals, if any: several become one error of the kind of the first."""
        if not self.errors:
            return
        first, *more = self.errors
        if not more:
            raise first
        message = "\n".join(dict.fromkeys(map(str, self.errors)))
        if isinstance(first, GateError):
            raise GateError(message, first.plan, gate=first.gate)
        raise InputContractError(message)


LASTING = {
    errno.EACCES: "give the user who runs this access, or name another place",
    errno.EPERM: "give the user who runs this access, or name another place",
    errno.ELOOP: "the links lead in a circle: name the file or folder itself",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.EISDIR: "expected a file, got a folder: name a file",
    errno.ENOTDIR: "expected a folder, got a file: name a folder",
}
"""Remedies for errors of the operating system that will come again, by their number."""


def unreadable(path: object, error: OSError) -> UsageError | RetryableError:
    """Return the error about a place that the operating system refuses: lasting (2), or worth another try (5)."""
    text = (error.strerror or first_line(error)).lower()
    if remedy := LASTING.get(error.errno or 0):
        return UsageError(f"{path}: {text}; {remedy}")
    return RetryableError(f"{path}: {text}; look at the disk or the network it lies on, then run again")


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error, "no message" if it has none."""
    return (str(error).strip().splitlines() or ["no message"])[0]


def without_secrets(text: str) -> str:
    """Return the text with user, password and query of every address replaced by ***."""
    return _QUERY.sub(r"\1?***", _USER.sub("://***@", text))
