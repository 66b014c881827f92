"""The chapters of the report in their order, and what to say of those that a run has nothing for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.report.chapters import (
    backtest,
    choice,
    clusters,
    coverage,
    headline,
    ladder,
    limits,
    method,
    moves,
    potential,
    propensity,
    quadrants,
    quality,
    ranking,
    worth,
)

if TYPE_CHECKING:
    from tamscore.report.blocks import Chapter
    from tamscore.report.evidence import Evidence

ORDER = (
    headline, clusters, potential, ladder, ranking, quadrants, coverage, propensity, worth, backtest, choice, moves,
    quality,
)  # fmt: skip


def chapters(found: Evidence) -> list[Chapter]:
    """All chapters that there is something to say in, then what the report cannot tell and how it was made."""
    made = [(module, module.chapter(found)) for module in ORDER]
    missing = [str(getattr(module, "MISSING", "")) for module, one in made if one is None]
    return [*(one for _, one in made if one), limits.chapter(found, missing), method.chapter(found)]
