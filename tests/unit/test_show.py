from __future__ import annotations

import dataclasses
import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tamscore.errors import UsageError
from tamscore.questions.show import render, to_json
from tamscore.questions.summary import Summary
from tamscore.questions.tables import Cluster, QuadrantRow, Sums, TopStep, find_cluster
from tamscore.view.words import count_text, money, share

STEPS: dict[str, float | None] = {"p85": 5626.71, "p90": 7769.88, "p95": 10565.7, "top": 2_939_828.0}
ENDS: dict[str, tuple[float | None, float | None]] = {"p85": (5111.0, 6444.0), "top": (None, None)}


def cluster(party, name, **changes):
    kinds = {"expansion": Sums(227, 756_381.0, 1_618_797.0, 862_416.0), "acquisition": Sums(2404, 0.0, 1e7, 1e7)}
    one = Cluster(
        party, name, "low payroll · high sites", 227, "cluster", "retail", False, STEPS, ENDS, kinds, 2631, 0.5
    )
    return dataclasses.replace(one, **changes)


def account(**changes):
    return {
        "rank": 1, "account_id": "C1", "name": "Galbridge Insurance Group", "party_type": "end_user", "cluster": "E01",
        "kind": "expansion", "sales": 1318.0, "potential": 2571.0, "whitespace": 1253.0, "relative_potential": 3.2434,
        "relative_message": "3.2x the potential of the median account of its cluster", "quadrant": "blue",
        "priority": 1, "priority_in_kind": 1, "tier": "B", "probability": 0.125, "p_basis": "propensity",
        "expected_value": 156.6, "play": "expand", "role": "account_manager",
    } | changes  # fmt: skip


SUMMARY = Summary(
    run="b09901533dbd9ad8",
    path="scores/versions/b09901533dbd9ad8",
    tamscore="0.1.0",
    device={"name": "cpu", "reason": "as asked"},
    rows={
        "read": 5265,
        "scored": 5262,
        "rejected": {"duplicate_id": 3, "missing_id": 0},
        "flagged": {"negative_sales": 2},
    },
    totals={"expansion": Sums(454, 1.5e6, 3.2e6, 1_724_832.0), "acquisition": Sums(4808, 0.0, 2e7, 2e7)},
    clusters=(cluster("end_user", "E01"), cluster("channel", "C01")),
    quadrants=(
        QuadrantRow("end_user", "expansion", "blue", "expand", "account_manager", Sums(227, 1.0, 2.0, 862_416.0)),
        QuadrantRow("channel", "expansion", "blue", "expand", "account_manager", Sums(227, 1.0, 2.0, 862_416.0)),
        QuadrantRow("end_user", "acquisition", "yellow", "land_and_adopt", "hunter", Sums(4808, 0.0, 2e7, 2e7)),
    ),
    top_steps=(
        TopStep("end_user", "max", True, 1_724_832.0, 3.24, 0, {"p85": 0.2, "top": 0.8}),
        TopStep("end_user", "p99", False, 424_832.0, 1.24, 5, {"p85": 0.7, "top": 0.3}),
    ),
    top=(account(), account(priority=2, name=None, account_id=77, probability=None, expected_value=None)),
    notices=("end_user: column 'x' is constant and was dropped",),
    interval_level=0.95,
)


def drawn(summary, width):
    stream = io.StringIO()
    Console(file=stream, width=width or 400, force_terminal=width is not None).print(render(summary, width))
    return stream.getvalue()


def text_of(summary, width=None):
    stream = io.StringIO()
    Console(file=stream, width=width or 400).print(render(summary, width))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (12_345, "12k"), (3_449_000, "3.4M"), (999_999, "1.0M"), (995, "1.0k"), (994, "990"), (950, "950"),
        (5.64, "5.6"), (0, "0"), (-93_804.71, "-94k"), (2.3e9, "2.3B"), (1.1e13, "11T"), (0.0456, "0.046"),
        (0.0099, "0.01"), (0.004, "0.00"), (-0.004, "0.00"), (-0.006, "-0.01"),
        (None, "-"), (math.nan, "-"), (math.inf, "-"),
    ],
)  # fmt: skip
def test_money_is_short(value, shown):
    assert money(value) == shown


@given(st.floats(0.01, 1e15))
def test_money_is_within_half_a_unit_of_its_second_digit(value):
    text = money(value)
    factor = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1], 1.0)
    assert float(text.rstrip("kMBT")) * factor == pytest.approx(value, rel=0.0501)


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(1, 2, "50%"), (1, 250, "0.4%"), (0, 5, "0%"), (1, 0, "-"), (99.6, 1000, "10%"), (99, 1000, "9.9%")],
)
def test_shares_have_a_place_below_ten_percent(part, whole, shown):
    assert share(part, whole) == shown


def test_one_is_counted_without_an_s():
    assert (count_text(1, "account"), count_text(1200, "account")) == ("1 account", "1,200 accounts")


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_line_is_longer_than_the_terminal_and_no_word_is_broken(width):
    text = text_of(SUMMARY, width)
    assert max(map(len, text.splitlines())) <= width
    for word in ("C1", "Galbridge Insurance Group", "acquisition", "expansion", "2,631", "860k"):
        assert word in text


def test_wider_terminals_show_more_and_files_everything():
    assert "low potential" not in text_of(SUMMARY, 100)
    assert "high potential, low sales" in text_of(SUMMARY, 140)
    assert "high potential, low sales" in text_of(SUMMARY)


