"""Blocks summed up: exact sums, the same bytes for every cut, order and backend, and every row counted once."""

from __future__ import annotations

import pickle
from copy import copy
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from dask.sizeof import sizeof
from hypothesis import given
from hypothesis import strategies as st

from tamscore.backend.coded import CodedBlock, rows_at
from tamscore.scoring.fit import sources
from tamscore.stages.blocks import BatchStats, BlockRows, DrawnBlock, Farthest, exact_sum, gather_blocks, spans_of
from tamscore.stages.grid import Grid, fit_grid
from tests import oracle
from tests.conftest import make_backend
from tests.rows import rows_of
from tests.strategies import cuts, extreme, whole_blocks

UNIT = Grid(1.0, np.full(2, 2.0**22))


def stat_bytes(stats):
    return stats.sums.tobytes(), stats.counts.astype(np.int64).tobytes(), stats.inertia


@pytest.mark.parametrize("name", ["host", "fake_gpu"])
@given(drawn=whole_blocks())
def test_statistics_equal_integer_arithmetic(name, drawn):
    backend = make_backend(name)
    _, block, centers = drawn
    stats = rows_of(block, backend).accumulate(centers)
    rows = block.T.astype(int).tolist()
    label, best, _ = oracle.nearest(rows, centers.astype(int).tolist())
    assert stats.sums.tolist() == oracle.segment_sums(rows, label, len(centers))
    assert stats.counts.tolist() == [label.count(j) for j in range(len(centers))]
    assert stats.inertia == sum(best)


@given(data=st.data(), drawn=whole_blocks())
def test_statistics_are_the_same_bytes_for_every_cut_and_order(data, drawn):
    _, block, centers = drawn
    whole = rows_of(block).accumulate(centers)
    parts = [rows_of(block[:, at]) for at in data.draw(cuts(block.shape[1])) if len(at)]
    merged = reduce(BatchStats.merge, (part.accumulate(centers) for part in parts))
    assert stat_bytes(merged) == stat_bytes(whole)


@pytest.mark.parametrize(("d", "k", "scale"), [(1, 3, 1.0), (40, 11, 1.0), (300, 70, 1e5), (2000, 5, 1e-6)])
def test_statistics_of_many_extreme_rows_are_the_same_bytes_everywhere(backend, rng, d, k, scale):
    """A third of all values at the limits: any order, any width, any backend."""
    grid = fit_grid(rng.lognormal(0.0, 3.0, d) * scale)
    m = 60_000 // d + 300
    block, centers = extreme(rng, grid, m), extreme(rng, grid, k).T.copy()
    whole = stat_bytes(rows_of(block).accumulate(centers))
    for width in (m, 257, 64):
        shuffled = block[:, rng.permutation(m)]
        assert stat_bytes(rows_of(shuffled, backend, width=width).accumulate(centers)) == whole


def test_sums_of_a_billion_rows_at_the_limit_would_still_be_exact():
    """Merging keeps every unit up to 2^30 rows of the largest value that a block can hold."""
    largest, center = 2.0**23, np.zeros((1, 1))
    part = BatchStats(center, np.full((1, 1), largest * (2**30 - 1)), np.array([2**30 - 1]), 2**51 * (2**30 - 1))
    one = BatchStats(center, np.full((1, 1), largest - 1), np.array([1]), 2**51 - 1)
    merged = part.merge(one)
    assert int(merged.sums[0, 0]) == 2**53 - 1
    assert merged.inertia == 2**81 - 1


@given(st.lists(st.integers(0, 2**52 - 1), max_size=60))
def test_the_sum_of_squared_distances_is_exact_beyond_what_float64_holds(values):
    assert exact_sum(np, np.array(values, np.float64)) == sum(values)


@given(
    st.lists(
        st.tuples(st.integers(-(2**24), 2**24), st.integers(-(2**53), 2**53), st.integers(0, 2**31)),
        min_size=1,
        max_size=12,
    )
)
def test_inertia_from_sums_is_exact_beyond_what_64_bits_hold(cells):
    """Against Python's whole numbers, which know no bound: one feature, a center to each cluster."""
    centers, sums, counts = (np.array(column, np.float64)[:, None] for column in zip(*cells, strict=True))
    found = BatchStats(centers, sums, counts[:, 0].astype(np.int64), 7)
    assert found.inertia == 7 + sum(n * c * c - 2 * c * s for c, s, n in cells)


