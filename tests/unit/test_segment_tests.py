"""Tests of segments answer yes, no or unknown; what is unknown is never taken for a number."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore.sections.segments import segment_tests as st

NAN = float("nan")


def facts(**changes):
    given = {
        "f1": [0.9, 0.9, 0.9],
        "margin": [10.0, 10.0, 10.0],
        "now": [110.0, 110.0, 110.0],
        "before": [100.0, 100.0, 100.0],
        "sales": [1.0, 2.0, 3.0],
        "potential": [1.0, 2.0, 3.0],
        "whitespace": [1.0, 2.0, 3.0],
        **changes,
    }
    return st.SegmentFacts(**{name: np.array(values) for name, values in given.items()})


def test_a_segment_is_meaningful_where_all_three_tests_hold():
    assert st.assess(facts()).meaningful == ("yes", "yes", "yes")


@pytest.mark.parametrize(
    ("changes", "test"),
    [
        ({"f1": [0.7, 0.69, NAN]}, "identifiable"),
        ({"margin": [0.01, 0.0, NAN]}, "profitable"),
        ({"now": [100.01, 100.0, NAN]}, "growing"),
        ({"before": [109.0, 111.0, NAN]}, "growing"),
    ],
)
def test_each_test_is_yes_no_or_unknown(changes, test):
    found = st.assess(facts(**changes))
    assert getattr(found, test) == ("yes", "no", "unknown")
    assert found.meaningful == ("yes", "no", "unknown")


def test_one_no_decides_whatever_is_unknown():
    assert st.assess(facts(f1=[0.1, 0.1, 0.1], margin=[NAN] * 3)).meaningful == ("no",) * 3


def test_what_earns_and_sells_is_protected():
    assert st.assess(facts(now=[90.0] * 3)).action == ("maintain", "protect", "protect")


def test_what_earns_sells_and_grows_is_invested_in_where_it_is_open():
    assert st.assess(facts()).action == ("maintain", "protect", "invest")
    assert st.assess(facts(margin=[-1.0, -1.0, 0.0])).action == ("maintain",) * 3


def test_what_grows_and_is_open_is_invested_in():
    assert st.assess(facts(margin=[NAN] * 3)).action == ("maintain", "maintain", "invest")


def test_what_loses_does_not_grow_and_promises_little_is_let_go():
    assert st.assess(facts(margin=[-1.0] * 3, now=[90.0] * 3)).action == ("migrate", "maintain", "maintain")


@pytest.mark.parametrize("unknown", [{"margin": [NAN] * 3}, {"margin": [-1.0] * 3, "before": [NAN] * 3}])
def test_nobody_is_let_go_on_what_is_not_known(unknown):
    assert "migrate" not in st.assess(facts(**{"now": [90.0] * 3, **unknown})).action


def test_priority_is_the_weighted_sum_of_the_method():
    value, missing = st.priority(np.array([[100.0], [30.0], [5.0]]), (1.0, 2.0, 3.0))
    assert value.tolist() == [100.0 - 60.0 + 15.0]
    assert missing == [()]


def test_a_missing_term_is_named_and_never_counts_as_nothing():
    value, missing = st.priority(np.array([[100.0, 100.0], [NAN, 30.0], [NAN, 5.0]]), (1.0, 1.0, 1.0))
    assert np.isnan(value).tolist() == [True, False]
    assert missing == [("acquisition_cost", "network_effect"), ()]


def test_a_term_without_weight_is_not_missed():
    value, missing = st.priority(np.array([[100.0], [30.0], [NAN]]), (1.0, 1.0, 0.0))
    assert (value.tolist(), missing) == ([70.0], [()])


CASES = {
    "declining_big": {"sales": 69.0, "before": 100.0},
    "small_high_potential": {"size": 9.0, "potential": 50.0},
    "resource_heavy": {"margin": 30.0, "cost": 30.01},
    "advocate": {"advocate": 1.0},
}
NOT_QUITE = {
    "declining_big": [{"sales": 70.0, "before": 100.0}, {"sales": 1.0, "before": 99.0}, {"before": 100.0}],
    "small_high_potential": [{"size": 10.0, "potential": 50.0}, {"size": 9.0, "potential": 49.0}, {"potential": 50.0}],
    "resource_heavy": [{"margin": 30.0, "cost": 30.0}, {"sales": 100.0, "cost": 99.0}],
    "advocate": [{"advocate": 0.0}, {}],
}


def flags_of(backend, known):
    names = st.AccountFacts.__dataclass_fields__
    columns = {name: backend.put(np.array([known.get(name, NAN)])) for name in names}
    limits = st.FlagLimits(sales=100.0, potential=50.0, small=10.0, drop=0.3)
    return st.flag_texts()[int(backend.get(st.account_flags(backend.xp, st.AccountFacts(**columns), limits))[0])]


@pytest.mark.parametrize("flag", CASES)
def test_a_flag_is_raised_at_its_limit_and_not_beside_it(backend, flag):
    assert flags_of(backend, CASES[flag]) == flag
    assert {flags_of(backend, known) for known in NOT_QUITE[flag]} == {""}


def test_flags_stand_together(backend):
    everything = {name: value for case in CASES.values() for name, value in case.items()}
    assert flags_of(backend, {**everything, "sales": 60.0}) == "|".join(st.FLAGS)


def test_where_nobody_buys_no_segment_is_open_and_nothing_is_said_of_medians():
    """Under a model that saw no customers; a warning is an error here."""
    found = st.assess(facts(sales=[NAN] * 3, potential=[NAN] * 3, whitespace=[NAN] * 3))
    assert found.open == (False, False, False)
