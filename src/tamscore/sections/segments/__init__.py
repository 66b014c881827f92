"""Which segments are worth being one, and what to do about each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.score_columns import ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.segments.settings import Segments, customer_jobs_are_sought, own_columns_are_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter

__all__ = ["SegmentsSection"]


class SegmentsSection(Section[Segments]):
    """Which segments are worth being one, and what to do about each."""

    name = "segments"
    absent = "Segment tests: not made; a section [segments] does."
    settings = Segments
    columns = (
        ScoreColumn(
            "segment_action", "text", "what to do about the account, by the tests of its segment and its own quadrant"
        ),
        ScoreColumn("own_segment", "text", "the segment that segments.own makes of the account"),
        ScoreColumn("account_flags", "text", "what stands out about the account within its segment"),
    )

    rules = (
        (own_columns_are_groups, ("columns", "features", "segments")),
        (customer_jobs_are_sought, ("segments", "jobs")),
    )

    def require_early(self, run: Run, model_source: ModelSource, parts: Sequence[PartRows], settings: Segments) -> None:
        """Raise InputContractError if the user's own columns make too many segments."""
        from tamscore.sections.segments.own import require_few

        del model_source, parts
        if columns := settings.texts():
            require_few(columns, run)

    def prepare(self, market: Market, settings: Segments) -> State | str:
        """Return the tests of all segments; columns that the market lacks are unknown."""
        from tamscore.sections.segments.prepare import prepare

        return prepare(market, settings)

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded."""
        from tamscore.sections.segments.view import chapter

        return chapter(record)
