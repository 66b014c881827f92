"""The keys for a table of sales by product in a section of the job file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.config.problems import Problem
from tamscore.config.section import SectionSettings
from tamscore.config.values import Column, Share, Storage  # noqa: TC001 - read at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns


class ProductTable(SectionSettings):
    """A table of sales by account and product; rows of the same pair are added up."""

    path: Storage | None = None
    """Table (Parquet or CSV) of sales by account and product; absent: the table of [products]."""
    account_id: Column | None = None
    """Column of that table with the account's id; absent: columns.account_id."""
    min_match_share: Share = 0.5
    """Share of the rows of that table that must name an account of the market; the run stops if fewer do."""
    product: Column = "product"
    """Column of that table with the product."""
    sales: Column = "sales"
    """Column of that table with the sales; an account owns a product if they add up to more than 0."""


def columns_differ(
    section: str, columns: Columns, table: SectionSettings | None, keys: tuple[str, ...]
) -> Iterator[Problem]:
    """Yield the keys of a section whose column of its table is named by an earlier key, or is the account id."""
    if table is None:
        return
    account_id: str = getattr(table, "account_id", None) or columns.account_id
    taken = {account_id: "account_id"}
    for key in keys:
        name: str | None = getattr(table, key, None)
        if name is not None and (first := taken.setdefault(name, key)) != key:
            yield Problem((section, key), "a column of its own", name, f"{section}.{first} names it, too")
