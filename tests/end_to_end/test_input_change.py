"""The input compared with the run before: what stops run, score and refresh, what --accept publishes."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.errors import GateError, JobFileError
from tamscore.progress import Progress
from tamscore.questions.stored import open_run
from tamscore.report.chapters import moves
from tamscore.report.evidence import gather
from tamscore.stages.folding import fold_ids
from tamscore.store import history
from tamscore.store.run_directory import CURRENT, current_version
from tests.end_to_end import market

ROWS = 900
CHANGES = {**market.PLAIN, "rows": {"max_sales_missing_share": 1.0}}


def first_week():
    """A market of accounts whose sales differ by far."""
    table, random = market.plain_accounts(ROWS), np.random.default_rng(3)
    sales = np.where(random.random(ROWS) < 0.5, random.lognormal(6, 2, ROWS).round(2) + 1, 0.0)
    return with_column(table, "sales", pa.array(sales))


def with_column(table, name, values):
    return table.set_column(table.schema.get_field_index(name), name, values)


def scaled(factor):
    """The market with all sales times a factor."""
    table = first_week()
    return with_column(table, "sales", pc.multiply(table["sales"], factor))


def masked(keep, value=0.0):
    """The market with the sales of some accounts replaced."""
    table = first_week()
    return with_column(table, "sales", pc.if_else(pa.array(keep), table["sales"], pa.scalar(value, pa.float64())))


def renamed(names):
    """The market under other ids."""
    return with_column(first_week(), "account_id", pa.array(names))


def ids():
    return first_week()["account_id"].to_numpy(zero_copy_only=False)


PLACE = np.arange(ROWS)
FAULTS = {
    "gone: only the first third arrives": (lambda: first_week().slice(0, ROWS // 3), "accounts"),
    "gone: one country is missing": (lambda: first_week().filter(pa.array(PLACE % 6 > 0)), "accounts"),
    "gone: the last file did not arrive": (lambda: first_week().slice(0, ROWS - 50), "accounts"),
    "unit: thousands": (lambda: scaled(0.001), "unit"),
    "unit: cents": (lambda: scaled(100.0), "unit"),
    "unit: half of the accounts in millionths": (
        lambda: with_column(
            first_week(), "sales", pc.multiply(first_week()["sales"], pa.array(np.where(PLACE % 2, 1.0, 1e-6)))
        ),
        "unit",
    ),
    "zeros: every second account": (lambda: masked(PLACE % 2 == 0), "customers"),
    "zeros: sales are missing from the middle on": (lambda: masked(PLACE < ROWS // 2, None), "customers"),
    "zeros: the smaller half": (
        lambda: masked(first_week()["sales"].to_numpy() > 400),
        "customers",
    ),
    "ids: shuffled": (lambda: renamed(np.random.default_rng(1).permutation(ids())), "ids"),
    "ids: numbered anew": (lambda: renamed([f"N{i}" for i in range(ROWS)]), "accounts"),
    "ids: sales slipped by one row": (
        lambda: with_column(first_week(), "sales", pa.array(np.roll(first_week()["sales"].to_numpy(), 1))),
        "ids",
    ),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The finished run of the first week."""
    return market.score(first_week(), tmp_path_factory.mktemp("base"), CHANGES)


@pytest.fixture
def output(base, tmp_path):
    """A copy of the output of the first week, to be written to."""
    shutil.copytree(base.output, tmp_path / "scores")
    return tmp_path / "scores"


def carry_out(verb, table, output, base, *, accept=False, changes=None):
    """One of the three commands on a table; its progress."""
    job = market.job(market.write(table, output.parent / "next"), output, {**CHANGES, **(changes or {})})
    progress = Progress()
    named = () if verb == "run" else (str(base.path),)
    return getattr(pipeline, verb)(job, progress, *named, accept=accept), progress


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("verb", ["run", "score", "refresh"])
def test_an_input_unlike_the_run_before_stops_before_anything_is_fitted_or_published(base, verb, fault):
    """The message has the figures, the plan has them for machines, and what counted still counts."""
    make, limit = FAULTS[fault]
    progress = Progress()
    job = market.job(market.write(make(), base.output.parent / "faulty"), base.output, CHANGES)
    named = () if verb == "run" else (str(base.path),)
    with pytest.raises(GateError, match=r"compared with run .*\n?nothing was published.*--accept") as stopped:
        getattr(pipeline, verb)(job, progress, *named)
    shutil.rmtree(base.output.parent / "faulty")
    limit_rows: Any = stopped.value.plan[0]
    assert stopped.value.gate == "input_change"
    assert limit in limit_rows["broken"]
    assert str(stopped.value).count(f"compared with run {base.run_key}") == len(limit_rows["broken"])
    assert progress.reached == "census"
    assert current_version(base.output) == base.run_key
    assert limit_rows["accounts_before"] == ROWS


