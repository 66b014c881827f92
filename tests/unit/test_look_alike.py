"""An account looks like customers where customers are many around it."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore.sections.propensity.density import LENT, Dense, look_alike

CENTERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 30.0]])
SHARE = np.array([0.1, 0.5, 0.02])


def found(backend, rows, reach=4.0):
    block = backend.put(np.array(rows, np.float32).T)
    return backend.get(look_alike(backend, block, CENTERS, Dense(SHARE, reach)))


def test_at_a_center_it_is_about_the_share_of_its_cluster(backend):
    assert found(backend, CENTERS) == pytest.approx(SHARE, abs=1e-4)


def test_halfway_between_two_centers_it_is_the_mean_of_both(backend):
    assert found(backend, [[5.0, 0.0]]) == pytest.approx([0.3], abs=1e-3)


def test_it_rises_towards_a_center_of_many_customers_and_stays_between_the_shares(backend):
    values = found(backend, [[x, 0.0] for x in range(11)], reach=20.0)
    assert np.all(np.diff(values) > 0)
    assert values.min() >= SHARE.min()
    assert values.max() <= SHARE.max()


def test_a_small_cluster_is_lent_the_share_of_everyone():
    """1 of 1 account buys: with 25 lent at 10 % that is (1 + 2.5) / 26, not everything."""
    dense = Dense.of(np.array([1, 99]), np.array([1, 999]), 2000.0)
    assert LENT == 25.0
    assert dense.share[0] == pytest.approx((1 + 2.5) / 26)
    assert dense.share[1] == pytest.approx((99 + 2.5) / 1024)
    assert dense.reach == 2.0
