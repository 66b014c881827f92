"""What it costs to win the accounts of the user's own segments, and what these bring through others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from tamscore.arrow import float_column
from tamscore.schema import PARTY_TYPES, Reason
from tamscore.score_columns import CUSTOMER_JOB
from tamscore.scoring.by_cluster import CENTS, cents
from tamscore.sections.segments.own import own_codes
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.market import Market
    from tamscore.sections.segments.settings import Segments

_Means: TypeAlias = "dict[tuple[str, str], tuple[float, float]]"
"""Mean acquisition cost and network effect by party type and segment, NaN where no account has one."""


def terms_of_own(market: Market, settings: Segments) -> _Means:
    """Return the means of the segments of the user's own; nothing where the job names no column of either.

    Nothing either where segments go by customer jobs, which no column of the input has: those terms are missing.
    """
    named = (settings.acquisition_cost, settings.network_effect)
    if not settings.own or not any(named) or CUSTOMER_JOB in settings.own:
        return {}
    items = zip(market.rows, market.assigned, strict=True)
    sums: dict[tuple[str, str], Any] = {}
    for part in market.run.flow.map(_sums_of_own, items, settings.own, named):
        for key, entry in part.items():
            sums[key] = sums.get(key, 0.0) + entry
    return {key: _means(item) for key, item in sums.items()}


def _means(sums: Any) -> tuple[float, float]:
    """Return the mean of each term, given cents and counts (2, terms); NaN of none."""
    money, count = sums
    of = np.divide(money / CENTS, count, out=np.full(len(count), np.nan), where=count > 0)
    return float(of[0]), float(of[1])


def _sums_of_own(
    item: tuple[PartRows, AssignedRows], own: Sequence[str], named: Sequence[str | None]
) -> Mapping[tuple[str, str], Any]:
    """Return cents and counts (2, terms) of a partition's scored rows by party type and segment, a term's by column."""
    part, assigned = item
    at = np.flatnonzero(assigned.reason == Reason.SCORED)
    asked = [name for name in dict.fromkeys([*own, *named]) if name]
    table = tables.read(part.partition, asked, dictionary=own).take(pa.array(at))
    codes, texts = own_codes(table, own)
    place = part.party[at].astype(np.int64) * len(texts) + codes
    values, place = np.unique(place, return_inverse=True)
    columns = [float_column(table[name]) if name else np.full(len(at), np.nan) for name in named]
    weights = [[cents(column) for column in columns], [~np.isnan(column) for column in columns]]
    sums = np.array([[np.bincount(place, item, len(values)) for item in weight] for weight in weights])
    keys = [(PARTY_TYPES[code // len(texts)], texts[code % len(texts)]) for code in values.tolist()]
    return {key: sums[:, :, position] for position, key in enumerate(keys)}
