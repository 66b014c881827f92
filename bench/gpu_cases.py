"""What the device does, part by part, each with its floor: the time that reading every value once would take."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend import kernels
from tamscore.schema import Partition, Piece
from tamscore.stages.blocks import BlockRows, DrawnBlock, spans_of
from tamscore.stages.grid import fit_grid
from tamscore.stages.kmeans import mini_batch
from tamscore.stages.scale import ColumnScale
from tamscore.stages.space import RawRows, Space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tamscore.backend import Backend

Result = dict[str, Any]
FEATURES = 32
COLUMNS = 29
"""Numeric columns of a market, as they are read."""
HELD = 200_000
"""So many rows of a pass are held against the host."""


@dataclass(frozen=True)
class Bench:
    """A backend, the rows and features of its block, and how often each case is repeated."""

    backend: Backend
    block: Any
    repeats: int

    @property
    def shape(self) -> tuple[int, int]:
        """Features and rows."""
        return int(self.block.shape[0]), int(self.block.shape[1])

    @property
    def floor_bytes(self) -> int:
        """The bytes of the block, which every pass has to read once."""
        d, rows = self.shape
        return 4 * d * rows

    def seconds(self, work: Callable[[], Any]) -> float:
        """The median time of one call, after two that warm up; calls of a round are not waited for one by one."""
        rounds = []
        for _ in range(2):
            work()
        self.backend.sync()
        for _ in range(5):
            started = time.perf_counter()
            for _ in range(self.repeats):
                work()
            self.backend.sync()
            rounds.append((time.perf_counter() - started) / self.repeats)
        return float(np.median(rounds))


def rows_near(centers: Any, rows: int, seed: int = 0) -> Any:
    """A host block (d, rows) of whole numbers around centers (k, d)."""
    draw = np.random.default_rng(seed)
    block = draw.standard_normal((centers.shape[1], rows), dtype=np.float32)
    block *= 2e5
    block += centers.astype(np.float32)[draw.integers(0, len(centers), rows)].T
    return np.rint(block, out=block)


def some_centers(k: int, seed: int = 1) -> Any:
    """Centers (k, d) of whole numbers."""
    return np.rint(np.random.default_rng(seed).normal(0.0, 3e5, (k, FEATURES)))


def copy_bandwidth(bench: Bench) -> Result:
    """Bytes read and written a second by a copy of the block on the device."""
    xp = bench.backend.xp
    seconds = bench.seconds(lambda: xp.asarray(bench.block, copy=True))
    return {"case": "copy", "seconds": seconds, "bytes_per_second": 2 * bench.floor_bytes / seconds}


def near_ties(centers: Any, rows: int, seed: int = 5) -> Any:
    """A host block (d, rows) of whole numbers midway between two centers, a unit or two off: rounding would decide."""
    draw = np.random.default_rng(seed)
    one, other = draw.integers(0, len(centers), (2, rows))
    middle = (centers[one] + centers[other]) / 2.0 + draw.integers(-2, 3, (rows, centers.shape[1]))
    return np.ascontiguousarray(np.rint(middle).T.astype(np.float32))


def weighted(backend: Backend, values: Any) -> int:
    """A checksum of whole numbers (k, ...) in which each cluster has a weight of its own, so that no two may swap."""
    host = backend.get(values).astype(np.int64)
    weights = np.arange(1, len(host) + 1).reshape(-1, *[1] * (host.ndim - 1))
    return int((host * weights).sum())


def passes(bench: Bench, ks: tuple[int, ...]) -> Iterator[Result]:
    """Labels, sides (one fused Lloyd pass) and distances of rows around k centers, for several k, and of near-ties."""
    for k in ks:
        yield from passes_of(bench, k, rows_near(some_centers(k), bench.shape[1]), "")
    yield from passes_of(bench, ks[1], near_ties(some_centers(ks[1]), bench.shape[1]), ", near-ties")


def passes_of(bench: Bench, k: int, rows: Any, kind: str) -> Iterator[Result]:
    """The passes over a host block (d, m) around k centers, and whether the first rows have the host's answers."""
    from bench.gpu_smoke import differing

    backend, centers = bench.backend, bench.backend.put(some_centers(k))
    few = np.ascontiguousarray(rows[:, : HELD // max(1, k // 64)])
    agrees = {"agrees": not differing(backend, few, some_centers(k)), "held_rows": few.shape[1]}
    agrees |= {"floor_bytes": bench.floor_bytes}
    block = backend.put(rows)
    norms = kernels.sq_norms(backend.xp, block)
    label, sides = partial(backend.label, block, norms, centers), partial(backend.sides, block, norms, centers)
    nearest = partial(backend.nearest, block, centers)
    checksum = weighted(backend, backend.segment_count(label(), k))
    yield {"case": f"assign{kind}", "k": k, "seconds": bench.seconds(label), "checksum": checksum} | agrees
    checksum = weighted(backend, sides().sums)
    yield {"case": f"lloyd pass{kind}", "k": k, "seconds": bench.seconds(sides), "checksum": checksum} | agrees
    inertia = float(backend.get(nearest().sq_distance).sum())
    yield {"case": f"distances{kind}", "k": k, "seconds": bench.seconds(nearest), "inertia": inertia} | agrees


def mini_batch_epoch(bench: Bench, k: int) -> Result:
    """Mini-batch steps over all rows once."""
    rows = bench.shape[1]
    numbers = np.arange(rows, dtype=np.uint64)
    held = BlockRows(bench.backend, [DrawnBlock(bench.block, numbers)])
    spans = spans_of(rows, max(1, rows // 64), rows)
    started = time.perf_counter()
    centers, steps = mini_batch(held, some_centers(k), np.zeros(k), spans, patience=len(spans))
    bench.backend.sync()
    return {
        "case": "mini-batch epoch",
        "k": k,
        "steps": steps,
        "seconds": time.perf_counter() - started,
        "checksum": float(np.sum(centers)),
    }


def prepare(bench: Bench) -> Result:
    """From columns as read to blocks: filled, clipped, bent, scaled, rounded, for as many rows as the block has."""
    backend, rows = bench.backend, min(bench.shape[1], bench.backend.block_rows)
    blocks = -(-bench.shape[1] // rows)
    draw = np.random.default_rng(2)
    columns = {f"c{j}": backend.put(draw.lognormal(3.0, 1.0, rows)) for j in range(COLUMNS)}
    scales = tuple(ColumnScale(name, "log_standard", np.array([20.0]), 0.1, 5e3, 3.0, 1.0) for name in columns)
    space = Space(scales, (), 1.0, fit_grid(np.full(COLUMNS, 6.0)))
    raw = RawRows(columns, {}, backend.put(np.zeros(rows, np.int64)))
    checksum = float(backend.get(space.block(backend, raw)).astype(np.float64).sum())
    return {
        "case": "prepare",
        "rows": blocks * rows,
        "columns": COLUMNS,
        "seconds": blocks * bench.seconds(lambda: space.block(backend, raw)),
        "checksum": checksum,
    }


def percentile_table(bench: Bench, k: int) -> Result:
    """Sales of customers sorted within clusters: what every cut line comes from."""
    backend, rows = bench.backend, bench.shape[1]
    draw = np.random.default_rng(3)
    sales, label = backend.put(draw.lognormal(0.0, 1.5, rows)), backend.put(draw.integers(0, k, rows))
    ordered, offsets = backend.segment_order(sales, label, k)
    at = [int(stop - (stop - start) * 0.15) for start, stop in pairwise(offsets)]
    checksum = float(sum(float(ordered[place]) for place in at))
    return {
        "case": "percentile table",
        "k": k,
        "seconds": bench.seconds(lambda: backend.segment_order(sales, label, k)),
        "checksum": checksum,
    }


def decode(backend: Backend, folder: Path, reader: str, repeats: int = 5) -> Result:
    """Numeric columns of one file of a market, from a warm page cache to the device, read to the end."""
    import pyarrow.parquet as pq

    file = min((folder / "market").glob("*.parquet"))
    footer = pq.read_metadata(file)
    names = [column.name for column in footer.schema.to_arrow_schema() if str(column.type) in ("double", "int64")]
    part = Partition(0, (Piece(str(file), tuple(range(footer.num_row_groups)), footer.num_rows),))
    checksum, spent = 0.0, []
    for _ in range(repeats):
        started = time.perf_counter()
        read = list(backend.read(part, names))
        backend.sync()
        spent.append(time.perf_counter() - started)
        checksum = float(sum(np.nansum(backend.get(column)) for columns in read for column in columns))
    seconds = float(np.median(spent))
    size = {"rows": part.rows, "columns": len(names), "rows_per_second": part.rows / seconds}
    return {"case": "parquet decode", "reader": reader, "seconds": seconds, "checksum": checksum, **size}


def streamed(bench: Bench, millions: tuple[float, ...]) -> Iterator[Result]:
    """Lloyd passes over rows that never stay."""
    backend, centers = bench.backend, bench.backend.put(some_centers(11))
    host = rows_near(some_centers(11), bench.shape[1], seed=4)
    for million in millions:
        wanted, done, checksum, started = int(million * 1e6), 0, 0, time.perf_counter()
        while done < wanted:
            block = backend.put(np.ascontiguousarray(host[:, : min(host.shape[1], wanted - done)]))
            sides = backend.sides(block, kernels.sq_norms(backend.xp, block), centers)
            checksum += int(backend.get(sides.sums).sum())
            done += block.shape[1]
        seconds = time.perf_counter() - started
        yield {
            "case": "streamed",
            "rows": wanted,
            "seconds": seconds,
            "rows_per_second": wanted / seconds,
            "checksum": checksum,
            **memory_left(backend),
        }


def memory_left(backend: Backend) -> Result:
    """The memory of the device that nobody holds, where there is a device."""
    if backend.name != "cuda":
        return {}
    import cupy

    return {"free_bytes": int(cupy.cuda.runtime.memGetInfo()[0])}
