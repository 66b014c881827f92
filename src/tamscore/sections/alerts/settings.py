"""The keys of [alerts], and the rule that ties them to others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tamscore.config.problems import Problem
from tamscore.config.section import SectionSettings
from tamscore.config.values import ColumnList, Day, OpenShare  # noqa: TC001 - read at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns


class Alerts(SectionSettings):
    """Alerts: the accounts to call now."""

    drop: OpenShare = 0.3
    """Drop of sales in a year, as a share, from which a customer may be leaving, unless its cluster fell as well."""
    churn_chance: OpenShare = 0.5
    """Probability that a customer with such an alert leaves. Its sales times this are at risk, and count for its
    priority."""
    renewal_days: Annotated[int, Field(ge=1, le=36500)] = 90
    """Days before the end of a contract in which it is due for renewal; see columns.renewal_date."""
    renewals_from: Day | None = None
    """Day from which these days count, such as 2026-10-31; absent: the last day of lifetime_value.orders. Contracts
    that ended before that day are not due."""
    intent: ColumnList = ()
    """Kept columns whose rise shows an intent to buy, such as visits; see columns.keep."""

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of intent."""
        return self.intent


def intent_is_passed_on(columns: Columns, alerts: Alerts | None) -> Iterator[Problem]:
    """Yield the columns of intent that are not kept, so that later runs could not read them in the scores."""
    for position, column in enumerate(alerts.intent if alerts is not None else ()):
        if column not in columns.keep:
            hint = "add it there, so that the next run can be compared with this one"
            yield Problem(("alerts", "intent", position), "a column of columns.keep", column, hint)


def renewals_are_read(columns: Columns, alerts: Alerts | None) -> Iterator[Problem]:
    """Yield a column of renewals without an alert that uses it, and a day without such a column."""
    if columns.renewal_date is not None and alerts is None:
        hint = "add a section [alerts], or remove the key"
        yield Problem(("columns", "renewal_date"), "no column without [alerts]", columns.renewal_date, hint)
    if columns.renewal_date is None and alerts is not None and alerts.renewals_from is not None:
        hint = "name the column of the market in columns.renewal_date"
        yield Problem(("alerts", "renewals_from"), "no day without columns.renewal_date", alerts.renewals_from, hint)
