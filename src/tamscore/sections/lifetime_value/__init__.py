"""What each customer is worth from today on, from orders or from columns of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.score_columns import ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.lifetime_value.settings import LifetimeValue, orders_or_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter

__all__ = ["LifetimeValueSection"]

_UNKNOWN = "neither orders nor columns tell it"


class LifetimeValueSection(Section[LifetimeValue]):
    """What each customer is worth from today on, from orders or from columns of the input."""

    name = "lifetime_value"
    absent = "Lifetime value: not computed; a section [lifetime_value] does, given orders or sales a year before."
    settings = LifetimeValue
    columns = (
        ScoreColumn(
            "trailing_sales", "money", "sales of the last twelve months, by the orders where there are any", _UNKNOWN
        ),
        ScoreColumn("sales_before", "money", "sales of the twelve months before those", _UNKNOWN),
        ScoreColumn("yearly_margin", "money", "trailing sales times margin", _UNKNOWN),
        ScoreColumn("lifetime_value", "money", "margin to come, discounted; or a value from elsewhere", _UNKNOWN),
        ScoreColumn("lifetime_value_seed36", "money", "revenue / order dates x 36, for comparison", _UNKNOWN),
        ScoreColumn("last_order", "date", "day of the last order, where there are orders", "it never ordered"),
    )
    rules = ((orders_or_columns, ("lifetime_value",)),)

    def require_early(
        self, run: Run, model_source: ModelSource, parts: Sequence[PartRows], settings: LifetimeValue
    ) -> None:
        """Raise InputContractError if the days of the orders are none, or cannot be right."""
        from tamscore.sections.lifetime_value.order_days import require_early

        del model_source, parts
        require_early(run, settings)

    def prepare(self, market: Market, settings: LifetimeValue) -> State | str:
        """Return what values customers; in words what is missing if neither a margin nor the year before is known.

        Raise InputContractError if orders are unusable, or none of their accounts is in the market.
        """
        from tamscore.sections.lifetime_value.columns import prepare

        return prepare(market, settings)

    def figures(self, state: Any) -> Mapping[str, Any]:
        """Return margin, sales now and before, mean lifetime value and median change (K,) of the clusters.

        Beside them `as_of`, the day at which the orders are looked at; None without orders.
        """
        return {**state.figures, "as_of": state.record.get("as_of")}

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded."""
        from tamscore.sections.lifetime_value.view import chapter

        return chapter(record)
