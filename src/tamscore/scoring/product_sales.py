"""Ownership of products: sales by account and product, added up a range of id hashes at a time."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.errors import InputContractError
from tamscore.scoring.by_cluster import CENTS
from tamscore.scoring.joining.order_lines import range_by_range, readings
from tamscore.scoring.joining.product_lines import HashedCustomers, customers_of, read_sales
from tamscore.scoring.joining.product_table import EARLY, ProductCatalog, no_owner, product_table, read_products
from tamscore.stages.orders import UNITS, Lines, begins, places
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tamscore.engine.flow import Flow
    from tamscore.scoring.joining.product_lines import PartProducts
    from tamscore.scoring.joining.product_table import ProductTablePlan
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import ModelSource

_SALES = "product sales"
HELD_CELLS = 250_000
"""So many pairs of account and product are looked at at a time."""
NOT_OWNED = -1.0
"""The sales of an account that does not own a product."""
_KEEPING = ("products", "next_offer")
"""The sections whose models name the products that they know."""
_NO_FAMILY = "unknown"
"""The family of a product that the table lacks and whose family no earlier run has stored."""
_NARROW = 2.0**32
"""Amounts in units below this fit into four bytes."""


@dataclass(frozen=True)
class AccountProducts:
    """What accounts (a,) own, by order of key: the products of account i stand from `start[i]` to `start[i + 1]`.

    `key` and `check` (a,) are both hashes of the ids, `start` (a + 1,) int64; `product` (n,) numbers of products and
    `units` (n,) sales above 0 in ten-thousandths of the currency, whole numbers in a type that holds them.
    """

    key: Any
    check: Any
    start: Any
    product: Any
    units: Any

    def pairs_of(self, account: Any) -> tuple[Any, Any]:
        """Return the pairs of accounts at some places (m,): the place in `account`, and that in `product`, (n,)."""
        first, count = self.start[account], self.start[account + 1] - self.start[account]
        pair = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
        return np.repeat(np.arange(len(account)), count), pair

    def cents(self, account: Any, products: int) -> Any:
        """Return the sales (m, P) in whole cents of accounts by their places (m,), -1 for none; NOT_OWNED for none."""
        own, having = np.full((len(account), products), NOT_OWNED), np.flatnonzero(account >= 0)
        row, pair = self.pairs_of(account[having])
        own[having[row], self.product[pair]] = np.rint(self.units[pair] * (CENTS / UNITS))
        return own

    @classmethod
    def of(cls, pairs: Lines) -> AccountProducts:
        """Return what accounts own, given their pairs by order of key, with the product for the day."""
        first = np.flatnonzero(begins(pairs.key, pairs.check))
        return cls(pairs.key[first], pairs.check[first], np.append(first, len(pairs)), pairs.day, pairs.units)

    @classmethod
    def together(cls, parts: Sequence[AccountProducts]) -> AccountProducts:
        """Return what accounts of ascending keys own, part after part."""
        before = np.cumsum([0, *(len(part.product) for part in parts)])
        starts = [part.start[:-1] + first for part, first in zip(parts, before, strict=False)]
        named = ("key", "check", "product", "units")
        key, check, product, units = (np.concatenate([getattr(part, name) for part in parts]) for name in named)
        return cls(key, check, np.append(np.concatenate(starts), before[-1]), product, units)


@dataclass(frozen=True)
class _CustomerPairs:
    """What customers own (n,): the cluster of the customer, the number of the product, and sales in units."""

    label: Any
    product: Any
    units: Any

    def at(self, rows: Any) -> _CustomerPairs:
        """Return the pairs at some places."""
        return _CustomerPairs(self.label[rows], self.product[rows], self.units[rows])


@dataclass(frozen=True)
class ProductSales:
    """The table of sales by product of a run, beside its market; it is read when it is first asked, and once."""

    market: Market
    table: ProductTablePlan
    products: ProductCatalog

    @cached_property
    def customers(self) -> HashedCustomers:
        """The customers of the market by order of key."""
        market, run = self.market, self.market.run
        items = zip(market.rows, market.assigned, strict=True)
        parts = list(run.flow.map(customers_of, items, run.columns, market.first))
        rows = HashedCustomers(
            *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(HashedCustomers))
        )
        order = np.lexsort((rows.check, rows.key))
        return HashedCustomers(rows.key[order], rows.check[order], rows.label[order])

    @cached_property
    def customer_counts(self) -> Any:
        """The customers (K,) of each cluster."""
        return np.bincount(self.customers.label, minlength=len(self.market.clusters))

    @cached_property
    def owned(self) -> AccountProducts:
        """Return what every account of the table owns, those that are not of the market too."""
        return read_owned(self.market.run.flow, self.table, self.products.names)

    @cached_property
    def label(self) -> Any:
        """The cluster (a,) of each account of `owned`, -1 where it is no customer of the market."""
        known = self.customers
        place = places(known.key, known.check, self.owned.key, self.owned.check)
        return np.where(place >= 0, np.append(known.label, -1)[place], -1)

    @cached_property
    def owners(self) -> Any:
        """The customers (K, P) of each cluster that own each product; InputContractError if no customer owns any."""
        clusters, products = len(self.market.clusters), len(self.products.names)
        pairs = self.customer_pairs()
        flat = pairs.label * products + pairs.product
        owners = np.bincount(flat, minlength=clusters * products).reshape(clusters, products)
        if not owners.any():
            raise InputContractError(no_owner(self.table, self.market.run.columns.sales))
        return owners

    def customer_pairs(self) -> _CustomerPairs:
        """Return what the customers of the market own; not kept, since others may own many times as much."""
        customers = np.flatnonzero(self.label >= 0)
        row, pair = self.owned.pairs_of(customers)
        return _CustomerPairs(self.label[customers][row], self.owned.product[pair], self.owned.units[pair])


def read_owned(flow: Flow, table: ProductTablePlan, names: pa.Array) -> AccountProducts:
    """Return what every account of a table owns of the products with some names (P,)."""
    parts = list[AccountProducts]()
    for reading in readings(table.plan.rows):
        lines = flow.map(read_sales, table.plan.partitions, table.columns, names, reading)
        parts += [AccountProducts.of(_narrow(_added_up(lines), len(names))) for lines in range_by_range(lines)]
    return AccountProducts.together(parts)


def product_sales(market: Market) -> ProductSales:
    """Return the sales by product of a market, the same for every section that goes by them."""
    run = market.run
    if _SALES not in run.early:
        table = product_table(run)
        products = run.early.pop(EARLY, None) or read_products(run, table)
        for text in left_out(table.path, table.plan.rows, products.parts):
            run.progress.notice(f"{table.section}: {text}")
        for text in _twins(table.path, products.names.to_pylist()):
            run.progress.notice(f"{table.section}: {text}")
        record = _stored_products(market.model_source)
        if missing := record.keys() - {*products.names.to_pylist()}:
            products = _with_products(products, {name: record[name] for name in sorted(missing)})
            run.progress.notice(
                f"{table.section}: {table.path}: {len(missing):,} of {len(record):,} products of run "
                f"{market.model_source.record['run']} are not in the table, such as {min(missing)!r}: nobody owns "
                "them, and "
                "they stay open as that run has them"
            )
        run.early[_SALES] = ProductSales(market, table, products)
    sales: ProductSales = run.early[_SALES]
    return sales


def keeps_ladders(model_source: ModelSource) -> bool:
    """Return whether a run keeps the ladders of an earlier one, and with them what that run learned of products."""
    return model_source.earlier is not None and model_source.record.get("ladders") == "frozen"


def _stored_products(model_source: ModelSource) -> dict[str, str]:
    """Return the products, with their families, that the sections of a run know whose ladders are kept."""
    if model_source.earlier is None or not keeps_ladders(model_source):
        return {}
    known: dict[str, str] = {}
    for section in _KEEPING:
        described = (model_source.earlier.section(section) or ({}, {}))[0]
        names = described.get("products", [])
        families = described.get("families") or [_NO_FAMILY] * len(names)
        known = dict(zip(names, families, strict=True)) | known
    return known


def _with_products(products: ProductCatalog, more: Mapping[str, str]) -> ProductCatalog:
    """Return products with more of them, given by name with their families, all in order of their names."""
    names = pa.concat_arrays([products.names, pa.array([*more], products.names.type)])
    order = pc.sort_indices(names)
    family = products.family
    if family is not None:
        family = pa.concat_arrays([family, pa.array([*more.values()], family.type)]).take(order)
    return replace(products, names=names.take(order), family=family)


def left_out(path: str, rows: int, parts: Sequence[PartProducts]) -> Iterator[str]:
    """Yield what is to be said about lines of a table that say nothing of ownership, though they should."""
    counts = {name: sum(part.left_out[name] for part in parts) for name in (parts[0].left_out if parts else ())}
    if any(counts.values()):
        reasons = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
        yield f"{path}: of {rows:,} lines some are left out ({reasons})"


def _twins(path: str, names: Sequence[str]) -> Iterator[str]:
    """Yield what is to be said about products of a table whose names differ in capitals or marks alone."""
    known: dict[str, str] = {}
    groups = [(known.setdefault(fold_word(name), name), name) for name in names]
    if alike := [(first, name) for first, name in groups if first != name]:
        yield (
            f"{path}: {len(alike):,} of {len(names):,} products differ from others in capitals alone, such as "
            f"{alike[0][0]!r} and {alike[0][1]!r}: they count as different products; write each in one way"
        )


def offered_products(owners: Any, customers: Any, share: float, min_customers: int) -> Any:
    """Return which products (k, p) bool enough customers of a cluster own, `owners` (k, p) of its `customers` (k,).

    None in clusters of fewer than `min_customers`: two of three customers say nothing.
    """
    known = (customers >= min_customers)[:, None] & (owners > 0)
    return known & (owners >= share * customers[:, None])


def _narrow(pairs: Lines, products: int) -> Lines:
    """Return pairs with numbers of products and amounts in the smallest types that hold them."""
    exact = pairs.units.max(initial=0.0) < _NARROW
    units = pairs.units.astype(np.uint32) if exact else pairs.units
    return Lines(pairs.key, pairs.check, pairs.day.astype(np.min_scalar_type(products)), units)


def group(codes: Any, values: Any) -> tuple[Any, list[Any]]:
    """Return the different codes of sorted ones (n,), and the values (n,) of each."""
    distinct, start = np.unique(codes, return_index=True)
    return distinct, np.split(values, start[1:]) if len(distinct) else []


def _added_up(lines: Lines) -> Lines:
    """Return ordered lines with those of one account and product added up; only what comes to more than 0."""
    starts = np.flatnonzero(begins(lines.key, lines.check, lines.day))
    units = np.add.reduceat(lines.units, starts) if len(starts) else lines.units
    once = lines.at(starts[units > 0])
    return Lines(once.key, once.check, once.day, units[units > 0])
