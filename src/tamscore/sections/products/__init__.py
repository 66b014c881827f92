"""Potential and whitespace of each product: what the owners in a cluster buy of it, and who buys less or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.score_columns import ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.products.settings import Products, columns_are_their_own

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter

__all__ = ["ProductsSection"]

_FEWER = "fewer products have whitespace"


class ProductsSection(Section[Products]):
    """Potential and whitespace of each product."""

    name = "products"
    absent = "Products: no whitespace by product; a section [products] does, given sales by account and product."
    settings = Products
    columns = (
        ScoreColumn("product_whitespace", "money", "whitespace of all products together"),
        ScoreColumn("open_product", "text", "product with the most whitespace", _FEWER),
        ScoreColumn("open_product_whitespace", "money", "whitespace of that product", _FEWER),
        ScoreColumn("open_product_2", "text", "product with the second most whitespace", _FEWER),
        ScoreColumn("open_product_2_whitespace", "money", "whitespace of that product", _FEWER),
        ScoreColumn("open_product_3", "text", "product with the third most whitespace", _FEWER),
        ScoreColumn("open_product_3_whitespace", "money", "whitespace of that product", _FEWER),
    )

    rules = ((columns_are_their_own, ("columns", "products")),)

    def require_early(self, run: Run, model_source: ModelSource, parts: Sequence[PartRows], settings: Products) -> None:
        """Raise InputContractError if the table has no products, too many, or no amount above 0 of a customer."""
        from tamscore.scoring.joining.product_table import require_products

        del model_source, settings
        require_products(run, parts)

    def prepare(self, market: Market, settings: Products) -> State | str:
        """Return what is open by product in every cluster.

        Raise InputContractError if clusters and products together are too many.
        """
        from tamscore.sections.products.columns import prepare

        return prepare(market, settings)

    def figures(self, state: Any) -> Mapping[str, Any]:
        """Return the potential (K, P) of each product in each cluster, NaN where nobody knows."""
        return {"product_potential": state.model.potentials.value}

    def explain(self, account: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return which products are open with an account, with the amounts, and what all of them come to."""
        from tamscore.sections.products.view import open_with

        return open_with(account)

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded."""
        from tamscore.sections.products.view import chapter

        return chapter(record)
