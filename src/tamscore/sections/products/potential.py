"""The potential of each product in each cluster: the first cut line of what its owners there spend on it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.by_cluster import CENTS
from tamscore.stages.potential import NO_CUSTOMERS, OF_CLUSTER, POOLED, potential_table, sort_sales

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend

_OF_PARTY = "party type"
BASES = (NO_CUSTOMERS, OF_CLUSTER, POOLED, _OF_PARTY)
"""Sources of the potential of a product, by number."""


@dataclass(frozen=True)
class ProductRules:
    """How potentials are made: the share of the cut line, the owners that suffice, the level of intervals."""

    line: float
    min_customers: int
    level: float


@dataclass(frozen=True)
class ProductPotentials:
    """The potential of each product in each cluster, (K, P) each.

    `value`, `low` and `high` are float64 in the currency, NaN where nobody of the party type owns the product, or for
    the bounds where its owners are too few. `support` int64 counts the owners among the cluster's customers, `basis`
    int8 is a place in BASES.
    """

    value: Any
    low: Any
    high: Any
    support: Any
    basis: Any

    @classmethod
    def together(cls, parts: Sequence[ProductPotentials]) -> ProductPotentials:
        """Return the potentials of the clusters of several party types, one after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


@dataclass(frozen=True)
class ProductModel:
    """What is open by product in each cluster: potentials (K, P), and which products (K, P) bool are offered.

    `source` is the run whose potentials these are, None for this one.
    """

    potentials: ProductPotentials
    offered: Any
    source: str | None = None

    @property
    def cents(self) -> Any:
        """The potentials (K, P) in cents, NaN where nobody knows."""
        return np.rint(self.potentials.value * CENTS)


def product_potentials(
    backend: Backend, money: Any, cluster: Any, product: Any, shape: tuple[int, int], rules: ProductRules
) -> ProductPotentials:
    """Return the potentials of products in the clusters of one party type, `shape` (k, p).

    `money` (n,), `cluster` (n,) and `product` (n,) are pairs of customer and product with sales above 0. The rule is
    that of the clusters' ladders, see `stages.potential`: an observed value, the nearest rank. With few owners it is
    pooled with those of the product in the other clusters, with none it is theirs.
    """
    clusters, products = shape
    cells = cluster.astype(np.int64) * products + product
    owners = sort_sales(backend, money, cells, clusters * products)
    everywhere = sort_sales(backend, money, product.astype(np.int64), products)
    parents = [(_OF_PARTY, everywhere.of(p)) for p in range(products)] * clusters
    table = potential_table(owners, parents, (rules.line,), "max", rules.min_customers, rules.level)
    value, low, high = (item[:, 0].reshape(shape) for item in (table.values, table.bounds.low, table.bounds.high))
    basis = np.array([BASES.index(text) for text in table.basis], np.int8).reshape(shape)
    return ProductPotentials(value, low, high, owners.support.reshape(shape), basis)
