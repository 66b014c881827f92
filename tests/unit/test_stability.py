"""Bootstrap stability: certain of what is plainly there, doubtful of what is cut at random, graded as Hennig does."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from tamscore.backend.host import HostBackend
from tamscore.stages import kmeans, stability
from tamscore.stages.blocks import BlockRows

HOST = HostBackend()


def block_of(rows):
    return np.rint(rows).astype(np.float32)


def fitted(block, k):
    return kmeans.start_centers(BlockRows.of(HOST, block), block, k, 0, 0, 50).centers


def test_groups_far_apart_come_out_again():
    random = np.random.default_rng(0)
    block = block_of(1000.0 * np.repeat(np.arange(3), 200) + 20 * random.standard_normal((2, 600)))
    centers = fitted(block, 3)
    assert stability.find_again(HOST, block, centers, 0).min() > 0.99
    assert stability.mean_similarity(HOST, block, centers, 0) > 0.99


def test_a_cloud_cut_into_pieces_does_not():
    random = np.random.default_rng(1)
    block = block_of(1000.0 * random.standard_normal((8, 1500)))
    found = stability.find_again(HOST, block, fitted(block, 6), 0)
    assert found.max() < 0.6


def test_a_cluster_that_is_there_is_distinguished_from_its_neighbours_that_are_not():
    random = np.random.default_rng(2)
    cloud = 1000.0 * random.standard_normal((6, 900))
    apart = 50.0 * random.standard_normal((6, 300)) + 20_000.0
    block = block_of(np.concatenate((cloud, apart), axis=1))
    centers = fitted(block, 5)
    there = int(np.argmax(centers.mean(axis=1)))
    found = stability.find_again(HOST, block, centers, 0)
    assert found[there] > 0.99
    assert np.delete(found, there).max() < 0.75


def test_similarity_is_the_best_jaccard_score():
    random = np.random.default_rng(3)
    own, other = random.integers(0, 3, 200), random.integers(0, 4, 200)
    found = stability.similarity(own, other, 4, 4)
    for c in range(3):
        assert found[c] == pytest.approx(max(jaccard_score(own == c, other == j) for j in range(4)))
    assert np.isnan(found[3])


def test_the_same_rows_and_seed_give_the_same_similarity():
    random = np.random.default_rng(4)
    block = block_of(1000.0 * random.standard_normal((3, 400)))
    centers = fitted(block, 4)
    one, again, other = (stability.find_again(HOST, block, centers, seed) for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("similarity", "grade"),
    [
        (0.2, "unstable"),
        (0.6, "doubtful"),
        (0.75, "stable"),
        (0.84, "stable"),
        (0.85, "highly stable"),
        (1.0, "highly stable"),
    ],
)
def test_grades_are_those_of_hennig(similarity, grade):
    assert stability.grade(similarity) == grade
