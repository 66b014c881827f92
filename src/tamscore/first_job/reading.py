"""A first look at a table of any source: all its columns, and a sample of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError
from tamscore.first_job.columns import SampleColumn, columns_of
from tamscore.schema import EveryColumn
from tamscore.store import partitions
from tamscore.store.row_sample import sample_rows

if TYPE_CHECKING:
    from tamscore.store.partitions import Plan


@dataclass(frozen=True)
class SampledTable:
    """The plan of a table, and what a sample of `sampled` of its rows says of each column."""

    plan: Plan
    columns: list[SampleColumn]
    sampled: int


def sampled_table(path: str, key: str) -> SampledTable:
    """Return a table of any source that is read; `key` names it in messages.

    Raise UsageError or InputContractError if there is nothing to read, or it cannot be read.
    """
    plan = partitions.plan(path, EveryColumn(), key)
    if not plan.rows:
        raise InputContractError(f"{path}: expected rows, got none")
    sample = sample_rows(plan, plan.schema.names)
    return SampledTable(plan, columns_of(sample), len(sample))
