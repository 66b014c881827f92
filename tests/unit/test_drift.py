"""Drift: bins hold every account, the index is 0 where nothing moved and grows with what did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.backend.host import HostBackend
from tamscore.stages import drift, prepare
from tamscore.stages.drift import Histogram
from tamscore.stages.prepare import Vocabulary

HOST = HostBackend()


def histogram(*counts):
    return Histogram("x", np.empty(0), np.array(counts))


def test_edges_are_the_different_deciles_as_observed():
    assert drift.bin_edges(np.arange(1.0, 101.0)).tolist() == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert drift.bin_edges(np.array([7.0, 7.0])).tolist() == [7]
    assert len(drift.bin_edges(np.empty(0))) == 0


@pytest.mark.parametrize("values", [[np.nan], [7.0, 7.0, np.nan], [], [0.1, 0.1, 0.2, np.nan, 0.3] * 9])
def test_a_later_run_counts_the_same_rows_alike(backend, values):
    """Whether the edges are found or given, and once more after the model that holds them has been stored."""
    column = backend.put(np.array(values, np.float32))
    found = drift.number_histogram(backend, "x", column)
    stored = np.array(found.edges.tolist())
    assert drift.number_histogram(backend, "x", column, stored).counts.tolist() == found.counts.tolist()
    assert found.counts.sum() == len(values)


def test_every_value_falls_into_one_bin_up_to_its_edge_or_is_missing(backend):
    column = backend.put(np.array([np.nan, 9.0, 1.0, 2.0, 3.0, 2.5, np.nan], np.float32))
    counts = drift.number_histogram(backend, "x", column, np.array([1.0, 3.0])).counts
    assert counts.tolist() == [1, 3, 1, 2]
    assert drift.number_histogram(backend, "x", column, np.empty(0)).counts.tolist() == [5, 2]


def test_bins_hold_about_equally_many_of_the_values_they_were_cut_from(backend):
    column = backend.put(np.array([*np.random.default_rng(0).permutation(1000), np.nan, np.nan], np.float32))
    assert drift.number_histogram(backend, "x", column).counts.tolist() == [100] * 10 + [2]


@given(st.lists(st.just(np.nan) | st.floats(-9, 9), max_size=50), st.integers(1, 3))
def test_the_order_that_statistics_go_by_gives_the_same_bins(values, segments):
    column = np.array(values, float)
    ordered = prepare.sort_column(HOST, column, np.arange(len(column)) % segments, segments)
    found = drift.sorted_histogram(HOST, "x", ordered.values, ordered.missing)
    plain = drift.number_histogram(HOST, "x", column)
    assert (found.edges.tolist(), found.counts.tolist()) == (plain.edges.tolist(), plain.counts.tolist())


def test_levels_count_others_and_unknown():
    counts = drift.level_histogram(Vocabulary("x", ("a", "b")), pa.array(["a", "c", "d", None, "a"])).counts
    assert counts.tolist() == [2, 0, 2, 1]


def test_the_index_is_the_textbook_sum():
    """Shares 0.5/0.5 to 0.8/0.2: 0.3 ln 1.6 - 0.3 ln 0.4."""
    index = drift.stability_index(histogram(50, 50), histogram(16, 4))
    assert index == pytest.approx(0.3 * np.log(1.6) - 0.3 * np.log(0.4))
    assert drift.verdict(histogram(500, 500), histogram(800, 200)) == "strongly shifted"


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=8).filter(any), st.integers(1, 9))
def test_the_index_is_0_for_equal_shares_and_never_below(counts, times):
    before = histogram(*counts)
    assert drift.stability_index(before, histogram(*(times * count for count in counts))) == pytest.approx(0)
    assert drift.stability_index(before, histogram(*reversed(counts))) >= 0


def test_an_empty_bin_counts_as_a_small_share_and_nobody_as_no_drift():
    assert drift.stability_index(histogram(10, 0), histogram(0, 10)) == pytest.approx(
        2 * 0.9999 * np.log(10_000), rel=0.01
    )
    assert drift.stability_index(histogram(1, 2), histogram(0, 0)) == 0


@pytest.mark.parametrize(
    ("share", "is_reported"), [(0.6, "steady"), (0.66, "shifted"), (0.73, "shifted"), (0.75, "strongly shifted")]
)
def test_the_usual_limits(share, is_reported):
    """Even halves become 0.66 and 0.34 at an index of 0.106, 0.75 and 0.25 at 0.275."""
    moved = histogram(round(10_000 * share), round(10_000 * (1 - share)))
    assert drift.verdict(histogram(5_000, 5_000), moved) == is_reported


def test_few_accounts_do_not_drift_by_chance():
    """Two draws of 200 accounts from the same ten bins: hardly ever told as drift, though the index often says so."""
    random = np.random.default_rng(1)
    draws = [[histogram(*random.multinomial(200, [0.1] * 10)) for _ in range(2)] for _ in range(300)]
    assert np.mean([drift.stability_index(*pair) >= drift.SHIFTED for pair in draws]) > 0.2
    assert np.mean([drift.verdict(*pair) != "steady" for pair in draws]) < 0.03
    sure = histogram(0, 0, 0, 0, 0, 40, 40, 40, 40, 40)
    assert drift.verdict(draws[0][0], sure) == "strongly shifted"


def test_a_reach_holds_99_of_100_accounts_of_its_cluster():
    label, distance = np.repeat([2, 0], 100), np.arange(1.0, 201.0)
    for halves in ([(label, distance)], [(label[::2], distance[::2]), (label[1::2], distance[1::2])]):
        assert drift.reaches(halves, 3).tolist() == [199, 0, 99]


def test_the_move_that_says_most_is_reported():
    levels = ("retail", "steel")
    assert drift.largest_move(histogram(90, 10), histogram(50, 50), levels) == "retail: 90.0% → 50.0%"
    edges = np.array([10.0, 20.0, 30.0])
    before, now = (Histogram("x", edges, np.array(counts)) for counts in ([1, 1, 1, 1, 0], [0, 1, 1, 2, 0]))
    assert drift.largest_move(before, now, ()) == "above 20: 50.0% → 75.0%"
    gaps = Histogram("x", edges, np.array([1, 1, 1, 1, 4]))
    far = Histogram("x", edges * 855_215.4, before.counts)
    assert drift.largest_move(far, replace(now, edges=far.edges), ()) == "above 17,104,308: 50.0% → 75.0%"
    assert drift.largest_move(before, gaps, ()) == "missing: 0.0% → 50.0%"
