"""What a model says of each party type, and whether its arrays bear that out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages import identity
from tamscore.stages.drift import Histogram
from tamscore.stages.grid import Grid
from tamscore.stages.interval import Bounds
from tamscore.stages.kmeans import Fit
from tamscore.stages.potential import CustomerSales, PotentialTable
from tamscore.stages.prepare import Vocabulary
from tamscore.stages.quadrant import Limits
from tamscore.stages.scale import ColumnScale
from tamscore.stages.space import Space
from tamscore.store.model_arrays import Arrays

if TYPE_CHECKING:
    from tamscore.store.model_text import ColumnTold, PartyTold


@dataclass(frozen=True)
class StoredParty:
    """One party type of a stored model; arrays have k clusters, d features, s segments, n customers, q steps.

    `named` is how many ids its clusters have ever been given. Of the time when it was fitted: `reach` (k,) the distance
    within which nearly all accounts of a cluster lay, `histograms` how its features spread, `rows` how many there were.
    """

    name: str
    space: Space
    segments: Vocabulary | None
    clusters: tuple[tuple[str, str], ...]
    limits: Limits
    named: int
    fit: Fit
    rows: int
    constant: tuple[str, ...]
    spread: Any
    reach: Any
    histograms: tuple[Histogram, ...]
    accounts: Any
    table: PotentialTable
    sales: CustomerSales
    by_segment: CustomerSales

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the clusters."""
        return tuple(name for name, _ in self.clusters)

    @property
    def names(self) -> tuple[str, ...]:
        """The readable names of the clusters."""
        return tuple(name for _, name in self.clusters)

    @property
    def centers(self) -> Any:
        """The centers (k, d) in whole numbers."""
        return self.fit.centers

    @property
    def counts(self) -> Any:
        """The fit rows of every cluster (k,)."""
        return self.fit.counts


def stored_parties(told: tuple[PartyTold, ...], arrays: dict[str, Any]) -> tuple[StoredParty, ...]:
    """All party types; ValueError where one is told twice, its arrays do not bear it out, or an array is left over."""
    names = [party.party_type for party in told]
    if len(set(names)) < len(names):
        raise ValueError(f"party types told twice: {', '.join(names)}")
    left = dict(arrays)
    parties = tuple(stored_party(party, left) for party in told)
    if left:
        raise ValueError(f"arrays of no party type: {', '.join(map(repr, sorted(left)[:5]))}")
    return parties


def stored_party(told: PartyTold, arrays: dict[str, Any]) -> StoredParty:
    """A party type put together from its description and its arrays, which are taken out of `arrays`.

    Raises ValueError that names the array which is missing, has another shape or type, or holds what it must not.
    """
    segments = Vocabulary(told.market_segments.column, told.market_segments.levels) if told.market_segments else None
    take = Arrays(told.party_type, arrays)
    places = len(segments.all_levels) if segments else 1
    space = stored_space(told, take, places)
    k, d = len(told.clusters), len(space.features)
    if (names := tuple(feature.name for feature in space.features)) != told.features:
        raise ValueError(f"{told.party_type}: features {told.features!r} do not follow from its columns {names!r}")
    centers = take("centers", (k, d))
    if (np.abs(centers) > space.fitted_grid.limit).any() or (centers != np.rint(centers)).any():
        raise ValueError(f"{told.party_type}.centers: expected whole numbers within the limits of the grid")
    return StoredParty(
        told.party_type,
        space,
        segments,
        tuple((cluster.id, cluster.name) for cluster in told.clusters),
        Limits(*(np.inf if limit is None else limit for limit in (told.limits.potential, told.limits.sales))),
        stored_number(told),
        stored_fit(told, take, centers),
        told.fit.rows,
        told.fit.constant,
        take("spread", (d,), np.float32, least=0),
        take("reach", (k,), least=0),
        stored_histograms(space, take),
        take("accounts", (k, places), np.int64, least=0),
        stored_table(told, take, k),
        stored_sales(take, "customer_sales", "offsets", k),
        stored_sales(take, "segment_sales", "segment_offsets", places),
    )


