"""Cluster, distance and margin of the rows of a party type, computed block by block."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend import kernels
from tamscore.backend.coded import numbers_of, rows_at
from tamscore.scoring import hysteresis
from tamscore.stages import kmeans, look_alike
from tamscore.stages.level import ALL

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tamscore.backend import Backend
    from tamscore.backend.coded import Block
    from tamscore.scoring.party_model import PartyModel
    from tamscore.stages.level import LevelModel

NO_CLUSTER = np.iinfo(np.uint16).max
_UNKNOWN = {"label": np.uint16(NO_CLUSTER), **dict.fromkeys(("distance", "margin"), np.float32(np.nan))}
_UNKNOWN |= dict.fromkeys(("typical", "look_alike"), np.float32(np.nan))
"""The value of rows that no model knows, by column of `RowAssignment`."""
_ALWAYS = ("label", "distance", "margin")
"""The columns that are computed without a request."""


@dataclass(frozen=True)
class RowAssignment:
    """What is computed of rows, all (m,) on the host: label uint16, distance and margin float32.

    `typical` float32 are typical sales by an account's own features, `look_alike` float32 the log odds that a row is a
    customer's. A column that was not requested is None.
    """

    label: Any
    distance: Any
    margin: Any
    typical: Any = None
    look_alike: Any = None

    @classmethod
    def unknown(cls, rows: int, requested: Collection[str] = ()) -> RowAssignment:
        """Return new arrays for rows that no model knows yet, with the `requested` columns beside the usual ones."""
        return cls(**{name: np.full(rows, _UNKNOWN[name]) for name in (*_ALWAYS, *requested)})

    @classmethod
    def concatenate(cls, parts: Sequence[RowAssignment]) -> RowAssignment:
        """Return neighbouring rows as one; all parts have the same columns."""
        items = [part.columns() for part in parts]
        return cls(**{name: np.concatenate([columns[name] for columns in items]) for name in items[0]})

    def columns(self) -> dict[str, Any]:
        """Return the columns that there are, by name."""
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: column for name, column in named if column is not None}

    def put(self, at: Any, part: RowAssignment) -> None:
        """Write the columns (n,) of some rows to their places `at`."""
        for name, column in part.columns().items():
            getattr(self, name)[at] = column


@dataclass(frozen=True)
class Hold:
    """The labels (m,) that rows would keep, NO_CLUSTER for none, and how much farther away their cluster may be."""

    previous: Any
    share: float

    def part(self, rows: slice) -> Hold:
        """Return the same for some of the rows."""
        return Hold(self.previous[rows], self.share)


@dataclass(frozen=True)
class Folds:
    """The places (m,) of the models of a look-alike that have not seen the rows."""

    place: Any

    def part(self, rows: slice) -> Folds:
        """Return the same for some of the rows."""
        return Folds(self.place[rows])


@dataclass(frozen=True)
class LevelRequest:
    """Which model of the level each row (m,) int64 takes: that without its fold for customers, `level.ALL` else."""

    models: Any

    def part(self, rows: slice) -> LevelRequest:
        """Return the same for some of the rows."""
        return LevelRequest(self.models[rows])


@dataclass(frozen=True)
class RowRequest:
    """What is requested of rows beside their nearest cluster; each request has a value for every row."""

    hold: Hold | None = None
    level: LevelRequest | None = None
    folds: Folds | None = None

    def part(self, rows: slice) -> RowRequest:
        """Return the request for some of the rows."""
        asked = ((field.name, getattr(self, field.name)) for field in fields(self))
        return RowRequest(**{name: request.part(rows) for name, request in asked if request is not None})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `RowAssignment` that it adds to the usual ones."""
        there = {"typical": self.level, "look_alike": self.folds}
        return tuple(name for name, request in there.items() if request is not None)


def assign_blocks(backend: Backend, model: PartyModel, raw: Any, request: RowRequest) -> tuple[RowAssignment, int]:
    """Return what is requested of rows, and their inertia; block by block so that each stays in the cache."""
    parts, inertia = [], 0
    for start in range(0, len(raw), backend.block_rows):
        rows = slice(start, start + backend.block_rows)
        here, asked = raw.part(rows.start, rows.stop), request.part(rows)
        block = model.space.coded_block(backend, here)
        part, added = _assign_block(backend, model, block, asked)
        if asked.folds and model.look_alike:
            numbers, place = numbers_of(block), asked.folds.place
            odds = look_alike.log_odds(backend, model.space, model.look_alike, numbers, here, place)
            part = replace(part, look_alike=odds)
        parts.append(part)
        inertia += added
    return RowAssignment.concatenate(parts or [RowAssignment.unknown(0, request.columns)]), inertia


def label_rows(backend: Backend, model: PartyModel, raw: Any) -> Any:
    """Return the cluster (m,) int64 of rows and nothing else, which takes half the time of `assign_blocks`."""
    labels = [np.empty(0, np.int64)]
    for start in range(0, len(raw), backend.block_rows):
        block = model.space.coded_block(backend, raw.part(start, start + backend.block_rows))
        label = backend.label(block, kernels.sq_norms(backend.xp, block), backend.put(model.centers))
        labels.append(backend.get(label))
    return np.concatenate(labels)


def _assign_block(backend: Backend, model: PartyModel, block: Block, request: RowRequest) -> tuple[RowAssignment, int]:
    """Return what is requested of the rows of a block (d, m), and their inertia."""
    grid = model.space.fitted_grid
    near = kmeans.assign(backend, grid, block, model.centers)
    placed, inertia = (backend.get(near.label), backend.get(near.distance), backend.get(near.margin)), near.inertia
    if request.hold:
        hold = request.hold
        placed, added = hysteresis.keep_clusters(backend, grid, block, model.centers, placed, hold.previous, hold.share)
        inertia += added
    label, distance, margin = placed
    typical = _typical_sales(backend, model.typical, block, request.level) if request.level and model.typical else None
    assignment = RowAssignment(label.astype(np.uint16), distance.astype(np.float32), margin.astype(np.float32), typical)
    return assignment, inertia


def _typical_sales(backend: Backend, level: LevelModel, block: Block, request: LevelRequest) -> Any:
    """Return the typical sales (m,) float32 of the rows of a block, each by the model that is requested for it."""
    xp, result = backend.xp, backend.get(level.level(backend.xp, block)).copy()
    rows = np.flatnonzero(request.models != ALL)
    if len(rows):
        part = rows_at(xp, block, backend.put(rows))
        result[rows] = backend.get(level.level(xp, part, backend.put(request.models[rows])))
    return level.typical(result)
