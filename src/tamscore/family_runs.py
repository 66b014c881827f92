"""Families as rows: a run of the accounts, then the table of families that is scored in their place.

The run of the accounts is an ordinary one, with an output of its own: OUTPUT-accounts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError, RetryableError
from tamscore.progress import Progress
from tamscore.scoring.context import copies_of, makes_market, plan_of
from tamscore.store.placed import Placed
from tamscore.store.pointer import MANIFEST
from tamscore.store.sources import MARKET, copies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tamscore.config import Input, Job
    from tamscore.store.partitions import Plan
    from tamscore.store.run_directory import RunDirectory

SUFFIX = "-accounts"
"""What the output of the accounts has behind the name of that of the families."""
_FINISHED = {"coverage", "backtest"}
"""Sections that are about rows of the result, which are families."""


def accounts_job(job: Job) -> Job:
    """Return the job of the accounts of a job that scores families as rows; any other job as it is."""
    if not makes_market(job):
        return job
    settings = job.sections["families"].model_copy(update={"as_accounts": False, "features": {}})
    output = job.output.model_copy(update={"path": f"{job.output.path}{SUFFIX}", "columns": "all"})
    record = {name: getattr(job, name) for name in job.model_fields_set - _FINISHED}
    return type(job).model_construct(**{**record, "families": settings, "output": output})


def accounts_of(run: RunDirectory) -> str:
    """Return the run of the accounts that a run of families was made of; raise InputContractError if it is none."""
    rows = as_rows(run.manifest() or {})
    if rows is None:
        raise InputContractError(
            f"model: {run.path} has scored accounts, expected a run of families (families.as_accounts = true); "
            "name another run, or fit a new model with tamscore run"
        )
    return f"{run.output}{SUFFIX}/{rows['run']}"


def as_rows(manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a manifest says of the accounts of families that were scored as rows; None if there are none."""
    record: dict[str, Any] | None = (manifest.get("extras", {}).get("families") or {}).get("as_accounts")
    return record


def market_of(job: Job, progress: Progress, score: Callable[[Job, Progress], RunDirectory]) -> Input | None:
    """Return the market of families of a job that scores them as rows, None for any other job.

    `score` scores the accounts, and raises all that their input may be refused for. Raise RetryableError if the input
    has changed since.
    """
    if not makes_market(job):
        return None
    members = accounts_job(job)
    progress.notice(f"families: scores the accounts first, into {members.output.path}")
    run = score(members, Progress(progress.listener))
    record = _accounts_record_of(run)
    what = ("families", Placed.of(run.path / MANIFEST).xxh3, job.sections["families"].model_dump_json())
    place = replace(copies_of(job), make=True)
    (file,) = copies.keep_copies(place, MARKET, what, lambda: (_table_of(job, members, run, record, progress),))
    return job.input.model_copy(update={"path": str(file), "sql": None, "connection": None, "version": None})


def _accounts_record_of(run: RunDirectory) -> dict[str, Any]:
    """Return what the table of families says of its accounts: their run, how many were read, scored and rejected."""
    rows = (run.manifest() or {})["rows"]
    rejected = {name: count for name, count in rows["rejected"].items() if count}
    return {"run": run.run_key, "read": rows["read"], "scored": rows["scored"], "rejected": rejected}


def _table_of(job: Job, members: Job, run: RunDirectory, record: dict[str, Any], progress: Progress) -> Path:
    """Return a temporary file with the table of families, made of the scores of their accounts and of their input.

    It is named by content, since its name is part of what a run is named by.
    """
    from tamscore.sections.families.staging import Source, stage

    plan = plan_of(members)
    _require_same(plan, run)
    with progress.stage("families"):
        source = Source.of(members, job.sections["families"], plan.partitions, run.parts())
        return copies.named_by_content(stage(source, record))


def _require_same(plan: Plan, run: RunDirectory) -> None:
    """Raise RetryableError if the input of the accounts is not what their run has read."""
    if (run.manifest() or {})["inputs"]["digest"] != plan.digest:
        raise RetryableError(
            f"{plan.files[0]}: the accounts changed since {run.path} has scored them; run again when nobody writes to "
            "them"
        )
