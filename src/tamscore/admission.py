"""Who is scored: the census of the market, and the limits to how many of its rows may be missing or rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.passes import census
from tamscore.stages import contract, draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.passes.census import PartRows
    from tamscore.settings import Run


def take_census(this: Run) -> list[PartRows]:
    """Who is there and who may be scored, duplicates rejected; InputContractError where the rows break the contract."""
    drops_missing = this.job.rows.sales_missing == "reject"
    with this.progress.stage("census", this.plan.rows) as done:
        parts = []
        for part in this.flow.map(census.take_census, this.plan.partitions, this.columns, drops_missing):
            parts.append(part)
            done(part.partition.rows)
        parts = reject_duplicates(this, parts)
    check_sales(this, sum(part.sales_missing for part in parts))
    check_rejected(this, [part.reason for part in parts])
    return parts


def check_sales(this: Run, missing: int) -> None:
    """Nothing, where few enough rows have no sales, or all such rows are rejected; InputContractError else."""
    rows = this.job.rows
    limit = 0.0 if rows.sales_missing == "error" else rows.max_sales_missing_share
    if rows.sales_missing != "reject" and missing > limit * this.plan.rows:
        raise InputContractError(
            f"{this.job.input.path}: column {this.columns.sales!r}: {missing:,} of {this.plan.rows:,} rows have no "
            f"sales, allowed are {limit:.2%}; fill them, or raise rows.max_sales_missing_share"
        )


def reject_duplicates(this: Run, parts: list[PartRows]) -> list[PartRows]:
    """The parts with all rows of repeated ids rejected, after their ids have been compared in full."""
    suspects = draw.duplicated([part.hashes_of_ids for part in parts])
    if not len(suspects):
        return parts
    found = list(this.flow.map(census.ids_with, parts, this.columns, suspects))
    parts, examples = census.marked_duplicates(parts, found)
    if examples and this.job.rows.duplicates == "error":
        raise InputContractError(
            f"{this.job.input.path}: column {this.columns.account_id!r}: ids stand more than once, such as "
            f"{', '.join(map(repr, examples))}; remove them, or set rows.duplicates = 'reject'"
        )
    return parts


def check_rejected(this: Run, reasons: Sequence[Any]) -> None:
    """Nothing, where few enough rows were rejected; InputContractError with the counts else."""
    by_reason = {name: count for name, count in contract.counts_by_reason(list(reasons)).items() if count}
    rejected, limit = sum(by_reason.values()), this.job.rows.max_rejected_share
    if rejected > limit * this.plan.rows:
        counts = ", ".join(f"{name} {count:,}" for name, count in by_reason.items())
        raise InputContractError(
            f"{this.job.input.path}: {rejected:,} of {this.plan.rows:,} rows rejected ({counts}), "
            f"allowed are {limit:.2%}; mend the rows, or raise rows.max_rejected_share"
        )
    if rejected == this.plan.rows:
        raise InputContractError(f"{this.job.input.path}: no row is left to score of {this.plan.rows:,}")
