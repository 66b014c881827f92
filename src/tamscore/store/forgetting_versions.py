"""One version that accounts leave: its tables, the sidecars of its parts, its manifest."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.schema import FAMILY
from tamscore.store import commit, contents, forgotten
from tamscore.store.location import files_below, name_within
from tamscore.store.pointer import MANIFEST, digest_of, require_manifest
from tamscore.store.redaction import Leaving
from tamscore.store.rewriting import naming_rows, redacted_record, rewrite_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.store.location import Location
    from tamscore.store.rewriting import Rewrite
    from tamscore.store.run_directory import RunDirectory

_Record = dict[str, Any]
_SCORES, _REJECTED = "scores/", "rejected/"
_OTHER_IDS = {"tables/families": (FAMILY,), "tables/family_problems": ("account_id", "parent_id")}
"""The columns with ids of tables that have others than the account's."""


@dataclass
class VersionChange:
    """What accounts leave in a version.

    `left` maps their ids as they are compared to the ids as the version has them, `rows` counts the rows that go by
    file and reason, `files` are the files that are written again, as the plan lists them; None for what is not ready.
    `named` counts the rows of other accounts that name one of them, by column.
    """

    version: str
    manifest: _Record
    leaving: Leaving
    left: dict[str, str] = field(default_factory=dict)
    rows: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    files: dict[str, _Record | None] = field(default_factory=dict)
    named: Counter[str] = field(default_factory=Counter)
    digest: str = ""

    @property
    def scored(self) -> int:
        """Rows that leave the scores."""
        return sum(rows.total() for name, rows in self.rows.items() if name.startswith(_SCORES))

    @property
    def rejected(self) -> Counter[str]:
        """Rows that leave the rejected ones, by reason."""
        return sum((rows for name, rows in self.rows.items() if name.startswith(_REJECTED)), Counter[str]())

    def plan_entry(self, salt: str) -> _Record:
        """Return what the plan says of the version."""
        return {
            "manifest_sha256": self.digest,
            "forgotten": forgotten.record_of(self.left, salt),
            "files": {name: placed for name, placed in self.files.items() if name != MANIFEST},
        }


def change_version(run: RunDirectory, ids: tuple[str, ...], ready: Location | None, at: str) -> VersionChange | None:
    """Return what accounts leave in a complete version, None where nothing changes; made ready in a folder, if given.

    Raise InputContractError if the version is damaged.
    """
    manifest = require_manifest(run.output, run.run_key)
    form = manifest.get("job", {}).get("columns", {}).get("id_form", "text")
    change = VersionChange(run.run_key, manifest, Leaving(ids, form))
    for rewrite in _rewrites(run, change):
        change.left |= rewrite.left
        change.rows[rewrite.name] = rewrite.rows
        change.files[rewrite.name] = None if ready is None else rewrite.write(ready / rewrite.name).record()
    texts = redacted_record(manifest, {*ids, *change.left.values()})
    if not change.files and texts == manifest:
        return None
    _change_sidecars(run, change, ready)
    change.files[MANIFEST] = None
    if ready is not None:
        data = commit.json_bytes(_new_manifest(texts, change, digest_of(run.path / MANIFEST), at))
        change.digest = hashlib.sha256(data).hexdigest()
        commit.place_bytes(data, ready / MANIFEST)
    return change


def _rewrites(run: RunDirectory, change: VersionChange) -> Iterator[Rewrite]:
    """Yield the tables of a version that accounts leave, and count who names them in its scores and rejected rows."""
    columns = change.manifest.get("job", {}).get("columns", {})
    for name in sorted(change.manifest["files"]):
        if name.endswith((".parquet", ".csv")):
            data = contents.verify_content(run.path / name)
            rejected = name.startswith(_REJECTED)
            column = columns.get("account_id", "account_id") if rejected else "account_id"
            rewrite = rewrite_of(name, data, change.leaving, *_OTHER_IDS.get(name.partition(".")[0], (column,)))
            if rewrite is not None:
                yield rewrite
            if name.startswith((_SCORES, _REJECTED)):
                change.named += naming_rows(
                    data, None if rejected else (*columns.get("keep", ()), FAMILY), column, change.leaving
                )


def _change_sidecars(run: RunDirectory, change: VersionChange, ready: Location | None) -> None:
    """Let the sidecars of the parts say what the parts hold now."""
    touched: dict[str, _Record] = defaultdict(dict)
    for name, placed in change.files.items():
        if name.startswith((_SCORES, _REJECTED)):
            touched[f"{_SCORES}_{name.rpartition('/')[2].removesuffix('.parquet')}.json"][name] = placed
    for name, files in touched.items():
        change.files[name] = None
        if ready is not None:
            record = commit.read_json(run.path / name) or {"files": {}, "rows": {}}
            gone = sum((change.rows[file] for file in files), Counter[str]())
            rows = _rows_left(record["rows"], gone)
            sidecar = {**record, "files": {**record["files"], **files}, "rows": rows}
            change.files[name] = commit.place_json(sidecar, ready / name).record()


def _rows_left(rows: _Record, gone: Counter[str]) -> _Record:
    """Return the rows of a part, as its sidecar has them, after some have left."""
    scored, rejected = rows.get("scored", 0) - gone[""], rows.get("rejected", 0) - gone.total() + gone[""]
    return {"scored": scored, "rejected": rejected, "forgotten": rows.get("forgotten", 0) + gone.total()}


def _new_manifest(manifest: _Record, change: VersionChange, digest: str, at: str) -> _Record:
    """Return the manifest after accounts have left, `digest` being the SHA-256 of the one before.

    Rows scored and rejected are those that are there; sums stay those of the run.
    """
    rows, before = manifest["rows"], manifest.get("forgotten", {})
    gone = change.scored + change.rejected.total()
    rejected = {reason: count - change.rejected[reason] for reason, count in rows["rejected"].items()}
    left = {"scored": rows["scored"] - change.scored, "rejected": rejected}
    record = {
        "accounts": before.get("accounts", 0) + len(change.left),
        "last": at,
        "manifest_sha256": before.get("manifest_sha256", digest),
    }
    files = {name: placed for name, placed in change.files.items() if placed is not None}
    return {
        **manifest,
        "rows": {**rows, **left, "forgotten": rows.get("forgotten", 0) + gone},
        "forgotten": record,
        "files": {**manifest["files"], **files},
    }


def ids_unfinished(run: RunDirectory, ids: tuple[str, ...]) -> set[str]:
    """Return the ids, as they are written, that an unfinished version has; what cannot be read there has none."""
    names: set[str] = set()
    for path in files_below(run.path):
        name = name_within(path, run.path)
        if name.endswith(".parquet"):
            try:
                rewrite = rewrite_of(name, contents.file_bytes(path), Leaving(ids))
            except InputContractError:
                continue
            names |= set(rewrite.left.values()) if rewrite else set()
    return names
