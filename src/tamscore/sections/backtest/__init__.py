"""What came of earlier scores: whitespace against growth, and what other methods would have said better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.scoring.section import Section
from tamscore.sections.backtest.settings import Backtest, the_future_is_no_feature
from tamscore.store.run_directory import BACKTESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tamscore.config import Job
    from tamscore.view.blocks import Chapter

__all__ = ["BacktestSection"]


class BacktestSection(Section[Backtest]):
    """How scores compare with the sales of the window that followed."""

    name = "backtest"
    absent = (
        "What came of these scores: not known yet; tamscore backtest JOB --realised COLUMN holds them against later "
        "sales."
    )
    folder = BACKTESTS
    settings = Backtest
    rules = ((the_future_is_no_feature, ("columns", "features", "backtest")),)

    def later_checks(self, job: Job) -> Iterable[Callable[[], object]]:
        """Return the check of the sales afterwards, if the job names them."""
        from tamscore.progress import Progress
        from tamscore.sections.backtest.joining import require_early

        return [lambda: require_early(job, Progress())] if job.section(Backtest).realised is not None else []

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on a backtest of the run."""
        from tamscore.sections.backtest.view import chapter

        return chapter(record)
