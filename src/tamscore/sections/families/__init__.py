"""Which accounts belong together: families by the parents of accounts, and what their accounts come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.score_columns import ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.families.settings import (
    BY_ACCOUNT,
    Families,
    columns_are_free,
    features_are_numbers,
    parents_are_read,
    sections_go_by_families,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter

__all__ = ["FamiliesSection"]


class FamiliesSection(Section[Families]):
    """Which accounts belong together: families by the parents of accounts, and what their accounts come to."""

    name = "families"
    absent = "Families: not computed; a section [families] does, given the parents of accounts."
    settings = Families
    columns = (
        ScoreColumn(
            "family_id", "text", "the account's family: the id of its top account, or the ultimate parent given"
        ),
        ScoreColumn("family_members", "number", "scored accounts of the family, 1 for an account of its own"),
        ScoreColumn("family_tier", "text", "A to D by the expected value of all accounts of the family"),
        ScoreColumn("members_customers", "number", "families as rows: those of its scored accounts that buy"),
        ScoreColumn("members_potential", "money", "families as rows: the sum of the potential of its accounts"),
        ScoreColumn("members_whitespace", "money", "families as rows: the sum of the whitespace of its accounts"),
    )
    rules = (
        (parents_are_read, ("columns", "families")),
        (features_are_numbers, ("columns", "features", "families")),
        (columns_are_free, ("columns", "features", "families")),
        (sections_go_by_families, ("families", "backtest", *BY_ACCOUNT)),
    )

    def require_early(self, run: Run, model_source: ModelSource, parts: Sequence[PartRows], settings: Families) -> None:
        """Raise InputContractError if too few ids of parents are those of accounts."""
        from tamscore.sections.families.early import require_early

        del model_source
        if not settings.as_accounts:
            require_early(run, parts, settings)

    def prepare(self, market: Market, settings: Families) -> State | str:
        """Return the families of the market, or what they say of their accounts if they are its rows."""
        from tamscore.sections.families.as_rows import prepare_rows
        from tamscore.sections.families.columns import prepare

        return prepare_rows(market) if settings.as_accounts else prepare(market)

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded."""
        from tamscore.sections.families.rows_view import chapter_of_rows
        from tamscore.sections.families.view import chapter

        return chapter_of_rows(record) if "as_accounts" in record else chapter(record)
