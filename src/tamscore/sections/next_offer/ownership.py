"""What is offered in each cluster, and the model of who owns what."""

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
"""The model knows so many products at the most, those that most customers own."""
_MOST_WORK = 4e10
"""The model is learned from so many accounts that this times the columns squared stays below it."""


@dataclass(frozen=True)
class OwnedColumns:
    """The products that are told apart: `product` (c,) their numbers, `column` (P,) their places there, -1 for none.

    `owned` is what accounts own of all products.
    """

    product: Any
    column: Any
    owned: AccountProducts

    @classmethod
    def of(cls, owned: AccountProducts, products: int, product: Any) -> OwnedColumns:
        """Return those of so many products that have some numbers (c,), beside what accounts own."""
        column = np.full(products, -1)
        column[product] = np.arange(len(product))
        return cls(product, column, owned)

    def matrix(self, account: Any) -> Any:
        """Return what accounts (m,) own, by their places in `owned`, -1 for nothing: (m, c), 1.0 or 0.0."""
        matrix = np.zeros((len(account), len(self.product)))
        having = np.flatnonzero(account >= 0)
        row, pair = self.owned.pairs_of(account[having])
        column = self.column[self.owned.product[pair]]
        matrix[having[row[column >= 0]], column[column >= 0]] = 1.0
        return matrix

    def blocks(self, account: Any) -> Iterator[slice]:
        """Yield the parts of accounts (m,) that are looked at at a time."""
        most = max(HELD_CELLS // max(len(self.product), 1), 1)
        for start in range(0, len(account), most):
            yield slice(start, start + most)


def most_owned(sales: ProductSales) -> Any:
    """Return the products (c,) that most customers own, in order of number; the first of equals by number."""
    owners = sales.owners.sum(axis=0)
    most = np.lexsort((np.arange(len(owners)), -owners))[:MOST_COLUMNS]
    return np.sort(most[owners[most] > 0])


@dataclass(frozen=True)
class _Fold:
    """Accounts of a fold by their places (n,) in what accounts own, -1 for nothing, with their clusters (n,).

    Going through it yields their blocks, made anew each time.
    """

    columns: OwnedColumns
    account: Any
    label: Any

    def __iter__(self) -> Iterator[Block]:
        """Yield what a block of accounts owns (m, c), 0 or 1, and their clusters (m,)."""
        for here in self.columns.blocks(self.account):
            yield self.columns.matrix(self.account[here]), self.label[here]


def learn_ownership(sales: ProductSales, columns: OwnedColumns) -> tuple[OwnershipModel, int]:
    """Return the model of which customer owns what, and from how many customers it was learned.

    Those with the smallest hashes are learned from if there are many.
    """
    clusters, size = len(sales.market.clusters), len(columns.product)
    most = int(_MOST_WORK / (size + clusters) ** 2)
    key, check, label = (part[:most] for part in (sales.customers.key, sales.customers.check, sales.customers.label))
    account, number = places(sales.owned.key, sales.owned.check, key, check), key % np.uint64(FOLDS)
    folds = [_Fold(columns, account[number == count], label[number == count]) for count in range(FOLDS)]
    return learn(folds, size, clusters), len(key)


def offers_of(sales: ProductSales, wanted: Any, line: float, potential: Any | None) -> Offers:
    """Return offers of the products wanted (K, P) bool; their value is the potential (K, P), or else the cut line."""
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
    """Return the cut lines of owners' sales of the products wanted (K, p) bool, by cluster."""
    money = _details(sales, wanted)
    return [np.array([_cut_line(money[c, int(p)], line) for p in np.flatnonzero(row)]) for c, row in enumerate(wanted)]


def _details(sales: ProductSales, wanted: Any) -> dict[tuple[int, int], Any]:
    """Return owners' sales (n,), sorted, of the products wanted (K, p) bool in each cluster, by cluster and product."""
    pairs, products = sales.customer_pairs(), wanted.shape[1]
    mine = pairs.at(np.flatnonzero(wanted[pairs.label, pairs.product]))
    flat = mine.label * products + mine.product
    order = np.lexsort((mine.units, flat))
    codes, groups = group(flat[order], mine.units[order] / UNITS)
    return {divmod(int(code), products): group for code, group in zip(codes, groups, strict=True)}


def _cut_line(sales: Any, line: float) -> float:
    """The cut line of sorted sales (n,): the nearest rank, an observed value."""
    return float(sales[nearest_rank(len(sales), line)])
