"""Sales by account and product, of one partition; and who the accounts of a partition are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, places_in, strings
from tamscore.scoring.by_cluster import cluster_codes
from tamscore.scoring.census.partition import unusable_ids
from tamscore.scoring.joining.order_lines import amounts
from tamscore.stages.draw import id_hash
from tamscore.stages.orders import Lines
from tamscore.store import tables

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.schema import InputColumns, Partition
    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.joining.order_lines import Reading
    from tamscore.stages.folding import IdForm


@dataclass(frozen=True)
class ProductColumns:
    """Where a table of sales by product has the account, the product, the sales, and the family of the product."""

    account_id: str
    product: str
    sales: str
    id_form: IdForm = "text"
    family: str | None = None


@dataclass(frozen=True)
class Customers:
    """Customers (n,): both hashes of their ids, and their cluster numbered through the party types."""

    key: Any
    check: Any
    label: Any


@dataclass(frozen=True)
class PartProducts:
    """The different products of a partition, as texts, and how many of its lines are left out, by reason.

    `families` are the different pairs of product and family, for a table that has families.
    """

    products: pa.Array
    left_out: dict[str, int]
    families: tuple[tuple[str, str], ...] = ()


def products_of(partition: Partition, columns: ProductColumns) -> PartProducts:
    """The products of a partition, and how many of its lines have no product or an infinite amount.

    A missing amount is nothing sold. Ids were matched before.
    """
    named = [columns.product, *((columns.family,) if columns.family else ())]
    table = tables.read(partition, [*named, columns.sales])
    texts, infinite = strings(table[columns.product]), np.isinf(float_column(table[columns.sales]))
    left_out = {"missing_product": texts.null_count, "infinite_amount": int(np.count_nonzero(infinite))}
    pairs = pairs_of(texts, strings(table[columns.family])) if columns.family else ()
    return PartProducts(texts.drop_null().unique(), left_out, pairs)


def pairs_of(products: pa.Array, families: pa.Array) -> tuple[tuple[str, str], ...]:
    """Return the different pairs of product and family of lines (m,), without those that lack either."""
    import pyarrow as pa

    pairs = pa.table({"product": products, "family": families}).drop_null().group_by(["product", "family"])
    return tuple((row["product"], row["family"]) for row in pairs.aggregate([]).to_pylist())


def sells_to(partition: Partition, columns: ProductColumns, customers: Any) -> bool:
    """Return whether a line of a partition has a product and an amount above 0 of one of some customers.

    `customers` (n,) are the sorted hashes of their ids.
    """
    table = tables.read(partition, [columns.account_id, columns.product, columns.sales])
    money = amounts(table[columns.sales], f"{partition.where}: column {columns.sales!r}")
    rows = np.flatnonzero((money > 0) & table[columns.product].is_valid().to_numpy())
    keys = id_hash(tables.account_ids(table[columns.account_id], columns.id_form).take(rows))
    place = np.minimum(np.searchsorted(customers, keys), max(len(customers) - 1, 0))
    return len(customers) > 0 and bool(np.any(customers[place] == keys))


def read_sales(partition: Partition, columns: ProductColumns, products: pa.Array, reading: Reading) -> list[Lines]:
    """The sales lines of a partition by range of hashes, with the number of the product for the day.

    Lines without account, product or amount are left out: they tell nobody's ownership. Ids were matched, and products
    read, before.
    """
    seen = [columns.account_id, columns.product]
    table = tables.read(partition, [*seen, columns.sales], seen=seen)
    ids = tables.account_ids(table[columns.account_id], columns.id_form)
    product = places_in(strings(table[columns.product]), products)
    money = amounts(table[columns.sales], f"{partition.where}: column {columns.sales!r}")
    key = id_hash(ids)
    rows = np.flatnonzero(~unusable_ids(ids) & (product >= 0) & ~np.isnan(money) & reading.holds(key))
    return reading.split(Lines(key[rows], id_hash(ids.take(rows), 1), product[rows].astype(np.int32), money[rows]))


def customers_of(item: tuple[PartRows, AssignedRows], columns: InputColumns, first: dict[int, int]) -> Customers:
    """The customers among the scored rows of a partition."""
    part, assigned = item
    at, label = cluster_codes(part, assigned, first)
    table = tables.read(part.partition, [columns.account_id, columns.sales]).take(at)
    buys = np.flatnonzero(float_column(table[columns.sales]) > 0)
    ids = tables.account_ids(table[columns.account_id].take(buys), columns.id_form)
    return Customers(id_hash(ids), id_hash(ids, 1), label[buys])
