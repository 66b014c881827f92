"""Who should be called now: customers that buy much less than a year ago while their cluster does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.schema import ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.alerts.settings import Alerts, intent_is_kept

if TYPE_CHECKING:
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter


class AlertsSection(Section[Alerts]):
    """Who should be called now: customers that buy much less than a year ago while their cluster does not."""

    name = "alerts"
    absent = "Churn alerts: not computed; a section [alerts] does, given sales a year before."
    settings = Alerts
    columns = (
        ScoreColumn("churn_alert", "truth", "sales fell by more than alerts.drop in a year, the cluster's did not"),
    )
    rules = ((intent_is_kept, ("columns", "alerts")),)

    def prepare(self, market: Market, settings: Alerts) -> State | str:
        """Return what raises alerts; in words what is missing if nothing is known about the year before."""
        from tamscore.sections.alerts.columns import prepare

        return prepare(market, settings)

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded."""
        from tamscore.sections.alerts.view import chapter

        return chapter(record)
