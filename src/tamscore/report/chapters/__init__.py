"""The chapters of the report in their order: what to act on, then the evidence as an appendix."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tamscore.questions.pages import page_one
from tamscore.report.chapters import (
    choice,
    clusters,
    explanations,
    headline,
    ladder,
    level,
    lift,
    limits,
    method,
    moves,
    people,
    potential,
    quadrants,
    quality,
    ranking,
)
from tamscore.sections import SECTIONS, section_chapters

if TYPE_CHECKING:
    from tamscore.report.evidence import ReportData
    from tamscore.view.blocks import Chapter

__all__ = ["chapters", "one_pager"]

_BEFORE = (ranking, headline, quadrants, clusters, ladder)
_AFTER = (people, lift, moves, potential, level, choice, quality)
"""The chapters that stand before those of the sections, and after them."""
_APPENDIX = ("explanations", "potential", "level", "choice-of-k", "look-alike", "backtest", "quality", "method")
"""The chapters of the appendix, in their order: evidence for those who doubt the rest."""


def chapters(data: ReportData) -> list[Chapter]:
    """Return all chapters that there is something to say in, the first page first, the appendix last."""
    first, last = ([(module, module.chapter(data)) for module in order] for order in (_BEFORE, _AFTER))
    missing = [str(getattr(module, "MISSING", "")) for module, item in [*first, *last] if item is None]
    missing += [section.absent for name, section in SECTIONS.items() if name not in data.sections]
    first_chapters, last_chapters = ([item for _, item in items if item] for items in (first, last))
    rows = [*first_chapters, *section_chapters(data.sections, data.currency), *last_chapters, limits.chapter(data)]
    if reasons := explanations.chapter(data):
        rows.append(reasons)
    else:
        missing.append(explanations.MISSING)
    return [*one_pager(data), *_in_two_parts([*rows, method.chapter(data, missing)])]


def one_pager(data: ReportData) -> list[Chapter]:
    """Return the first page as the only chapter."""
    return [page_one.chapter(data.page_one)]


def _in_two_parts(chapters: list[Chapter]) -> list[Chapter]:
    """Return the chapters with those of the appendix behind all others, and marked."""
    main = [chapter for chapter in chapters if chapter.anchor not in _APPENDIX]
    rest = sorted(
        (chapter for chapter in chapters if chapter.anchor in _APPENDIX),
        key=lambda chapter: _APPENDIX.index(chapter.anchor),
    )
    return [*main, *(replace(chapter, is_appendix=True) for chapter in rest)]
