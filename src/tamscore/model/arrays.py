"""The arrays of a model: declared once, written from it, read by it and held against it."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.model.levels import level_arrays

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tamscore.model.record import PartyRecord


@dataclass(frozen=True)
class _ArrayField:
    """An array of a party type: its name, where it lies in a `PartyRecord`, its dimensions by name, what it may hold.

    Dimensions are `clusters`, `features`, `segments`, `steps`, those with one more at the end, or `any`.
    """

    name: str
    path: str
    dims: tuple[str, ...]
    kind: type[np.generic] = np.float64
    least: float = -np.inf
    gaps: bool = False


_FIELDS = (
    _ArrayField("centers", "fit.centers", ("clusters", "features")),
    _ArrayField("counts", "fit.counts", ("clusters",), np.int64, least=0),
    _ArrayField("limit", "space.fitted_grid.limit", ("features",), least=0),
    _ArrayField("spread", "spread", ("features",), np.float32, least=0),
    _ArrayField("reach", "reach", ("clusters",), least=0),
    _ArrayField("accounts", "accounts", ("clusters", "segments"), np.int64, least=0),
    _ArrayField("cut_values", "table.values", ("clusters", "steps"), gaps=True),
    _ArrayField("support", "table.support", ("clusters",), np.int64, least=0),
    _ArrayField("bounds_low", "table.bounds.low", ("clusters", "steps"), gaps=True),
    _ArrayField("bounds_high", "table.bounds.high", ("clusters", "steps"), gaps=True),
    _ArrayField("bounds_supported", "table.bounds.supported", ("clusters", "steps"), np.uint8),
    _ArrayField("customer_sales", "sales.sales", ("any",), least=0),
    _ArrayField("offsets", "sales.offsets", ("clusters + 1",), np.int64, least=0),
    _ArrayField("segment_sales", "by_segment.sales", ("any",), least=0),
    _ArrayField("segment_offsets", "by_segment.offsets", ("segments + 1",), np.int64, least=0),
)
"""The arrays that every party type has; `customer_sales` lie sorted within clusters that begin at `offsets`."""


LOOK_ALIKE = ("offsets", "slopes", "hinges", "bends", "means", "spreads")
"""The arrays of a look-alike, where there is one."""


def arrays_of(party: PartyRecord) -> dict[str, Any]:
    """Return the arrays of a party type by name, those of its columns last."""
    record = {field.name: _array_at(party, field) for field in _FIELDS} | dict(_column_arrays(party))
    if party.look_alike:
        record |= {f"look_alike.{name}": getattr(party.look_alike, name) for name in LOOK_ALIKE}
    record |= dict(level_arrays(party))
    return {f"{party.name}.{name}": array for name, array in record.items()}


def _array_at(party: PartyRecord, field: _ArrayField) -> Any:
    """Return an array of a party type as its file holds it: truths as numbers."""
    array = attrgetter(field.path)(party)
    return array.astype(field.kind) if array.dtype == bool else array


def _column_arrays(party: PartyRecord) -> Iterator[tuple[str, Any]]:
    """Yield the arrays of single columns: what fills gaps, knots of a scaling, bins and edges of what was seen."""
    scales = party.space.scales
    if scales:
        yield "fill", np.stack([scale.fill for scale in scales], dtype=np.float64)
    for scale in scales:
        if scale.knots is not None:
            yield f"knots.{scale.name}", scale.knots
            yield f"scores.{scale.name}", scale.scores
    numeric = {scale.name for scale in scales}
    for histogram in party.histograms:
        yield f"bins.{histogram.column}", histogram.counts
        if histogram.column in numeric:
            yield f"edges.{histogram.column}", histogram.edges


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

    def declared_arrays(self, sizes: Mapping[str, int]) -> dict[str, Any]:
        """Return every array of `_FIELDS` by name, given the size of each dimension; raise ValueError as for one."""
        return {field.name: self(field.name, _shape(field, sizes), field.kind, least=field.least, gaps=field.gaps)
                for field in _FIELDS}  # fmt: skip


def _shape(field: _ArrayField, sizes: Mapping[str, int]) -> tuple[int | None, ...]:
    """Return the shape of an array, None for any length."""
    return tuple(None if dim == "any" else sizes[dim.removesuffix(" + 1")] + dim.endswith(" + 1") for dim in field.dims)
