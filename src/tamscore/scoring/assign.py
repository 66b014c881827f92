"""The third pass: the cluster of every account, and the customers' sales from which potential tables are made."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.schema import Reason
from tamscore.scoring.assign_blocks import Folds, Hold, LevelRequest, RowAssignment, RowRequest, assign_blocks
from tamscore.scoring.cluster_map import join_map_rows, map_rows
from tamscore.scoring.features import stream_features
from tamscore.stages.draw import draw_number
from tamscore.stages.level import ALL, folds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tamscore.backend import Backend
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.cluster_map import MapRows
    from tamscore.scoring.drift import DriftCounts, DriftSetup
    from tamscore.scoring.features import PartFeatures
    from tamscore.scoring.party_model import PartyModel


@dataclass(frozen=True)
class PartyCount:
    """Counts of a party type in a partition: cluster, segment and sales of customers (n,), accounts (k, segments).

    `typical` (n,) are the customers' typical sales if known. At level account, `open_label` and `open_typical` (p,) are
    cluster and typical sales of the prospects.
    """

    label: Any
    segment: Any
    sales: Any
    accounts: Any
    typical: Any = None
    open_label: Any = None
    open_typical: Any = None

    def merge(self, other: PartyCount) -> PartyCount:
        """Return both counts together, accounts in their order."""
        pairs = {field.name: (getattr(self, field.name), getattr(other, field.name)) for field in fields(self)}
        together = {name: np.concatenate(pair) for name, pair in pairs.items() if pair[0] is not None}
        return PartyCount(**(together | {"accounts": self.accounts + other.accounts}))


@dataclass(frozen=True)
class AssignedParty:
    """A party type in some rows of a partition: its counts, and its inertia in whole numbers.

    `seen` is present if the run builds on an earlier run, `map_rows` if the run draws a cluster map.
    """

    count: PartyCount
    inertia: int
    seen: DriftCounts | None = None
    map_rows: MapRows | None = None

    def merge(self, other: AssignedParty) -> AssignedParty:
        """Return both together."""
        seen = self.seen.merge(other.seen) if self.seen and other.seen else None
        shown = join_map_rows([self.map_rows, other.map_rows]) if self.map_rows and other.map_rows else None
        return AssignedParty(self.count.merge(other.count), self.inertia + other.inertia, seen, shown)


@dataclass(frozen=True)
class AssignedRows:
    """The rows of a partition after assignment: their reason (m,), and the columns computed for them.

    `parties` has one entry for each party type's model. `filled` counts missing numbers that were filled in, by column.
    """

    reason: Any
    columns: RowAssignment
    parties: tuple[AssignedParty, ...]
    filled: dict[str, int]


def assign_rows(
    item: PartRows,
    models: tuple[PartyModel, ...],
    backend: Backend,
    shown: tuple[int, ...] = (),
    drift_setup: DriftSetup | None = None,
) -> AssignedRows:
    """Return cluster, distance and margin of every row of a partition; rows with unusable features get their reason.

    `shown` holds, for each model, the highest hash of rows for the cluster map; if it is empty there is no map.
    """
    columns = models[0].encoding.columns
    pieces = stream_features(item.partition, columns, backend)
    return _together([_assign_piece(piece, item, models, backend, shown, drift_setup) for piece in pieces])


def _assign_piece(
    features: PartFeatures,
    item: PartRows,
    models: tuple[PartyModel, ...],
    backend: Backend,
    shown: tuple[int, ...],
    drift_setup: DriftSetup | None,
) -> AssignedRows:
    """Return cluster, distance and margin of neighbouring rows of a partition."""
    rows, reason, hashes = len(features.usable), item.reason[features.here].copy(), item.hashes[features.here]
    columns = RowAssignment.unknown(rows, _columns_of(models))
    reason[~features.usable & (reason == Reason.SCORED)] = Reason.FEATURE_NOT_FINITE
    codes = drift_setup.labels.of(hashes) if drift_setup else np.empty(0)
    parties = []
    for place, model in enumerate(models):
        at = features.rows_of(item, model.encoding.party)
        raw = features.raw(at, model.encoding, backend)
        hold = Hold(drift_setup.earlier_labels(place, codes[at]), drift_setup.share) if drift_setup else None
        level = level_request(model, features.sales[at], hashes[at])
        folds = Folds(model.look_alike.folds(hashes[at])) if model.look_alike else None
        assigned, inertia = assign_blocks(backend, model, raw, RowRequest(hold, level, folds))
        columns.put(at, assigned)
        label = assigned.label
        seen = drift_setup.count(place, features, at, hashes[at], codes[at], label, backend) if drift_setup else None
        cluster_map = map_rows(model, hashes[at], label, raw, shown[place], backend) if shown else None
        count = _count_party(assigned, backend.get(raw.segment), features.sales[at], model)
        parties.append(AssignedParty(count, inertia, seen, cluster_map))
    filled = features.fill_in(reason == Reason.SCORED, backend)
    return AssignedRows(reason, columns, tuple(parties), filled)


def _together(pieces: Sequence[AssignedRows]) -> AssignedRows:
    """Return neighbouring rows of a partition joined into one."""
    if len(pieces) == 1:
        return pieces[0]
    reason = np.concatenate([piece.reason for piece in pieces])
    columns = RowAssignment.concatenate([piece.columns for piece in pieces])
    parties = (reduce(AssignedParty.merge, parts) for parts in zip(*(piece.parties for piece in pieces), strict=True))
    filled = {name: sum(piece.filled[name] for piece in pieces) for name in pieces[0].filled}
    return AssignedRows(reason, columns, tuple(parties), filled)


def by_party(assigned: Iterable[AssignedRows]) -> list[tuple[AssignedParty, ...]]:
    """Return the assignment of each party type, partition by partition."""
    return list(zip(*(rows.parties for rows in assigned), strict=True))


def _columns_of(models: Sequence[PartyModel]) -> list[str]:
    """Return the names of the optional columns that at least one model computes."""
    there = {"typical": any(model.typical for model in models), "look_alike": any(model.look_alike for model in models)}
    return [name for name, is_there in there.items() if is_there]


def level_request(model: PartyModel, sales: Any, hashes: Any) -> LevelRequest | None:
    """Return the request to the level's model for rows with sales and id hashes (m,); None without such a model."""
    if model.typical is None:
        return None
    return LevelRequest(np.where(sales > 0, folds_of(draw_number(hashes, model.typical.seed)), ALL))


def _count_party(rows: RowAssignment, segment: Any, sales: Any, model: PartyModel) -> PartyCount:
    """Return the counts of a party type: its customers with their sales, and accounts by cluster and market segment."""
    label, segments = rows.label, model.encoding.places
    flat = np.bincount(label.astype(np.int64) * segments + segment, minlength=model.k * segments)
    buys = sales > 0
    typical = rows.typical[buys] if model.typical else None
    prospects = (label[~buys], rows.typical[~buys]) if model.level else ()
    accounts = flat.reshape(model.k, segments)
    return PartyCount(label[buys], segment[buys].astype(np.uint16), sales[buys], accounts, typical, *prospects)