def quiet_week(seed):
    """A week later: 1 % gone, 2 % new, sales a tenth up or down, a few customers won and lost."""
    random = np.random.default_rng(seed)
    table = first_week()
    sales = table["sales"].to_numpy() * random.lognormal(0, 0.1, ROWS)
    sales[random.random(ROWS) < 0.02] = 0.0
    sales[random.random(ROWS) < 0.02] = 300.0
    table = with_column(table, "sales", pa.array(sales.round(2))).filter(pa.array(random.random(ROWS) > 0.01))
    new = first_week().slice(0, 18)
    new = with_column(new, "account_id", pa.array([f"W{seed}-{i}" for i in range(18)]))
    return pa.concat_tables([table, new]).take(random.permutation(table.num_rows + 18))


@pytest.mark.parametrize("verb", ["run", "score", "refresh"])
def test_an_ordinary_week_is_published_without_a_notice(base, output, verb):
    done, progress = carry_out(verb, quiet_week(1), output, base)
    assert done.is_complete()
    assert not [text for text in progress.notices if "input" in text]
    record = (done.manifest() or {})["input_change"]
    assert (record["run"], record["broken"], record["accepted"]) == (base.run_key, [], False)
    assert 0 < record["gone"] < 0.03 * ROWS


@pytest.mark.parametrize(("files", "workers"), [(1, 1), (3, 2)])
def test_figures_are_the_same_for_any_files_workers_and_row_order(base, tmp_path, files, workers):
    table = quiet_week(2).take(np.random.default_rng(files).permutation(quiet_week(2).num_rows))
    job = market.job(
        market.write(table, tmp_path / "next", files=files),
        tmp_path / "scores",
        {**CHANGES, "engine": {"workers": workers}},
    )
    record = (pipeline.score(job, Progress(), str(base.path)).manifest() or {})["input_change"]
    alone = market.job(market.write(quiet_week(2), tmp_path / "alone"), tmp_path / "other", CHANGES)
    assert record == (pipeline.score(alone, Progress(), str(base.path)).manifest() or {})["input_change"] | {
        "limits": record["limits"]
    }


@pytest.mark.parametrize("verb", ["run", "score", "refresh"])
def test_what_a_person_accepts_is_published_and_stands_in_manifest_report_and_notices(base, output, verb):
    done, progress = carry_out(verb, scaled(0.001), output, base, accept=True)
    assert current_version(output) == done.run_key != base.run_key
    record = (done.manifest() or {})["input_change"]
    assert (record["broken"], record["accepted"]) == (["sales", "unit"], True)
    assert record["sales_now"] == pytest.approx(record["sales_before"] / 1000)
    assert len([text for text in progress.notices if text.startswith("input accepted although")]) == 2
    found = gather(open_run(done.path), None, Progress())
    chapter = moves.chapter(found)
    assert chapter is not None
    assert "broken" in str(chapter.blocks[0])
    shown = CliRunner().invoke(app, ["show", str(output)]).stdout
    assert f"compared with run {base.run_key}" in shown


