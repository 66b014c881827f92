"""The keys of [alerts], and the rule that ties them to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.config.problems import Problem
from tamscore.config.section import SectionSettings
from tamscore.config.values import ColumnList, OpenShare  # noqa: TC001 - read at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns


class Alerts(SectionSettings):
    """Who should be called now."""

    drop: OpenShare = 0.3
    """A customer whose sales fell by more than this share in a year, while its cluster did not, may be leaving."""
    intent: ColumnList = ()
    """Kept columns that speak of an intent to buy when they rise, such as visits; see columns.keep."""

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of intent."""
        return self.intent


def intent_is_kept(columns: Columns, alerts: Alerts | None) -> Iterator[Problem]:
    """Yield the columns of intent that later runs could not look up in the scores."""
    for position, column in enumerate(alerts.intent if alerts is not None else ()):
        if column not in columns.keep:
            hint = "add it there, so that the next run can be compared with this one"
            yield Problem(("alerts", "intent", position), "a column of columns.keep", column, hint)
