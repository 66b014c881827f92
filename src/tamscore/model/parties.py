"""The record of each party type, read from `model.json` and its arrays, which must be consistent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.model.arrays import LOOK_ALIKE, Arrays
from tamscore.model.levels import level_of, with_account, with_typical
from tamscore.model.record import PartyRecord
from tamscore.stages import identity
from tamscore.stages.draw import LAST
from tamscore.stages.drift import Histogram
from tamscore.stages.grid import Grid
from tamscore.stages.interval import Bounds
from tamscore.stages.kmeans import Fit
from tamscore.stages.look_alike import FOLDS, LookAlike
from tamscore.stages.potential import CustomerSales, PotentialTable
from tamscore.stages.prepare import Vocabulary
from tamscore.stages.quadrant import QuadrantLimits
from tamscore.stages.scale import ColumnScale
from tamscore.stages.scaling import MODES
from tamscore.stages.space import Space

if TYPE_CHECKING:
    from tamscore.model.text import ColumnText, PartyText


def parties_of(text: tuple[PartyText, ...], arrays: dict[str, Any]) -> tuple[PartyRecord, ...]:
    """Return all party types; raise ValueError if one stands twice, or its arrays are missing, wrong or too many."""
    names = [party.party_type for party in text]
    if len(set(names)) < len(names):
        raise ValueError(f"party types that stand twice: {', '.join(names)}")
    left = dict(arrays)
    parties = tuple(_party_of(party, left) for party in text)
    if left:
        raise ValueError(f"arrays of no party type: {', '.join(map(repr, sorted(left)[:5]))}")
    return parties


def _party_of(text: PartyText, arrays: dict[str, Any]) -> PartyRecord:
    """Return a party type from its description and its arrays, which are taken out of `arrays`.

    Raise ValueError with the name of an array that is missing, has another shape or type, or an invalid value.
    """
    segments = Vocabulary(text.market_segments.column, text.market_segments.levels) if text.market_segments else None
    take = Arrays(text.party_type, arrays)
    sizes = {"clusters": len(text.clusters), "segments": len(segments.all_levels) if segments else 1}
    sizes |= {"features": len(text.features), "steps": len(text.ladder.lines) + 1}
    space = _space_of(text, take, sizes["segments"])
    record = take.declared_arrays(sizes)
    fit, cents = text.fit, text.ladder.cents
    of_sales = _sales_of(text, record, "customer_sales", "offsets")
    of_segments = _sales_of(text, record, "segment_sales", "segment_offsets")
    return PartyRecord(
        name=text.party_type,
        space=replace(space, grid=_grid_of(text, record)),
        segments=segments,
        clusters=tuple((cluster.id, cluster.name) for cluster in text.clusters),
        limits=QuadrantLimits(
            *(np.inf if limit is None else limit for limit in (text.limits.potential, text.limits.sales))
        ),
        named=_number_of_ids(text),
        fit=Fit(record["centers"], record["counts"], fit.inertia, fit.passes, fit.batches, fit.reseeded),
        rows=fit.rows,
        constant=fit.constant,
        spread=record["spread"],
        reach=record["reach"],
        histograms=_histograms_of(space, take),
        accounts=record["accounts"],
        table=with_account(_table_of(text, record), cents, take, sizes),
        sales=with_typical(of_sales, "customer_typical", take, there=cents is not None),
        by_segment=with_typical(of_segments, "segment_typical", take, there=cents is not None),
        level=level_of(text.level, take, sizes, len(space.scales)),
        look_alike=_look_alike_of(text, take),
    )


def _look_alike_of(text: PartyText, take: Arrays) -> LookAlike | None:
    """Return the look-alike of a party type; None without one."""
    if (look_alike_text := text.look_alike) is None:
        return None
    models, features, numeric = FOLDS + 1, len(text.features), len(text.columns)
    shapes = {"offsets": (models,), "slopes": (models, features), "hinges": (models, numeric), "bends": (numeric,)}
    shapes |= {"means": (features,), "spreads": (features,)}
    record = {name: take(f"look_alike.{name}", shapes[name]) for name in LOOK_ALIKE}
    if int(look_alike_text.last) > LAST:
        raise ValueError(f"{text.party_type}.look_alike.last: expected at most {LAST}, got {look_alike_text.last}")
    known = look_alike_text.model_dump() | {"last": int(look_alike_text.last), "excluded": look_alike_text.excluded}
    return LookAlike(**record, **known)


def _number_of_ids(text: PartyText) -> int:
    """Return how many ids were ever given; raise ValueError if an id stands twice, or has a number beyond that."""
    ids = [cluster.id for cluster in text.clusters]
    known = set(identity.cluster_ids(text.party_type, text.named))
    if len(set(ids)) < len(ids) or not known.issuperset(ids):
        raise ValueError(f"{text.party_type}: expected different ids out of the first {text.named}, got {ids!r}")
    return text.named


def _space_of(text: PartyText, take: Arrays, segments: int) -> Space:
    """Return the space of a party type, without its grid; raise ValueError if its features do not match its columns."""
    fill = take("fill", (len(text.columns), segments)) if text.columns else np.empty((0, segments))
    scales = tuple(_scale_of(column, here, take) for column, here in zip(text.columns, fill, strict=True))
    vocabularies = tuple(Vocabulary(vocabulary.column, vocabulary.levels) for vocabulary in text.vocabularies)
    space = Space(scales, vocabularies, text.level_weight)
    if (names := tuple(feature.name for feature in space.features)) != text.features:
        raise ValueError(f"{text.party_type}: features {text.features!r} do not follow from its columns {names!r}")
    return space


def _grid_of(text: PartyText, record: dict[str, Any]) -> Grid:
    """Return the grid; raise ValueError if the centers do not lie on it."""
    centers, limit = record["centers"], record["limit"]
    if (np.abs(centers) > limit).any() or (centers != np.rint(centers)).any():
        raise ValueError(f"{text.party_type}.centers: expected whole numbers within the limits of the grid")
    return Grid(text.unit, limit)


def _histograms_of(space: Space, take: Arrays) -> tuple[Histogram, ...]:
    """Return the distribution of the features in the fit: numeric columns, then categories."""
    histograms = []
    for scale in space.scales:
        edges = take(f"edges.{scale.name}", (None,))
        histograms.append(
            Histogram(scale.name, edges, take(f"bins.{scale.name}", (len(edges) + 2,), np.int64, least=0))
        )
    for vocabulary in space.vocabularies:
        bins = take(f"bins.{vocabulary.column}", (len(vocabulary.all_levels),), np.int64, least=0)
        histograms.append(Histogram(vocabulary.column, np.empty(0), bins))
    return tuple(histograms)


def _table_of(text: PartyText, record: dict[str, Any]) -> PotentialTable:
    """Return the ladders; raise ValueError if there is not one for each cluster."""
    ladder, k = text.ladder, len(text.clusters)
    bounds = Bounds(ladder.level, record["bounds_low"], record["bounds_high"], record["bounds_supported"].astype(bool))
    if not len(ladder.basis) == len(ladder.parent) == k:
        raise ValueError(f"{text.party_type}: expected a basis and a parent for each of {k} clusters")
    return PotentialTable(ladder.lines, record["cut_values"], record["support"], ladder.basis, ladder.parent, bounds)


def _scale_of(text: ColumnText, fill: Any, take: Arrays) -> ColumnScale:
    """Return the scaling of a numeric column, with the replacement of missing numbers in each segment (segments,)."""
    low, high = -np.inf if text.low is None else text.low, np.inf if text.high is None else text.high
    knots = scores = None
    if MODES[text.scaling].knots:
        knots = take(f"knots.{text.name}", (None,))
        scores = take(f"scores.{text.name}", (len(knots),))
        if len(knots) < 2 or (np.diff(knots) <= 0).any() or (np.diff(scores) < 0).any():
            raise ValueError(f"{take.party}.knots.{text.name}: expected two or more increasing knots")
    if low > high:
        raise ValueError(f"{take.party}: column {text.name!r} is clipped to nothing")
    return ColumnScale(
        text.name, text.scaling, fill, low, high, text.center, text.factor, knots, scores, text.missing_indicator
    )


def _sales_of(text: PartyText, record: dict[str, Any], name: str, offsets_name: str) -> CustomerSales:
    """Return customers' sales sorted within groups: clusters, or market segments."""
    sales, offsets = record[name], record[offsets_name]
    if offsets[0] != 0 or offsets[-1] != len(sales) or (np.diff(offsets) < 0).any():
        shown = f"{offsets.tolist()!r:.80}"
        raise ValueError(f"{text.party_type}.{offsets_name}: expected to rise from 0 to {len(sales)}, got {shown}")
    falls = np.flatnonzero(np.diff(sales) < 0) + 1
    if not np.isin(falls, offsets).all():
        raise ValueError(f"{text.party_type}.{name}: expected to be sorted within their groups")
    return CustomerSales(sales, offsets)
