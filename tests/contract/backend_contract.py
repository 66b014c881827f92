"""What every backend must do, whoever computes: inherit `BackendContract` and name the backend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tamscore.backend import kernels
from tamscore.backend.coded import CodedBlock
from tamscore.backend.host import HostBackend
from tamscore.schema import Partition, Piece
from tamscore.stages.grid import Grid, fit_grid
from tamscore.stages.scale import ColumnScale
from tamscore.stages.scaling import MODES
from tamscore.stages.space import RawRows, Space
from tests import oracle
from tests.conftest import make_backend
from tests.strategies import extreme, whole_blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.backend import Backend


def inherited(max_examples: int) -> settings:
    """Settings of a property that several classes inherit: the classes hold nothing, so sharing it is sound."""
    return settings(max_examples=max_examples, suppress_health_check=[HealthCheck.differing_executors])


class BackendContract:
    """Subclasses set `backend_name`; the laws are the same for all."""

    backend_name: str

    @pytest.fixture
    def backend(self) -> Backend:
        return make_backend(self.backend_name)

    # arrays

    @pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
    def test_get_returns_what_was_put(self, backend, dtype):
        host = np.arange(12).reshape(3, 4).astype(dtype)
        back = backend.get(backend.put(host))
        assert isinstance(back, np.ndarray)
        assert back.dtype == host.dtype
        assert np.array_equal(back, host)

    def test_put_takes_views_in_any_layout(self, backend):
        host = np.arange(24.0).reshape(4, 6)[::2, ::-3]
        assert np.array_equal(backend.get(backend.put(host)), host)

    def test_sync_returns_nothing(self, backend):
        assert backend.sync() is None

    def test_block_rows_is_a_usable_width(self, backend):
        assert backend.block_rows >= 1

    # preparing

    @pytest.mark.parametrize("scaling", MODES)
    @pytest.mark.parametrize("segments", [1, 3])
    def test_columns_become_the_whole_numbers_of_the_shared_text(self, backend, rng, scaling, segments):
        """Missing, negative, extreme values and both zeros; bounded or not, with a limit that some exceed."""
        values = np.concatenate(
            (np.exp(rng.normal(3, 2, 3000)) * rng.choice([-1, 1, 1], 3000), [0.0, -0.0, 1e30, -1e30])
        )
        values[rng.random(len(values)) < 0.1] = np.nan
        segment = rng.integers(0, segments, len(values))
        low, high = (-400.0, 900.0) if MODES[scaling].affine or MODES[scaling].bounded else (-np.inf, np.inf)
        one = ColumnScale("x", scaling, np.array([3.0, 50.5, -7.0])[:segments], low, high, 3.25, 0.37)
        if MODES[scaling].knots:
            one = replace(one, knots=np.array([-5.0, 1.0, 40.0]), scores=np.array([-2.0, 0.1, 2.0]))
        space = Space(
            (one, replace(one, low=0.0, missing_indicator=True)), (), 1.0, Grid(2.0**-12, np.full(3, 90_000.0))
        )
        for rows in (len(values), 1, 0):
            given = RawRows({"x": values[:rows]}, {}, segment[:rows])
            wanted = space.numbers(HostBackend(), given)
            there = RawRows({"x": backend.put(values[:rows])}, {}, backend.put(segment[:rows]))
            assert np.array_equal(backend.get(space.numbers(backend, there)), wanted)

    # read

    def test_read_turns_numbers_of_every_type_to_float64_and_nulls_to_nan(self, backend, tmp_path):
        table = pa.table(
            {
                "i": pa.array([1, None, 3], pa.int32()),
                "f": pa.array([0.5, None, float("nan")], pa.float32()),
                "d": pa.array([1.25, 2.5, None]).cast(pa.decimal128(9, 2)),
                "b": pa.array([True, None, False]),
                "n": pa.nulls(3, pa.float64()),
            }
        )
        columns = read(backend, tmp_path, table, ["b", "i", "f", "d", "n"])
        nan = float("nan")
        expected = [[1, nan, 0], [1, nan, 3], [0.5, nan, nan], [1.25, 2.5, nan], [nan, nan, nan]]
        for column, wanted in zip(columns, expected, strict=True):
            assert column.dtype == np.float64
            assert np.array_equal(column, wanted, equal_nan=True)

    def test_read_keeps_the_named_row_groups_in_order(self, backend, tmp_path):
        table = pa.table({"x": np.arange(10.0)})
        (column,) = read(backend, tmp_path, table, ["x"], row_groups=(1, 2), row_group_size=3)
        assert column.tolist() == [3, 4, 5, 6, 7, 8]

    def test_read_takes_the_rows_asked_for(self, backend, tmp_path):
        """Rows in the last of several batches, in none, and all of them."""
        values = np.where(np.arange(140_000) % 7 == 0, np.nan, np.arange(140_000.0))
        table = pa.table({"x": pa.array(values, from_pandas=True), "i": np.arange(140_000)})
        for rows in (
            np.array([0, 7, 65_535, 65_536, 70_000, 70_001, 139_999]),
            np.empty(0, np.int64),
            np.arange(140_000),
        ):
            x, i = read(backend, tmp_path, table, ["x", "i"], (0, 1), 70_000, rows)
            assert np.array_equal(x, values[rows], equal_nan=True)
            assert i.tolist() == rows.tolist()

    # scaler_stats

    def test_scaler_stats_are_count_mean_and_population_variance(self, backend, rng):
        x = rng.normal(3.0, [[1.0], [50.0], [1e-3]], (3, 500))
        moments = backend.scaler_stats(backend.put(x))
        assert moments.rows == 500
        assert isinstance(moments.mean, np.ndarray)
        np.testing.assert_allclose(moments.mean, x.mean(axis=1), rtol=1e-12)
        np.testing.assert_allclose(moments.variance, x.var(axis=1), rtol=1e-10)

    def test_scaler_stats_do_not_cancel_far_from_zero(self, backend, rng):
        x = 1e9 + rng.normal(0.0, 1.0, (1, 4000))
        np.testing.assert_allclose(backend.scaler_stats(backend.put(x)).variance, np.var(x - 1e9, axis=1), rtol=1e-6)

    def test_scaler_stats_of_one_row_have_no_variance(self, backend):
        moments = backend.scaler_stats(backend.put(np.array([[7.0], [-2.0]])))
        assert moments.mean.tolist() == [7.0, -2.0]
        assert moments.variance.tolist() == [0.0, 0.0]

    # segment_sum, segment_count

    @given(drawn=whole_blocks(), segments=st.sampled_from([1, 5, 64, 65, 200]))
    @inherited(max_examples=25)
    def test_segment_sums_and_counts_equal_integer_arithmetic(self, drawn, segments):
        backend, (_, block, _) = make_backend(self.backend_name), drawn
        label = np.arange(block.shape[1]) * 7 % segments
        sums = backend.get(backend.segment_sum(backend.put(block), backend.put(label), segments))
        assert sums.dtype == np.float64
        assert sums.tolist() == oracle.segment_sums(block.T.astype(int).tolist(), label.tolist(), segments)
        counts = backend.get(backend.segment_count(backend.put(label), segments))
        assert counts.dtype == np.int64
        assert counts.tolist() == [label.tolist().count(s) for s in range(segments)]

    @pytest.mark.parametrize("segments", [3, 100])
    def test_segment_sums_are_the_same_bytes_in_any_order_of_rows(self, backend, rng, segments):
        grid = fit_grid(rng.lognormal(0.0, 2.0, 33))
        block, label = extreme(rng, grid, 3000).astype(np.float32), rng.integers(0, segments, 3000)
        order = rng.permutation(3000)
        one = backend.get(backend.segment_sum(backend.put(block), backend.put(label), segments))
        two = backend.get(backend.segment_sum(backend.put(block[:, order]), backend.put(label[order]), segments))
        assert one.tobytes() == two.tobytes()

    # segment_order

    @given(
        pairs=st.lists(st.tuples(st.sampled_from([-1.5, 0.0, 2.0, 3.25, 1e12]), st.integers(0, 4)), max_size=40),
    )
    @inherited(max_examples=40)
    def test_segment_order_sorts_within_label(self, pairs):
        backend = make_backend(self.backend_name)
        value, label = [v for v, _ in pairs], [s for _, s in pairs]
        ordered, offsets = backend.segment_order(
            backend.put(np.array(value, np.float64)), backend.put(np.array(label, np.int64)), 6
        )
        wanted, wanted_offsets = oracle.sorted_within(value, label, 6)
        assert backend.get(ordered).tolist() == wanted
        assert isinstance(offsets, np.ndarray), "offsets live on the host"
        assert offsets.tolist() == wanted_offsets

    def test_segment_order_leaves_missing_values_where_their_label_is(self, backend):
        value = np.array([3.0, np.nan, 1.0, np.nan, 2.0])
        label = np.array([0, 1, 0, 1, 0])
        ordered, offsets = backend.segment_order(backend.put(value), backend.put(label), 2)
        assert backend.get(ordered)[:3].tolist() == [1.0, 2.0, 3.0]
        assert offsets.tolist() == [0, 3, 5]

    # nearest

    @given(drawn=whole_blocks())
    @inherited(max_examples=60)
    def test_nearest_equals_integer_arithmetic(self, drawn):
        """On whole numbers within a grid's limit labels and squared distances are exact, ties go to the lower label."""
        backend, (_, block, centers) = make_backend(self.backend_name), drawn
        near = backend.nearest(backend.put(block), backend.put(centers))
        label, best, second = oracle.nearest(block.T.astype(int).tolist(), centers.astype(int).tolist())
        assert backend.get(near.label).dtype == np.int64
        assert backend.get(near.label).tolist() == label
        assert backend.get(near.sq_distance).tolist() == best
        assert backend.get(near.second_sq_distance).tolist() == second

    @given(drawn=whole_blocks())
    @inherited(max_examples=60)
    def test_label_is_that_of_nearest(self, drawn):
        backend, (_, block, centers) = make_backend(self.backend_name), drawn
        assert label_bytes(backend, block, centers) == nearest_bytes(backend, block, centers)[0]

    @pytest.mark.parametrize("d", [1, 29, 300])
    def test_label_decides_by_exact_arithmetic_where_rounding_could_decide(self, backend, rng, d):
        """Centers a unit or two apart, at the far end of the grid, where scores in float32 are all rounding."""
        grid = fit_grid(rng.lognormal(0.0, 2.0, d))
        block = extreme(rng, grid, 700).astype(np.float32)
        centers = block[:, :1].T.astype(np.float64) + rng.integers(-2, 3, (13, d))
        assert label_bytes(backend, block, centers) == nearest_bytes(backend, block, centers)[0]

    @pytest.mark.parametrize("d", [1, 29, 300])
    def test_nearest_is_the_same_bytes_for_any_block_width_order_and_text(self, backend, rng, d):
        """Cutting, shuffling, or computing by the shared text of `kernels` on NumPy changes no byte."""
        grid = fit_grid(rng.lognormal(0.0, 2.0, d))
        block, centers = extreme(rng, grid, 700).astype(np.float32), extreme(rng, grid, 13).T.copy()
        whole = nearest_bytes(backend, block, centers)
        order = rng.permutation(700)
        shuffled = nearest_bytes(backend, block[:, order], centers, np.argsort(order))
        cut = [nearest_arrays(backend, block[:, i : i + 37], centers) for i in range(0, 700, 37)]
        text = kernels.nearest(np, block, centers)
        assert shuffled == whole
        assert tuple(np.concatenate(part).tobytes() for part in zip(*cut, strict=True)) == whole
        assert tuple(a.tobytes() for a in (text.label, text.sq_distance, text.second_sq_distance)) == whole

    @pytest.mark.parametrize("k", [1, 8, 9, 12, 16, 17, 32, 40, 64, 65, 130])
    @pytest.mark.parametrize("d", [3, 32, 33, 70])
    def test_every_way_to_many_or_few_centers_gives_the_same(self, backend, rng, d, k):
        """Narrow and wide kernels, one chunk of features and several, products for many centers: one answer."""
        grid = fit_grid(rng.lognormal(0.0, 1.0, d))
        block, centers = extreme(rng, grid, 300).astype(np.float32), extreme(rng, grid, k).T.copy()
        text = kernels.nearest(np, block, centers)
        label, best, second = nearest_arrays(backend, block, centers)
        assert np.array_equal(label, text.label)
        assert np.array_equal(best, text.sq_distance)
        assert np.array_equal(second, text.second_sq_distance)
        assert label_bytes(backend, block, centers) == label.tobytes()
        assert_sides(backend, sides(backend, block, centers), block, centers)

    def test_sides_are_the_same_with_and_without_the_pass_before(self, backend, rng):
        grid = fit_grid(rng.lognormal(0.0, 1.0, 5))
        block = extreme(rng, grid, 500).astype(np.float32)
        first, second = extreme(rng, grid, 6).T.copy(), extreme(rng, grid, 6).T.copy()
        near = first + rng.integers(-40_000, 40_000, first.shape)
        before = sides(backend, block, first)
        for centers in (first, near, second, second[:4]):
            assert_sides(backend, sides(backend, block, centers, before), block, centers)

    @pytest.mark.parametrize("k", [1, 2, 40, 140])
    def test_sides_stay_exact_over_passes_that_each_start_from_the_last(self, backend, rng, k):
        """Moves of every length, none at all, rows halfway between two centers, and a start from another pass."""
        grid = fit_grid(rng.lognormal(0.0, 1.0, 4))
        block, centers = extreme(rng, grid, 400).astype(np.float32), extreme(rng, grid, k).T.copy()
        block[:, :100] = np.rint((centers[rng.integers(0, k, 100)] + centers[rng.integers(0, k, 100)]).T / 2)
        last = None
        for step in (0, 1, 3, 100_000, 0, 2_000, 1, 1):
            moving = rng.random((k, 1)) < 0.5
            centers = centers + moving * rng.integers(-step, step + 1, centers.shape)
            last = sides(backend, block, centers, last)
            assert_sides(backend, last, block, centers)

    def test_sides_of_a_part_of_a_block(self, backend, rng):
        """Columns cut from a block lie apart in memory, and begin anywhere."""
        block = rng.integers(-1000, 1000, (6, 900)).astype(np.float32)
        centers = rng.integers(-1000, 1000, (11, 6)).astype(np.float64)
        part = backend.put(block)[:, 101:640]
        found = backend.sides(part, kernels.sq_norms(backend.xp, part), backend.put(centers))
        assert_sides(backend, found, block[:, 101:640], centers)

    @pytest.mark.parametrize("k", [1, 13, 70])
    @pytest.mark.parametrize("numbers", [0, 1, 29])
    def test_a_block_with_codes_gives_what_its_indicators_give(self, backend, rng, numbers, k):
        """Labels, distances, sums and counts, of all rows, of a part of them, and after the pass before."""
        block, whole = coded_block(rng, numbers, 400)
        start, centers = (whole[:, rng.integers(0, 400, k)].T.astype(np.float64) for _ in range(2))
        here = put_block(backend, block)
        assert np.array_equal(backend.get(here.dense(backend.xp)), whole)
        near = backend.nearest(here, backend.put(centers))
        found = tuple(backend.get(one) for one in (near.label, near.sq_distance, near.second_sq_distance))
        assert all(map(np.array_equal, found, nearest_arrays(backend, whole, centers)))
        before = backend.sides(here, kernels.sq_norms(backend.xp, here), backend.put(start))
        for earlier in (None, before):
            made = backend.sides(here, kernels.sq_norms(backend.xp, here), backend.put(centers), earlier)
            assert_sides(backend, made, whole, centers)
        part = here.part(slice(101, 350))
        made = backend.sides(part, kernels.sq_norms(backend.xp, part), backend.put(centers))
        assert_sides(backend, made, whole[:, 101:350], centers)
        some = here.taken(backend.xp, backend.put(np.array([399, 0, 7])))
        assert np.array_equal(backend.get(some.dense(backend.xp)), whole[:, [399, 0, 7]])

    def test_labels_of_codes_are_decided_by_exact_arithmetic_where_rounding_could_decide(self, backend, rng):
        block, whole = coded_block(rng, 9, 700)
        centers = whole[:, :1].T.astype(np.float64) + rng.integers(-2, 3, (13, len(whole)))
        here = put_block(backend, block)
        label = backend.get(backend.label(here, kernels.sq_norms(backend.xp, here), backend.put(centers)))
        assert label.astype(np.int64).tobytes() == nearest_bytes(backend, whole, centers)[0]

    def test_memory_is_some_bytes(self, backend):
        assert backend.memory() > 2**20

    def test_nearest_takes_the_lower_label_where_centers_are_alike(self, backend):
        centers = np.array([[5.0, 5.0], [1.0, 1.0], [1.0, 1.0], [-3.0, 1.0]])
        near = backend.nearest(backend.put(np.array([[1.0, -1.0], [1.0, 1.0]], np.float32)), backend.put(centers))
        assert backend.get(near.label).tolist() == [1, 1]
        assert backend.get(near.second_sq_distance).tolist() == [0.0, 4.0]

    def test_nearest_of_one_center_has_no_second(self, backend):
        near = backend.nearest(backend.put(np.array([[3.0, 4.0]], np.float32)), backend.put(np.array([[3.0]])))
        assert backend.get(near.label).tolist() == [0, 0]
        assert backend.get(near.sq_distance).tolist() == [0.0, 1.0]
        assert backend.get(near.second_sq_distance).tolist() == [np.inf, np.inf]

    # blocks without rows

    def test_a_block_without_rows_is_no_special_case(self, backend):
        block, label = backend.put(np.empty((2, 0), np.float32)), backend.put(np.empty(0, np.int64))
        assert backend.get(backend.segment_sum(block, label, 3)).tolist() == [[0, 0]] * 3
        assert backend.get(backend.segment_count(label, 3)).tolist() == [0, 0, 0]
        assert backend.get(backend.nearest(block, backend.put(np.zeros((3, 2)))).label).tolist() == []
        ordered, offsets = backend.segment_order(backend.put(np.empty(0)), label, 2)
        assert backend.get(ordered).tolist() == []
        assert offsets.tolist() == [0, 0, 0]


