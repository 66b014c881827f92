"""Rows that a flow's workers keep for a fit: the loop over them does not know where they live."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from tamscore.stages.blocks import BatchStats, Farthest
from tamscore.stages.shares import Shares

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.engine.flow import Flow
    from tamscore.stages.blocks import Span
    from tamscore.stages.kmeans import SummableRows


@dataclass(frozen=True)
class ResidentRows:
    """Rows kept by a flow's workers, as blocks or to be read again: the `kmeans.Rows` that a fit loops over."""

    flow: Flow
    handles: list[Any]

    def accumulate(self, centers: Any, span: Span | None = None) -> BatchStats:
        """The statistics of all rows, or of those in the span."""
        parts: Iterable[BatchStats] = self.flow.map(_accumulate, self.handles, centers, span)
        return reduce(BatchStats.merge, parts)

    def farthest(self, centers: Any) -> Farthest:
        """The row that lies farthest from its nearest center."""
        parts: Iterable[Farthest] = self.flow.map(_farthest, self.handles, centers)
        return reduce(Farthest.merge, parts)

    def shares(self, centers: Any) -> Shares:
        """Return what each of the centers, two at least, has to do with the inertia."""
        parts: Iterable[Shares] = self.flow.map(_shares, self.handles, centers)
        return reduce(Shares.merge, parts)


def _accumulate(rows: SummableRows, centers: Any, span: Span | None) -> BatchStats:
    """The statistics of kept rows."""
    return rows.accumulate(centers, span)


def _farthest(rows: SummableRows, centers: Any) -> Farthest:
    """The kept row that lies farthest from its nearest center."""
    return rows.farthest(centers)


def _shares(rows: SummableRows, centers: Any) -> Shares:
    """Return what each center has to do with the inertia of kept rows."""
    return rows.shares(centers)
