"""Mini-batch k-means on whole numbers: scikit-learn's steps, settled ends, nothing left to chance."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans

from tamscore.stages import kmeans
from tamscore.stages.blocks import BatchStats
from tamscore.stages.grid import Grid, fit_grid
from tamscore.stages.kmeans import Fit
from tests.rows import HOST, rows_of
from tests.strategies import extreme

UNIT = Grid(1.0, np.full(2, 2.0**22))


def blobs(rng, centers, each=80, spread=20):
    """Rows (d, m) of whole numbers around centers (k, d), shuffled, and which center each is of."""
    label = rng.permutation(np.repeat(np.arange(len(centers)), each))
    return np.rint(np.asarray(centers)[label] + rng.normal(0, spread, (len(label), len(centers[0])))).T, label


@pytest.fixture
def four(rng):
    return blobs(rng, [[0, 0], [1000, 0], [0, 1000], [1000, 1000]])


def same_grouping(a, b):
    """Whether two labelings are equal up to the names of labels."""
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


# mini-batch steps


@pytest.mark.parametrize("batches", [1, 6])
def test_a_step_is_sklearns_partial_fit(rng, batches):
    """Within the rounding of centers to whole numbers, which later batches may carry on."""
    centers = np.rint(rng.normal(0, 5e4, (5, 3)))
    theirs = MiniBatchKMeans(5, init=centers, n_init=1, reassignment_ratio=0, random_state=0)
    ours, weights = centers, np.zeros(5)
    for _ in range(batches):
        block = np.rint(rng.normal(0, 6e4, (3, 400)))
        theirs.partial_fit(block.T.copy())
        stats = rows_of(block).accumulate(ours)
        ours, weights = kmeans.batch_update(ours, weights, stats)
    assert np.array_equal(weights, theirs._counts)
    assert abs(ours - theirs.cluster_centers_).max() <= 0.5 * batches


def test_a_center_stands_at_the_mean_of_all_rows_it_has_seen():
    before = np.array([[4.0], [9.0], [1.0]])
    stats = BatchStats(before, np.array([[10.0], [0.0], [7.0]]), np.array([2, 0, 1]), 0)
    centers, weights = kmeans.batch_update(before, np.array([2.0, 5.0, 0.0]), stats)
    assert centers.tolist() == [[4.0], [9.0], [7.0]]  # 4.5 goes to the even one
    assert weights.tolist() == [4.0, 5.0, 1.0]


@pytest.mark.parametrize("patience", [1, 10])
def test_steps_end_after_so_many_without_a_new_low(four, patience):
    """The first batch lies on its center, so no later one can be better."""
    block, _ = four
    block[:, :32] = 0.0
    spans = [(i * 32, i * 32 + 32) for i in range(10)] * 4
    _, steps = kmeans.mini_batch(rows_of(block), np.zeros((1, 2)), np.zeros(1), spans, patience)
    assert steps == 1 + patience


def test_steps_go_on_while_inertia_falls():
    """Rows that lie ever closer to the center."""
    block = np.rint(np.array([[1000.0], [0.0]]) * (-1.0) ** np.arange(320) / np.sqrt(1 + np.arange(320)))
    spans = [(i * 32, i * 32 + 32) for i in range(10)]
    assert kmeans.mini_batch(rows_of(block), np.zeros((1, 2)), np.array([1e9]), spans, 1)[1] == 10


def test_empty_batches_are_passed_over():
    rows = rows_of(np.array([[0.0, 10.0], [0.0, 0.0]]))
    centers, _ = kmeans.mini_batch(rows, np.array([[5.0, 0.0]]), np.zeros(1), [(50, 60), (0, 1), (60, 70)])
    assert centers.tolist() == [[0.0, 0.0]]


# Lloyd passes


def test_lloyd_finds_what_sklearn_finds_from_the_same_start(rng):
    centers = rng.integers(-(10**5), 10**5, (6, 4)).astype(float)
    block, _ = blobs(rng, centers, each=150, spread=3e4)
    start = block[:, :6].T.copy()
    theirs = KMeans(6, init=start, n_init=1, tol=0.0, max_iter=500, algorithm="lloyd").fit(block.T.copy())
    fit = kmeans.lloyd(rows_of(block), start, 500, tolerance=0.0)
    near = HOST.nearest(block.astype(np.float32), fit.centers)
    assert (near.label != theirs.labels_).mean() < 0.005, "whole centers may tip a row on the border"
    assert float(near.sq_distance.sum()) == pytest.approx(theirs.inertia_, rel=1e-5)
    assert abs(fit.centers - theirs.cluster_centers_).max() < 0.01 * 3e4


def test_a_settled_fit_describes_its_own_centers(four):
    block, _ = four
    rows = rows_of(block)
    fit = kmeans.lloyd(rows, block[:, :4].T.copy(), 100)
    stats = rows.accumulate(fit.centers)
    assert fit.counts.tolist() == stats.counts.tolist()
    assert fit.inertia == stats.inertia


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_a_fit_cut_short_describes_its_own_centers_too(rng, passes):
    block = extreme(rng, UNIT, 500)
    rows = rows_of(block)
    fit = kmeans.lloyd(rows, block[:, :4].T.copy(), passes, tolerance=0.0)
    assert fit.passes == passes
    assert fit.counts.tolist() == rows.accumulate(fit.centers).counts.tolist()
    assert fit.inertia == rows.accumulate(fit.centers).inertia


def test_one_outlier_does_not_end_the_passes_early(rng):
    """A value of a thousand times the rest takes its own cluster; the rest still settles where scikit-learn does."""
    x = rng.normal(0, 3, (6, 5))[rng.integers(0, 6, 4000)] + rng.normal(size=(4000, 5))
    x[0] = 1e3
    grid = fit_grid(abs(x).max(axis=0))
    block = np.stack([grid.whole(np, column, j) for j, column in enumerate(x.T)])
    start = block[:, :7].T.astype(float)
    fit = kmeans.lloyd(rows_of(block), start, 300)
    theirs = KMeans(7, init=start, n_init=1, tol=0.0, max_iter=300).fit(block.T.astype(float))
    assert fit.inertia == pytest.approx(theirs.inertia_, rel=1e-4)


def test_inertia_never_rises_from_pass_to_pass(rng):
    block = extreme(rng, UNIT, 500)
    rows = rows_of(block)
    inertias = [kmeans.lloyd(rows, block[:, :7].T.copy(), n, tolerance=0.0).inertia for n in range(1, 12)]
    assert all(b <= a * (1 + 1e-9) for a, b in pairwise(inertias))


def test_lloyd_is_the_same_on_every_backend_and_for_every_block_width(backend, rng):
    block = extreme(rng, UNIT, 700)
    start = block[:, :9].T.copy()
    wanted = kmeans.lloyd(rows_of(block), start, 50)
    for width in (700, 101):
        shuffled = block[:, rng.permutation(700)]
        found = kmeans.lloyd(rows_of(shuffled, backend, width=width), start, 50)
        assert found.centers.tobytes() == wanted.centers.tobytes()
        assert (found.counts.tolist(), found.inertia, found.passes) == (
            wanted.counts.tolist(),
            wanted.inertia,
            wanted.passes,
        )


def test_an_empty_cluster_takes_the_farthest_row(four):
    """The center that stands where nobody lives ends up in the group without one, and that is counted."""
    block, label = four
    start = np.array([[0.0, 0.0], [1000.0, 0.0], [9e5, 9e5], [1000.0, 1000.0]])
    fit = kmeans.lloyd(rows_of(block), start, 100)
    assert fit.reseeded == 1
    assert fit.counts.tolist() == [80, 80, 80, 80]
    assert same_grouping(HOST.nearest(block.astype(np.float32), fit.centers).label, label)


def test_reseeding_does_not_depend_on_order_or_cut(four, rng):
    block, _ = four
    start = np.array([[0.0, 0.0], [9e5, 9e5], [9e5, 9e5], [9e5, 9e5]])
    fits = [kmeans.lloyd(rows_of(block[:, rng.permutation(320)], width=width), start, 100) for width in (320, 50, 7)]
    assert len({(fit.centers.tobytes(), fit.reseeded) for fit in fits}) == 1


def test_more_clusters_than_different_rows_leaves_as_many_clusters_as_rows():
    block = np.repeat(np.array([[0.0, 100.0, 500.0], [0.0, 0.0, 0.0]]), 10, axis=1)
    fit = kmeans.without_empty(kmeans.lloyd(rows_of(block), np.zeros((6, 2)), 100))
    assert sorted(fit.centers[:, 0].tolist()) == [0.0, 100.0, 500.0]
    assert fit.counts.tolist() == [10, 10, 10]
    assert fit.inertia == 0


def test_rows_all_alike_are_one_cluster(backend):
    block = np.full((2, 40), 7.0)
    fit = kmeans.without_empty(kmeans.lloyd(rows_of(block, backend), np.full((3, 2), 7.0), 100))
    assert fit.centers.tolist() == [[7.0, 7.0]]
    assert fit.counts.tolist() == [40]
    assert fit.reseeded == 0


def test_one_cluster_is_the_mean(four):
    block, _ = four
    fit = kmeans.lloyd(rows_of(block), np.zeros((1, 2)), 100)
    assert fit.centers[0].tolist() == np.rint(block.mean(axis=1)).tolist()
    assert fit.counts.tolist() == [320]


# seeding and order


def test_a_start_depends_on_seed_and_restart_alone(four):
    block, _ = four

    def start(seed, restart):
        return kmeans.start_centers(rows_of(block), block, 4, seed, restart, 1).centers.tolist()

    assert start(1, 0) == start(1, 0)
    assert len({str(start(seed, restart)) for seed in range(3) for restart in range(3)}) > 1


def test_clusters_go_by_size_then_by_center():
    fit = Fit(np.array([[3.0, 0.0], [1.0, 9.0], [1.0, 2.0], [0.0, 0.0]]), np.array([5, 7, 7, 1]), 2, 3, 4, 1)
    ordered = kmeans.by_size(fit)
    assert ordered.counts.tolist() == [7, 7, 5, 1]
    assert ordered.centers.tolist() == [[1.0, 2.0], [1.0, 9.0], [3.0, 0.0], [0.0, 0.0]]
    assert (ordered.inertia, ordered.passes, ordered.batches, ordered.reseeded) == (2, 3, 4, 1)


def test_dropping_empty_clusters_keeps_the_rest_in_order():
    fit = kmeans.without_empty(Fit(np.array([[1.0], [2.0], [3.0]]), np.array([4, 0, 1]), 2, 3, 4, 1))
    assert fit.centers.tolist() == [[1.0], [3.0]]
    assert fit.counts.tolist() == [4, 1]
    assert (fit.inertia, fit.passes, fit.batches, fit.reseeded) == (2, 3, 4, 1)


# assignment


def test_distance_and_margin_are_in_the_units_of_the_clusters(backend):
    grid = Grid(0.5, np.full(2, 100.0))
    block, centers = np.array([[0, 6], [0, 8]], np.float32), np.array([[0.0, 0.0], [6.0, 8.0], [60.0, 0.0]])
    found = kmeans.assign(backend, grid, backend.put(block), centers)
    assert backend.get(found.label).tolist() == [0, 1]
    assert backend.get(found.distance).tolist() == [0.0, 0.0]
    assert backend.get(found.margin).tolist() == [5.0, 5.0]


def test_assignment_agrees_with_sklearn_on_the_same_centers(backend, rng):
    grid = fit_grid(np.full(8, 5.0))
    x = rng.normal(size=(8, 500))
    block = np.stack([grid.whole(np, row, j) for j, row in enumerate(x)])
    model = KMeans(6, n_init=2, random_state=0).fit(x.T.copy())
    found = kmeans.assign(backend, grid, backend.put(block), np.rint(model.cluster_centers_ / grid.unit))
    assert np.array_equal(backend.get(found.label), model.labels_)
    np.testing.assert_allclose(backend.get(found.distance), model.transform(x.T).min(axis=1), rtol=1e-5)
