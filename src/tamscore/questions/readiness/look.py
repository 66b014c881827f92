"""The look at the data of a job: the footers of its files, a sample of its rows, the tables that it joins."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tamscore import backend as backends
from tamscore.engine.flow import LocalFlow
from tamscore.progress import Progress
from tamscore.questions.readiness.columns import from_columns
from tamscore.questions.readiness.features import from_features
from tamscore.questions.readiness.finding import Finding
from tamscore.questions.readiness.footers import from_footers
from tamscore.questions.readiness.joins import from_tables
from tamscore.questions.readiness.rows import from_rows, with_features
from tamscore.questions.readiness.sample import sampled_job, sampled_plan
from tamscore.scoring.census.market import count_rows
from tamscore.scoring.context import Run, columns_read
from tamscore.scoring.fit.party import judge_features

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config import Job
    from tamscore.store.partitions import Plan


def check_parts(job: Job, plan: Plan) -> list[Finding]:
    """Return what a look at a market and its further tables finds; a market of up to 100,000 rows is read whole.

    InputContractError if rows cannot be decoded.
    """
    columns = columns_read(job)
    if not plan.rows:
        return [Finding("no rows", stops=True)]
    with _sampled_run(job, plan) as (sample, folder):
        market = replace(sample, job=job, plan=plan)
        findings = from_footers(job, columns, plan, nulls=sample.plan.rows < plan.rows)
        findings += [*from_rows(sample, plan.rows), *from_columns(sample, plan.rows), *from_tables(market, sample)]
        findings += from_features(market, sample)
    return [replace(finding, text=finding.text.replace(folder, job.input.name)) for finding in findings]


def suspected_features(job: Job, plan: Plan) -> set[str]:
    """Return the features that the leakage guard would stop a run for, judged on a sample of the market."""
    warn = job.model_copy(update={"leakage": job.leakage.model_copy(update={"action": "warn"})})
    with _sampled_run(warn, plan) as (sample, _):
        parts = [with_features(part, sample.columns) for part in count_rows(sample)[0]]
        verdicts = judge_features(sample, parts)
    return {verdict.feature for party in verdicts.values() for verdict in party if verdict.stops}


@contextmanager
def _sampled_run(job: Job, plan: Plan) -> Iterator[tuple[Run, str]]:
    """Provide the run of a job on a sample of its market, and the temporary folder that the sample lies in."""
    with TemporaryDirectory(prefix="tamscore-check-") as folder, LocalFlow(job.engine.workers) as flow:
        small = sampled_plan(job, plan, Path(folder))
        fitting = job if small.rows == plan.rows else sampled_job(job, small.rows)
        yield Run(fitting, columns_read(job), small, backends.load("cpu"), flow, Progress()), folder
