"""What columns of categories hold: more levels than may stand for themselves, and names in place of categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.readiness.finding import Finding
from tamscore.questions.readiness.sample import sample_note
from tamscore.scoring.census import partition as census
from tamscore.stages import prepare
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.scoring.context import Run

_FEWEST = 100
"""A column with fewer different values does not name accounts."""


def from_columns(run: Run, rows: int) -> Iterator[Finding]:
    """Yield what is odd about the categories of a market, or of a sample of its rows."""
    where, floor = sample_note(run.plan.rows, rows), run.job.features.category_floor
    path = run.job.input.name
    for name in run.columns.categorical:
        texts = (tables.read(partition, [name], dictionary=[name])[name] for partition in run.plan.partitions)
        counts = census.merged_counts(map(census.level_counts, texts), name, run.plan.rows, "")
        levels, limit = prepare.vocabulary(name, counts, floor).levels, run.columns.limits.levels
        if len(levels) > limit:
            yield Finding(
                f"{path}: column {name!r}: {len(levels):,} categories of {where} stand for themselves, allowed are "
                f"{limit:,}; raise features.category_floor, or features.max_levels",
                stops=run.plan.rows == rows,
            )
        elif len(counts) > max(_FEWEST, run.plan.rows / 2):
            yield Finding(
                f"column {name!r} has {len(counts):,} categories in {where}: it tells accounts apart one by one; leave "
                "it out"
            )
        elif not levels:
            yield Finding(f"column {name!r}: no category has {floor:.1%} of {where}: all fold into 'other'")
