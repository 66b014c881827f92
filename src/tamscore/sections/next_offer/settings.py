"""The keys of [next_offer]."""

from __future__ import annotations

from tamscore.config.section import SectionSettings, SideTable
from tamscore.config.values import Column, OpenShare, Share, Storage  # noqa: TC001 - read at run time
from tamscore.schema import InputColumns


class NextOffer(SectionSettings):
    """What to offer next: a product that many peers own and the account does not."""

    path: Storage
    """Table (Parquet or CSV) of sales by account and product; rows of the same pair are added up."""
    account_id: Column | None = None
    """Column of that table with the account's id; absent: columns.account_id."""
    min_match_share: Share = 0.5
    """Share of the rows of that table that must name an account of the market; the run stops where fewer do."""
    product: Column = "product"
    """Column of that table with the product."""
    sales: Column = "sales"
    """Column of that table with the sales; a product is owned where they come to more than 0."""
    owned: OpenShare = 0.4
    """Share of a cluster's customers that own a product, from which on it is offered to the others."""

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the table of sales by product."""
        columns = InputColumns(self.account_id or account_id, self.sales, keep=(self.product,))
        return {"path": SideTable(self.path, columns, self.min_match_share)}
