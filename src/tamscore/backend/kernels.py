"""The operations of a backend with the array-API standard alone, as a fallback for every backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.backend import Moments, Nearest, Sides
from tamscore.backend.coded import CodedBlock, category_norm, numbers_of, products, rows_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Array, Backend
    from tamscore.backend.coded import Block


def scaler_stats(xp: Any, x: Array, to_host: Any) -> Moments:
    """Return count, mean and variance of the rows of x (d, m), in two passes (Chan, Golub & LeVeque 1983)."""
    rows = x.shape[1]
    mean = xp.mean(x, axis=1)
    deviation = x - mean[:, None]
    correction = xp.mean(deviation, axis=1)
    variance = xp.mean(deviation * deviation, axis=1) - correction * correction
    return Moments(rows, to_host(mean), to_host(variance))


def _one_hot(xp: Any, label: Array, segments: int) -> Array:
    """Return the indicator matrix (segments, m) float64 of the labels (m,)."""
    every = xp.arange(segments, dtype=label.dtype, device=label.device)
    return xp.astype(label[None, :] == every[:, None], xp.float64)


def segment_sum(xp: Any, rows: Array, label: Array, segments: int) -> Array:
    """Return the sum of the rows (d, m) of each label as (segments, d) float64."""
    return _one_hot(xp, label, segments) @ xp.astype(rows, xp.float64).T


def segment_count(xp: Any, label: Array, segments: int) -> Array:
    """Return the number of rows of each label (segments,) int64."""
    return xp.astype(xp.sum(_one_hot(xp, label, segments), axis=1), xp.int64)


def segment_order(xp: Any, value: Array, label: Array, segments: int) -> tuple[Array, Array]:
    """Return values sorted within label, and the offsets (segments + 1,) where each label begins."""
    order = xp.argsort(value, stable=True)
    order = xp.take(order, xp.argsort(xp.take(label, order), stable=True))
    counts = segment_count(xp, label, segments)
    start = xp.zeros(1, dtype=counts.dtype, device=counts.device)
    return xp.take(value, order), xp.concat((start, xp.cumulative_sum(counts)))


def sort_rows(backend: Backend, keys: Sequence[Any]) -> Any:
    """Return the host order (n,) of rows by the first of some host keys (n,), ties by the next: see `SortsRows`.

    The last key is sorted first, and each later sort keeps the order of equal rows. Zero is added to numbers, since a
    device that sorts by bits would put -0 before 0.
    """
    xp, order = backend.xp, None
    for key in reversed(keys):
        values = backend.put(key)
        values = values + 0.0 if key.dtype.kind == "f" else values
        step = xp.argsort(values if order is None else xp.take(values, order), stable=True)
        order = step if order is None else xp.take(order, step)
    return backend.get(order)


def sq_norms(xp: Any, x: Block) -> Array:
    """Return the squared norm (m,) float64 of every row of a block."""
    rows = xp.astype(numbers_of(x), xp.float64)
    return xp.sum(rows * rows, axis=0) + category_norm(x)


def nearest(xp: Any, x: Block, centers: Array) -> Nearest:
    """Return the nearest and second nearest center of every row of a block; the lower label wins a tie.

    In float64 on whole numbers, every product and sum here is exact. So the result depends neither on the order of the
    additions nor on the width of the block nor on the device.
    """
    norms = xp.sum(centers * centers, axis=1)
    score = norms[:, None] - 2.0 * products(xp, centers, x)
    best = score[0, :]
    second = xp.full_like(best, xp.inf)
    label = xp.zeros(best.shape, dtype=xp.int64, device=x.device)
    for j in range(1, centers.shape[0]):
        closer = score[j, :] < best
        second = xp.minimum(second, xp.maximum(best, score[j, :]))
        best = xp.minimum(best, score[j, :])
        label = xp.where(closer, xp.asarray(j, dtype=xp.int64, device=x.device), label)
    norm = sq_norms(xp, x)
    return Nearest(label, best + norm, second + norm)


def block_sum(backend: Backend, x: Block, label: Array, segments: int) -> Array:
    """Return the sum of a block's rows by label as (segments, d) float64; levels of categories are counted."""
    sums = backend.segment_sum(numbers_of(x), label, segments)
    if not isinstance(x, CodedBlock):
        return sums
    xp, items = backend.xp, [sums]
    for code, size in zip(x.codes, x.sizes, strict=True):
        counts = backend.segment_count(label * size + code, segments * size)
        items.append(xp.reshape(xp.astype(counts, xp.float64) * x.on, (segments, size)))
    return xp.concat(items, axis=1)


def sides(backend: Backend, x: Block, sq_norms: Array, centers: Array, before: Sides | None) -> Sides:
    """Return labels, sums and counts of rows; sum only rows again whose label differs from `before`."""
    label = backend.label(x, sq_norms, centers)
    if before is None or before.counts.shape[0] != centers.shape[0]:
        return sides_of(backend, x, label, centers.shape[0])
    return moved_sides(backend, x, label, backend.xp.nonzero(label != before.label)[0], before)


def sides_of(backend: Backend, x: Block, label: Array, k: int) -> Sides:
    """Return sums and counts of rows, given their labels (m,)."""
    return Sides(label, block_sum(backend, x, label, k), backend.segment_count(label, k))


def moved_sides(backend: Backend, x: Block, label: Array, moved: Array, before: Sides) -> Sides:
    """Return labels, sums and counts of rows whose labels (m,) differ from `before` only at the places `moved` (r,).

    Sums of whole numbers are exact, so a sum updated by the moved rows equals the sum over all rows.
    """
    if moved.shape[0] == 0:
        return Sides(label, before.sums, before.counts)
    xp, k = backend.xp, before.counts.shape[0]
    rows, to, since = rows_at(xp, x, moved), xp.take(label, moved), xp.take(before.label, moved)
    sums = before.sums + block_sum(backend, rows, to, k) - block_sum(backend, rows, since, k)
    counts = before.counts + backend.segment_count(to, k) - backend.segment_count(since, k)
    return Sides(label, sums, counts)
