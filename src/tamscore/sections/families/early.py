"""The columns of parents, read and matched before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tamscore.sections.families.links import links_by, match_of
from tamscore.sections.families.resolution import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.sections.families.links import PartLinks
    from tamscore.sections.families.resolution import MarketRows
    from tamscore.sections.families.settings import Families

EARLY = "families"


@dataclass(frozen=True)
class Early:
    """The accounts of the market, and their links to parents and ultimate parents; None for a column not there."""

    rows: MarketRows
    parent: list[PartLinks] | None
    ultimate: list[PartLinks] | None


def require_early(run: Run, parts: Sequence[PartRows], settings: Families) -> None:
    """Raise InputContractError if too few ids of parents are those of accounts; the links are kept for after the fit.

    An ultimate parent need not be an account.
    """
    columns = run.job.columns
    rows, index = rows_of(parts)
    parent = links_by(run, columns.parent_id, index) if columns.parent_id else None
    ultimate = links_by(run, columns.ultimate_parent_id, index) if columns.ultimate_parent_id else None
    run.early[EARLY] = Early(rows, parent, ultimate)
    if parent and columns.parent_id:
        match = match_of(run, columns.parent_id, parent, index)
        match.require(settings.min_match_share, "families.min_match_share", "columns.parent_id")
        if match.is_noticed:
            run.progress.notice(f"families: {match.notice}")
