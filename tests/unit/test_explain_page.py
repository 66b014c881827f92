"""What `explain` says of an account, phrase by phrase."""

from __future__ import annotations

from tamscore.questions.explain_page import apart, covered_by


def test_a_difference_that_rounds_to_nothing_has_no_minus():
    assert apart([("size", -0.04), ("age", 0.04), ("sites", -0.06)]) == "size +0.0, age +0.0, sites -0.1"


def test_a_role_and_a_service_level_of_one_name_are_named_once():
    digital = {"suggested_role": "digital", "suggested_service_level": "digital"}
    assert covered_by(digital) == "suggested: digital"
    hunter = {"suggested_role": "hunter", "suggested_service_level": "land"}
    assert covered_by(hunter) == "suggested: hunter, land"
