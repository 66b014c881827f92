"""The products offered in each cluster, and the model of which customer owns which product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.product_sales import HELD_CELLS, group
from tamscore.sections.next_offer import offers as next_offer
from tamscore.sections.next_offer.ownership_model import FOLDS, learn
from tamscore.stages.orders import UNITS, places
from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.scoring.product_sales import AccountProducts, ProductSales
    from tamscore.sections.next_offer.offers import Offers
    from tamscore.sections.next_offer.ownership_model import Block, OwnershipModel

MOST_COLUMNS = 1000
"""Most products of the model, those that most customers own."""
_MOST_WORK = 4e10
"""Limit on accounts times the squared number of columns, which bounds the cost of fitting the model."""


@dataclass(frozen=True)
class OwnedColumns:
    """The products of the model: `product` (c,) are their numbers, `column` (P,) their places, -1 for other products.

    `owned` holds what accounts own of all products.
    """

    product: Any
    column: Any
    owned: AccountProducts

    @classmethod
    def of(cls, owned: AccountProducts, products: int, product: Any) -> OwnedColumns:
        """Return the columns of the products with some numbers (c,) out of all, and what accounts own."""
        column = np.full(products, -1)
        column[product] = np.arange(len(product))
        return cls(product, column, owned)

    def matrix(self, account: Any) -> Any:
        """Return which products accounts own, (m, c) of 1.0 or 0.0, given places (m,) in `owned`, -1 for none."""
        matrix = np.zeros((len(account), len(self.product)))
        having = np.flatnonzero(account >= 0)
        row, pair = self.owned.pairs_of(account[having])
        column = self.column[self.owned.product[pair]]
        matrix[having[row[column >= 0]], column[column >= 0]] = 1.0
        return matrix

    def blocks(self, account: Any) -> Iterator[slice]:
        """Yield slices of accounts (m,), sized to the memory that a block may take."""
        most = max(HELD_CELLS // max(len(self.product), 1), 1)
        for start in range(0, len(account), most):
            yield slice(start, start + most)


def most_owned(sales: ProductSales) -> Any:
    """Return the products (c,) that most customers own, in order of number; equal products in order of number."""
    owners = sales.owners.sum(axis=0)
    most = np.lexsort((np.arange(len(owners)), -owners))[:MOST_COLUMNS]
    return np.sort(most[owners[most] > 0])


@dataclass(frozen=True)
class _Fold:
    """Accounts of a fold: their places (n,) in what accounts own, -1 for no product, and their clusters (n,).

    Iteration yields blocks of accounts, computed again each time.
    """

    columns: OwnedColumns
    account: Any
    label: Any

    def __iter__(self) -> Iterator[Block]:
        """Yield which products the accounts of a block own (m, c), 0 or 1, and their clusters (m,)."""
        for here in self.columns.blocks(self.account):
            yield self.columns.matrix(self.account[here]), self.label[here]


def learn_ownership(sales: ProductSales, columns: OwnedColumns) -> tuple[OwnershipModel, int]:
    """Return the model of which customer owns which product, and the number of customers that it was fitted on.

    If there are many customers, those with the smallest hashes are used.
    """
    clusters, size = len(sales.market.clusters), len(columns.product)
    most = int(_MOST_WORK / (size + clusters) ** 2)
    key, check, label = (part[:most] for part in (sales.customers.key, sales.customers.check, sales.customers.label))
    account, number = places(sales.owned.key, sales.owned.check, key, check), key % np.uint64(FOLDS)
    folds = [_Fold(columns, account[number == count], label[number == count]) for count in range(FOLDS)]
    return learn(folds, size, clusters), len(key)


def offers_of(sales: ProductSales, wanted: Any, line: float, potential: Any | None) -> Offers:
    """Return offers of the wanted products (K, P) bool; their value is the potential (K, P), or else the cut line."""
    values = [np.full(np.count_nonzero(row), np.nan) for row in wanted]
    if potential is not None:
        values = [potential[c][row] for c, row in enumerate(wanted)]
    if any(np.isnan(value).any() for value in values):
        lines = _cut_lines(sales, wanted, line)
        values = [np.where(np.isnan(value), own, value) for value, own in zip(values, lines, strict=True)]
    customers = np.maximum(sales.customer_counts, 1)
    shares = [sales.owners[c][row] / customers[c] for c, row in enumerate(wanted)]
    return next_offer.rank_offers([np.flatnonzero(row) for row in wanted], shares, values)


def _cut_lines(sales: ProductSales, wanted: Any, line: float) -> list[Any]:
    """Return the cut lines of owners' sales of the wanted products (K, p) bool, by cluster."""
    money = _details(sales, wanted)
    return [np.array([_cut_line(money[c, int(p)], line) for p in np.flatnonzero(row)]) for c, row in enumerate(wanted)]


def _details(sales: ProductSales, wanted: Any) -> dict[tuple[int, int], Any]:
    """Return owners' sales (n,), sorted, of the wanted products (K, p) bool, by pair of cluster and product."""
    pairs, products = sales.customer_pairs(), wanted.shape[1]
    mine = pairs.at(np.flatnonzero(wanted[pairs.label, pairs.product]))
    flat = mine.label * products + mine.product
    order = np.lexsort((mine.units, flat))
    codes, groups = group(flat[order], mine.units[order] / UNITS)
    return {divmod(int(code), products): group for code, group in zip(codes, groups, strict=True)}


def _cut_line(sales: Any, line: float) -> float:
    """Return the cut line of sorted sales (n,): the nearest rank, an observed value."""
    return float(sales[nearest_rank(len(sales), line)])
