"""What a model says of each party type, and whether its arrays bear that out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.grid import Grid
from tamscore.stages.potential import CustomerSales
from tamscore.stages.prepare import Vocabulary
from tamscore.stages.quadrant import Limits
from tamscore.stages.scale import ColumnScale
from tamscore.stages.space import Space

if TYPE_CHECKING:
    from tamscore.store.model_text import PartyTold


@dataclass(frozen=True)
class StoredParty:
    """One party type of a stored model; arrays have k clusters, d features, s segments, n customers, q steps."""

    name: str
    space: Space
    segments: Vocabulary | None
    clusters: tuple[tuple[str, str], ...]
    limits: Limits
    centers: Any
    counts: Any
    spread: Any
    accounts: Any
    cut_values: Any
    sales: CustomerSales
    by_segment: CustomerSales


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
        centers,
        take("counts", (k,), np.int64, least=0),
        take("spread", (d,), np.float32, least=0),
        take("accounts", (k, places), np.int64, least=0),
        take("cut_values", (k, None), gaps=True),
        stored_sales(take, "customer_sales", "offsets", k),
        stored_sales(take, "segment_sales", "segment_offsets", places),
    )


def stored_space(told: PartyTold, take: Arrays, places: int) -> Space:
    """The space of a party type."""
    scales = []
    fill = take("fill", (len(told.columns), places)) if told.columns else np.empty((0, places))
    for column, here in zip(told.columns, fill, strict=True):
        low, high = -np.inf if column.low is None else column.low, np.inf if column.high is None else column.high
        knots = scores = None
        if column.scaling == "quantile_normal":
            knots = take(f"knots.{column.name}", (None,))
            scores = take(f"scores.{column.name}", (len(knots),))
            if len(knots) < 2 or (np.diff(knots) <= 0).any() or (np.diff(scores) < 0).any():
                raise ValueError(f"{told.party_type}.knots.{column.name}: expected two or more increasing knots")
        if low > high:
            raise ValueError(f"{told.party_type}: column {column.name!r} is clipped to nothing")
        scales.append(
            ColumnScale(
                column.name,
                column.scaling,
                here,
                low,
                high,
                column.center,
                column.factor,
                knots,
                scores,
                column.missing_indicator,
            )
        )
    vocabularies = tuple(Vocabulary(one.column, one.levels) for one in told.vocabularies)
    space = Space(tuple(scales), vocabularies, told.level_weight)
    limit = take("limit", (len(space.features),), least=0)
    return Space(space.scales, vocabularies, told.level_weight, Grid(told.unit, limit))


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


@dataclass(frozen=True)
class Arrays:
    """The arrays of one party type, taken one after the other."""

    party: str
    arrays: dict[str, Any]

    def __call__(
        self,
        name: str,
        shape: tuple[int | None, ...],
        kind: type[np.generic] = np.float64,
        *,
        least: float = -np.inf,
        gaps: bool = False,
    ) -> Any:
        """The array of a name; ValueError unless it has the shape (None: any length), type and range expected.

        NaN is refused unless it may stand for gaps.
        """
        array = self.arrays.pop(f"{self.party}.{name}", None)
        if array is None:
            raise ValueError(f"{self.party}.{name}: missing")
        fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
        if not fits or array.dtype != kind:
            wanted = f"{kind.__name__} {tuple('any' if n is None else n for n in shape)}"
            raise ValueError(f"{self.party}.{name}: expected {wanted}, got {array.dtype} {array.shape}")
        if np.isinf(array).any() or (np.isnan(array).any() and not gaps) or (array < least).any():
            raise ValueError(
                f"{self.party}.{name}: expected finite numbers{f' ≥ {least:g}' if least > -np.inf else ''}"
            )
        return array
