"""Which currencies the amounts of a joined table are in: nothing converts them, so that one is expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tamscore.arrow import float_column
from tamscore.scoring.census.currencies import currency_columns, describe, read_currencies, selling_in_several
from tamscore.scoring.census.money import currency_counts, merge
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.engine.flow import Flow
    from tamscore.schema import InputColumns, Partition
    from tamscore.scoring.census.money import Counts
    from tamscore.store.partitions import Plan


def currency_notices(flow: Flow, path: str, plan: Plan, columns: InputColumns) -> Iterator[str]:
    """Yield what is to be said about a table at a path whose amounts, `columns.sales`, are in several currencies."""
    pair = currency_columns(plan.partitions, plan.schema, columns)
    names = [name for name in pair if name not in columns.keep]
    if not names:
        return
    parts = list(flow.map(_count_lines, plan.partitions, names, columns))
    for name in names:
        selling = selling_in_several(merge(part.get(name, {}) for part in parts))
        if selling:
            yield (
                f"{path}: column {name!r} holds several currencies in rows with amounts: {describe(selling)}; "
                f"{columns.sales!r} is added up as if they were one: convert the table to one currency"
            )


def _count_lines(partition: Partition, names: Sequence[str], columns: InputColumns) -> dict[str, Counts | None]:
    """Return the rows of a partition by currency, for each of the columns that may name them."""
    amounts = float_column(tables.read(partition, [columns.sales])[columns.sales])
    words = read_currencies(partition, names, columns)
    every = np.ones(len(amounts), bool)
    return {name: currency_counts(column, every, amounts) for name, column in words.items()}
