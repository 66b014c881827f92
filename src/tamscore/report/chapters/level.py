"""The level of potential: the loss of both levels on held-out customers, and which one the data speak for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.pages import level
from tamscore.view.blocks import Chapter

if TYPE_CHECKING:
    from tamscore.report.evidence import ReportData

MISSING = "The level of potential: no party type has the 30 customers that it takes to compare both levels."


def chapter(data: ReportData) -> Chapter | None:
    """Return the chapter; None if levels could not be compared."""
    rows = data.summary.level
    if not rows:
        return None
    text = (
        "At level cluster all accounts of a cluster share one ladder. At level account each has its own, by what its "
        "features suggest. Both were tried on customers that the ladders had not seen."
    )
    return Chapter("level", "Level of potential", text, tuple(level.blocks(rows)))
