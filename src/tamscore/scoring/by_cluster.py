"""Sums by cluster for sections: codes of clusters through all party types, money in cents, quantiles."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.schema import PARTY_TYPES, Reason
from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from tamscore.backend import Backend
    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows

CENTS = 100.0


def cluster_codes(part: PartRows, assigned: AssignedRows, first: dict[int, int]) -> tuple[Any, Any]:
    """The places (s,) of the scored rows of a partition, and their clusters, numbered through the party types.

    `first` is the number of each party type's first cluster by its code.
    """
    at = np.flatnonzero(assigned.reason == Reason.SCORED)
    start = np.array([first.get(code, 0) for code in range(len(PARTY_TYPES))])
    return at, start[part.party[at]] + assigned.columns.label[at].astype(np.int64)


def cents(money: Any) -> Any:
    """Amounts (m,) in whole cents, 0 where there is none."""
    return np.rint(np.nan_to_num(money) * CENTS)


def quantile_by_cluster(backend: Backend, values: Any, label: Any, clusters: int, share: float) -> Any:
    """The nearest-rank quantile (k,) of host values (n,) within their clusters (n,); NaN for a cluster without any."""
    ordered, offsets = backend.segment_order(backend.put(values), backend.put(label), clusters)
    ordered, full = backend.get(ordered), np.full(clusters, np.nan)
    for c, (start, stop) in enumerate(pairwise(offsets)):
        if stop > start:
            full[c] = ordered[start + nearest_rank(int(stop - start), share)]
    return full
