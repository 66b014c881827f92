"""Log records for machines: one JSON object a line, with the fields of OpenTelemetry's data model of logs.

Output of libraries becomes records, too: their logs, warnings, and uncaught errors.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
import traceback
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO

from tamscore import __version__
from tamscore.progress import Listener, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tamscore.progress import StageTime

_Severity = Literal["INFO", "WARN", "ERROR"]
_NUMBERS: dict[_Severity, int] = {"INFO": 9, "WARN": 13, "ERROR": 17}


VARIABLE = "TAMSCORE_LOG_FORMAT"
"""The environment variable that selects records; worker processes of a run inherit it."""
TRACE = "exception.stacktrace"
"""The attribute that holds a traceback."""


def record(severity: _Severity, event: str, body: str, attributes: Mapping[str, Any]) -> str:
    """Return a record of the present time as one line."""
    resource = {
        "service.name": "tamscore",
        "service.version": __version__,
        "host.name": socket.gethostname(),
        "process.pid": os.getpid(),
    }
    fields = {
        "timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "severity_text": severity,
        "severity_number": _NUMBERS[severity],
        "body": body,
        "attributes": {"event.name": f"tamscore.{event}", **attributes},
        "resource": resource,
    }
    return json.dumps(fields, ensure_ascii=False)


class Records(Listener):
    """A listener that writes one record for each stage that ends and for each notice."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._run: dict[str, str] = {}

    def name_of(self, run_key: str) -> None:
        """Set the run of all records from now on."""
        self._run = {"tamscore.run": run_key}

    def end(self, spent: StageTime) -> None:
        """Report the time of a stage and its amount of work."""
        unit = unit_of(spent.stage).replace(" ", "_")
        counted = {f"tamscore.{unit}": spent.done} if spent.done else {}
        times = {"tamscore.seconds": round(spent.seconds, 6), "tamscore.cpu_seconds": round(spent.cpu_seconds, 6)}
        row = {"tamscore.stage": spent.stage, **times, **counted}
        self._tell("stage", f"stage {spent.stage} took {spent.seconds:.3f} s", row)

    def notice(self, text: str) -> None:
        """Report a notice."""
        self._tell("notice", text, {})

    def _tell(self, event: str, body: str, attributes: Mapping[str, Any]) -> None:
        print(record("INFO", event, body, {**self._run, **attributes}), file=self._stream, flush=True)


class _LibraryRecords(logging.Handler):
    """Writes what libraries log as records to standard error."""

    def emit(self, entry: logging.LogRecord) -> None:
        """Write a record; a failure to write stops no work."""
        severity: _Severity = "ERROR" if entry.levelno >= logging.ERROR else "WARN"
        attributes = {"log.logger": entry.name}
        if entry.exc_info and entry.exc_info[1]:
            attributes[TRACE] = "".join(traceback.format_exception(entry.exc_info[1]))
        with suppress(Exception):
            line = record(severity if entry.levelno >= logging.WARNING else "INFO", "log", _body_of(entry), attributes)
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


def _body_of(entry: logging.LogRecord) -> str:
    """Return the message of a library; of a warning its first line, without the source line below it."""
    text = entry.getMessage().strip()
    return text.partition("\n")[0] if entry.name == "py.warnings" else text


def _uncaught(error: BaseException | None, where: str) -> None:
    """Log an uncaught error."""
    known = (type(error), error, error.__traceback__) if error is not None else None
    logging.getLogger("tamscore").error("%s: %s", where, error, exc_info=known)


def capture() -> logging.Handler:
    """Send the output of libraries to standard error as records from now on; return the handler."""
    handler = _LibraryRecords()
    logging.getLogger().addHandler(handler)
    logging.captureWarnings(capture=True)
    threading.excepthook = lambda event: _uncaught(event.exc_value, f"thread {getattr(event.thread, 'name', '?')}")
    sys.unraisablehook = lambda event: _uncaught(event.exc_value, event.err_msg or "ignored")
    return handler


@contextmanager
def capture_library_logs() -> Iterator[None]:
    """Send the output of libraries to standard error as records during the block; workers follow."""
    before = os.environ.get(VARIABLE)
    handler, os.environ[VARIABLE] = capture(), "json"
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        logging.captureWarnings(capture=False)
        threading.excepthook, sys.unraisablehook = threading.__excepthook__, sys.__unraisablehook__
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
