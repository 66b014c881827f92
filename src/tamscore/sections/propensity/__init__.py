"""Who will buy: a calibrated probability learned from a dated window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.score_columns import ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.propensity.rules import (
    columns_are_learned_from_once,
    keys_of_a_label_need_one,
    the_label_comes_after_the_features,
    the_label_is_no_feature,
)
from tamscore.sections.propensity.settings import Propensity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter

__all__ = ["PropensitySection"]


class PropensitySection(Section[Propensity]):
    """Who will buy."""

    name = "propensity"
    absent = "Propensity: not learned; a section [propensity] in the job file does, given who bought in a window."
    settings = Propensity
    columns = (
        ScoreColumn("propensity", "share", "probability that the account buys in such a window"),
        ScoreColumn("propensity_band", "text", "focus, middle or low, by the limits in propensity.bands"),
        ScoreColumn("propensity_reasons", "text", "features that move the score most, up or down"),
    )
    rules = (
        (keys_of_a_label_need_one, ("propensity",)),
        (the_label_comes_after_the_features, ("propensity",)),
        (the_label_is_no_feature, ("columns", "features", "propensity")),
        (columns_are_learned_from_once, ("columns", "features", "propensity")),
    )

    def require_early(
        self, run: Run, model_source: ModelSource, parts: Sequence[PartRows], settings: Propensity
    ) -> None:
        """Raise InputContractError if there are too few labels to learn from, and something is to be learned."""
        from tamscore.sections.propensity import labels

        if settings.label is not None and model_source.record["source"] != "frozen":
            labels.require_early(run, parts, settings)

    def prepare(self, market: Market, settings: Propensity) -> State | str:
        """Return the propensity of a market; in words what is missing without a label.

        Raise InputContractError if there are too few buyers to learn from.
        """
        from tamscore.sections.propensity.columns import prepare

        return prepare(market, settings)

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded."""
        from tamscore.sections.propensity.view import chapter

        return chapter(record)