def test_rows_taken_anew_share_no_memory_of_a_pass(backend):
    """Two loops take turns over the same blocks, and each finds what it would have found alone."""
    rng = np.random.default_rng(3)
    block = rng.integers(-50, 50, (3, 40))
    first, second = rng.integers(-50, 50, (2, 4, 3)).astype(np.float64)
    alone = [stat_bytes(rows_of(block, backend).accumulate(one)) for one in (first, second)]
    shared = rows_of(block, backend)
    loops = [shared.anew(), shared.anew()]
    for _ in range(2):
        assert [stat_bytes(rows.accumulate(one)) for rows, one in zip(loops, (first, second), strict=True)] == alone


def test_a_span_takes_the_rows_whose_numbers_lie_in_it(backend):
    numbers = np.array([1, 5, 5, 2**63, 2**64 - 1], np.uint64)
    rows = rows_of(np.array([[1, 2, 4, 8, 16]]), backend, numbers)

    def summed(span):
        return float(rows.accumulate(np.zeros((1, 1)), span).sums[0, 0])

    assert summed((0, 2**64)) == 31
    assert summed((1, 5)) == 1
    assert summed((5, 6)) == 6
    assert summed((6, 2**63)) == 0
    assert summed((2**63, 2**64 - 1)) == 8
    assert summed((2**64 - 1, 2**64)) == 16


