"""Changes of priority between runs: the parts sum to the change, and each planted cause lands in its own part."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.questions.diff_priority import CALL_CAUSES, EXPECTED_CAUSES, PLACE_CAUSES
from tests.end_to_end import market
from tests.end_to_end.test_diff import SAMPLED, compared, grown

ROWS = 3000
PLACED = ("tier", "quadrant", "p_basis")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The first run."""
    return market.score(market.accounts(ROWS), tmp_path_factory.mktemp("first"), SAMPLED)


def cents(value):
    return round(100 * (value or 0.0))


def called(row):
    """The value of a call by its definition, in cents."""
    return round(cents(row["whitespace"]) * row["probability"]) + cents(row.get("value_at_risk"))


def laws_hold(rows, first, second):
    """Parts sum to the change to the cent and to the place, and the ends are what the runs have stored."""
    before, after = ({row["account_id"]: row for row in market.scores(done).to_pylist()} for done in (first, second))
    calls = {
        party: [called(row) for row in before.values() if row["party_type"] == party]
        for party in ("end_user", "channel")
    }
    for account, row in rows.items():
        then, now = before[account], after[account]
        assert [cents(float(row[f"call_{end}"])) for end in ("before", "after")] == [called(then), called(now)]
        assert sum(row[f"call_{cause}"] for cause in CALL_CAUSES) == row["call_change"]
        assert row["call_change"] == row["call_after"] - row["call_before"]
        assert sum(row[f"expected_value_{cause}"] for cause in EXPECTED_CAUSES) == row["expected_value_change"]
        assert cents(float(row["expected_value_change"])) == cents(now["expected_value"]) - cents(
            then["expected_value"]
        )
        assert sum(row[f"priority_{cause}"] for cause in PLACE_CAUSES) == now["priority"] - then["priority"]
        assert [row[f"{name}_before"] for name in PLACED] == [then[name] for name in PLACED]
        assert [row[f"{name}_after"] for name in PLACED] == [now[name] for name in PLACED]
        if called(now) != called(then):
            better = sum(call > called(now) for call in calls[then["party_type"]]) - (called(then) > called(now))
            assert row["priority_others"] == now["priority"] - 1 - better
        else:
            assert row["priority_others"] == row["priority_change"]


def at_work(rows):
    return {cause for row in rows.values() for cause in CALL_CAUSES if row[f"call_{cause}"]}


def test_the_same_run_twice_moves_no_place(base, tmp_path):
    found, _, rows = compared(base, base, tmp_path)
    laws_hold(rows, base, base)
    assert (at_work(rows), found.callers.num_rows) == (set(), 0)
    assert not any(row["priority_change"] for row in rows.values())


def test_sales_work_through_whitespace_and_who_begins_to_buy_is_likelier_by_its_own_sales(base, tmp_path):
    """The model is the same; what customers look like is learnt anew, which moves the probability of prospects."""
    second = market.score(grown(market.accounts(ROWS)), tmp_path, SAMPLED)
    found, _, rows = compared(base, second, tmp_path)
    laws_hold(rows, base, second)
    assert {"own_sales", "peers"} <= at_work(rows) <= {"own_sales", "peers", "probability"}
    won = [row for row in rows.values() if not row["sales_before"] and (row["sales_after"] or 0) > 0]
    assert won
    assert not any(row["call_probability"] or row["call_basis"] for row in won)
    for name in ("tier", "quadrant"):
        counted = Counter((row[f"{name}_before"], row[f"{name}_after"]) for row in rows.values())
        assert Counter(getattr(found.totals, f"{name}s").sum(axis=0).ravel().tolist()) - Counter([0] * 25) == Counter(
            counted.values()
        )


def test_another_win_rate_is_probability_alone_and_another_source_is_basis_alone(base, tmp_path):
    plain = SAMPLED | {"look_alike": {"enabled": False}}
    table = base.output.parent / "market"
    flat = market.run(table, tmp_path / "flat", plain)
    higher = market.run(table, tmp_path / "higher", plain | {"priority": {"win_rate": {"acquisition": 0.2}}})
    _, _, rows = compared(flat, higher, tmp_path)
    laws_hold(rows, flat, higher)
    assert at_work(rows) == {"probability"}
    for row in rows.values():
        assert abs(float(row["expected_value_sales"])) <= 0.03  # half a cent of the stored value, times four
    (tmp_path / "diff.parquet").unlink()
    _, _, rows = compared(base, flat, tmp_path)
    laws_hold(rows, base, flat)
    assert at_work(rows) == {"basis"}


def test_other_cut_lines_are_policy_in_calls_too(base, tmp_path):
    second = market.run(base.output.parent / "market", tmp_path / "second", SAMPLED | {"potential.preset": "p80"})
    found, _, rows = compared(base, second, tmp_path)
    laws_hold(rows, base, second)
    assert at_work(rows) == {"policy"}
    largest = sorted(rows.values(), key=lambda row: (-abs(row["call_change"]), row["account_id"]))[:10]
    assert found.callers["account_id"].to_pylist() == [row["account_id"] for row in largest]


def test_an_account_of_another_party_type_has_no_parts_of_its_place(base, tmp_path):
    """Places of two party types are two orders: the ends stand there, a change would say nothing."""
    table = market.accounts(ROWS)
    parties = table["party_type"].to_pylist()
    parties[7] = {"channel": "end_user", "end_user": "channel"}[parties[7]]
    names = table.column_names
    changed = table.set_column(names.index("party_type"), "party_type", [parties])
    second = market.score(changed, tmp_path, SAMPLED)
    _, _, rows = compared(base, second, tmp_path)
    row = rows.pop(table["account_id"][7].as_py())
    assert min(row["priority_before"], row["priority_after"]) > 0
    assert all(row[f"priority_{cause}"] is None for cause in ("change", *PLACE_CAUSES))
    laws_hold(rows, base, second)


def test_the_page_and_json_tell_priority(base, tmp_path):
    table = base.output.parent / "market"
    second = market.run(table, base.output, SAMPLED | {"priority": {"win_rate": {"expansion": 0.5}}})
    call = ["diff", str(base.output.parent / "scores" / "versions" / base.run_key), second.run_key]
    page = CliRunner().invoke(app, call)
    base.point_here()
    assert page.exit_code == 0, page.output
    for title in ("Why priority changed", "Why expected value changed", "Calls that changed most"):
        assert title.upper() in page.stdout
    found = json.loads(CliRunner().invoke(app, [*call, "--json"]).stdout)
    kind = found["kinds"]["expansion"]
    assert kind["calls"]["probability"]["value"] < 0
    assert kind["expected_value"]["probability"] < 0
    assert sum(count for row in kind["tiers"].values() for count in row.values()) == kind["kept"]["accounts"]
    assert found["callers"][0]["call_change"] == found["callers"][0]["call_probability"]
