"""Clusters go on under their ids whatever order they come in; every birth, death, split and merger is told as one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.stages import lifecycle
from tamscore.stages.lifecycle import Overlap

OLD = ("E01", "E02", "E03")


def overlap(shared, newcomers=None, once=None):
    shared = np.array(shared)
    newcomers = np.zeros(shared.shape[1], int) if newcomers is None else np.array(newcomers)
    once = shared.sum(axis=1) / shared.sum() if once is None else np.array(once)
    return Overlap(shared, newcomers, once)


def events_of(found, named=3):
    """The events in short, after the new clusters were put in order and got their ids."""
    heir = lifecycle.heirs(found)
    order = lifecycle.successors(heir, found.new)
    ids, named = lifecycle.succeed("end_user", OLD[: len(found.shared)], heir, len(order), named)
    by_place = dict(zip(order.tolist(), ids, strict=True))
    new_ids = [by_place[j] for j in range(len(order))]
    happened = lifecycle.events(found, heir, OLD[: len(found.shared)], new_ids)
    return {(event.kind, event.cluster, *event.related) for event in happened}, named


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_scrambled_clusters_keep_their_ids(order):
    """However the new fit numbers its clusters, each goes on as the one that it shares its accounts with."""
    shared = np.array([[90, 5, 5], [3, 80, 2], [1, 2, 70]])[:, order]
    heir = lifecycle.heirs(overlap(shared))
    assert [order[j] for j in heir] == [0, 1, 2]
    assert events_of(overlap(shared)) == ({("kept", name) for name in OLD}, 3)


@given(st.lists(st.lists(st.integers(0, 99), min_size=4, max_size=4), min_size=4, max_size=4))
def test_no_other_pairing_keeps_more_accounts_where_all_go_on(rows):
    shared = np.array(rows) + 500 * np.eye(4, dtype=int)
    best = max(sum(shared[i, j] for i, j in enumerate(pairing)) for pairing in permutations(range(4)))
    heir = lifecycle.heirs(overlap(shared))
    assert sum(shared[i, j] for i, j in enumerate(heir)) == best


def test_the_larger_half_of_a_split_keeps_the_id_the_other_gets_a_new_one():
    found = overlap([[40, 0, 0, 60], [0, 100, 0, 0], [0, 0, 100, 0]])
    assert events_of(found) == ({("split", "E01", "E04"), ("split", "E04", "E01"), ("kept", "E02"), ("kept", "E03")}, 4)


def test_of_two_that_merge_the_larger_goes_on():
    found = overlap([[60, 0], [40, 0], [0, 100]])
    assert events_of(found) == ({("kept", "E01", "E02"), ("merged", "E02", "E01"), ("kept", "E03")}, 3)


def test_accounts_that_belonged_to_none_make_a_new_cluster():
    found = overlap([[100, 0, 0], [0, 100, 10]], newcomers=[2, 0, 90])
    assert events_of(found, 3) == ({("kept", "E01"), ("kept", "E02"), ("new", "E04")}, 4)


def test_a_cluster_whose_accounts_have_gone_is_retired_not_merged():
    """The few that are left went into a neighbour; were most of them still there, it would have joined it."""
    few = overlap([[100, 0], [0, 100], [10, 0]], once=[0.3, 0.3, 0.4])
    many = overlap([[100, 0], [0, 100], [50, 0]], once=[0.3, 0.3, 0.4])
    assert ("retired", "E03") in events_of(few)[0]
    assert ("merged", "E03", "E01") in events_of(many)[0]


def test_a_cluster_that_goes_to_pieces_is_reported_by_them():
    """Four even parts are none of them what it was: all get new ids."""
    found = overlap([[25, 25, 25, 25, 0, 0], [0, 0, 0, 0, 100, 0], [0, 0, 0, 0, 0, 100]])
    kinds, named = events_of(found)
    assert ("split", "E01", "E04", "E05", "E06", "E07") in kinds
    assert {("split", f"E0{i}", "E01") for i in range(4, 8)} <= kinds
    assert named == 7


def test_no_id_is_ever_given_twice():
    """Ids that were given before and have been retired since count: a new cluster gets the next number."""
    found = overlap([[100, 0], [0, 100]], newcomers=[0, 0])
    fourth = overlap([[100, 0, 0], [0, 100, 0]], newcomers=[0, 0, 50])
    assert events_of(found, named=9)[1] == 9
    assert ("new", "E10") in events_of(fourth, named=9)[0]