def test_numbers_stand_to_the_right():
    lines = [line for line in text_of(SUMMARY).splitlines() if line.startswith(("id", "E01", "C01"))][:3]
    ends = {line.index(word) + len(word) for line, word in zip(lines, ("accounts", "2,631", "2,631"), strict=True)}
    assert len(ends) == 1


def test_files_get_no_colours_lines_or_bars():
    text = text_of(SUMMARY)
    assert not set(text) & set("\x1b─█│")
    assert "\x1b[" in drawn(SUMMARY, 100)


def test_kinds_of_whitespace_are_never_added_up():
    assert "860k" in text_of(SUMMARY)
    words = " ".join(text_of(SUMMARY).split())
    assert "expansion whitespace 1.7M a ceiling: open with 454 customers; sales 1.5M of potential 3.2M" in words
    assert "acquisition whitespace 20M a ceiling: open with 4,808 prospects" in words
    assert "22M" not in text_of(SUMMARY)


def test_quadrants_of_all_party_types_are_one_line_for_each_kind():
    lines = [line for line in text_of(SUMMARY).splitlines() if line.split()[:2] == ["expansion", "blue"]]
    assert len(lines) == 1
    assert lines[0].split()[-5:] == ["454", "2.0", "4.0", "1.7M", "100%"]


def test_rows_rejected_are_reported_with_their_reasons_and_zeros_are_left_out():
    assert "5,265 read, 5,262 scored, 3 rejected (duplicate id 3)" in text_of(SUMMARY)


def test_an_account_without_a_name_goes_by_its_id_and_what_is_not_known_by_none():
    line = next(line for line in text_of(SUMMARY).splitlines() if line.split()[:2] == ["2", "77"])
    assert line.split()[:4] == ["2", "77", "-", "E01"]
    assert line.split()[7:11] == ["-", "-", "B", "blue"]


def test_without_names_there_is_no_column_of_names():
    text = text_of(dataclasses.replace(SUMMARY, top=(account(name=None), account(account_id=77, name=None))))
    line = next(line for line in text.splitlines() if line.startswith("priority"))
    assert line.split()[:4] == ["priority", "account", "id", "cluster"]


def test_what_may_be_expected_stands_beside_how_likely_it_is():
    line = next(line for line in text_of(SUMMARY).splitlines() if "Galbridge" in line)
    assert line.split()[-5:] == ["12.5%", "160", "B", "blue", "expand"]


def test_party_types_are_distinguished_where_there_are_several():
    """Places count within a party type: each stands in a group of its own, and no width drops which one it is."""
    both = (account(party_type="channel", account_id="C9"), account(), account(account_id="E8"))
    for width in (60, 100, 200):
        lines = text_of(dataclasses.replace(SUMMARY, top=both), width).splitlines()
        place = {name: next(i for i, line in enumerate(lines) if name in line.split()) for name in ("C9", "E8")}
        assert lines[place["C9"]].startswith("channel")
        assert place["E8"] < place["C9"]
    assert "party type" not in text_of(SUMMARY).split("CALL FIRST")[1].splitlines()[1]


@pytest.mark.parametrize(
    ("basis", "shown"), [("cluster", "own"), ("pooled", "pooled"), ("retail", "retail"), ("none", "-")]
)
def test_the_basis_says_whose_customers_a_ladder_comes_from(basis, shown):
    steps = dict.fromkeys(STEPS) if basis == "none" else STEPS
    text = text_of(dataclasses.replace(SUMMARY, clusters=(cluster("end_user", "E01", basis=basis, steps=steps),)))
    line = next(line for line in text.splitlines() if line.startswith("E01"))
    assert line.split()[-2:] == [shown, "227"]
    amounts = ["5.6k", "7.8k", "11k", "2.9M"]
    assert line.split()[-9:-2] == [*(["-"] * 4 if basis == "none" else amounts), "5.1k", "to", "6.4k"]


def test_the_interval_of_the_first_cut_line_says_where_it_is_borrowed():
    text = text_of(
        dataclasses.replace(SUMMARY, clusters=(cluster("end_user", "E01", low_support=True), cluster("channel", "C01")))
    )
    assert "where the true first cut line lies, at 95%; E01 on borrowed customers" in text
    assert "borrowed" not in text_of(SUMMARY)


def test_every_top_step_is_shown_beside_the_one_in_force():
    lines = [line.split() for line in text_of(SUMMARY).splitlines() if line.startswith("end user")]
    assert lines[0] == ["end", "user", "max", "*", "1.7M", "3.2", "20%", "80%", "0"]
    assert lines[1] == ["end", "user", "p99", "420k", "1.2", "70%", "30%", "5"]


def test_names_from_data_cannot_steer_the_terminal_or_be_read_as_markup():
    summary = dataclasses.replace(SUMMARY, top=(account(name="[red]\x1b[2Jevil\nname"),))
    assert "[red]�[2Jevil�name" in text_of(summary)


def test_json_holds_everything_and_no_number_that_is_none():
    steps = STEPS | {"top": math.nan}
    found = json.loads(to_json(dataclasses.replace(SUMMARY, clusters=(cluster("end_user", "E01", steps=steps),))))
    assert found["clusters"][0]["steps"] == STEPS | {"top": None}
    assert found["totals"]["expansion"]["accounts"] == 454
    assert found["top"][0] == account()


def test_a_cluster_is_found_however_it_is_capitalised_and_missed_with_a_hint():
    clusters = [cluster("end_user", "E01"), cluster("end_user", "E02")]
    assert find_cluster("e02", clusters) == "E02"
    with pytest.raises(UsageError, match="did you mean 'E0"):
        find_cluster("E012", clusters)
    with pytest.raises(UsageError, match="the run has E01, E02"):
        find_cluster("payroll", clusters)
