"""Totals of a part of the scores by product, in whole cents so that sums are exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tamscore.arrow import float_column, level_codes
from tamscore.scoring.by_cluster import CENTS
from tamscore.scoring.score.parts import KINDS
from tamscore.sections.products.open_products import sums_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from tamscore.sections.products.columns import OpenRows

_MEASURES = ("whitespace", "product_whitespace")
"""Totals of the accounts of a kind, in cents."""


PartCounts: TypeAlias = "tuple[Any, Any, Any]"
"""The arrays of `Counts` for a part of the scores, which checkpoints can keep."""


@dataclass(frozen=True)
class Counts:
    """Totals of scores by product.

    `cents` and `accounts` (kinds, K, P): whitespace by kind, cluster and product, and the accounts that have any;
    `totals` (kinds, measures): the MEASURES of each kind in cents.
    """

    cents: Any
    accounts: Any
    totals: Any

    @classmethod
    def together(cls, parts: Sequence[PartCounts]) -> Counts:
        """Return what several parts come to."""
        return cls(*(np.sum(arrays, axis=0) for arrays in zip(*parts, strict=True)))


def counts_of(scored: pa.Table, label: Any, rows: Iterable[OpenRows], shape: tuple[int, int]) -> PartCounts:
    """Return what scored accounts of clusters (m,) come to, given their whitespace by product on the host.

    `shape` (K, P) counts clusters and products.
    """
    clusters, products = shape
    kind = level_codes(scored["kind"], KINDS)
    group, groups = kind * clusters + label, len(KINDS) * clusters
    cents, accounts = np.zeros((groups, products)), np.zeros((groups, products))
    for part in rows:
        size = len(part.cents)
        pairs = np.bincount(group[part.at] * size + part.place, minlength=groups * size)
        some, many = sums_by(np, part.cents, pairs.reshape(groups, size).astype(np.float64))
        cents, accounts = cents + some, accounts + many
    whole = (len(KINDS), clusters, products)
    measured = [np.rint(np.nan_to_num(float_column(scored[name])) * CENTS) for name in _MEASURES]
    totals = np.stack([np.bincount(kind, item, minlength=len(KINDS)) for item in measured], axis=1)
    return cents.reshape(whole), accounts.reshape(whole), totals
