"""`output.columns`: fewer columns are written, every one of them the same; what needs others says so by name."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from tamscore import pipeline, sealed_roles
from tamscore.cli import app
from tamscore.errors import JobFileError
from tamscore.progress import Progress
from tamscore.schema import ALWAYS_WRITTEN, CORE_COLUMNS
from tamscore.scoring.score import parts
from tests.end_to_end import market
from tests.end_to_end.test_sealed_roles import ROWS, changes, staff

CAMPAIGNS = {
    "campaigns": {"size": "employees", "bands": {"small": 0.0, "large": 50.0, "enterprise": 900.0}},
    "columns.name": "name",
}
CORE = {"output.columns": "core"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return market.write(market.accounts(ROWS, seed=2), tmp_path_factory.mktemp("written") / "market", files=3)


@pytest.fixture(scope="module")
def whole(folder):
    return market.run(folder, folder.parent / "whole", CAMPAIGNS)


@pytest.fixture(scope="module")
def core(folder):
    return market.run(folder, folder.parent / "core", CAMPAIGNS | CORE)


def ask(*words):
    return CliRunner().invoke(app, [*map(str, words)])


def test_the_core_is_who_where_how_much_and_what_to_do_and_what_the_job_keeps(core, whole):
    expected = [name for name in market.scores(whole).column_names if name in {*CORE_COLUMNS, "note"}]
    assert market.scores(core).column_names == expected
    assert {*ALWAYS_WRITTEN, "note", "whitespace", "tier", "play", "campaign_id"} < {*expected}
    assert len(expected) < 0.7 * market.scores(whole).num_columns


def test_what_is_written_is_the_same_and_so_is_all_that_stands_beside_the_scores(core, whole):
    names = market.scores(core).column_names
    assert market.different(market.scores(core), market.scores(whole).select(names)) == []
    for table in sorted(whole.tables.glob("*.parquet")):
        assert (core.tables / table.name).read_bytes() == table.read_bytes()
    for key in ("rows", "totals", "fit", "extras"):
        assert core.manifest()[key] == whole.manifest()[key]


def test_the_manifest_names_what_is_left_out(core, whole):
    assert "left_out" not in whole.manifest()
    gone = set(market.scores(whole).column_names) - set(market.scores(core).column_names)
    assert set(core.manifest()["left_out"]) == gone


def test_a_list_is_written_in_the_order_of_the_scores_with_what_is_always_there(folder, whole, tmp_path):
    done = market.run(folder, tmp_path / "scores", CAMPAIGNS | {"output.columns": ["penetration", "kind"]})
    names = [name for name in market.scores(whole).column_names if name in {*ALWAYS_WRITTEN, "penetration", "kind"}]
    assert market.different(market.scores(done), market.scores(whole).select(names)) == []


def test_other_columns_are_another_run_and_all_columns_are_the_run_they_were(folder, core, whole):
    assert core.run_key != whole.run_key
    both = market.run(folder, core.output, CAMPAIGNS)
    assert both.run_key == whole.run_key
    assert market.scores(both).num_columns == market.scores(whole).num_columns
    assert market.run(folder, core.output, CAMPAIGNS | CORE).run_key == core.run_key


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (["potentail"], r"output\.columns\[0\]: expected a column of the scores, got 'potentail'; did you mean"),
        (["tier", "churn_alert"], r"output\.columns\[1\]: expected a column of the scores, .*; add \[alerts\]"),
        ([], r"output\.columns: expected"),
        ("most", r"output\.columns: expected .*'all'.*'core'"),
        (7, r"output\.columns: expected"),
    ],
)
def test_a_column_that_no_scores_have_is_refused_by_name(folder, columns, line):
    with pytest.raises(JobFileError, match=line):
        market.job(folder, folder.parent / "never", {"output.columns": columns})


@pytest.mark.parametrize(
    "command",
    ["show {run}", "coverage {run}", "lists {run} --to {to}", "export {run} --to {to}.csv",
     "export {run} --to {to}.csv --fields why", "diff {run} {run}", "report {run} --output {to}.html",
     "campaigns {run} --to {to}", "verify {output}"],
)  # fmt: skip
def test_what_can_do_without_the_columns_does(core, tmp_path, command):
    if command.startswith("lists"):
        assert ask("coverage", core.path).exit_code == 0
    words = command.format(run=core.path, output=core.output, to=tmp_path / "to").split()
    found = ask(*words)
    assert found.exit_code == 0, found.output


@pytest.mark.parametrize(
    ("command", "columns"),
    [
        ("explain {run} {account}", "'distance', 'margin', 'penetration', 'step'"),
        ("show {run} --top 80", "'priority_in_kind', 'rank', 'basis'"),
        ("what-if {run} --set quadrant.threshold=capacity --set quadrant.capacity=50", "'distance'"),
        ("export {run} --to {to}.csv --fields penetration", "'penetration'"),
    ],
)
def test_what_needs_a_column_that_is_left_out_names_it(core, tmp_path, command, columns):
    account = market.scores(core)["account_id"][0].as_py()
    found = ask(*command.format(run=core.path, to=tmp_path / "to", account=account).split())
    assert found.exit_code == 2
    said = " ".join(found.output.split())
    assert columns in said
    assert "output.columns" in said


@pytest.mark.parametrize("written", [0, 2])
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(folder, core, tmp_path, monkeypatch, written):
    """Before roles are written, and in between: parts that lack columns are made again."""
    job = changes(staff(tmp_path)) | CORE | {"engine": {"workers": 1}}
    done = market.run(folder, tmp_path / "done", job)
    assert {"person", "role", "tier"} < {*market.scores(done).column_names}
    assert "penetration" not in market.scores(done).column_names
    calls: list[int] = []

    def stopped(index, *rest):
        if len(calls) == written:
            raise KeyboardInterrupt
        calls.append(index)
        return parts.rewrite_part(index, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(sealed_roles, "rewrite_part", stopped)
        with pytest.raises(KeyboardInterrupt):
            market.run(folder, tmp_path / "scores", job)
    again = market.run(folder, tmp_path / "scores", job)
    files = [{path.name: path.read_bytes() for path in one.scores.glob("part-*")} for one in (done, again)]
    assert files[0] == files[1]


def test_a_later_run_builds_on_the_scores(folder, core):
    job = market.job(folder, core.output, CAMPAIGNS | CORE | {"clusters.hysteresis": 0.05})
    refreshed = pipeline.refresh(job, Progress(), str(core.path), accept=True)
    assert refreshed.run_key != core.run_key
    assert market.scores(refreshed).column_names == market.scores(core).column_names
