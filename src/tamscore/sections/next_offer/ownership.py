"""What is offered in each cluster, and which accounts own what of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.product_sales import grouped, offered_products
from tamscore.sections.next_offer import offers as next_offer
from tamscore.stages.keys import positions
from tamscore.stages.orders import UNITS
from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from tamscore.scoring.product_sales import ProductSales
    from tamscore.sections.next_offer.offers import Offers


@dataclass(frozen=True)
class Owned:
    """Accounts (n,) and products that they own, a row for each pair, by order of key; only of what is offered."""

    key: Any
    check: Any
    product: Any

    def bits(self, key: Any, check: Any, label: Any, offers: Offers) -> Any:
        """What accounts (m,) of clusters (m,) own of its offers: bit j is set for the j-th, (m,) int64."""
        low, high = positions(self.key, key, "left", "right")
        found = np.zeros(len(key), np.int64)
        for step in range(int((high - low).max(initial=0))):
            rows = np.flatnonzero(low + step < high)
            at = low[rows] + step
            same = self.check[at] == check[rows]
            rows, product = rows[same], self.product[at[same]]
            hit, place = np.nonzero(offers.product[label[rows]] == product[:, None])
            found[rows[hit]] |= np.int64(1) << place
        return found


def offers_of(sales: ProductSales, share: float, min_customers: int, line: float) -> tuple[Offers, Owned]:
    """Return what is offered in each cluster, and who owns of it.

    Raise InputContractError if no customer owns anything.
    """
    wanted = offered_products(sales.owners, sales.customer_counts, share, min_customers)
    money, owned = details(sales, wanted)
    values = [np.array([cut_line(money[c, int(p)], line) for p in np.flatnonzero(row)]) for c, row in enumerate(wanted)]
    customers = np.maximum(sales.customer_counts, 1)
    shares = [sales.owners[c][row] / customers[c] for c, row in enumerate(wanted)]
    return next_offer.rank_offers([np.flatnonzero(row) for row in wanted], shares, values), owned


def details(sales: ProductSales, wanted: Any) -> tuple[dict[tuple[int, int], Any], Owned]:
    """Return owners' sales of the products wanted (K, p) bool in each cluster, and each account that owns one of them.

    The sales of a cluster's owners of a product are sorted (n,).
    """
    pairs, products = sales.owned, wanted.shape[1]
    rows = np.flatnonzero(wanted.any(axis=0)[pairs.product])
    account, product = pairs.account[rows], pairs.product[rows]
    owned = Owned(pairs.key[account], pairs.check[account], product)
    label, units = sales.label[account], pairs.units[rows]
    mine = np.flatnonzero((label >= 0) & wanted[label, product])
    flat = label[mine] * products + product[mine]
    order = np.lexsort((units[mine], flat))
    codes, groups = grouped(flat[order], units[mine][order] / UNITS)
    return {divmod(int(code), products): group for code, group in zip(codes, groups, strict=True)}, owned


def cut_line(sales: Any, line: float) -> float:
    """The cut line of sorted sales (n,): the nearest rank, an observed value."""
    return float(sales[nearest_rank(len(sales), line)])