def read(
    backend: Backend,
    folder: Path,
    table: pa.Table,
    columns: list[str],
    row_groups: tuple[int, ...] = (0,),
    row_group_size: int = 100,
    rows: Any | None = None,
) -> list[Any]:
    """What the backend reads of a table written to a file."""
    path = folder / "part.parquet"
    pq.write_table(table, path, row_group_size=row_group_size)
    there = sum(pq.read_metadata(path).row_group(group).num_rows for group in row_groups)
    partition = Partition(0, (Piece(str(path), row_groups, there),))
    found = [[backend.get(column) for column in arrays] for arrays in backend.read(partition, columns, rows)]
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def nearest_arrays(backend: Backend, block: Any, centers: Any) -> tuple[Any, Any, Any]:
    near = backend.nearest(backend.put(block), backend.put(centers))
    return backend.get(near.label), backend.get(near.sq_distance), backend.get(near.second_sq_distance)


def coded_block(rng: np.random.Generator, numbers: int, rows: int) -> tuple[CodedBlock, Any]:
    """A block on the host with three categories at the far end of a grid, and the same with indicators."""
    sizes = (2, 27, 5)
    grid = fit_grid(np.concatenate((rng.lognormal(0.0, 2.0, numbers), np.full(sum(sizes), 1.5))))
    drawn = extreme(rng, grid, rows).astype(np.float32)[:numbers]
    codes = tuple(rng.integers(0, size, rows) for size in sizes)
    block = CodedBlock(drawn, codes, sizes, float(grid.limit[-1]))
    levels = [block.on * (code == at) for code, size in zip(codes, sizes, strict=True) for at in range(size)]
    return block, np.concatenate((drawn, levels)).astype(np.float32)


