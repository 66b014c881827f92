"""The ledger of an output: which version replaced which, when, and who asked for it.

An entry is written before the pointer is swapped, whole and durable as everything else. A swap that was cut off in
between leaves an entry whose version never counted: the next entry, or the pointer itself, says so by naming another.
"""

from __future__ import annotations

import getpass
import json
import socket
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from tamscore import __version__
from tamscore.store import commit

if TYPE_CHECKING:
    from tamscore.store.location import Location

HISTORY = "_history.jsonl"
Action = Literal["run", "rollback"]


@dataclass(frozen=True)
class Entry:
    """One swap of the pointer: when (UTC), why, to which version, in place of which, by whom and where.

    `replaced` is None where nothing counted before, or where that could not be read. `took_effect` is told by what
    follows, not written down.
    """

    at: str
    action: str
    version: str
    replaced: str | None
    by: str
    host: str
    tamscore: str
    took_effect: bool = True


def record(output: Location, action: Action, version: str, replaced: str | None) -> None:
    """Write into the ledger that a version is about to replace another; only for who holds the output."""
    at = now().isoformat(timespec="seconds")
    entry = asdict(Entry(at, action, version, replaced, user(), socket.gethostname(), __version__))
    del entry["took_effect"]
    before = raw(output)
    torn = b"\n" if before and not before.endswith(b"\n") else b""
    commit.place_bytes(before + torn + json.dumps(entry, ensure_ascii=False).encode() + b"\n", output / HISTORY)


def now() -> datetime:
    """The time of this machine's clock."""
    return datetime.now(UTC)


def days_since(output: Location, version: str) -> float | None:
    """Days since a run last made a version the current one; None where the ledger does not say."""
    lines = (parsed(line) for line in raw(output).splitlines())
    times = [entry.at for entry in lines if entry and entry.action == "run" and entry.version == version]
    try:
        return (now() - datetime.fromisoformat(times[-1])).total_seconds() / 86_400
    except (IndexError, ValueError, TypeError):
        return None


def user() -> str:
    """Who runs this, as the environment says: no proof, but a name to ask."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that has no name
        return "unknown"


def raw(output: Location) -> bytes:
    """The bytes of the ledger, none where there is none yet."""
    try:
        return (output / HISTORY).read_bytes()
    except FileNotFoundError:
        return b""


def entries(output: Location, current: str | None) -> list[Entry]:
    """The ledger of an output, oldest first, given the version that counts now; lines that are torn are passed over."""
    found = [entry for line in raw(output).splitlines() if (entry := parsed(line)) is not None]
    after = [entry.replaced for entry in found[1:]] + [current]
    return [
        replace(entry, took_effect=following in (None, entry.version))
        for entry, following in zip(found, after, strict=False)
    ]


def parsed(line: bytes) -> Entry | None:
    """The entry of a line, or None where it is none."""
    try:
        return Entry(**json.loads(line))
    except (ValueError, TypeError):
        return None


def before(entries: list[Entry], version: str) -> str | None:
    """The version that a run of this version replaced when it last came to count; None where that is not told."""
    runs = [one for one in entries if one.action == "run" and one.version == version and one.took_effect]
    return runs[-1].replaced if runs else None
