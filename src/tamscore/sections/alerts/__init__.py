"""Who should be called now: customers that fall while their cluster does not, that left, or whose contract ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.score_columns import ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.alerts.settings import Alerts, intent_is_passed_on, renewals_are_read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter

__all__ = ["AlertsSection"]


class AlertsSection(Section[Alerts]):
    """Who should be called now: customers that fall while their cluster does not, that left, or whose contract ends."""

    name = "alerts"
    absent = "Alerts: not computed; a section [alerts] does, given sales a year before or days of renewal."
    settings = Alerts
    columns = (
        ScoreColumn("account_state", "text", "customer, left (bought a year before, buys nothing now) or prospect"),
        ScoreColumn(
            "churn_alert", "truth", "still buys, yet sales fell by more than alerts.drop, the cluster's did not"
        ),
        ScoreColumn(
            "value_at_risk", "money", "sales of a customer with a churn alert times alerts.churn_chance, else 0"
        ),
        ScoreColumn("renewal_due", "truth", "a customer whose contract ends within alerts.renewal_days"),
        ScoreColumn("renews_on", "date", "the day on which the contract ends", "the input has none"),
    )
    revised = ("play",)
    rules = ((intent_is_passed_on, ("columns", "alerts")), (renewals_are_read, ("columns", "alerts")))

    def require_early(self, run: Run, model_source: ModelSource, parts: Sequence[PartRows], settings: Alerts) -> None:
        """Raise InputContractError if the column of renewals holds no dates."""
        from tamscore.sections.alerts.renewals import require_dates

        del model_source, parts, settings
        require_dates(run.columns.renewal_date, run.plan)

    def prepare(self, market: Market, settings: Alerts) -> State | str:
        """Return what raises alerts; in words what is missing if neither the year before nor a renewal is known."""
        from tamscore.sections.alerts.columns import prepare

        return prepare(market, settings)

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded."""
        from tamscore.sections.alerts.view import chapter

        return chapter(record)
