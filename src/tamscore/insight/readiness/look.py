"""The look at the data of a job: the footers of its files, a sample of its rows, the tables that it joins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tamscore import backend as backends
from tamscore.engine.flow import LocalFlow
from tamscore.insight.readiness.columns import from_columns
from tamscore.insight.readiness.features import from_features
from tamscore.insight.readiness.finding import Finding
from tamscore.insight.readiness.footers import from_footers
from tamscore.insight.readiness.joins import from_tables
from tamscore.insight.readiness.rows import from_rows
from tamscore.insight.readiness.sample import sampled_job, sampled_plan
from tamscore.progress import Progress
from tamscore.scoring.context import Run, columns_read

if TYPE_CHECKING:
    from tamscore.config import Job
    from tamscore.store.partitions import Plan


def look_at(job: Job, plan: Plan) -> list[Finding]:
    """Return what a look at a market and its further tables finds; a market of up to 100,000 rows is read whole.

    InputContractError if rows cannot be decoded.
    """
    columns = columns_read(job)
    if not plan.rows:
        return [Finding("no rows", stops=True)]
    with TemporaryDirectory(prefix="tamscore-check-") as folder, LocalFlow(job.engine.workers) as flow:
        small, backend = sampled_plan(job, plan, Path(folder)), backends.load("cpu")
        whole = small.rows == plan.rows
        market = Run(job, columns, plan, backend, flow, Progress())
        sample = Run(job if whole else sampled_job(job, small.rows), columns, small, backend, flow, Progress())
        found = from_footers(job, columns, plan, nulls=not whole)
        found += [*from_rows(sample, plan.rows), *from_columns(sample, plan.rows), *from_tables(market, sample)]
        found += from_features(sample, plan.rows)
    return [replace(one, text=one.text.replace(folder, job.input.path)) for one in found]
