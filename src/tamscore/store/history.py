"""The ledger of an output: which version replaced which, when, and on whose request; and which versions were pruned.

An entry is written before the event that it records: before the manifest of a new version is written, before the
pointer is swapped, before a version is removed. It is as whole and durable as other files. A swap that was cut off
leaves an entry whose version never became current: the next swap, or the pointer itself, shows that by naming another
version.
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
"""`run` and `rollback` swap the pointer; `seal` is a new manifest without a swap; `prune` removes a version.

`forget` is a new manifest of a version that accounts were erased from.
"""
_SWAPS = ("run", "rollback")


@dataclass(frozen=True)
class LedgerEntry:
    """One line: when (UTC), what was done, to which version, in place of which, by whom and where.

    `replaced` is None if no version was current before, or it could not be read. `manifest_sha256` is that of the
    version's manifest, None in older entries. `forgotten` holds the salted hashes of the erased accounts, see
    `forgotten`; None in all other entries. `took_effect` is derived from later entries and the pointer, and not stored.
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
        """Whether the entry created a version, or made it current."""
        return self.action not in {"prune", "forget"}

    @property
    def is_swap(self) -> bool:
        """Whether the entry swaps the pointer."""
        return self.action in _SWAPS


def record(
    output: Location,
    action: Action,
    version: str,
    replaced: str | None,
    manifest_sha256: str | None = None,
    forgotten: dict[str, Any] | None = None,
) -> None:
    """Record in the ledger what is about to happen to a version; the caller must hold the output."""
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
    """Return the present time (UTC), to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def days_since(output: Location, version: str) -> float | None:
    """Return the days since a run last made a version the current one; None if the ledger does not say."""
    lines = (_parse(line) for line in raw(output).splitlines())
    times = [entry.at for entry in lines if entry and entry.action == "run" and entry.version == version]
    try:
        return (datetime.fromisoformat(now()) - datetime.fromisoformat(times[-1])).total_seconds() / 86_400
    except (IndexError, ValueError, TypeError):
        return None


def user() -> str:
    """Return the user name in the environment: not a proof, but a name to ask."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that has no name
        return "unknown"


def raw(output: Location) -> bytes:
    """Return the bytes of the ledger, none without a ledger; raise as `errors.unreadable` if it cannot be read."""
    path = output / HISTORY
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise unreadable(path, error) from error


def entries(output: Location, current: str | None = None) -> list[LedgerEntry]:
    """Return the ledger of an output, oldest first, given the current version; torn lines are skipped."""
    ledger_entries = [entry for line in raw(output).splitlines() if (entry := _parse(line)) is not None]
    swaps = [at for at, entry in enumerate(ledger_entries) if entry.is_swap]
    after = [*(ledger_entries[at].replaced for at in swaps[1:]), current]
    for at, following in zip(swaps, after, strict=False):
        ledger_entries[at] = replace(ledger_entries[at], took_effect=following in (None, ledger_entries[at].version))
    return ledger_entries


def _parse(line: bytes) -> LedgerEntry | None:
    """Return the entry of a line, or None if it is not an entry."""
    try:
        return LedgerEntry(**json.loads(line))
    except (ValueError, TypeError):
        return None


def first_replaced(entries: list[LedgerEntry]) -> dict[str, str | None]:
    """Return what each version replaced when it first became current, or what was current when it was made."""
    row: dict[str, str | None] = {}
    for entry in entries:
        if entry.took_effect and entry.action in {"run", "seal"} and entry.replaced != entry.version:
            row.setdefault(entry.version, entry.replaced)
    return row


def before(entries: list[LedgerEntry], version: str) -> str | None:
    """Return the version that a run of this version last replaced; None if not known."""
    runs = [entry for entry in entries if entry.action == "run" and entry.version == version and entry.took_effect]
    return runs[-1].replaced if runs else None
