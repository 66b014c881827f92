"""Accounts at a boundary keep their cluster, those beyond it do not; nothing else about them changes."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore.scoring.hysteresis import keep_clusters
from tamscore.stages import kmeans
from tamscore.stages.grid import Grid

GRID = Grid(0.5, np.array([1000.0, 1000.0]))
CENTERS = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 500.0]])


def held(backend, x, previous, share):
    """Labels, distances, margins and inertia of rows at (x, 0) with these previous labels."""
    block = backend.put(np.array([x, [0.0] * len(x)], np.float32))
    near = kmeans.assign(backend, GRID, block, CENTERS)
    found = tuple(backend.get(each) for each in (near.label, near.distance, near.margin))
    after, added = keep_clusters(backend, GRID, block, CENTERS, found, np.array(previous, np.uint16), share)
    return found, after, added


def test_a_row_stays_while_the_other_center_is_hardly_nearer(backend):
    """At 52 of 100 the own center is 52/48 as far: kept under a share of 9 %, let go under 8 %."""
    for share, label in ((0.09, 0), (0.08, 1)):
        _, (labels, *_), _ = held(backend, [52.0], [0], share)
        assert labels.tolist() == [label]


def test_a_held_row_has_the_distance_of_its_own_center_and_a_margin_below_0(backend):
    _, (_, distance, margin), added = held(backend, [52.0], [0], 0.1)
    assert distance.tolist() == [26.0]
    assert margin.tolist() == [-2.0]
    assert added == 52**2 - 48**2


def test_rows_without_a_previous_cluster_and_rows_that_stay_anyway_are_left_alone(backend):
    nowhere = np.iinfo(np.uint16).max
    before, after, added = held(backend, [52.0, 3.0, 99.0], [nowhere, 0, 2], 0.1)
    for mine, theirs in zip(before, after, strict=True):
        assert mine.tolist() == theirs.tolist()
    assert added == 0


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5])
def test_a_second_look_changes_nothing(backend, share):
    """Held once, held again: the labels that come out are a fixed point."""
    x = np.linspace(0, 100, 101).tolist()
    _, (first, *_), _ = held(backend, x, [0] * 101, share)
    _, (second, *_), _ = held(backend, x, first, share)
    assert first.tolist() == second.tolist()
