"""Log records for machines: one JSON object a line, with the fields that OpenTelemetry's data model of logs names."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO

from tamscore import __version__
from tamscore.progress import Listener, unit_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.progress import StageTime

Severity = Literal["INFO", "WARN", "ERROR"]
NUMBERS: dict[Severity, int] = {"INFO": 9, "WARN": 13, "ERROR": 17}


def record(severity: Severity, event: str, body: str, attributes: Mapping[str, Any]) -> str:
    """A record of now as one line."""
    resource = {
        "service.name": "tamscore",
        "service.version": __version__,
        "host.name": socket.gethostname(),
        "process.pid": os.getpid(),
    }
    fields = {
        "timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "severity_text": severity,
        "severity_number": NUMBERS[severity],
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

    def named(self, run_key: str) -> None:
        """Let every record from now on name the run."""
        self._run = {"tamscore.run": run_key}

    def end(self, spent: StageTime) -> None:
        """Tell how long it took and how much was done."""
        unit = unit_of(spent.stage).replace(" ", "_")
        counted = {f"tamscore.{unit}": spent.done} if spent.done else {}
        times = {"tamscore.seconds": round(spent.seconds, 6), "tamscore.cpu_seconds": round(spent.cpu_seconds, 6)}
        told = {"tamscore.stage": spent.stage, **times, **counted}
        self._tell("stage", f"stage {spent.stage} took {spent.seconds:.3f} s", told)

    def notice(self, text: str) -> None:
        """Tell it."""
        self._tell("notice", text, {})

    def _tell(self, event: str, body: str, attributes: Mapping[str, Any]) -> None:
        print(record("INFO", event, body, {**self._run, **attributes}), file=self._stream, flush=True)
