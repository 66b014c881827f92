"""The grid keeps its promise: whatever lies on it sums and multiplies exactly in float64; it is as fine as can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.stages.grid import EXACT, HEADROOM, LARGEST_FLOAT32, Grid, fit_grid

ALIKE = st.builds(lambda d, largest: [largest] * d, st.integers(1, 3000), st.floats(1e-9, 1e9))
REACH = st.lists(st.floats(0.0, 3.5e38), min_size=1, max_size=40) | ALIKE


@given(largest=REACH)
def test_no_sum_in_a_squared_distance_leaves_the_exact_range(largest):
    """|c|² - 2 c·x + |x|² with every partial sum in between, in Python integers."""
    grid = fit_grid(np.array(largest))
    squares = sum(int(limit) ** 2 for limit in grid.limit)
    assert 4 * squares <= EXACT
    assert all(int(limit) < LARGEST_FLOAT32 for limit in grid.limit)
    assert np.log2(grid.unit) == np.rint(np.log2(grid.unit))


@given(largest=REACH)
def test_the_grid_is_within_a_power_of_two_of_the_finest(largest):
    """A unit of a quarter would break the bound of the products or of float32: nothing is given away."""
    grid = fit_grid(np.array(largest))
    reach = np.maximum(largest, 2.0**-20) * HEADROOM
    finer = reach / (grid.unit / 4)
    assert 4 * float(np.sum(finer**2)) > EXACT / 8 or finer.max() > LARGEST_FLOAT32 / 2


@given(st.integers(1, 3000), st.floats(1e-6, 1e6))
def test_many_features_of_one_size_keep_a_fine_unit(d, largest):
    """About a millionth of the largest value, and never coarser than a few tens of millionths."""
    assert fit_grid(np.full(d, largest)).unit <= largest * (1e-6 if d <= 32 else 1e-5)


def test_a_whole_number_is_the_nearest_one_and_stays_within_the_limit(backend):
    grid = Grid(0.5, np.array([10.0, 3.0]))
    scaled = backend.put(np.array([0.2, 0.25, 0.75, -0.3, 4.9, 5.0, 77.0, -77.0]))
    first, second = (backend.get(grid.whole(backend.xp, scaled, j)) for j in (0, 1))
    assert first.tolist() == [0, 0, 2, -1, 10, 10, 10, -10]
    assert second.tolist() == [0, 0, 2, -1, 3, 3, 3, -3]
    assert first.dtype == np.float32


@given(largest=st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=10), seed=st.integers(0, 99))
def test_what_was_fitted_on_is_off_by_half_a_unit_at_most(largest, seed):
    grid, random = fit_grid(np.array(largest)), np.random.default_rng(seed)
    for j, end in enumerate(largest):
        values = random.uniform(-end, end, 20)
        assert (abs(grid.whole(np, values, j) * grid.unit - values) <= grid.unit / 2).all()


def test_values_beyond_those_fitted_on_keep_headroom():
    grid = fit_grid(np.array([4.0]))
    assert grid.whole(np, np.array([7.9, 1e9]), 0)[0] * grid.unit == pytest.approx(7.9)
    assert grid.whole(np, np.array([7.9, 1e9]), 0)[1] * grid.unit == pytest.approx(HEADROOM * 4.0)
