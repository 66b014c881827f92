"""Runs of earlier versions: what their jobs and records hold is read as far as it still means something."""

from __future__ import annotations

from tamscore.questions.stored import without_retired
from tamscore.sections.alerts.view import chapter as alerts
from tamscore.sections.segments.view import actions


def test_keys_that_an_earlier_version_knew_are_left_out_of_its_job():
    assert without_retired("lifetime_value", {"margin": 0.3, "months_active": None}) == {"margin": 0.3}
    assert without_retired("lifetime_value", None) is None
    assert without_retired("clusters", {"k": 3}) == {"k": 3}


def test_alerts_that_did_not_tell_leaving_from_left_say_so():
    found = alerts({"drop": 0.3, "churn": 12, "sales_before": 1e6})
    assert found.message.startswith("12 customers may be leaving or have left")
    assert found.blocks == ()


def test_actions_of_segments_have_no_table_of_accounts():
    assert actions({"segments": []}) == []
    assert len(actions({"actions": {"invest": 3}})) == 1
