"""Which accounts belong together: families by the parents of accounts, and what their accounts come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.score_columns import ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.families.settings import Families, parents_are_read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import Origin
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter


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
    )
    rules = ((parents_are_read, ("columns", "families")),)

    def check_early(self, this: Run, origin: Origin, parts: Sequence[PartRows], settings: Families) -> None:
        """Raise InputContractError if too few ids of parents are those of accounts."""
        from tamscore.sections.families.early import check_early

        del origin
        check_early(this, parts, settings)

    def prepare(self, market: Market, settings: Families) -> State | str:
        """Return the families of the market."""
        from tamscore.sections.families.columns import prepare

        del settings
        return prepare(market)

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded."""
        from tamscore.sections.families.view import chapter

        return chapter(record)