def put_block(backend: Backend, block: CodedBlock) -> CodedBlock:
    return replace(block, numbers=backend.put(block.numbers), codes=tuple(map(backend.put, block.codes)))


def label_bytes(backend: Backend, block: Any, centers: Any) -> bytes:
    rows = backend.put(block)
    found = backend.get(backend.label(rows, kernels.sq_norms(backend.xp, rows), backend.put(centers)))
    assert found.dtype.kind in "iu"
    return bytes(found.astype(np.int64).tobytes())


def sides(backend: Backend, block: Any, centers: Any, before: Any = None) -> Any:
    rows = backend.put(block)
    return backend.sides(rows, kernels.sq_norms(backend.xp, rows), backend.put(centers), before)


def assert_sides(backend: Backend, found: Any, block: Any, centers: Any) -> None:
    """Labels are those of the shared text, sums and counts those of Python's integers."""
    label = kernels.nearest(np, block, centers).label
    assert np.array_equal(backend.get(found.label), label)
    sums = np.zeros(centers.shape, np.int64)
    np.add.at(sums, label, block.T.astype(np.int64))
    assert backend.get(found.sums).tolist() == sums.tolist()
    assert backend.get(found.counts).tolist() == np.bincount(label, minlength=len(centers)).tolist()


def nearest_bytes(backend: Backend, block: Any, centers: Any, order: Any = slice(None)) -> tuple[bytes, ...]:
    return tuple(array[order].tobytes() for array in nearest_arrays(backend, block, centers))
