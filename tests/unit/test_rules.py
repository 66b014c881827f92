"""A rule finds the conditions a cluster was made of, in at most three of them, and says honestly how well it fits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from tamscore.stages import rules

ROWS = 4000
RANDOM = np.random.default_rng(0)
SIZE = np.exp(3 + 1.5 * RANDOM.standard_normal(ROWS))
AGE = RANDOM.uniform(0, 50, ROWS)
FOUNDED = np.rint(2024 - AGE)
TRADE = RANDOM.integers(0, 3, ROWS)
TRADES = ("retail", "steel", "banking")


def rule(member, numeric=None, codes=None):
    numeric = {"size": SIZE, "age": AGE} if numeric is None else numeric
    codes = {"trade": (TRADE, TRADES)} if codes is None else codes
    return rules.rules_of(rules.choices_of(numeric, codes), np.where(member, 1, 0), 2)[1]


def test_a_range_of_one_column_is_one_condition():
    found = rule((SIZE > 10) & (SIZE < 60))
    assert found.f1 > 0.9
    assert found.text.startswith("size ")
    assert " to " in found.text
    assert " and " not in found.text


def test_three_conditions_are_found_and_a_fourth_is_never_taken():
    found = rule((SIZE > 20) & (AGE < 25) & (TRADE == 1))
    assert found.f1 > 0.9
    assert found.text.count(" and ") == 2
    assert {word.split()[0] for word in found.text.split(" and ")} == {"size", "age", "trade"}
    assert "trade steel" in found.text
    noise = {f"x{i}": np.random.default_rng(i).standard_normal(ROWS) for i in range(5)}
    found = rule(np.all([x > -0.5 for x in noise.values()], axis=0), noise, {})
    assert found.text.count(" and ") == 2


def test_what_is_unknown_can_be_a_condition_and_meets_no_range():
    age = np.where(TRADE == 2, np.nan, AGE)
    assert rule(TRADE == 2, {"age": age}, {}).text == "age unknown"
    assert rule(TRADE == 2, {"age": age}, {}).f1 == 1.0
    assert rules.cut("age", age).bins[TRADE == 2].max() == -1


def test_f1_is_that_of_scikit_learn_on_rows_the_rule_has_not_seen():
    member = (SIZE > 20) & (RANDOM.random(ROWS) < 0.7)
    found = rule(member, {"size": SIZE}, {})
    edge = float(found.text.split()[-1].replace(",", ""))
    held = np.arange(ROWS) % 2 == 1
    assert found.text.startswith("size from")
    assert found.f1 == pytest.approx(f1_score(member[held], (edge <= SIZE)[held]))


def test_a_cluster_that_no_column_describes_gets_a_low_f1_or_no_condition():
    found = rule(np.random.default_rng(5).random(ROWS) < 0.1)
    assert found.f1 < 0.3


def test_an_empty_cluster_has_no_rule():
    assert rule(np.zeros(ROWS, bool)) == rules.Rule("every account", 0.0)


def test_years_keep_their_digits_and_other_numbers_two():
    assert "2001" in rule(FOUNDED >= 2001, {"founded": FOUNDED}, {}).text or rule(
        FOUNDED >= 2001, {"founded": FOUNDED}, {}
    ).text.split()[-1] in {"2000", "2001", "2002"}
    assert (rules.figure(1999.0), rules.figure(0.013), rules.figure(16_000_000.0)) == ("1999", "0.013", "16,000,000")


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_f1_is_the_harmonic_mean_of_precision_and_recall(pairs):
    meets, member = (np.array(column) for column in zip(*pairs, strict=True))
    assert rules.f1(meets, member) == pytest.approx(f1_score(member, meets, zero_division=0.0))
