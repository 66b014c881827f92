"""The ledger of an output: which version replaced which, when, and who asked for it; which were pruned.

An entry is written before what it records: before the manifest of a new version is there, before the pointer is
swapped, before a version is removed; whole and durable as everything else. A swap that was cut off in between leaves an
entry whose version never counted: the next swap, or the pointer itself, says so by naming another.
"""

from __future__ import annotations

import getpass
import json
import socket
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from tamscore import __version__
from tamscore.errors import unreadable
from tamscore.store import commit

if TYPE_CHECKING:
    from tamscore.store.location import Location

HISTORY = "_history.jsonl"
Action = Literal["run", "rollback", "seal", "prune", "forget"]
"""`run` and `rollback` swap the pointer; `seal` is a new manifest that leaves it alone; `prune` removes a version.

`forget` is a new manifest of a version that accounts have left.
"""
_SWAPS = ("run", "rollback")


@dataclass(frozen=True)
class LedgerEntry:
    """One line: when (UTC), what was done, to which version, in place of which, by whom and where.

    `replaced` is None where nothing counted before, or where that could not be read. `manifest_sha256` is that of the
    version's manifest; None in entries from before it was recorded. `forgotten` holds the salted hashes of the accounts
    that left, see `forgotten`; None in all other entries. `took_effect` follows from later entries and the pointer, it
    is not written down.
    """

    at: str
    action: str
    version: str
    replaced: str | None
    by: str
    host: str
    tamscore: str
    manifest_sha256: str | None = None
    took_effect: bool = True
    forgotten: dict[str, Any] | None = None

    @property
    def made_version(self) -> bool:
        """Return whether a version came to be, or to count, by it."""
        return self.action not in {"prune", "forget"}

    @property
    def is_swap(self) -> bool:
        """Return whether it swaps the pointer."""
        return self.action in _SWAPS


def record(
    output: Location,
    action: Action,
    version: str,
    replaced: str | None,
    manifest_sha256: str | None = None,
    forgotten: dict[str, Any] | None = None,
) -> None:
    """Write into the ledger what is about to happen to a version; only for who holds the output."""
    entry = asdict(
        LedgerEntry(now(), action, version, replaced, user(), socket.gethostname(), __version__, manifest_sha256)
    )
    del entry["took_effect"], entry["forgotten"]
    if forgotten is not None:
        entry["forgotten"] = forgotten
    before = raw(output)
    torn = b"\n" if before and not before.endswith(b"\n") else b""
    commit.place_bytes(before + torn + json.dumps(entry, ensure_ascii=False).encode() + b"\n", output / HISTORY)


def now() -> str:
    """The time (UTC), to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def days_since(output: Location, version: str) -> float | None:
    """Days since a run last made a version the current one; None where the ledger does not say."""
    lines = (_parse(line) for line in raw(output).splitlines())
    times = [entry.at for entry in lines if entry and entry.action == "run" and entry.version == version]
    try:
        return (datetime.fromisoformat(now()) - datetime.fromisoformat(times[-1])).total_seconds() / 86_400
    except (IndexError, ValueError, TypeError):
        return None


def user() -> str:
    """Who runs this, as the environment says: no proof, but a name to ask."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that has no name
        return "unknown"


def raw(output: Location) -> bytes:
    """The bytes of the ledger, none where there is none yet; raise as `errors.unreadable` where it cannot be read."""
    path = output / HISTORY
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise unreadable(path, error) from error


def entries(output: Location, current: str | None = None) -> list[LedgerEntry]:
    """The ledger of an output, oldest first, given the version that counts now; lines that are torn are passed over."""
    ledger_entries = [entry for line in raw(output).splitlines() if (entry := _parse(line)) is not None]
    swaps = [at for at, entry in enumerate(ledger_entries) if entry.is_swap]
    after = [*(ledger_entries[at].replaced for at in swaps[1:]), current]
    for at, following in zip(swaps, after, strict=False):
        ledger_entries[at] = replace(ledger_entries[at], took_effect=following in (None, ledger_entries[at].version))
    return ledger_entries


def _parse(line: bytes) -> LedgerEntry | None:
    """The entry of a line, or None where it is none."""
    try:
        return LedgerEntry(**json.loads(line))
    except (ValueError, TypeError):
        return None


def first_replaced(entries: list[LedgerEntry]) -> dict[str, str | None]:
    """Return what each version replaced when it first came to count, or what counted when it was made beside that."""
    row: dict[str, str | None] = {}
    for entry in entries:
        if entry.took_effect and entry.action in {"run", "seal"} and entry.replaced != entry.version:
            row.setdefault(entry.version, entry.replaced)
    return row


def before(entries: list[LedgerEntry], version: str) -> str | None:
    """The version that a run of this version replaced when it last came to count; None where that is not told."""
    runs = [entry for entry in entries if entry.action == "run" and entry.version == version and entry.took_effect]
    return runs[-1].replaced if runs else None
