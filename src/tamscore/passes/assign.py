"""The third pass: the cluster of every account, and the customers' sales that the potential tables are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.passes import glimpse, hysteresis
from tamscore.passes.features import stream_features
from tamscore.passes.watch import seen_of
from tamscore.schema import Reason
from tamscore.stages import kmeans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.passes.census import PartRows
    from tamscore.passes.features import Encoding, PartFeatures
    from tamscore.passes.glimpse import Glimpse
    from tamscore.passes.watch import Seen, Watch
    from tamscore.stages.space import Space

NO_CLUSTER = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class PartyModel:
    """The fitted model of one party type: how rows become blocks, the centers (k, d) in whole numbers, their ids."""

    name: str
    encoding: Encoding
    space: Space
    centers: Any
    ids: tuple[str, ...]

    @property
    def k(self) -> int:
        """The number of clusters."""
        return len(self.centers)


@dataclass(frozen=True)
class PartyCount:
    """One party type in one partition: cluster, segment and sales of customers (n,), and accounts (k, segments)."""

    label: Any
    segment: Any
    sales: Any
    accounts: Any

    def merged(self, other: PartyCount) -> PartyCount:
        """Both together, customers in their order."""
        label, segment = np.concatenate((self.label, other.label)), np.concatenate((self.segment, other.segment))
        sales = np.concatenate((self.sales, other.sales))
        return PartyCount(label, segment, sales, self.accounts + other.accounts)


@dataclass(frozen=True)
class AssignedRows:
    """The rows of a partition after assignment: reason, label uint16, distance and margin float32, all (m,).

    `counts`, `inertia` (in whole numbers) and, where a run builds on an earlier one, `seen` come one for each party
    type's model, and so do the `glimpses` of a few rows. `filled` counts the numbers that were missing, by column.
    """

    reason: Any
    label: Any
    distance: Any
    margin: Any
    counts: tuple[PartyCount, ...]
    inertia: tuple[int, ...]
    filled: dict[str, int]
    seen: tuple[Seen, ...] = ()
    glimpses: tuple[Glimpse, ...] = ()


def assign_rows(
    item: PartRows,
    models: tuple[PartyModel, ...],
    backend: Backend,
    shown: tuple[int, ...] = (),
    watch: Watch | None = None,
) -> AssignedRows:
    """Cluster, distance and margin of every row of a partition; rows with unusable features get their reason.

    `shown` tells for each model up to which hash rows are looked at; none are where it is empty.
    """
    columns = models[0].encoding.columns
    pieces = stream_features(item.partition, columns, backend)
    return joined([assign_piece(piece, item, models, backend, shown, watch) for piece in pieces])


def assign_piece(
    features: PartFeatures,
    item: PartRows,
    models: tuple[PartyModel, ...],
    backend: Backend,
    shown: tuple[int, ...],
    watch: Watch | None,
) -> AssignedRows:
    """The same for neighbouring rows of a partition."""
    rows, reason, hashes = len(features.usable), item.reason[features.here].copy(), item.hashes[features.here]
    label = np.full(rows, NO_CLUSTER, np.uint16)
    distance, margin = np.full(rows, np.nan, np.float32), np.full(rows, np.nan, np.float32)
    reason[~features.usable & (reason == Reason.SCORED)] = Reason.FEATURE_NOT_FINITE
    codes = watch.labels.of(hashes) if watch else np.empty(0)
    counts, inertia, seen, glimpses = [], [], [], []
    for place, model in enumerate(models):
        at = features.rows_of(item, model.encoding.party)
        raw = features.raw(at, model.encoding, backend)
        hold = Hold(watch.kept(place, codes[at]), watch.share) if watch else None
        label[at], distance[at], margin[at], inertia_here = assign_blocks(backend, model, raw, hold)
        if watch:
            seen.append(watch.look(place, features, at, hashes[at], codes[at], label[at], backend))
        inertia.append(inertia_here)
        if shown:
            glimpses.append(glimpse.look(model, hashes[at], label[at], raw, shown[place], backend))
        counts.append(count_party(label[at], backend.get(raw.segment), features.sales[at], model))
    filled = features.filled(reason == Reason.SCORED, backend)
    told = (tuple(counts), tuple(inertia), filled, tuple(seen), tuple(glimpses))
    return AssignedRows(reason, label, distance, margin, *told)


def joined(pieces: Sequence[AssignedRows]) -> AssignedRows:
    """Neighbouring rows of a partition taken together."""
    if len(pieces) == 1:
        return pieces[0]
    label, distance = np.concatenate([one.label for one in pieces]), np.concatenate([one.distance for one in pieces])
    reason, margin = np.concatenate([one.reason for one in pieces]), np.concatenate([one.margin for one in pieces])
    counts = (reduce(PartyCount.merged, of_party) for of_party in zip(*(one.counts for one in pieces), strict=True))
    inertia = (sum(of_party) for of_party in zip(*(one.inertia for one in pieces), strict=True))
    filled = {name: sum(one.filled[name] for one in pieces) for name in pieces[0].filled}
    seen = seen_of([one.seen for one in pieces])
    glimpses = (glimpse.joined(of_party) for of_party in zip(*(one.glimpses for one in pieces), strict=True))
    told = (tuple(counts), tuple(inertia), filled, tuple(seen), tuple(glimpses))
    return AssignedRows(reason, label, distance, margin, *told)


@dataclass(frozen=True)
class Hold:
    """The labels (m,) that rows would keep, NO_CLUSTER for none, and how much farther away their cluster may be."""

    previous: Any
    share: float


def assign_blocks(backend: Backend, model: PartyModel, raw: Any, hold: Hold | None = None) -> tuple[Any, Any, Any, int]:
    """Label, distance and margin (m,) on the host, and inertia; block by block so that each stays in the cache."""
    parts, inertia = [], 0
    for start in range(0, len(raw), backend.block_rows):
        block = model.space.block(backend, raw.part(start, start + backend.block_rows))
        near = kmeans.assign(backend, model.space.fitted_grid, block, model.centers)
        inertia += near.inertia
        found = (backend.get(near.label), backend.get(near.distance), backend.get(near.margin))
        if hold:
            previous = hold.previous[start : start + backend.block_rows]
            grid = model.space.fitted_grid
            found, added = hysteresis.hold(backend, grid, block, model.centers, found, previous, hold.share)
            inertia += added
        parts.append(found)
    if not parts:
        return np.empty(0, np.uint16), np.empty(0, np.float32), np.empty(0, np.float32), 0
    label, distance, margin = (np.concatenate(column) for column in zip(*parts, strict=True))
    return label.astype(np.uint16), distance.astype(np.float32), margin.astype(np.float32), inertia


def count_party(label: Any, segment: Any, sales: Any, model: PartyModel) -> PartyCount:
    """Customers of a party type with their sales, and accounts by cluster and market segment."""
    segments = model.encoding.places
    flat = np.bincount(label.astype(np.int64) * segments + segment, minlength=model.k * segments)
    buys = sales > 0
    return PartyCount(label[buys], segment[buys].astype(np.uint16), sales[buys], flat.reshape(model.k, segments))
