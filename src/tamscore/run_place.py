"""Where the results of a run belong: in a folder named by a key of all that its numbers follow from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tamscore import sealed_roles
from tamscore.scoring.context import written_columns
from tamscore.sections import SECTIONS
from tamscore.store import history, run_directory
from tamscore.store.coverages import OWNERS_FROM, newest_coverage
from tamscore.store.holdouts import draws_in_force
from tamscore.store.location import location
from tamscore.store.pointer import manifest_of
from tamscore.store.run_directory import RunDirectory, current_version

if TYPE_CHECKING:
    from typing import Any

    from tamscore.backend import Backend
    from tamscore.config import Job
    from tamscore.scoring.model_source import ModelSource
    from tamscore.store.location import Location
    from tamscore.store.partitions import Plan

_UNCOUNTED = {"engine", "output", "device", "input", "metrics", "report"}
"""Sections of the job file that change no number of a run, beside those that are asked about finished runs."""


@dataclass(frozen=True)
class _Place:
    """Where the results of a run belong; `owners_from` is the coverage whose people own its accounts, None for none."""

    directory: RunDirectory
    owners_from: str | None = None


def place_of(job: Job, plan: Plan, backend: Backend, model_source: ModelSource) -> _Place:
    """Where the results of a job on these inputs belong: where those of the earlier run lie, if they stand for them.

    A complete version of the same job and inputs stands as it was made, by the owners that were known then.
    """
    output, made, counted = location(job.output.path), model_source.made, _counted_of(job, plan)
    known = _sealed_owners(job, output)
    if made is not None:
        owners = known.get(current_version(output) or "")
        there = RunDirectory(output, _key_of(counted, backend, made, owners))
        if current_version(output) == there.run_key and there.is_complete():
            return _Place(there, owners)
    for version, owners in known.items():
        if _key_of(counted, backend, model_source.record, owners) == version:
            return _Place(RunDirectory(output, version), owners)
    owners = _newest_owners(job, output)
    return _Place(RunDirectory(output, _key_of(counted, backend, model_source.record, owners)), owners)


def _sealed_owners(job: Job, output: Location) -> dict[str, str | None]:
    """Return whose owners the complete versions have kept that a job with the last owners may have made.

    The current one comes first, then those that came to count last.
    """
    if not _keeps_books(job):
        return {}
    current = current_version(output)
    newest = [current, *(entry.version for entry in reversed(history.entries(output, current)))]
    keys = [key for key in dict.fromkeys(newest) if key is not None]
    manifests = {key: manifest_of(output, key) or {} for key in keys}
    return {key: manifest[OWNERS_FROM] for key, manifest in manifests.items() if OWNERS_FROM in manifest}


def _newest_owners(job: Job, output: Location) -> str | None:
    """Return the coverage whose people own the accounts of a new run of a job; None without one."""
    folder = newest_coverage(output) if _keeps_books(job) else None
    return None if folder is None else folder.name


def _keeps_books(job: Job) -> bool:
    """Return whether a job has a coverage whose owners are those of the last one."""
    coverage = sealed_roles.coverage_of(job)
    return coverage is not None and coverage.keeps_books


def has_other_report(directory: RunDirectory, job: Job) -> bool:
    """Return whether a stored run has another [report] than the job, which is not part of its key."""
    stored = ((directory.manifest() or {}).get("job") or {}).get("report") or {}
    return any(stored.get(key) != value for key, value in job.report.model_dump(mode="json").items())


def _counted_of(job: Job, plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs and the settings that the numbers of a run follow from.

    Engine and output do not count, they change no number; nor does the place of a table, but what it holds.
    """
    later = {name for name, section in SECTIONS.items() if section.folder}
    settings = job.model_dump(mode="json", exclude=_UNCOUNTED | later)
    if (written := written_columns(job)) is not None:
        settings["written"] = sorted(written)
    for table in plan.tables:
        section, _, key = table.partition(".")
        settings.get(section, {}).pop(key, None)
    read = {name: table.digest for name, table in ({"market": plan} | plan.tables).items()}
    if (coverage := sealed_roles.coverage_of(job)) is not None:
        from tamscore.sections.coverage.measured import measure

        settings["coverage"] = sealed_roles.settings_counted(coverage)
        read |= sealed_roles.tables_held(coverage)
        if draws := draws_in_force(location(job.output.path)):
            read["holdouts"] = " ".join(draws)
        if results := measure(location(job.output.path), coverage):
            read["measured"] = json.dumps(results)
    return read, settings


def _key_of(counted: tuple[Any, Any], backend: Backend, record: dict[str, Any], owners_from: str | None = None) -> str:
    """The key of the run of a job on its inputs, with a model that came about as the record says.

    `owners_from` is the coverage whose people own its accounts.
    """
    read, settings = counted
    read = read if owners_from is None else {**read, OWNERS_FROM: owners_from}
    text = map(json.dumps, (read, settings, record))
    return run_directory.run_key(*text, backend.name, run_directory.code_digest())
