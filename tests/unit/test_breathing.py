"""Moves of badly placed centers: never worse, and out of optima that Lloyd passes stay in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tamscore.backend.host import HostBackend
from tamscore.config.method import Clusters
from tamscore.scoring.context import recipe_of
from tamscore.scoring.fit.centers import agree
from tamscore.stages import kmeans
from tamscore.stages.blocks import BlockRows
from tamscore.stages.breathing import add, breathe, without_least
from tamscore.stages.grid import fit_grid
from tests import oracle
from tests.rows import rows_of
from tests.strategies import extreme

GROUPS, OF_EACH = 9, 40


def groups(seed: int) -> np.ndarray:
    """Nine tight groups on a grid, as a block (2, 360)."""
    random = np.random.default_rng(seed)
    middle = np.array([(x, y) for x in range(3) for y in range(3)]) * 1000.0
    return np.rint(np.repeat(middle, OF_EACH, axis=0) + random.normal(0, 30, (GROUPS * OF_EACH, 2))).T


def badly_placed(block: np.ndarray) -> kmeans.Fit:
    """Where Lloyd passes end that start with two centers in one group and one between two others."""
    start = block.T[[0, 1, *range(OF_EACH, 8 * OF_EACH, OF_EACH)]]
    return kmeans.lloyd(BlockRows.of(HostBackend(), block), start, 100)


@pytest.mark.parametrize("seed", range(5))
def test_centers_find_the_groups_that_lloyd_passes_miss(seed):
    block = groups(seed)
    stuck = badly_placed(block)
    moved = breathe(BlockRows.of(HostBackend(), block), stuck, seed)
    assert moved.inertia < 0.2 * stuck.inertia
    assert sorted(moved.counts) == [OF_EACH] * GROUPS


@pytest.mark.parametrize("k", [1, 2, 7, 50])
def test_a_move_never_makes_it_worse_and_keeps_the_number_of_centers(k):
    block = np.rint(np.random.default_rng(k).normal(0, 500, (3, 400)))
    rows = BlockRows.of(HostBackend(), block)
    start = kmeans.start_centers(rows, block, k, 0, 0, 50)
    moved = breathe(rows, start, 0)
    assert moved.inertia <= start.inertia
    assert moved.centers.shape == start.centers.shape
    assert moved.counts.sum() == block.shape[1]


def test_rows_that_are_all_the_same_are_left_alone():
    block = np.ones((2, 30))
    rows = BlockRows.of(HostBackend(), block)
    fit = kmeans.lloyd(rows, np.array([[1.0, 1.0], [5.0, 5.0], [9.0, 9.0]]), 5)
    assert breathe(rows, fit, 0).inertia == fit.inertia == 0


def test_centers_are_added_where_the_error_is_and_taken_where_they_help_least():
    block = np.rint(np.hstack([np.random.default_rng(0).normal(0, 400, (2, 200)), np.full((2, 50), 9000.0)]))
    centers = np.array([[0.0, 0.0], [8999.0, 9000.0], [9001.0, 9000.0]])
    more = add(centers, BlockRows.of(HostBackend(), block).shares(centers), 1, np.random.default_rng(0))
    assert np.abs(more[-1]).max() < 2000
    left = without_least(centers, BlockRows.of(HostBackend(), block).shares(centers), 1)
    assert len(left) == 2
    assert left[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("width", [400, 37])
def test_shares_are_those_of_integer_arithmetic_for_every_cut_and_backend(backend, rng, width):
    block = extreme(rng, fit_grid(rng.lognormal(0.0, 1.0, 3)), 400).astype(np.float32)
    centers = block[:, :5].T.astype(np.float64) + 1.0
    shares = rows_of(block, backend, width=width).shares(centers)
    label, best, second = oracle.nearest(block.T.astype(int).tolist(), centers.astype(int).tolist())
    error, utility = [0] * 5, [0] * 5
    for center, near, following in zip(label, best, second, strict=True):
        error[center], utility[center] = error[center] + near, utility[center] + following - near
    assert shares.counts.tolist() == np.bincount(label, minlength=5).tolist()
    assert shares.error.tolist() == [float(one) for one in error]
    assert shares.utility.tolist() == [float(one) for one in utility]


def test_a_job_of_many_clusters_takes_a_tenth_of_the_starts_and_moves_their_centers():
    jobs: dict[int, Any] = {k: SimpleNamespace(clusters=Clusters(k=k, restarts=25)) for k in (47, 48, 1_000)}
    few, many, most = (recipe_of(job, k) for k, job in jobs.items())
    assert (few.restarts, few.moves, few.seed_rows) == (25, False, 20_000)
    assert (many.restarts, many.moves, many.seed_rows) == (3, True, 20_000)
    assert most.seed_rows == 100_000


@pytest.mark.parametrize(
    ("inertias", "same"),
    [
        ([7] * 3, False),
        ([20_000] * 3 + [20_003], False),
        ([20_002, 90_000, 20_001, 20_000, 20_000], True),
        ([0] * 4, True),
    ],
)
def test_fits_agree_where_the_four_best_do(inertias, same):
    assert agree(inertias) is same
