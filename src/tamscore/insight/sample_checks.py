"""What a sample of the market's rows says before a run: who would be rejected, words nobody knows, crowded columns."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from tamscore.backend.host import float_column
from tamscore.insight.findings import Finding
from tamscore.insight.wording import share
from tamscore.passes import census
from tamscore.schema import Reason
from tamscore.stages import contract, prepare
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.config import Job
    from tamscore.schema import InputColumns

FEW_CUSTOMERS = 100
"""With fewer customers in the whole market its potential rests on a handful of them."""


def from_sample(job: Job, columns: InputColumns, sample: pa.Table, rows: int) -> list[Finding]:
    """Return what a sample of a market with so many rows says; a sample of every row is exact."""
    return [
        *rejections(job, columns, sample, rows),
        *customers(columns, sample, rows),
        *categories(job, columns, sample, rows),
        *crowded_segments(columns, sample),
    ]


def rejections(job: Job, columns: InputColumns, sample: pa.Table, rows: int) -> Iterator[Finding]:
    """The rows that a run would reject, by reason, held against the limit of the job."""
    counts = Counter(Reason(int(code)) for code in reasons(job, columns, sample))
    rejected = len(sample) - counts.pop(Reason.SCORED, 0)
    if not rejected:
        return
    limit, whole = job.rows.max_rejected_share, len(sample) == rows
    by_reason = ", ".join(f"{reason.code} {count:,}" for reason, count in sorted(counts.items()))
    stops = rejected > limit * rows if whole else certain(rejected, len(sample), limit)
    text = f"{rejected:,} rows of {looked_at(sample, rows)} would be rejected ({by_reason})"
    remedy = f", allowed are {limit:.2%}; fix the rows, or raise rows.max_rejected_share"
    yield Finding(text + remedy if stops else text, stops)


def reasons(job: Job, columns: InputColumns, sample: pa.Table) -> np.ndarray:
    """Return the reason code of every sampled row (m,) uint8, with ids that repeat within the sample."""
    ids, sales = tables.strings(sample[columns.account_id]), sample[columns.sales]
    missing = census.unusable_ids(ids)
    checks = contract.check_rows(
        missing,
        float_column(sales),
        census.party_codes(sample[columns.party_type]) if columns.party_type else None,
        reject_missing_sales=job.rows.sales_missing == "reject",
        sales_is_null=census.sales_missing(sales),
    )
    reason: np.ndarray = checks.reason.copy()
    numeric = [float_column(sample[name]) for name in columns.numeric]
    if numeric:
        reason[(reason == Reason.SCORED) & ~contract.usable(np, numeric)] = Reason.FEATURE_NOT_FINITE
    codes = ids.dictionary_encode().indices.fill_null(0).to_numpy()
    repeated = np.bincount(codes)[codes] > 1
    reason[repeated & ~missing] = Reason.DUPLICATE_ID
    return reason


def customers(columns: InputColumns, sample: pa.Table, rows: int) -> Iterator[Finding]:
    """Sales that are missing, and a market with hardly a customer."""
    sales = float_column(sample[columns.sales])
    count = int(np.count_nonzero(sales > 0))
    if count * rows < FEW_CUSTOMERS * len(sample):
        yield Finding(f"{count:,} customers in {looked_at(sample, rows)}: potential would rest on very few accounts")


def categories(job: Job, columns: InputColumns, sample: pa.Table, rows: int) -> Iterator[Finding]:
    """Categories with more levels than may stand for themselves, and columns that name accounts one by one."""
    for name in columns.categorical:
        counts = census.level_counts(sample[name])
        levels = prepare.vocabulary(name, counts, job.features.category_floor).levels
        if len(levels) > columns.limits.levels:
            yield Finding(
                f"column {name!r}: {len(levels):,} categories stand for themselves, allowed are "
                f"{columns.limits.levels:,}; raise features.category_floor, or features.max_levels",
                stops=len(sample) == rows,
            )
        elif len(counts) > FEW_CUSTOMERS and len(counts) > len(sample) / 2:
            yield Finding(
                f"column {name!r} has {len(counts):,} categories in {looked_at(sample, rows)}: it tells accounts apart "
                "one by one; leave it out"
            )
        elif len(levels) == 0:
            yield Finding(
                f"column {name!r}: no category has {job.features.category_floor:.1%} of the rows: all fold into 'other'"
            )


def crowded_segments(columns: InputColumns, sample: pa.Table) -> Iterator[Finding]:
    """More market segments than a run takes."""
    name, limit = columns.market_segment, columns.limits.market_segments
    if name and (count := len(census.level_counts(sample[name]))) > limit:
        yield Finding(
            f"column {name!r} has {count:,} different values, allowed are {limit:,}; name a coarser one, or raise "
            "rows.max_market_segments",
            stops=True,
        )


def certain(count: int, rows: int, limit: float) -> bool:
    """Return whether a share found in a sample is above a limit beyond chance (three standard errors)."""
    part = count / rows
    return part - 3 * math.sqrt(part * (1 - part) / rows) > limit


def looked_at(sample: pa.Table, rows: int) -> str:
    """Return how messages name the rows that were looked at."""
    return f"{rows:,}" if len(sample) == rows else f"a sample of {len(sample):,} ({share(len(sample), rows)} of all)"
