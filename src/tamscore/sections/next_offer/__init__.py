"""What to offer next: a product that many peers own and the account does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.score_columns import ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.next_offer.settings import NextOffer, columns_are_their_own, the_table_is_named_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter

__all__ = ["NextOfferSection"]

_NO_OFFER = "peers own nothing that it lacks"


class NextOfferSection(Section[NextOffer]):
    """What to offer next: a product that many peers own and the account does not."""

    name = "next_offer"
    absent = "Next offers: not made; a section [next_offer] does, given sales by product."
    settings = NextOffer
    columns = (
        ScoreColumn("next_offer", "text", "product that peers own and the account lacks, see next_offer.by", _NO_OFFER),
        ScoreColumn("next_offer_value", "money", "the product's potential in the cluster", _NO_OFFER),
        ScoreColumn("next_offer_share", "share", "share of the cluster's customers that own it", _NO_OFFER),
        ScoreColumn(
            "next_offer_probability", "share", "share of customers alike that own it; null by share", _NO_OFFER
        ),
        ScoreColumn("next_offer_expected", "money", "that probability times the value; null by share", _NO_OFFER),
    )

    rules = (
        (the_table_is_named_once, ("products", "next_offer")),
        (columns_are_their_own, ("columns", "next_offer")),
    )

    def require_early(
        self, run: Run, model_source: ModelSource, parts: Sequence[PartRows], settings: NextOffer
    ) -> None:
        """Raise InputContractError if the table has no products, too many, or no amount above 0 of a customer."""
        from tamscore.scoring.joining.product_table import require_products

        del model_source, settings
        require_products(run, parts)

    def prepare(self, market: Market, settings: NextOffer) -> State | str:
        """Return the offers of every cluster.

        Raise InputContractError if the table has too many products to be products.
        """
        from tamscore.sections.next_offer.columns import prepare

        return prepare(market, settings)

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded."""
        from tamscore.sections.next_offer.view import chapter

        return chapter(record)
