"""The choice of k: held-out loss, the one-standard-error rule, who is fitted on all rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from tamscore.backend.host import HostBackend
from tamscore.engine.flow import LocalFlow
from tamscore.scoring.fit.choose_k import examine
from tamscore.stages import candidates as fitting
from tamscore.stages import choose_k
from tamscore.stages.candidates import EvaluationData, Sketch
from tamscore.stages.choose_k import (
    Candidate,
    admit,
    candidates,
    decide,
    held_out_loss,
    likely,
    try_candidates,
    within_error,
    within_reach,
)
from tamscore.stages.criteria import ShownRows

HOST = HostBackend()


def candidate(k, loss, error=0.01, thin=0.0, kept=0.9, inertia=1.0):
    return Candidate(k, loss, error, 100.0, thin, kept, inertia, 0.0, 0.0, 0.0)


def chosen(found, moved=None):
    (one,) = (one for one in decide(admit(found), moved or {}) if one.chosen)
    return one.k


@given(st.integers(1, 40), st.integers(1, 60))
def test_candidates_run_from_end_to_end_and_never_jump_by_more_than_a_third(low, more):
    found = candidates(low, low + more)
    assert (found[0], found[-1]) == (low, low + more)
    assert all(a < b <= max(a + 1, a * 4 / 3) for a, b in itertools.pairwise(found))


def test_the_smallest_k_within_one_standard_error_of_the_lowest_loss_is_chosen():
    found = [candidate(2, 0.30), candidate(3, 0.214), candidate(5, 0.209), candidate(8, 0.200), candidate(10, 0.204)]
    assert chosen(found) == 5
    assert chosen([*found[:3], candidate(8, 0.200, error=0.005), found[4]]) == 8


@pytest.mark.parametrize("flaw", [{"thin": 0.021}, {"kept": 0.7}])
def test_a_candidate_with_too_many_thin_or_with_fleeting_clusters_is_not_admitted(flaw):
    found = [candidate(2, 0.30), candidate(5, 0.21), candidate(8, 0.10, **flaw)]
    assert chosen(found) == 5
    assert [one.admitted for one in admit(found)] == [True, True, False]


def test_where_none_is_admitted_the_smallest_is_taken():
    assert chosen([candidate(4, 0.3, thin=0.5), candidate(2, 0.5, thin=0.3)]) == 2


def test_the_loss_is_that_of_scikit_learn_for_cut_lines_of_the_other_folds():
    random = np.random.default_rng(0)
    label, sales = random.integers(0, 3, 600), np.exp(random.standard_normal(600))
    loss = held_out_loss(label, sales, 3, 0.85, 25)
    fold = np.arange(600) % choose_k.FOLDS
    for out in range(choose_k.FOLDS):
        for c in range(3):
            known, held = (fold != out) & (label == c), (fold == out) & (label == c)
            cut = np.quantile(np.log(sales[known]), 0.85, method="inverted_cdf")
            expected = mean_pinball_loss(np.log(sales[held]), np.full(held.sum(), cut), alpha=0.85)
            assert loss[held].mean() == pytest.approx(expected)


def test_clusters_that_know_sales_have_a_lower_loss_than_clusters_that_do_not():
    random = np.random.default_rng(1)
    group = random.integers(0, 4, 2000)
    sales = np.exp(2.0 * group + 0.3 * random.standard_normal(2000))
    knowing, guessing = (
        held_out_loss(label, sales, 4, 0.85, 25).mean() for label in (group, random.permutation(group))
    )
    assert knowing < 0.5 * guessing


def test_a_few_customers_lean_on_all_of_them():
    """One customer in a cluster of its own: between its own sales and the cut line of all, near the latter."""
    label, log_sales = np.array([0] * 99 + [1]), np.append(np.linspace(0.0, 1.0, 99), 11.0)
    cut = choose_k.cut_lines(label, log_sales, 3, 0.5, 24)
    of_all = np.quantile(log_sales, 0.5, method="inverted_cdf")
    assert cut[1] == pytest.approx(of_all + (11.0 - of_all) / 25)
    assert cut[2] == of_all


def separate(groups=4, each=300, seed=2):
    """A block of well separated groups and customers whose sales differ by group."""
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), each)
    block = np.rint(1000 * group[None, :] * np.array([[1.0], [-1.0]]) + 50 * random.standard_normal((2, len(group))))
    order = random.permutation(len(group))
    sales = np.exp(1.5 * group + 0.3 * random.standard_normal(len(group)))
    return block[:, order].astype(np.float32), sales[order]


def judged_by(block, sales, each=1.0):
    return EvaluationData(block, 1.0, block, sales, each, 0.85, 25, 0, ShownRows.of(block, 1.0))


def all_of(numbers, judged):
    with LocalFlow(1) as local:
        return examine(numbers, judged, local)


def test_groups_far_apart_are_found_and_their_number_chosen():
    found = decide(admit(all_of([2, 3, 4, 5, 6], judged_by(*separate()))), {})
    four = next(one for one in found if one.k == 4)
    assert four.chosen
    assert four.kept > 0.99
    assert (four.thinnest, four.thin) == (300, 0.0)
    assert max(found, key=lambda one: one.silhouette).k == 4


def test_the_thinnest_cluster_is_reckoned_for_the_whole_market():
    block, sales = separate()
    (found,) = all_of([4], judged_by(block, sales, each=10.0))
    assert found.thinnest == 3000


def test_what_is_beyond_reach_is_in_the_chart_and_tried_no_further():
    """Two clusters for four groups place sales far worse."""
    two, four = all_of([2, 4], judged_by(*separate()))
    assert two.loss > four.loss + choose_k.REACH * four.error
    assert (np.isnan(two.kept), np.isnan(four.kept)) == (True, False)
    assert two.inertia > four.inertia
    assert np.isfinite([two.silhouette, two.calinski_harabasz, two.davies_bouldin]).all()
    assert [one.admitted for one in admit([two, four])] == [False, True]


def test_all_candidates_start_from_the_first_rows_of_the_same_starts():
    judged = judged_by(*separate())
    most, again = (fitting.start_of(1, judged, 6) for _ in range(2))
    assert np.array_equal(most, again)
    assert not np.array_equal(most, fitting.start_of(0, judged, 6))
    rows = {row.tobytes() for row in judged.block.T.astype(np.float64)}
    assert all(row.tobytes() in rows for row in most)


def test_carried_on_over_all_rows_inertia_is_no_larger_than_that_of_the_sketch():
    block, sales = separate(each=3000)
    judged = judged_by(block, sales)
    found = fitting.sketch(6, HOST, judged, [fitting.start_of(0, judged, 6)])
    assert fitting.examine(found, HOST, judged).inertia <= fitting.outline(found, HOST, judged).inertia


def sketched(*losses):
    return [Sketch(k, None, loss, 0.01) for k, loss in losses]


def test_reach_is_three_standard_errors_from_the_lowest_loss_that_may_be_chosen():
    found = sketched((2, 0.30), (5, 0.229), (8, 0.20), (10, 0.231))
    assert [one.k for one in within_reach(found, {})] == [5, 8]
    known = {5: candidate(5, 0.229), 8: candidate(8, 0.2)}
    assert within_reach(found, known) == []
    refused = known | {8: candidate(8, 0.2, kept=0.5)}
    assert [one.k for one in within_reach(found, refused)] == [10]
    nobody = {k: candidate(k, 0.2, thin=0.5) for k in (2, 5, 8, 10)}
    assert within_reach(found, nobody) == []


def test_of_candidates_within_an_error_the_one_whose_potentials_move_least_is_chosen():
    found = [candidate(2, 0.30), candidate(5, 0.209), candidate(8, 0.200), candidate(10, 0.204)]
    assert within_error(admit(found)) == [5, 8, 10]
    assert chosen(found, {5: 0.3, 8: 0.1, 10: 0.2}) == 8
    assert chosen(found, {5: 0.104, 8: 0.1, 10: 0.2}) == 5  # equal in whole percents
    assert chosen(found, {5: np.nan, 8: np.nan, 10: np.nan}) == 5
    assert chosen(found, {5: 0.3, 10: 0.2}) == 10
    assert [one.moved for one in decide(admit(found), {8: 0.1})][2] == 0.1


def test_on_other_rows_the_choice_might_have_come_to_what_is_within_two_errors():
    found = [
        candidate(2, 0.221),
        candidate(3, 0.219),
        candidate(5, 0.212),
        candidate(8, 0.200),
        candidate(9, 0.2, thin=1.0),
    ]
    assert within_error(admit(found)) == [8]
    assert likely(admit(found)) == [3, 5, 8]
    assert likely(admit([candidate(4, 0.3, thin=0.5), candidate(2, 0.5, thin=0.3)])) == [2]


def test_a_candidate_beyond_an_error_is_not_chosen_however_little_moves():
    found = [candidate(2, 0.30), candidate(5, 0.209), candidate(8, 0.200)]
    assert chosen(found, {2: 0.0, 5: 0.3, 8: 0.2}) == 8


@given(st.lists(st.integers(1, 60), min_size=1, max_size=20, unique=True).map(sorted))
def test_a_few_candidates_are_tried_the_smallest_and_the_largest_among_them(within):
    found = try_candidates(within)
    assert found == sorted(set(found))
    assert set(found) <= set(within)
    assert (found[0], found[-1]) == (within[0], within[-1])
    assert len(found) == min(len(within), choose_k.MOST_TRIED)


def test_one_thin_cluster_of_a_few_customers_does_not_veto():
    """1.5 % of the customers in thin clusters: they are pooled, and the smallest loss is chosen."""
    found = [candidate(2, 0.30), candidate(5, 0.10, thin=0.015)]
    assert chosen(found) == 5


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12).filter(any), st.floats(1, 30))
def test_the_thin_share_counts_the_customers_of_thin_clusters(support, enough):
    thin = [n for n in support if n < enough]
    assert fitting.thin_share(np.array(support), enough) == pytest.approx(sum(thin) / sum(support))
