"""What the data themselves say before a run: statistics in the footers, and a sample of the rows.

A run would find the same, later. Nothing here decides what a run does: the limits are those of the job file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.readiness.finding import Finding
from tamscore.scoring.census.market import most_missing
from tamscore.store.statistics import read_statistics
from tamscore.view.words import share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tamscore.config import Job
    from tamscore.schema import InputColumns
    from tamscore.store.partitions import Plan
    from tamscore.store.statistics import ColumnStatistics

    _Statistics = Mapping[str, ColumnStatistics]


def from_footers(job: Job, columns: InputColumns, plan: Plan, *, nulls: bool) -> list[Finding]:
    """Return what the statistics of the row groups say: ranges, columns with one value; and, if asked, of nulls."""
    statistics = read_statistics(plan.read_files, columns.all)
    ids, sales = statistics.get(columns.account_id), statistics.get(columns.sales)
    return [
        *(_sales_nulls(job, columns.sales, sales) if sales and nulls else ()),
        *(_id_nulls(job, columns.account_id, ids) if ids and nulls else ()),
        *_impossible(columns.non_negative, statistics),
        *_one_value(columns, statistics),
    ]


def _sales_nulls(job: Job, name: str, sales: ColumnStatistics) -> Iterator[Finding]:
    """Yield what empty sales mean for the job: prospects, rejected rows, or an end of the run."""
    rows = job.rows
    if not sales.nulls:
        return
    empty = f"{sales.nulls:,} of {sales.rows:,} rows ({share(sales.nulls, sales.rows)})"
    text = f"{job.input.name}: column {name!r}: {empty} have no sales"
    limit, then = most_missing(rows), "count as prospects"
    remedy = "fill them with 0, or raise rows.max_sales_missing_share"
    if limit is None:
        limit, then, remedy = rows.max_rejected_share, "are rejected", "fill them, or raise rows.max_rejected_share"
    if sales.nulls > limit * sales.rows:
        yield Finding(f"{text}, allowed are {limit:.2%}; {remedy}", stops=True)
    else:
        yield Finding(f"{text}; they {then}")


def _id_nulls(job: Job, name: str, ids: ColumnStatistics) -> Iterator[Finding]:
    """Yield what empty ids mean for the job."""
    limit = job.rows.max_rejected_share
    if ids.nulls:
        text = f"{job.input.name}: column {name!r}: {ids.nulls:,} of {ids.rows:,} rows have no id and are rejected"
        stops = ids.nulls > limit * ids.rows
        yield Finding(f"{text}, allowed are {limit:.2%}; fill them" if stops else text, stops=stops)


def _impossible(names: Iterable[str], result: _Statistics) -> Iterator[Finding]:
    """Negative values in columns that the job says have none."""
    for name in names:
        statistics = result.get(name)
        if statistics and statistics.least is not None and statistics.least < 0:
            yield Finding(
                f"column {name!r}: the least value is {statistics.least:,g}; rows with negative values are flagged"
            )


def _one_value(columns: InputColumns, result: _Statistics) -> Iterator[Finding]:
    """Features that cannot tell accounts apart."""
    for name in (*columns.numeric, *columns.categorical):
        statistics = result.get(name)
        if statistics and not statistics.filled:
            yield Finding(f"feature {name!r} is empty in every row; it tells no accounts apart")
        elif (
            statistics
            and statistics.nulls == 0
            and statistics.least is not None
            and statistics.least == statistics.largest
        ):
            yield Finding(f"feature {name!r} is {statistics.least:,g} in every row; it is dropped")
        elif statistics and statistics.nulls > statistics.rows / 2:
            yield Finding(f"feature {name!r} is empty in {share(statistics.nulls, statistics.rows)} of the rows")
