"""The keys of [products]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.config.product_table import ProductTable, columns_differ
from tamscore.config.section import SideTable
from tamscore.config.values import Column, OpenShare, Storage  # noqa: TC001 - read at run time
from tamscore.schema import InputColumns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns
    from tamscore.config.problems import Problem


class Products(ProductTable):
    """Potential and whitespace of each product; [next_offer] uses the same table."""

    path: Storage
    """Table (Parquet or CSV) of sales by account and product; rows of the same pair are added up."""
    family: Column | None = None
    """Column of that table with the family of the product, one for each product; whitespace is also added up by
    family."""

    owned: OpenShare = 0.4
    """Share of a cluster's customers that must own a product before it counts as open for the others."""

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the table of sales by product."""
        keep = (self.product, *((self.family,) if self.family else ()))
        columns = InputColumns(self.account_id or account_id, self.sales, keep=keep)
        return {"path": SideTable(self.path, columns, self.min_match_share)}


def columns_are_their_own(columns: Columns, products: Products | None) -> Iterator[Problem]:
    """Yield the keys that name the same column as another key."""
    yield from columns_differ("products", columns, products, ("product", "sales", "family"))
