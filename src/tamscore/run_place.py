"""Where the results of a run belong: in a folder named by a key of all that its numbers follow from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tamscore import sealed_roles
from tamscore.scoring.context import written_columns
from tamscore.sections import SECTIONS
from tamscore.store import run_directory
from tamscore.store.holdouts import draws_in_force
from tamscore.store.location import location
from tamscore.store.run_directory import RunDirectory, current_version

if TYPE_CHECKING:
    from typing import Any

    from tamscore.backend import Backend
    from tamscore.config import Job
    from tamscore.scoring.model_source import Origin
    from tamscore.store.partitions import Plan

UNCOUNTED = {"engine", "output", "device", "input", "metrics", "report"}
"""Sections of the job file that change no number of a run, beside those that are asked about finished runs."""


def place_of(job: Job, plan: Plan, backend: Backend, origin: Origin) -> RunDirectory:
    """Where the results of a job on these inputs belong: where those of the earlier run lie, if they stand for them."""
    output, made = location(job.output.path), origin.made
    if made is not None:
        there = RunDirectory(output, key_of(job, plan, backend, made))
        if current_version(output) == there.run_key and there.is_complete():
            return there
    return RunDirectory(output, key_of(job, plan, backend, origin.record))


def has_other_report(directory: RunDirectory, job: Job) -> bool:
    """Return whether a stored run has another [report] than the job, which its key does not tell."""
    stored = ((directory.manifest() or {}).get("job") or {}).get("report") or {}
    return any(stored.get(key) != value for key, value in job.report.model_dump(mode="json").items())


def key_of(job: Job, plan: Plan, backend: Backend, record: dict[str, Any]) -> str:
    """The key of the run of a job on these inputs, with a model that came about as the record says.

    Engine and output do not count, they change no number; nor does the place of a table, but what it holds.
    """
    later = {name for name, section in SECTIONS.items() if section.folder}
    settings = job.model_dump(mode="json", exclude=UNCOUNTED | later)
    if (written := written_columns(job)) is not None:
        settings["written"] = sorted(written)
    for table in plan.tables:
        section, _, key = table.partition(".")
        settings.get(section, {}).pop(key, None)
    read = {name: one.digest for name, one in ({"market": plan} | plan.tables).items()}
    if (coverage := sealed_roles.coverage_of(job)) is not None:
        from tamscore.sections.coverage.measured import measured

        settings["coverage"] = sealed_roles.settings_counted(coverage)
        read |= sealed_roles.tables_held(coverage)
        if draws := draws_in_force(location(job.output.path)):
            read["holdouts"] = " ".join(draws)
        if results := measured(location(job.output.path), coverage):
            read["measured"] = json.dumps(results)
    said = map(json.dumps, (read, settings, record))
    return run_directory.run_key(*said, backend.name, run_directory.code_digest())