def test_the_command_line_prints_the_figures_as_json_and_exits_with_4(base, output):
    job = output.parent / "job.toml"
    market.write(first_week().slice(0, 400), output.parent / "next")
    job.write_text(
        f'[input]\npath = "next"\n[features.numeric]\nx = "standard"\ny = "standard"\n[clusters]\nk = 2\nrestarts = 2\n'
        f'[rows]\nmax_sales_missing_share = 1.0\n[output]\npath = "{output}"\n',
        encoding="utf-8",
    )
    for command in (["run"], ["score"], ["score", "--or-run"], ["refresh", "--from", str(base.output)]):
        done = CliRunner().invoke(app, [command[0], str(job), *command[1:], "--json"])
        assert done.exit_code == 4, done.output
        answer = json.loads(done.stdout)
        assert (answer["done"], answer["gate"], answer["input_change"]["gone"]) == (False, "input_change", 500)
        assert "500 of 900 accounts are gone (56%)" in done.stderr.replace("55.6%", "56%")
    done = CliRunner().invoke(app, ["score", str(job), "--accept", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["input_change"]["accepted"] is True


# --- what there is to compare with ---


def test_the_current_version_comes_before_the_run_that_the_model_is_from(base, output):
    """Week 2 was accepted: week 3 like it is quiet, and week 3 like week 1 is not."""
    second, _ = carry_out("score", scaled(0.001), output, base, accept=True)
    carry_out("score", with_column(scaled(0.001), "x", scaled(0.001)["y"]), output, base)
    with pytest.raises(GateError, match="sales of customers changed"):
        carry_out("score", quiet_week(4), output, base)
    assert second.is_complete()


def test_a_first_run_a_repetition_and_a_backtest_are_compared_with_nothing(base, output):
    job = market.job(base.output.parent / "market", output, CHANGES)
    assert "nothing to do" in carry_out("run", first_week(), output, base)[1].notices[-1]
    assert (base.manifest() or {})["input_change"] is None
    other = market.job(market.write(scaled(50.0), output.parent / "other"), output, CHANGES)
    aside = pipeline.run(other, Progress(), yields=True)
    assert (aside.manifest() or {})["input_change"] is None
    assert current_version(output) == base.run_key == pipeline.run(job, Progress()).run_key


def pruned(output, base):
    shutil.rmtree(output / "versions")


def part_lost(output, base):
    next((output / "versions").glob("*/scores/part-*.parquet")).unlink()


def part_corrupt(output, base):
    next((output / "versions").glob("*/scores/part-*.parquet")).write_bytes(b"PAR1 not really PAR1")


def older_format(output, base):
    path = next((output / "versions").glob("*/manifest.json"))
    path.write_text("{}", encoding="utf-8")


@pytest.mark.parametrize("damage", [pruned, part_lost, part_corrupt, older_format])
def test_a_run_before_that_cannot_be_read_is_reported_and_nothing_is_compared(base, output, damage):
    damage(output, base)
    done, progress = carry_out("run", scaled(0.001), output, base)
    assert done.is_complete()
    assert (done.manifest() or {})["input_change"] is None
    assert [text for text in progress.notices if text.startswith("input: not compared with the current version")]


def test_where_the_pointer_is_torn_the_version_that_the_ledger_names_is_compared_with(base, output):
    (output / CURRENT).write_text("{", encoding="utf-8")
    with pytest.raises(GateError, match=f"compared with run {base.run_key}"):
        carry_out("run", scaled(0.001), output, base)


def test_where_the_current_version_cannot_be_read_the_run_of_the_model_is_compared_with(base, output):
    part_corrupt(output, base)
    second, _ = carry_out("run", quiet_week(5), output, base)
    part_corrupt(output, base)
    shutil.rmtree(second.scores)
    with pytest.raises(GateError, match=f"compared with run {base.run_key}"):
        carry_out("score", scaled(0.001), output, base)


@pytest.mark.parametrize(("days", "is_published"), [(7, False), (100, True)])
def test_limits_widen_with_the_age_of_the_run_before_as_its_ledger_tells_it(base, output, days, is_published):
    """5 % of the accounts gone: too many for a week, usual for a quarter."""
    ledger = output / history.HISTORY
    entry = json.loads(ledger.read_text(encoding="utf-8").splitlines()[-1])
    entry["at"] = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    ledger.write_text(json.dumps(entry) + "\n", encoding="utf-8")
    table = first_week().slice(0, ROWS - 45)
    if is_published:
        assert carry_out("score", table, output, base)[0].is_complete()
    else:
        with pytest.raises(GateError, match=r"45 of 900 accounts are gone \(5\.0%\).*input\.max_gone_share"):
            carry_out("score", table, output, base)


def test_a_limit_that_the_job_file_sets_is_the_one_in_force(base, output):
    wide = {"input.max_gone_share": 0.7}
    assert carry_out(
        "score",
        first_week().slice(0, ROWS // 3),
        output,
        base,
        changes=wide | {"input.max_customer_change": 0.8, "input.max_sales_change": 10.0},
    )[0].is_complete()
    with pytest.raises(JobFileError, match=r"input\.max_sales_change"):
        market.job("m", "o", {**CHANGES, "input.max_sales_change": 0.5})


# --- ids that are written otherwise ---


def crm_ids(width=15):
    """Ids of a CRM, with or without their check suffix."""
    short = pa.array([f"00A5g00000{i:05d}" for i in range(ROWS)], pa.large_string())
    return (fold_ids(short, "crm18") if width == 18 else short).to_pylist()


@pytest.fixture(scope="module")
def crm_base(tmp_path_factory):
    """The finished run of the first week under ids of a CRM."""
    return market.score(renamed(crm_ids()), tmp_path_factory.mktemp("crm"), CHANGES)


@pytest.mark.parametrize("width", [15, 18])
@pytest.mark.parametrize("verb", ["run", "score", "refresh"])
def test_ids_are_compared_as_the_job_at_hand_compares_them(crm_base, tmp_path, verb, width):
    """A job that takes up columns.id_form after a run without it knows the accounts of that run, and their clusters."""
    shutil.copytree(crm_base.output, tmp_path / "scores")
    changes = {"columns": {"id_form": "crm18"}}
    done, _ = carry_out(verb, renamed(crm_ids(width)), tmp_path / "scores", crm_base, changes=changes)
    record = (done.manifest() or {})["input_change"]
    assert (record["gone"], record["new"], record["correlation"], record["broken"]) == (0, 0, pytest.approx(1.0), [])


OTHERWISE = {
    "capitals": (lambda ids: [name.lower() for name in ids], "capitals"),
    "a check suffix": (lambda _: crm_ids(18), "columns.id_form = 'crm18'"),
    "zeros": (lambda ids: [name.lstrip("0") for name in ids], "leading zeros"),
}


@pytest.mark.parametrize("how", OTHERWISE)
def test_the_message_names_how_ids_that_are_gone_are_written_now(crm_base, tmp_path, how):
    shutil.copytree(crm_base.output, tmp_path / "scores")
    write, words = OTHERWISE[how]
    with pytest.raises(GateError, match=r"900 of 900 accounts are gone.*written otherwise: ") as stopped:
        carry_out("score", renamed(write(crm_ids())), tmp_path / "scores", crm_base)
    assert words in str(stopped.value)
