"""Accounts to people: nobody exceeds his hours, rules and locks hold, and nothing is left out that would fit."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tamscore.sections.coverage.assignment import NOBODY, Load, Team, able, assign, exact, greedy, place


def load(hours, group=None, owner=None, locked=None, value=None, potential=None):
    n = len(hours)

    def given(column, default):
        return np.full(n, default) if column is None else np.array(column)

    hours = np.array(hours, float)
    return Load(
        hours, given(value, 1.0), given(potential, 1.0), given(group, 0), given(owner, NOBODY), given(locked, False)
    )


def team(hours, serves=None):
    return Team(np.array(hours, float), np.ones((1, len(hours)), bool) if serves is None else np.array(serves))


def random_case(random, accounts, people):
    groups = 3
    staff = Team(random.integers(10, 60, people).astype(float), random.random((groups, people)) < 0.7)
    owner = random.integers(-1, people, accounts)
    work = load(
        random.integers(1, 25, accounts),
        random.integers(0, groups, accounts),
        owner,
        np.zeros(accounts, bool),
        random.random(accounts) * 100,
        random.random(accounts) * 100,
    )
    return staff, work


def holds(staff, work, person):
    """Whether everybody keeps to his hours and has only accounts that may be his."""
    has = person != NOBODY
    used = np.bincount(person[has], work.hours[has], len(staff.hours))
    return (used <= staff.hours + 1e-9).all() and able(staff, work)[np.flatnonzero(has), person[has]].all()


@pytest.mark.parametrize(("accounts", "people"), [(8, 3), (40, 16), (400, 20)])
def test_hours_regions_and_skills_hold_whatever_the_accounts(accounts, people):
    random = np.random.default_rng(accounts)
    for _ in range(10):
        staff, work = random_case(random, accounts, people)
        assert holds(staff, work, greedy(staff, work))
        assert holds(staff, work, assign(staff, work))


def test_few_accounts_are_placed_as_well_as_any_assignment_does():
    """Against every assignment there is."""
    random = np.random.default_rng(3)
    for _ in range(15):
        staff, work = random_case(random, 6, 2)
        every = (np.array(one) for one in itertools.product((NOBODY, 0, 1), repeat=6))
        best = max(place(work, one) for one in every if holds(staff, work, one))
        assert place(work, exact(staff, work)) == pytest.approx(best)
        assert place(work, assign(staff, work)) == pytest.approx(best)


def test_the_greedy_rule_is_near_the_exact_assignment():
    random, lost = np.random.default_rng(5), []
    for _ in range(10):
        staff, work = random_case(random, 24, 3)
        work = replace(work, owner=np.full(24, NOBODY))  # owners keep accounts whatever they are worth
        lost.append(1 - place(work, greedy(staff, work)) / place(work, exact(staff, work)))
    assert min(lost) >= -1e-9
    assert np.mean(lost) < 0.15


def test_owners_keep_their_accounts_where_hours_allow():
    person = assign(team([20, 20]), load([10, 10, 10], owner=[1, 1, NOBODY]))
    assert person.tolist() == [1, 1, 0]


def test_locks_come_before_better_accounts_and_before_regions():
    serves = [[True, False]]
    work = load([10, 10], owner=[1, 0], locked=[True, False], value=[1.0, 99.0])
    assert assign(team([10, 10], serves), work).tolist() == [1, 0]
    crowded = load([10, 10], owner=[0, 0], locked=[False, True], value=[99.0, 1.0])
    assert assign(team([10, 0], serves), crowded).tolist() == [NOBODY, 0]


def test_a_skill_nobody_has_leaves_an_account_to_nobody():
    assert assign(team([10, 10], [[True, True], [False, False]]), load([5, 5], group=[0, 1])).tolist() == [0, NOBODY]


def test_an_account_larger_than_a_person_goes_to_nobody():
    assert assign(team([10, 10]), load([11, 10])).tolist() == [NOBODY, 0]


def test_another_account_makes_room():
    """The second account fits with the first person alone, whom the first account has taken: greedy repairs that."""
    staff = team([10, 10], [[True, True], [True, False]])
    assert greedy(staff, load([10, 9], group=[0, 1])).tolist() == [1, 0]


def test_potential_is_shared_out_in_proportion_to_hours():
    random = np.random.default_rng(1)
    work = load(np.full(600, 10.0), potential=random.lognormal(0, 1, 600))
    person = assign(team([4000, 2000]), work)
    held = np.bincount(person, work.potential, 2)
    assert held[0] / held[1] == pytest.approx(2.0, rel=0.02)


def test_of_equal_accounts_the_first_are_placed():
    assert assign(team([30]), load(np.full(900, 10.0))).tolist() == [0] * 3 + [NOBODY] * 897