@given(rows=st.integers(1, 10**6), batch_rows=st.integers(1, 10**4), below=st.integers(1, 2**64))
def test_spans_cut_the_numbers_without_gap_or_overlap(rows, batch_rows, below):
    spans = spans_of(rows, batch_rows, below)
    assert spans[0][0] == 0
    assert spans[-1][1] == below
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    assert len(spans) == -(-rows // batch_rows)


@given(data=st.data(), drawn=whole_blocks())
def test_the_farthest_row_is_the_same_for_every_cut(data, drawn):
    _, block, centers = drawn
    rows = block.T.astype(int).tolist()
    _, best, _ = oracle.nearest(rows, centers.astype(int).tolist())
    wanted = max((distance, tuple(map(float, row))) for distance, row in zip(best, rows, strict=True))
    parts = [rows_of(block[:, at]) for at in data.draw(cuts(block.shape[1])) if len(at)]
    found = reduce(Farthest.merge, (part.farthest(centers) for part in parts))
    assert found.sq_distance == wanted[0]
    if wanted[0] > 0:
        assert found.row == wanted[1]


def test_of_equally_far_rows_the_one_with_the_largest_values_counts():
    """In one block or in several, whichever comes first."""
    block = np.array([[5.0, -5.0, 0.0, 3.0], [0.0, 0.0, -5.0, 4.0]])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        for width in (1, 2, 4):
            found = rows_of(block[:, order], width=width).farthest(np.zeros((1, 2)))
            assert found == Farthest(25.0, (5.0, 0.0))


def test_the_farthest_row_is_the_same_on_every_backend(backend, rng):
    block, centers = extreme(rng, UNIT, 900), extreme(rng, UNIT, 4).T.copy()
    found = rows_of(block, backend, width=100).farthest(centers)
    assert found == rows_of(block).farthest(centers)


def test_sums_that_rows_have_left_and_joined_are_the_sums_made_anew(rng, backend):
    """Over passes with centers that wander, also when their number changes: every byte of the statistics."""
    block = rng.integers(-1000, 1000, (5, 400)).astype(np.float64)
    lasting = rows_of(block, backend, width=100)
    for k in (4, 4, 4, 7, 7, 3):
        centers = rng.integers(-900, 900, (k, 5)).astype(np.float64)
        assert stat_bytes(lasting.accumulate(centers)) == stat_bytes(rows_of(block, backend).accumulate(centers))


@pytest.mark.parametrize("rows", [1, 1000, 100_000])
def test_dask_learns_what_blocks_on_the_host_take(rows):
    """Within 5 % and an object or two of what is sent where they are moved; labels count once a pass has made them."""
    block = np.ones((6, rows), np.float32)
    remaining = rows_of(block, make_backend("host"))
    for _ in range(2):
        sent = len(pickle.dumps(remaining))
        assert sizeof(remaining) == pytest.approx(sent, rel=0.05, abs=2500)
        remaining.accumulate(np.zeros((2, 6)))


def test_blocks_on_a_gpu_take_no_host_memory_but_for_their_numbers():
    """Else Dask would write them to disk as soon as they exceed the host's memory."""
    rows = rows_of(np.ones((6, 1000), np.float32), make_backend("fake_gpu"))
    assert 8 * 1000 <= sizeof(rows) < 2 * 8 * 1000


@pytest.mark.parametrize("name", ["host", "fake_gpu"])
def test_short_blocks_of_neighbours_become_one_with_the_same_answers(name, rng):
    """Sums, batches by draw number, the farthest row, with numbers alone and with codes for categories."""
    backend, centers = make_backend(name), rng.integers(-50, 50, (3, 5)).astype(np.float64)
    numbers = rng.integers(0, 2**40, 90).astype(np.uint64)
    values = rng.integers(-50, 50, (3, 90)).astype(np.float32)
    code = rng.integers(0, 2, 90)
    coded = CodedBlock(values, (code,), (2,), 4.0)
    for whole in (coded, np.concatenate([values, rng.integers(-9, 9, (2, 90)).astype(np.float32)])):
        handles = [kept(backend, whole, numbers, at) for at in (slice(0, 30), slice(30, 50), slice(50, 90))]
        many, few = kept(backend, whole, numbers, slice(0, 90)), gather_blocks(limited(backend, 60), handles)
        assert [len(handle.drawn) for handle in few] == [1, 1]
        assert [handle.rows for handle in few] == [50, 40]
        for span in (None, (0, 2**39), (2**39, 2**64)):
            parts = [handle.accumulate(centers, span) for handle in few]
            assert stat_bytes(reduce(BatchStats.merge, parts)) == stat_bytes(many.accumulate(centers, span))
        assert reduce(Farthest.merge, (handle.farthest(centers) for handle in few)) == many.farthest(centers)


def test_only_rows_that_are_here_and_short_are_put_together(rng):
    """Rows kept elsewhere or read again for each pass stay as they are, and so do blocks that are long enough."""
    host, numbers = make_backend("host"), np.arange(40, dtype=np.uint64)
    block = rng.integers(-9, 9, (2, 40)).astype(np.float32)
    first, second, third = (kept(host, block, numbers, at) for at in (slice(0, 10), slice(10, 20), slice(20, 40)))
    elsewhere = object()
    few = gather_blocks(limited(host, 25), [first, elsewhere, second, third])
    assert few == [first, elsewhere, second, third]
    assert [handle.rows for handle in gather_blocks(limited(host, 25), [first, second, third])] == [20, 20]


def kept(backend, block, numbers, at):
    """Some rows of a host block, sorted by draw number as those of a partition are."""
    rows = np.arange(len(numbers))[at]
    rows = rows[np.argsort(numbers[rows], kind="stable")]
    part = rows_at(np, block, rows)
    if isinstance(part, CodedBlock):
        put = backend.put
        part = CodedBlock(put(part.numbers), tuple(map(put, part.codes)), part.sizes, part.on)
    else:
        part = backend.put(part)
    return BlockRows(backend, [DrawnBlock(part, numbers[rows])])


def limited(backend, rows):
    """The same backend that likes blocks of so many rows."""
    other = copy(backend)
    other.block_rows = rows
    return other


def test_rows_stay_as_they_are_where_a_device_has_no_memory_to_put_them_together(monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(sources, "gather_blocks", full)
    handles = [object(), object()]
    nothing: Any = None
    every = sources.EveryRow(nothing, make_backend("host"), (), nothing, 0, 0.0)
    assert every._gathered(handles) is handles
