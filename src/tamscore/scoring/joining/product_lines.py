"""Sales by account and product, of one partition; and who the accounts of a partition are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import as_dictionary, float_column, places_in
from tamscore.scoring.by_cluster import cluster_codes
from tamscore.scoring.census.partition import unusable_ids
from tamscore.scoring.joining.order_lines import amounts
from tamscore.stages.draw import id_hash
from tamscore.stages.folding import fold_ids
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
class HashedCustomers:
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
    """The products of a partition, and how many of its lines lack a product or a finite amount.

    Ids were matched before.
    """
    texts = [columns.product, *((columns.family,) if columns.family else ())]
    table = tables.read(partition, [*texts, columns.sales], dictionary=texts)
    code, names = _folded_names(table[columns.product])
    money = float_column(table[columns.sales])
    left_out = {
        "missing_product": int(np.count_nonzero(code < 0)),
        "missing_amount": int(np.count_nonzero(np.isnan(money))),
        "infinite_amount": int(np.count_nonzero(np.isinf(money))),
    }
    pairs = _pairs_of((code, names), _folded_names(table[columns.family])) if columns.family else ()
    return PartProducts(names.unique(), left_out, pairs)


def _folded_names(column: pa.ChunkedArray) -> tuple[Any, pa.Array]:
    """Return the place (m,) of each text of a column among names, -1 if it is null or blank, and these names.

    They are in NFC and without blanks around them; those that were written in several ways stand there several times.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = as_dictionary(column)
    names = fold_ids(encoded.dictionary.cast(pa.large_string()))
    filled = pc.not_equal(names, "").to_numpy(zero_copy_only=False)
    place = np.append(np.where(filled, np.cumsum(filled) - 1, -1), -1)
    code = encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    return place[code], names.filter(pa.array(filled))


def _pairs_of(products: tuple[Any, pa.Array], families: tuple[Any, pa.Array]) -> tuple[tuple[str, str], ...]:
    """Return the different pairs of product and family of lines, as `_folded_names` has them, that lack neither."""
    (product, names), (family, family_names) = products, families
    both = np.flatnonzero((product >= 0) & (family >= 0))
    distinct = np.unique(product[both] * max(len(family_names), 1) + family[both])
    named, of = names.to_pylist(), family_names.to_pylist()
    return tuple((named[pair // len(of)], of[pair % len(of)]) for pair in distinct.tolist())


def sells_to(partition: Partition, columns: ProductColumns, customers: Any) -> bool:
    """Return whether a line of a partition has a product and an amount above 0 of one of some customers.

    `customers` (n,) are the sorted hashes of their ids.
    """
    table = tables.read(partition, [columns.account_id, columns.product, columns.sales], dictionary=[columns.product])
    money = amounts(table[columns.sales], f"{partition.where}: column {columns.sales!r}")
    rows = np.flatnonzero((money > 0) & (_folded_names(table[columns.product])[0] >= 0))
    keys = id_hash(tables.account_ids(table[columns.account_id], columns.id_form).take(rows))
    place = np.minimum(np.searchsorted(customers, keys), max(len(customers) - 1, 0))
    return len(customers) > 0 and bool(np.any(customers[place] == keys))


def read_sales(partition: Partition, columns: ProductColumns, products: pa.Array, reading: Reading) -> list[Lines]:
    """The sales lines of a partition by range of hashes, with the number of the product for the day.

    Lines without account, product or amount are left out: they show no ownership. Ids were matched, and products
    read, before.
    """
    named = [columns.account_id, columns.product, columns.sales]
    table = tables.read(partition, named, dictionary=[columns.product], seen=[columns.account_id])
    ids = tables.account_ids(table[columns.account_id], columns.id_form)
    code, names = _folded_names(table[columns.product])
    product = np.append(places_in(names, products), -1)[code]
    money = amounts(table[columns.sales], f"{partition.where}: column {columns.sales!r}")
    key = id_hash(ids)
    rows = np.flatnonzero(~unusable_ids(ids) & (product >= 0) & ~np.isnan(money) & reading.holds(key))
    return reading.split(Lines(key[rows], id_hash(ids.take(rows), 1), product[rows].astype(np.int32), money[rows]))


def customers_of(item: tuple[PartRows, AssignedRows], columns: InputColumns, first: dict[int, int]) -> HashedCustomers:
    """The customers among the scored rows of a partition."""
    part, assigned = item
    at, label = cluster_codes(part, assigned, first)
    table = tables.read(part.partition, [columns.account_id, columns.sales]).take(at)
    buys = np.flatnonzero(float_column(table[columns.sales]) > 0)
    ids = tables.account_ids(table[columns.account_id].take(buys), columns.id_form)
    return HashedCustomers(id_hash(ids), id_hash(ids, 1), label[buys])
