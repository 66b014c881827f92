"""Did it work: what treated accounts bought more than controls, for holdouts that `tamscore lift` has looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.sections.lift.view import report_chapter

if TYPE_CHECKING:
    from tamscore.report.evidence import ReportData
    from tamscore.view.blocks import Chapter

MISSING = "Did it work: nobody has compared a holdout; tamscore holdout draws one, tamscore lift compares it."


def chapter(data: ReportData) -> Chapter | None:
    """Return the chapter; None if no result was found with this run."""
    return report_chapter(data.lifts) if data.lifts else None
