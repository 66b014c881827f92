"""The sentence that says why an account is called: what is open, how likely, how much, what next."""

from __future__ import annotations

import pytest

from tamscore.questions.pages.calling import chance_of, priority_sentence, reasons_to_call

PROSPECT = {
    "account_id": "A1", "name": None, "priority": 3, "kind": "acquisition", "sales": None, "whitespace": 12_345.0,
    "probability": 0.0512, "p_basis": "look_alike", "expected_value": 312.4, "play": "land_and_adopt", "role": "hunter",
}  # fmt: skip

CUSTOMER = {"kind": "expansion", "sales": 90.0}


def test_a_prospect_is_called_for_what_it_could_buy_and_how_much_it_looks_like_customers():
    assert priority_sentence(PROSPECT) == (
        "12k open; 5.1% likely to be won, by how much it looks like customers; 310 may be expected; "
        "next: land and adopt by the hunter."
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"p_basis": "propensity"}, "5.1% likely to buy, by who bought before"),
        ({"p_basis": "win_rate"}, "as is assumed of all prospects"),
        (CUSTOMER | {"p_basis": "growth"}, "12k open beside 90 bought; 5.1% likely to buy more"),
        (CUSTOMER | {"p_basis": "win_rate", "probability": 1.0}, "12k open beside 90 bought; a customer already;"),
        ({"next_offer": "router"}, "by the hunter, with router."),
        ({"role": "digital", "play": "deprioritise"}, "next: deprioritise by digital means alone."),
    ],
)
def test_how_likely_and_what_next_follow_the_account(changes, words):
    assert words in priority_sentence(PROSPECT | changes)


@pytest.mark.parametrize("changes", [{"priority": None}, {"whitespace": None}])
def test_without_a_place_or_a_potential_there_is_nothing_to_say(changes):
    assert priority_sentence(PROSPECT | changes) == ""
    assert reasons_to_call([PROSPECT | changes]).points == ()


def test_customers_that_count_as_won_have_no_probability_to_show():
    assert chance_of(PROSPECT | {"p_basis": "win_rate", "probability": 1.0}) is None
    assert chance_of(PROSPECT) == 0.0512
