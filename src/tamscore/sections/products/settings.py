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
    """Potential and whitespace of each product; [next_offer] goes by the same table."""

    path: Storage
    """Table (Parquet or CSV) of sales by account and product; rows of the same pair are added up."""
    family: Column | None = None
    """Column of that table with the family of the product, one for each product; whitespace is added up by it."""

    owned: OpenShare = 0.4
    """Share of a cluster's customers that own a product, from which on it counts as open for those who do not."""

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the table of sales by product."""
        keep = (self.product, *((self.family,) if self.family else ()))
        columns = InputColumns(self.account_id or account_id, self.sales, keep=keep)
        return {"path": SideTable(self.path, columns, self.min_match_share)}


def columns_are_their_own(columns: Columns, products: Products | None) -> Iterator[Problem]:
    """Yield the keys that name a column which another key names."""
    yield from columns_differ("products", columns, products, ("product", "sales", "family"))
