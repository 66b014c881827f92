"""What-if answers are what a run of the job under those settings finds."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.errors import JobFileError, UsageError
from tamscore.questions.stored import open_run
from tamscore.questions.what_if import Scenario, ask, scenario_of
from tamscore.questions.what_if_page import record
from tests.end_to_end import market

SCENARIOS = 20


def random_settings(random):
    """Settings of every kind that stored facts answer for, drawn at random."""
    lines = sorted(set(np.round(random.uniform(0.05, 0.99, random.integers(1, 5)), 3).tolist()))
    threshold = random.choice(["percentile", "median", "absolute", "capacity"])
    share, amount = random.uniform(0.05, 0.95, 2).round(3), random.choice([0.0, 25.0, 200.0, 900.0], 2)
    numbers = {
        "percentile": {"potential": share[0], "sales": share[1]},
        "median": {},
        "absolute": {"potential": amount[0], "sales": amount[1]},
        "capacity": {"capacity": int(random.integers(1, 1500)), "sales": share[1]},
    }
    return {
        "potential": {
            "cut_lines": lines,
            "top_step": str(random.choice(["max", "p99", "p99.5", "next_step"])),
            "boundary": str(random.choice(["at_or_below", "strictly_below"])),
            "min_customers": int(random.choice([1, 25, 60, 5000])),
        },
        "quadrant": {
            "threshold": str(threshold),
            "level": str(random.choice(["account", "cluster"])),
            **{key: float(v) if key != "capacity" else v for key, v in numbers[str(threshold)].items()},
        },
    }


def overrides_of(settings):
    return tuple(f"{section}.{key}={json.dumps(v)}" for section, keys in settings.items() for key, v in keys.items())


def table(done, name):
    return pq.read_table(done.tables / f"{name}.parquet").to_pylist()


def agrees(found, rerun):
    """The record of an answer holds what the tables and the model of a run hold: counts and steps to the bit, money to
    the cent."""
    ladders = {row["cluster"]: row for row in table(rerun, "potential")}
    segments = {(row["cluster"], row["kind"]): row for row in table(rerun, "segments")}
    quadrants = {(row["party_type"], row["quadrant"], row["kind"]): row for row in table(rerun, "quadrants")}
    limits = {p["party_type"]: p["limits"] for p in json.loads((rerun.model / "model.json").read_text())["parties"]}
    seen = 0
    for party in found["parties"]:
        assert party["limits"] == limits[party["party_type"]]
        for one in party["clusters"]:
            ladder = ladders.pop(one["cluster"])
            assert one["basis"] == ladder["basis"]
            assert one["steps"] == {step: ladder[step] for step in one["steps"]}
            for kind in ("acquisition", "expansion"):
                same_sums(one[kind], segments[one["cluster"], kind])
        for one in party["quadrants"]:
            same_sums(one, quadrants[party["party_type"], one["quadrant"], one["kind"]])
            seen += 1
    assert not ladders
    assert seen == len(quadrants)
    for kind, sums in rerun.manifest()["totals"].items():
        same_sums(found["totals"][kind], sums)


def same_sums(found, expected):
    assert found["accounts"] == expected["accounts"]
    for measure in ("potential", "whitespace"):
        assert found[measure] == pytest.approx(expected[measure], abs=0.011, rel=1e-12)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return market.score(market.accounts(1500, seed=3), tmp_path_factory.mktemp("what_if"), files=2)


def test_random_scenarios_equal_full_reruns(done, tmp_path):
    """Every table that a scenario touches comes out of stored facts as a run under its settings writes it."""
    random = np.random.default_rng(11)
    tried = [random_settings(random) for _ in range(SCENARIOS)]
    scenarios = [Scenario(str(number), overrides_of(settings)) for number, settings in enumerate(tried)]
    now, *answers = ask(open_run(done.output), scenarios)
    agrees(record(now), done)
    for number, (settings, answer) in enumerate(zip(tried, answers, strict=True)):
        rerun = market.run(done.output.parent / "market", tmp_path / str(number), settings)
        agrees(record(answer), rerun)


def test_a_scenario_changes_what_it_sets_and_nothing_else(done):
    """A cap lowers whitespace of customers, never of prospects; higher first cut lines raise that of prospects."""
    now, capped, raised = ask(
        open_run(done.path),
        [Scenario("cap", ("potential.top_step=next_step",)), scenario_of("potential.cut_lines=[0.9, 0.95]", (), 1)],
    )
    assert raised.scenario.name == "scenario 1"
    assert capped.kinds[0].tolist() == now.kinds[0].tolist()
    assert capped.kinds[1, 2] < now.kinds[1, 2]
    assert raised.kinds[0, 2] > now.kinds[0, 2]


def test_a_threshold_of_another_kind_needs_no_word_about_the_numbers_of_the_old_one(done):
    """The run's percentiles mean nothing to a capacity, so they are not carried over."""
    _, answer = ask(open_run(done.path), [scenario_of("few: quadrant.threshold=capacity; quadrant.capacity=20", (), 1)])
    assert answer.scenario.name == "few"
    for party in answer.parties:
        assert party.sums[:, 2:4, :, 0].sum() <= 20


@pytest.mark.parametrize(
    ("override", "error", "words"),
    [
        ("clusters.k=3", UsageError, "stored facts answer for potential and quadrant alone"),
        ("potentail.top_step=p99", UsageError, "did you mean 'potential'"),
        ("top_step", UsageError, "expected KEY=VALUE"),
        ("potential.topstep=p99", JobFileError, "did you mean 'top_step'"),
        ("potential.cut_lines=[0.9, 0.8]", JobFileError, "strictly increasing"),
        ("quadrant.threshold=capacity", JobFileError, "quadrant.capacity"),
    ],
)
def test_what_stored_facts_cannot_tell_is_refused_by_name(done, override, error, words):
    with pytest.raises(error, match=words):
        ask(open_run(done.path), [Scenario("x", (override,))])


@pytest.mark.parametrize("text", ["", "a: ", "a:", " ; "])
def test_a_scenario_without_a_setting_is_refused(text):
    with pytest.raises(UsageError, match="expected a setting to try"):
        scenario_of(text, (), 1)
    assert scenario_of(text, ("potential.top_step=p99",), 1).overrides == ("potential.top_step=p99",)


def test_the_command_compares_scenarios_as_text_and_as_json(done):
    """Both forms tell of every scenario; the JSON holds the run as it is first."""
    arguments = ["what-if", str(done.output), "--set", "potential.boundary=strictly_below"]
    arguments += ["--scenario", "cap: potential.top_step=p99", "--scenario", "median: quadrant.threshold=median"]
    page = CliRunner().invoke(app, arguments)
    assert page.exit_code == 0, page.output
    assert all(words in page.stdout for words in ("as it is", "cap", "median", "ACCOUNTS BY QUADRANT"))
    found = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert [one["scenario"] for one in found] == ["as it is", "cap", "median"]
    assert found[1]["set"] == ["potential.boundary=strictly_below", "potential.top_step=p99"]
    nothing = CliRunner().invoke(app, ["what-if", str(done.output)])
    assert (nothing.exit_code, "potential.top_step=p99" in nothing.stderr) == (2, True)
