"""Product mixes: the share of each product in what a customer buys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import as_dictionary
from tamscore.stages.grid import Grid, fit_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.product_sales import AccountProducts, ProductSales

_MOST_COLUMNS = 60
"""Most products, or families, with a share of their own: those that most customers own."""
OTHER = "other products"


@dataclass(frozen=True)
class MixColumns:
    """The products, or families, with a share of their own, and all other products last (C names in all).

    `of_product` (P,) is the column of each product of the table.
    """

    names: tuple[str, ...]
    of_product: Any

    @property
    def grid(self) -> Grid:
        """The grid of whole numbers for square roots of shares."""
        return fit_grid(np.ones(len(self.names)))


def block_of(share: Any, grid: Grid) -> Any:
    """Return the square roots of shares (m, C) as a block (C, m) of whole numbers.

    Distances of roots are Hellinger distances of mixes (Rao 1995; Legendre and Gallagher 2001): a product that every
    account buys does not outweigh the others, as it does in distances of shares.
    """
    return np.ascontiguousarray(np.rint(np.sqrt(share) * (1.0 / grid.unit)).T, np.float32)


def mix_columns(sales: ProductSales) -> MixColumns:
    """Return the columns of mixes: the families or products that most customers own; equal ones in order of name."""
    named = _named_products(sales)
    codes, names = named.indices.to_numpy(), np.array(named.dictionary.to_pylist(), object)
    owners = np.bincount(codes, weights=sales.owners.sum(axis=0), minlength=len(names))
    order = np.lexsort((names, -owners))[:_MOST_COLUMNS]
    return columns_named([*names[order], OTHER], named)


def stored_columns(sales: ProductSales, names: Sequence[str]) -> MixColumns:
    """Return the columns of an earlier run (C,) for the products of this run; new products count as others."""
    return columns_named(names, _named_products(sales))


def _named_products(sales: ProductSales) -> pa.DictionaryArray:
    """Return the family of each product (P,), or its own name if the table has no families."""
    products = sales.products
    return as_dictionary(pa.chunked_array([products.names if products.family is None else products.family]))


def columns_named(names: Sequence[str], products: pa.DictionaryArray) -> MixColumns:
    """Return columns with some names (C,), the last of which stands for all other products."""
    place = {name: at for at, name in enumerate(names[:-1])}
    column = np.array([place.get(name, len(names) - 1) for name in products.dictionary.to_pylist()], np.int64)
    return MixColumns(tuple(names), column[products.indices.to_numpy()])


def shares_of(owned: AccountProducts, columns: MixColumns, accounts: Any) -> Any:
    """Return the shares (m, C) of the products in what accounts own, given their places (m,)."""
    (row, pair), width = owned.pairs_of(accounts), len(columns.names)
    flat = row * width + columns.of_product[owned.product[pair]]
    units = np.bincount(flat, weights=owned.units[pair], minlength=len(accounts) * width).reshape(-1, width)
    return units / units.sum(axis=1, keepdims=True)
