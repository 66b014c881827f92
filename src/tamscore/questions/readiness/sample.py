"""A sample of a market as a market of its own: written beside and planned like any other, with limits to suit."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from tamscore.scoring.context import columns_read, tables_of
from tamscore.store import partitions
from tamscore.store.row_sample import SAMPLED_ROWS, sample_rows
from tamscore.view.words import share

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.config import Job
    from tamscore.schema import InputColumns
    from tamscore.store.partitions import Plan

_STANDARD_ERRORS = 3.0
"""A share in a sample is above a limit only if it is so by more than this."""


def sampled_plan(job: Job, plan: Plan, folder: Path) -> Plan:
    """Return the plan of a sample of the market and of its further tables; small ones are planned as they are."""
    sides = tables_of(job)
    tables = {
        key: _sample_plan(table, sides[key].columns, folder / f"{key}.parquet") for key, table in plan.tables.items()
    }
    return replace(_sample_plan(plan, columns_read(job), folder / "market.parquet"), tables=tables)


def _sample_plan(plan: Plan, columns: InputColumns, path: Path) -> Plan:
    """Return the plan of a sample of a table, written to a path; of a small table the plan that there is."""
    import pyarrow.parquet as pq

    if plan.rows <= SAMPLED_ROWS:
        return plan
    names = [name for name, times in Counter(plan.schema.names).items() if times == 1]
    pq.write_table(sample_rows(plan, names), path, row_group_size=partitions.PARTITION_ROWS)
    return partitions.plan(str(path), columns)


def sampled_job(job: Job, rows: int) -> Job:
    """Return the job with limits on shares that a sample of so many rows breaks by more than chance."""
    limits = {
        key: min(limit + _STANDARD_ERRORS * math.sqrt(limit * (1 - limit) / rows), 1.0)
        for key in ("max_sales_missing_share", "max_rejected_share")
        for limit in (getattr(job.rows, key),)
    }
    return job.model_copy(update={"rows": job.rows.model_copy(update=limits)})


def sample_note(sample: int, rows: int) -> str:
    """Return how messages name the rows that were looked at."""
    return f"{rows:,} rows" if sample == rows else f"a sample of {sample:,} rows ({share(sample, rows)} of all)"
