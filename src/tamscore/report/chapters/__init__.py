"""The chapters of the report in their order, and what to say of those that a run has nothing for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.report.chapters import (
    choice,
    clusters,
    headline,
    ladder,
    level,
    limits,
    method,
    moves,
    potential,
    quadrants,
    quality,
    ranking,
)
from tamscore.sections import SECTIONS, section_chapters

if TYPE_CHECKING:
    from tamscore.report.evidence import Evidence
    from tamscore.view.blocks import Chapter

BEFORE = (headline, clusters, potential, ladder, ranking, quadrants)
AFTER = (level, choice, moves, quality)
"""The chapters that stand before those of the sections, and after them."""


def chapters(found: Evidence) -> list[Chapter]:
    """All chapters that there is something to say in, then what the report cannot tell and how it was made."""
    first, last = ([(module, module.chapter(found)) for module in order] for order in (BEFORE, AFTER))
    missing = [str(getattr(module, "MISSING", "")) for module, one in [*first, *last] if one is None]
    missing += [section.absent for name, section in SECTIONS.items() if name not in found.extras]
    first_told, last_told = ([one for _, one in each if one] for each in (first, last))
    told = [*first_told, *section_chapters(found.extras), *last_told]
    return [*told, limits.chapter(found, missing), method.chapter(found)]
