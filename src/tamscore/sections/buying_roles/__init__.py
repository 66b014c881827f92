"""Which of the people that take part in a purchase are known at each account, and which are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.score_columns import ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.buying_roles.settings import BuyingRoles, the_role_is_no_id, words_stand_for_one_role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter

__all__ = ["BuyingRolesSection"]


class BuyingRolesSection(Section[BuyingRoles]):
    """Which of the people that take part in a purchase are known at each account, and which are missing."""

    name = "buying_roles"
    absent = "Buying roles: not looked at; a section [buying_roles] does, given contacts."
    settings = BuyingRoles
    columns = (
        ScoreColumn("buying_roles_present", "text", "roles of buying_roles.wanted that a contact has, joined by a bar"),
        ScoreColumn("buying_roles_missing", "text", "those that no contact has, joined by a bar; empty if none"),
    )
    rules = ((words_stand_for_one_role, ("buying_roles",)), (the_role_is_no_id, ("columns", "buying_roles")))

    def require_early(
        self, run: Run, model_source: ModelSource, parts: Sequence[PartRows], settings: BuyingRoles
    ) -> None:
        """Raise InputContractError if the column of roles holds lists."""
        from tamscore.scoring.joining.product_table import require_texts

        del model_source, parts
        require_texts(settings.path, run.plan.tables["buying_roles.path"], [settings.role])

    def prepare(self, market: Market, settings: BuyingRoles) -> State | str:
        """Return which roles somebody has at each account."""
        from tamscore.sections.buying_roles.columns import prepare

        return prepare(market, settings)

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded."""
        from tamscore.sections.buying_roles.view import chapter

        return chapter(record)