def stored_number(told: PartyTold) -> int:
    """How many ids were ever given; ValueError where an id stands twice, or has a number that was not given yet."""
    ids = [cluster.id for cluster in told.clusters]
    known = set(identity.cluster_ids(told.party_type, told.named))
    if len(set(ids)) < len(ids) or not known.issuperset(ids):
        raise ValueError(f"{told.party_type}: expected different ids out of the first {told.named}, got {ids!r}")
    return told.named


def stored_fit(told: PartyTold, take: Arrays, centers: Any) -> Fit:
    """The centers, and how they came about."""
    fit = told.fit
    counts = take("counts", (len(centers),), np.int64, least=0)
    return Fit(centers, counts, fit.inertia, fit.passes, fit.batches, fit.reseeded)


def stored_histograms(space: Space, take: Arrays) -> tuple[Histogram, ...]:
    """How the features spread when the model was fitted: numeric columns, then categories."""
    found = []
    for scale in space.scales:
        edges = take(f"edges.{scale.name}", (None,))
        found.append(Histogram(scale.name, edges, take(f"bins.{scale.name}", (len(edges) + 2,), np.int64, least=0)))
    for one in space.vocabularies:
        bins = take(f"bins.{one.column}", (len(one.all_levels),), np.int64, least=0)
        found.append(Histogram(one.column, np.empty(0), bins))
    return tuple(found)


def stored_table(told: PartyTold, take: Arrays, k: int) -> PotentialTable:
    """The ladders; ValueError where there is not one for each cluster."""
    ladder = told.ladder
    shape = (k, len(ladder.lines) + 1)
    values = take("cut_values", shape, gaps=True)
    low, high = take("bounds_low", shape, gaps=True), take("bounds_high", shape, gaps=True)
    bounds = Bounds(ladder.level, low, high, take("bounds_supported", shape, np.uint8).astype(bool))
    if not len(ladder.basis) == len(ladder.parent) == k:
        raise ValueError(f"{told.party_type}: expected a basis and a parent for each of {k} clusters")
    support = take("support", (k,), np.int64, least=0)
    return PotentialTable(ladder.lines, values, support, ladder.basis, ladder.parent, bounds)


def stored_space(told: PartyTold, take: Arrays, places: int) -> Space:
    """The space of a party type."""
    fill = take("fill", (len(told.columns), places)) if told.columns else np.empty((0, places))
    scales = tuple(stored_scale(column, here, take) for column, here in zip(told.columns, fill, strict=True))
    vocabularies = tuple(Vocabulary(one.column, one.levels) for one in told.vocabularies)
    space = Space(scales, vocabularies, told.level_weight)
    limit = take("limit", (len(space.features),), least=0)
    return replace(space, grid=Grid(told.unit, limit))


def stored_scale(told: ColumnTold, fill: Any, take: Arrays) -> ColumnScale:
    """The scaling of a numeric column, with what it puts in place of a missing number in each segment (segments,)."""
    low, high = -np.inf if told.low is None else told.low, np.inf if told.high is None else told.high
    knots = scores = None
    if told.scaling == "quantile_normal":
        knots = take(f"knots.{told.name}", (None,))
        scores = take(f"scores.{told.name}", (len(knots),))
        if len(knots) < 2 or (np.diff(knots) <= 0).any() or (np.diff(scores) < 0).any():
            raise ValueError(f"{take.party}.knots.{told.name}: expected two or more increasing knots")
    if low > high:
        raise ValueError(f"{take.party}: column {told.name!r} is clipped to nothing")
    return ColumnScale(
        told.name, told.scaling, fill, low, high, told.center, told.factor, knots, scores, told.missing_indicator
    )


def stored_sales(take: Arrays, name: str, offsets_name: str, groups: int) -> CustomerSales:
    """Customers' sales sorted within groups: clusters, or market segments."""
    offsets = take(offsets_name, (groups + 1,), np.int64, least=0)
    sales = take(name, (None,), least=0)
    if offsets[0] != 0 or offsets[-1] != len(sales) or (np.diff(offsets) < 0).any():
        found = f"{offsets.tolist()!r:.80}"
        raise ValueError(f"{take.party}.{offsets_name}: expected to rise from 0 to {len(sales)}, got {found}")
    falls = np.flatnonzero(np.diff(sales) < 0) + 1
    if not np.isin(falls, offsets).all():
        raise ValueError(f"{take.party}.{name}: expected to be sorted within their groups")
    return CustomerSales(sales, offsets)
