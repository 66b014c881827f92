"""Actions keep to the account: what a prospect, a loss or an unknown may never lead to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.sections.segments import segment_tests
from tamscore.sections.segments.actions import ACTIONS, AccountStanding, SegmentAnswers, account_actions
from tests.conftest import make_backend

BOOLS = ("buys", "high_potential", "high_sales", "loses")
SEGMENTS = st.tuples(
    st.sampled_from(["yes", "no", "unknown"]), st.sampled_from(["yes", "no", "unknown"]), st.booleans()
)
ACCOUNTS = st.tuples(st.integers(0, 3), *[st.booleans()] * 4)
MARKETS = st.tuples(st.lists(SEGMENTS, min_size=4, max_size=4), st.lists(ACCOUNTS, min_size=1, max_size=30))


def acted(name, market):
    """Each account with its segment and its action."""
    segments, accounts = market
    backend = make_backend(name)
    invest = [growing == "yes" and is_open and profitable != "no" for profitable, growing, is_open in segments]
    answers = SegmentAnswers(
        *(
            backend.put(np.array(one))
            for one in (invest, [one[0] == "yes" for one in segments], [one[1] == "no" for one in segments])
        )
    )
    label, *own = (np.array(column) for column in zip(*accounts, strict=True))
    standing = AccountStanding(*(backend.put(column) for column in own))
    codes = backend.get(account_actions(backend.xp, answers, backend.put(label), standing))
    facts = [dict(zip(BOOLS, row[1:], strict=True)) for row in accounts]
    return [
        (segments[row[0]], fact, ACTIONS[code]) for row, fact, code in zip(accounts, facts, codes.tolist(), strict=True)
    ]


def expected(segment, own):
    """The action by the words of the method."""
    profitable, growing, is_open = segment
    if growing == "yes" and is_open and profitable != "no" and own["high_potential"] and not own["loses"]:
        return "invest"
    if profitable == "yes" and own["buys"] and own["high_sales"] and not own["loses"]:
        return "protect"
    if growing == "no" and own["buys"] and own["loses"] and not own["high_potential"]:
        return "migrate"
    return "maintain"


@pytest.mark.parametrize("name", ["host", "fake_gpu"])
@given(market=MARKETS)
def test_no_prospect_is_protected_no_loss_invested_in_and_nobody_let_go_who_earns(name, market):
    for (profitable, growing, _), own, action in acted(name, market):
        assert not (action == "protect" and not own["buys"])
        assert not (action == "invest" and (own["loses"] or profitable == "no"))
        assert not (action == "migrate" and (not own["loses"] or growing != "no"))


@pytest.mark.parametrize("name", ["host", "fake_gpu"])
@given(market=MARKETS)
def test_actions_are_those_of_the_method(name, market):
    for segment, own, action in acted(name, market):
        assert action == expected(segment, own)


def test_a_large_profitable_segment_that_grows_is_invested_in():
    for sells in (False, True):
        assert segment_tests.action_of("yes", "yes", sells, is_open=True, is_low=False, loses=False) == "invest"
    assert segment_tests.action_of("no", "yes", True, is_open=True, is_low=False, loses=True) == "maintain"
    assert segment_tests.action_of("no", "no", True, is_open=True, is_low=True, loses=True) == "migrate"
