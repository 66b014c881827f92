"""How much each account looks like a customer: a probability from its features alone, in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.score_columns import ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.look_alike.settings import LookAlikeSettings

if TYPE_CHECKING:
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter

__all__ = ["LookAlikeSection"]

_TOO_FEW = "its party type has too few customers or prospects"


class LookAlikeSection(Section[LookAlikeSettings]):
    """How much each account looks like a customer."""

    name = "look_alike"
    absent = "Look-alike: not computed; [look_alike] enabled = true does, with customers and prospects to compare."
    settings = LookAlikeSettings
    always = True
    before = "flags"
    columns = (
        ScoreColumn("look_alike", "share", "probability that an account with such features is a customer", _TOO_FEW),
    )

    def prepare(self, market: Market, settings: LookAlikeSettings) -> State | str:
        """Return what makes probabilities of the log odds of the rows; in words why there are none."""
        from tamscore.sections.look_alike.columns import prepare

        return prepare(market, settings)

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded."""
        from tamscore.sections.look_alike.view import chapter

        return chapter(record)
