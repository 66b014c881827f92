"""Who owns which product: sales by account and product, added up a range of id hashes at a time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.scoring.joining.order_lines import range_by_range, readings
from tamscore.sections.next_offer import offers as next_offer
from tamscore.sections.next_offer.product_lines import Customers, ProductColumns, customers_of, read_sales
from tamscore.stages.keys import positions
from tamscore.stages.orders import UNITS, Lines, places
from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from tamscore.scoring.market import Market
    from tamscore.sections.next_offer.offers import Offers
    from tamscore.store.partitions import Plan


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


@dataclass(frozen=True)
class Sales:
    """A table of sales by product at a path, beside its market.

    It is read once and its pairs are kept where they may be held at a time, else read again for each look.
    """

    market: Market
    path: str
    plan: Plan
    columns: ProductColumns
    products: pa.Array

    @cached_property
    def customers(self) -> Customers:
        """The customers of the market by order of key."""
        market, this = self.market, self.market.this
        items = zip(market.rows, market.assigned, strict=True)
        parts = list(this.flow.map(customers_of, items, this.columns, market.first))
        found = Customers(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Customers)))
        order = np.lexsort((found.check, found.key))
        return Customers(found.key[order], found.check[order], found.label[order])

    def owned(self) -> Iterable[tuple[Lines, Any]]:
        """Pairs of account and product with sales above 0, a range at a time; the cluster (n,) of each, -1 for none."""
        return self.kept if len(readings(self.plan.rows)) == 1 else self.pairs()

    @cached_property
    def kept(self) -> list[tuple[Lines, Any]]:
        """All pairs, of a table that one reading brings."""
        return list(self.pairs())

    def pairs(self) -> Iterator[tuple[Lines, Any]]:
        """Yield the pairs of each range in order, read from the table, with their clusters."""
        for reading in readings(self.plan.rows):
            parts = self.market.this.flow.map(read_sales, self.plan.partitions, self.columns, self.products, reading)
            for lines in range_by_range(parts):
                pairs = added_up(lines)
                yield pairs, self.clusters_of(pairs)

    def clusters_of(self, pairs: Lines) -> Any:
        """The cluster (n,) of the account of each pair, -1 where it is no customer of the market."""
        known = self.customers
        place = places(known.key, known.check, pairs.key, pairs.check)
        return np.where(place >= 0, np.append(known.label, -1)[place], -1)

    def offers(self, share: float, min_customers: int, line: float) -> tuple[Offers, Owned]:
        """What is offered in each cluster, and who owns of it; InputContractError where no customer owns anything."""
        clusters, products = len(self.market.clusters), len(self.products)
        owners = np.zeros((clusters, products))
        for pairs, label in self.owned():
            known = label >= 0
            flat = label[known] * products + pairs.day[known]
            owners += np.bincount(flat, minlength=owners.size).reshape(owners.shape)
        if not owners.any():
            raise InputContractError(no_owner(self.path, self.columns, self.market.this.columns.sales, self.plan.rows))
        customers = np.bincount(self.customers.label, minlength=clusters)
        wanted = next_offer.eligible(owners, customers, share, min_customers)
        money, kept = self.details(wanted)
        values = [
            np.array([cut_line(money[c, int(p)], line) for p in np.flatnonzero(row)]) for c, row in enumerate(wanted)
        ]
        shares = [owners[c][row] / max(customers[c], 1) for c, row in enumerate(wanted)]
        return next_offer.rank_offers([np.flatnonzero(row) for row in wanted], shares, values), kept

    def details(self, wanted: Any) -> tuple[dict[tuple[int, int], Any], Owned]:
        """Owners' sales of the products wanted (K, p) bool in each cluster, and everybody who owns one of these."""
        offered, keep = wanted.any(axis=0), []
        sold: dict[tuple[int, int], list[Any]] = {(int(c), int(p)): [] for c, p in np.argwhere(wanted)}
        for pairs, label in self.owned():
            rows = np.flatnonzero(offered[pairs.day])
            keep.append(Owned(pairs.key[rows], pairs.check[rows], pairs.day[rows]))
            rows = rows[(label[rows] >= 0) & wanted[label[rows], pairs.day[rows]]]
            flat = label[rows] * wanted.shape[1] + pairs.day[rows]
            order = np.argsort(flat, kind="stable")
            for code, group in zip(*grouped(flat[order], pairs.units[rows][order]), strict=True):
                sold[divmod(int(code), wanted.shape[1])].append(group / UNITS)
        owned = Owned(*(np.concatenate([getattr(one, part.name) for one in keep]) for part in fields(Owned)))
        return {pair: np.sort(np.concatenate(parts)) for pair, parts in sold.items()}, owned


def no_owner(path: str, columns: ProductColumns, sales: str, lines: int) -> str:
    """Return what to say of a table by which no customer owns a product; `sales` is the market's column of sales."""
    return (
        f"{path}: column {columns.sales!r}: expected an amount above 0 of a customer (sales above 0 in the market's "
        f"column {sales!r}), got none in {lines:,} lines; name the column of amounts in next_offer.sales, or take "
        "sales by product of the window of the market's sales"
    )


def grouped(codes: Any, values: Any) -> tuple[Any, list[Any]]:
    """The different codes of sorted ones (n,), and the values (n,) of each."""
    distinct, start = np.unique(codes, return_index=True)
    return distinct, np.split(values, start[1:]) if len(distinct) else []


def added_up(lines: Lines) -> Lines:
    """Ordered lines with those of one account and product added up; only what comes to more than 0."""
    new = np.ones(len(lines), bool)
    new[1:] = False
    for column in (lines.key, lines.check, lines.day):
        new[1:] |= column[1:] != column[:-1]
    starts = np.flatnonzero(new)
    units = np.add.reduceat(lines.units, starts) if len(starts) else lines.units
    once = lines.at(starts[units > 0])
    return Lines(once.key, once.check, once.day, units[units > 0])


def cut_line(sales: Any, line: float) -> float:
    """The cut line of sorted sales (n,): the nearest rank, an observed value."""
    return float(sales[nearest_rank(len(sales), line)])
