"""k-means++: rows far from one another, as good as those of scikit-learn, the same on every machine."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore.stages.seeding import plus_plus


def seeds(block, k, seed=0):
    return plus_plus(block, k, np.random.default_rng(seed))


def inertia(block, centers):
    return float(((block.T[:, None, :] - centers[None]) ** 2).sum(axis=2).min(axis=1).sum())


@pytest.fixture
def market(rng):
    """Twelve groups of rows, whole numbers of the size that scaled features have."""
    middle = rng.normal(0.0, 4.0, (5, 12)).repeat(200, axis=1)
    return np.rint((middle + rng.normal(0.0, 1.0, middle.shape)) * 2**19).astype(np.float32)


def test_every_seed_is_a_row(market):
    centers = seeds(market, 12)
    rows = {tuple(row) for row in market.T.tolist()}
    assert centers.shape == (12, 5)
    assert all(tuple(center) in rows for center in centers.tolist())


def test_seeds_are_as_good_as_those_of_scikit_learn(market):
    from sklearn.cluster import kmeans_plusplus

    rows = market.T.astype(np.float64)
    ours = np.mean([inertia(market, seeds(market, 12, seed)) for seed in range(30)])
    theirs = np.mean([inertia(market, kmeans_plusplus(rows, 12, random_state=seed)[0]) for seed in range(30)])
    assert ours < 1.1 * theirs


def test_seeds_are_far_better_than_rows_drawn_at_random(market, rng):
    drawn = np.mean([inertia(market, market[:, rng.choice(market.shape[1], 12)].T) for _ in range(30)])
    assert np.mean([inertia(market, seeds(market, 12, seed)) for seed in range(30)]) < 0.7 * drawn


def test_seeds_follow_from_the_random_numbers_alone(market):
    assert np.array_equal(seeds(market, 8, 3), seeds(market.copy(order="F"), 8, 3))
    assert not np.array_equal(seeds(market, 8, 3), seeds(market, 8, 4))


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_fewer_different_rows_than_clusters_give_rows_twice(rows):
    block = np.arange(rows, dtype=np.float32).repeat(4)[None, :]
    assert set(seeds(block, 5).ravel().tolist()) == set(range(rows))
