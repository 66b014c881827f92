"""Removal of old versions: which versions go, and in which order their files go, so that no rest looks complete.

The ledger notes a removal first. Then a mark `versions/_pruned-KEY` says that the version is to go. Its manifest is
removed, which makes it incomplete; then its other files, its folders, and the mark. The next process that holds the
output finishes marked removals before it does anything else.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError, UsageError
from tamscore.store import commit, history, pins, renewal
from tamscore.store.checkpoints import CHECKPOINTS
from tamscore.store.location import sizes_below
from tamscore.store.pointer import MANIFEST, RUN_KEY, current_version, manifest_of, manifest_problem, versions_in
from tamscore.store.sources import copies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.store.location import Location

MARK = "_pruned-"


@dataclass(frozen=True)
class _RetainedVersion:
    """A version that stays, and the reason."""

    version: str
    why: str


@dataclass(frozen=True)
class Pruning:
    """The versions that a pruning removes, in this order, with their bytes; and the versions that stay."""

    removed: dict[str, int]
    kept: tuple[_RetainedVersion, ...]


def plan(output: Location, keep: int, since: datetime | None = None) -> Pruning:
    """Return which complete versions go: all but the `keep` newest, those made current at or after `since`, and others.

    The others are the current version, pinned versions, versions whose manifest was edited, and every version that a
    staying version is based on. Raise UsageError if no version is current. Raise InputContractError if the pointer or
    the pins are torn.
    """
    current = current_version(output)
    if current is None:
        raise UsageError(f"{output}: no version is current; run the job first, or roll back to a version")
    manifests = {key: manifest for key in versions_in(output) if (manifest := manifest_of(output, key)) is not None}
    times = _times_of(output, manifests)
    newest = sorted(manifests, key=lambda key: times[key], reverse=True)
    why = dict.fromkeys(reversed(newest[:keep]), f"one of the {keep} newest")
    why |= {key: "not older than asked" for key in newest if since is not None and times[key][0] >= since}
    why |= {key: "its manifest was edited" for key in newest if manifest_problem(output, key)}
    why |= {key: "pinned" for key in pins.pin(output) if key in manifests}
    why |= {current: "current"}
    why |= _bases_of(manifests, why)
    unfinished = {key: "not complete: a run can resume it" for key in versions_in(output) if key not in manifests}
    gone = [key for key in newest if key not in why]
    sizes = {key: sum(sizes_below(output / "versions" / key).values()) for key in gone}
    stay = [_RetainedVersion(key, {**unfinished, **why}[key]) for key in (*newest, *unfinished) if key not in sizes]
    return Pruning(sizes, tuple(stay))


def _times_of(output: Location, manifests: dict[str, Any]) -> dict[str, tuple[datetime, int, str]]:
    """Return when each version last became valid, by the ledger, else when its manifest was written.

    The place in the ledger and the run key follow the time, so that any two versions have an order.
    """
    entries = history.entries(output)
    record = {
        entry.version: (datetime.fromisoformat(entry.at), line, entry.version)
        for line, entry in enumerate(entries)
        if entry.made_version
    }
    return {
        key: record[key] if key in record else (_changed_at(output / "versions" / key / MANIFEST), -1, key)
        for key in manifests
    }


def _changed_at(path: Location) -> datetime:
    """Return when a file was changed last (UTC)."""
    return datetime.fromtimestamp(path.stat().st_mtime_ns / 1e9, UTC)


def _built_on(manifest: dict[str, Any] | None) -> dict[str, Any]:
    """Return the manifest without the keys that name another run without depending on it."""
    return {key: value for key, value in (manifest or {}).items() if key not in {"input_change", "notices"}}


def _bases_of(manifests: dict[str, Any], record: dict[str, str]) -> dict[str, str]:
    """Return the versions that staying versions are based on, through any number of steps, with the reason for each."""
    row: dict[str, str] = {}
    asked = list(record)
    while asked:
        key = asked.pop()
        named = {text for text in _texts_in(_built_on(manifests.get(key))) if text in manifests} - {*record, *row, key}
        row |= dict.fromkeys(named, f"base of {key}")
        asked += sorted(named)
    return row


def _texts_in(value: Any) -> Iterator[str]:
    """Yield every text within a JSON value, except the names of its objects."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(inner)


def prune(output: Location, keep: int, since: datetime | None = None) -> Pruning:
    """Remove the versions that `plan` returns, all checkpoints, and copies of tables that no version names.

    Return the plan. Raise as `plan` does, and RetryableError if another process holds the output.
    """
    with lock(output, "prune"):
        pruning = plan(output, keep, since)
        for version in pruning.removed:
            history.record(output, "prune", version, None)
            commit.place_bytes(b"", output / "versions" / f"{MARK}{version}")
            _remove(output, version)
        commit.discard(output / CHECKPOINTS)
        copies.sweep(output, filter(None, (manifest_of(output, key) for key in versions_in(output))))
    return pruning


@contextmanager
def lock(output: Location, purpose: str) -> Iterator[None]:
    """Hold the lock of an output; first finish a killed forget, and remove what a killed prune left behind."""
    with commit.hold_commit(output, purpose):
        renewal.complete_renewal(output)
        for version in _mark(output):
            _remove(output, version)
        yield


def _mark(output: Location) -> list[str]:
    """Return the versions that a killed pruning was about to remove; none if the current version is unknown."""
    folder = output / "versions"
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    keys = [name.removeprefix(MARK) for name in names if name.startswith(MARK)]
    try:
        current = current_version(output) if keys else None
    except InputContractError:
        return []
    return [key for key in keys if RUN_KEY.fullmatch(key) and key != current]


def _remove(output: Location, version: str) -> None:
    """Remove a marked version, its manifest first, then its mark."""
    folder = output / "versions" / version
    commit.remove(folder / MANIFEST, output)
    commit.remove_below(folder, output)
    commit.remove(folder.parent / f"{MARK}{version}", output)
