"""A few rows for the eye: the same whatever the partitions, in the plane in which the centers lie farthest apart."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore.scoring import cluster_map
from tamscore.scoring.cluster_map import ROWS, MapRows


def seen(hashes, label):
    return MapRows(hashes, label, np.stack([hashes.astype(float), label.astype(float)]))


def test_the_rows_with_the_lowest_hashes_are_kept_whatever_the_partitions(rng):
    hashes = rng.permutation(5 * ROWS).astype(np.uint64)
    label = rng.integers(0, 9, len(hashes))
    whole = cluster_map.join_map_rows([seen(hashes, label)])
    parts = cluster_map.join_map_rows([seen(hashes[i::3], label[i::3]) for i in (2, 0, 1)])
    assert whole.hashes.tolist() == list(range(ROWS))
    for one in (whole, parts):
        assert one.hashes.tolist() == whole.hashes.tolist()
        assert one.label.tolist() == whole.label.tolist() == label[np.argsort(hashes)][:ROWS].tolist()
        assert (one.place == whole.place).all()


def test_the_plane_shows_most_of_what_sets_centers_apart(rng):
    centers = rng.standard_normal((12, 6)) * [1, 9, 1, 1, 5, 1]
    plane = cluster_map.plane_of(centers)
    apart = centers - centers.mean(axis=0)
    values, vectors = np.linalg.eigh(apart.T @ apart)
    assert plane.shares == pytest.approx(values[::-1][:2] / values.sum())
    assert np.abs(np.sum(plane.axes * vectors.T[::-1][:2], axis=1)) == pytest.approx(1)
    assert plane.axes @ plane.axes.T == pytest.approx(np.eye(2))
    assert all(axis[np.argmax(np.abs(axis))] > 0 for axis in plane.axes)


@pytest.mark.parametrize("centers", [np.ones((1, 3)), np.ones((4, 1)), np.array([[0.0, 0, 3], [0, 0, 1]])])
def test_directions_without_spread_are_empty(centers):
    plane = cluster_map.plane_of(centers)
    for axis, share in zip(plane.axes, plane.shares, strict=True):
        assert (share > 0) == bool(np.any(axis))
    assert np.isfinite(plane.axes).all()


def test_places_do_not_depend_on_how_many_rows_come_along(rng):
    axes, rows = rng.standard_normal((2, 40)), rng.standard_normal((40, 700))
    whole = cluster_map.project(axes, rows)
    assert (
        np.concatenate([cluster_map.project(axes, rows[:, :3]), cluster_map.project(axes, rows[:, 3:])], axis=1)
        == whole
    ).all()
