"""Accounts leave an output: every version of it and what lies beside; sums and the sales in models stay as they are.

What changes is made ready beside the versions, then put in place all at once; see `renewal`.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.schema import FAMILY
from tamscore.store import commit, contents, handed_out, history, records, renewal
from tamscore.store.checkpoints import CHECKPOINTS
from tamscore.store.disk import is_temporary
from tamscore.store.forgetting_versions import VersionChange, change_version, ids_unfinished
from tamscore.store.forgotten import new_salt
from tamscore.store.location import files_below, name_within
from tamscore.store.placed import files_of
from tamscore.store.pointer import MANIFEST, RENEWAL, current_version, versions_in
from tamscore.store.pruning import lock
from tamscore.store.redaction import Leaving
from tamscore.store.rewriting import naming_rows, redacted_record, rewrite_of
from tamscore.store.run_directory import BACKTESTS, COVERAGE, HOLDOUTS, RunDirectory
from tamscore.store.sources.copies import COPIES
from tamscore.store.verify import strange_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.store.location import Location


@dataclass(frozen=True)
class _ForgettingChange:
    """Traces of accounts in a version: rows scored and rejected, and the files that are written again."""

    version: str
    current: bool
    accounts: int
    scored: int
    rejected: int
    files: tuple[str, ...]


@dataclass(frozen=True)
class Forgetting:
    """What changes when accounts are forgotten: how many were found, ids that nothing has, versions, files beside.

    `named` counts the rows of other accounts that name one of them, by column, in versions and in tables beside them;
    only the input can change these.
    `unfinished` versions are removed: a run makes them anew. `handed_out` are files elsewhere that may have the
    accounts. `strange` names what lies in the output and was not written by this program, so that nobody looked into
    it.
    """

    accounts: int
    unknown: tuple[str, ...]
    versions: tuple[_ForgettingChange, ...]
    beside: tuple[str, ...]
    named: dict[str, int]
    unfinished: tuple[str, ...]
    handed_out: tuple[handed_out.HandedOut, ...]
    strange: tuple[str, ...]


@dataclass
class _ForgettingPlan:
    """What was found, and made ready in a folder; `written` are the ids as they are written there."""

    output: Location
    ids: tuple[str, ...]
    ready: Location | None
    current: str | None
    written: set[str] = field(default_factory=set)
    changes: list[VersionChange] = field(default_factory=list)
    beside: dict[str, Any] = field(default_factory=dict)
    named: Counter[str] = field(default_factory=Counter)
    unfinished: list[str] = field(default_factory=list)

    @property
    def leaving(self) -> Leaving:
        """The accounts, their ids compared as any version compares them: `crm18` makes all one that `text` does."""
        forms = {change.leaving.form for change in self.changes}
        return Leaving(self.ids, "crm18" if "crm18" in forms else "text")


def forget(output: Location, ids: Iterable[str]) -> Forgetting:
    """Let accounts leave an output, and return what changed.

    Raise UsageError if nothing has any of them; InputContractError if a version is damaged, or the pointer is
    torn; RetryableError if somebody holds the output. Nothing changes then.
    """
    with lock(output, "forget"):
        try:
            work = _find_ids(
                _ForgettingPlan(output, tuple(dict.fromkeys(ids)), output / RENEWAL, current_version(output))
            )
            forgetting = _forgetting_record(work)
        except Exception:
            renewal.complete_renewal(output)
            raise
        commit.discard(output / CHECKPOINTS)
        commit.discard(output / COPIES)
        salt = new_salt()
        versions = {change.version: change.plan_entry(salt) for change in work.changes}
        renewal.decide(output, {"versions": versions, "beside": work.beside, "removed": work.unfinished})
    return forgetting


def plan(output: Location, ids: Iterable[str]) -> Forgetting:
    """Return what `forget` would change, and change nothing; raise as it does."""
    return _forgetting_record(
        _find_ids(_ForgettingPlan(output, tuple(dict.fromkeys(ids)), None, current_version(output)))
    )


def _find_ids(work: _ForgettingPlan) -> _ForgettingPlan:
    """Look for the accounts everywhere, and make ready what is written again."""
    at = history.now()
    for version in versions_in(work.output):
        run = RunDirectory(work.output, version)
        if not (run.path / MANIFEST).is_file():
            work.unfinished.append(version)
            work.written |= ids_unfinished(run, work.ids)
            continue
        ready = work.ready and work.ready / "versions" / version
        change = change_version(run, work.ids, ready, at)
        if change is not None:
            work.changes.append(change)
            work.written |= {*change.left.values()}
    for folder in (COVERAGE, BACKTESTS, HOLDOUTS):
        _change_beside(work, work.output / folder)
    return work


def _change_beside(work: _ForgettingPlan, folder: Location) -> None:
    """Make ready what accounts leave in the results that lie beside the versions: tables, then records."""
    there = sorted(files_below(folder), key=str) if folder.is_dir() else []
    paths = [path for path in there if not is_temporary(path.name)]
    for path in (path for path in paths if path.suffix != ".json"):
        name, data = name_within(path, work.output), contents.file_bytes(path)
        if (rewrite := rewrite_of(name, data, work.leaving)) is not None:
            work.written |= {*rewrite.left.values()}
            work.beside[name] = rewrite.write(work.ready / name).record() if work.ready else None
        if name.endswith(".parquet"):
            work.named += naming_rows(data, (FAMILY,), "account_id", work.leaving)
    for path in (path for path in paths if path.suffix == ".json"):
        _change_record(work, path)


def _change_record(work: _ForgettingPlan, path: Location) -> None:
    """Make ready a record without the ids of the accounts, with the hashes of the tables that they leave."""
    name, record = name_within(path, work.output), records.read(path)
    folder = name.removesuffix(path.name)
    listed = files_of({"files": {}, **record})
    tables = {key: work.beside[f"{folder}{key}"] for key in listed if f"{folder}{key}" in work.beside}
    redacted = redacted_record(record, {*work.ids, *work.written})
    if redacted != record or tables:
        ready = work.ready and work.ready / name
        work.beside[name] = records.replace(redacted, files_of({"files": tables}), ready).record() if ready else None


def _forgetting_record(work: _ForgettingPlan) -> Forgetting:
    """Return what was found; raise UsageError if nothing was."""
    names = set(work.leaving.folded(sorted(work.written)))
    keys = zip(work.leaving.folded(work.ids), work.ids, strict=True)
    unknown = tuple(text for key, text in keys if key not in names)
    if not names and not work.changes and not work.beside:
        shown = ", ".join(map(json.dumps, unknown[:5])) + (f" and {len(unknown) - 5:,} more" if unknown[5:] else "")
        raise UsageError(f"{work.output}: no version has an account {shown}; write ids as the scores have them")
    changes = tuple(
        _ForgettingChange(
            change.version,
            change.version == work.current,
            len(change.left),
            change.scored,
            change.rejected.total(),
            tuple(change.files),
        )
        for change in work.changes
    )
    beside, unfinished, strange = tuple(work.beside), tuple(work.unfinished), tuple(strange_names(work.output))
    named = dict(sum((change.named for change in work.changes), work.named))
    return Forgetting(len(names), unknown, changes, beside, named, unfinished, tuple(_elsewhere(work)), strange)


def _elsewhere(work: _ForgettingPlan) -> list[handed_out.HandedOut]:
    """Return the files written elsewhere from versions that have the accounts, or are no longer there to say so."""
    without = set(versions_in(work.output)) - {change.version for change in work.changes}
    return [entry for entry in handed_out.records(work.output) if entry.version not in without]
