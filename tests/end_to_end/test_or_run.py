"""`score --or-run`, the command of every schedule: the model that is there, else a new fit, never one in silence."""

from __future__ import annotations

import json
import shutil

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError, TamscoreError, UsageError
from tamscore.progress import Progress
from tamscore.store.run_directory import CURRENT, current_version
from tests.end_to_end import market

ROWS = 300


def week(number):
    """The market of a week: sales rise by 3 % a week."""
    table = market.plain_accounts(ROWS)
    sales = pc.multiply(table["sales"], 1.03**number)
    return table.set_column(table.schema.get_field_index("sales"), "sales", sales)


def score(table, output, model=None, **options):
    """The scheduled command on a market; its run and what it noticed."""
    job = market.job(market.write(table, output.parent / "market"), output, market.PLAIN)
    progress = Progress()
    return pipeline.score(job, progress, model, or_run=True, **options), progress.notices


def source(done):
    return (done.manifest() or {})["model"]["source"]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return market.score(week(0), tmp_path_factory.mktemp("first"), market.PLAIN)


@pytest.fixture
def output(first, tmp_path):
    shutil.copytree(first.output, tmp_path / "scores")
    return tmp_path / "scores"


@pytest.mark.parametrize("named", [True, False])
def test_the_first_week_fits_and_the_following_weeks_score_with_its_model(tmp_path, named):
    output = tmp_path / "scores"
    model = str(output) if named else None
    one, notices = score(week(0), output, model)
    assert [text for text in notices if "there is no run yet; a new model is fitted" in text]
    two, notices = score(week(1), output, model)
    three, _ = score(week(2), output, model)
    assert [source(done) for done in (one, two, three)] == ["fitted", "frozen", "frozen"]
    assert not [text for text in notices if "no run yet" in text]
    assert (three.manifest() or {})["model"]["run"] == two.run_key
    assert (three.manifest() or {})["model"]["accounts_relabelled"] == 0


@pytest.mark.parametrize("weeks", [1, 2, 3])
def test_the_same_week_again_is_nothing_to_do_whatever_made_its_scores(tmp_path, weeks):
    """A retry after success, or a schedule that fires twice, makes no version beside the one that counts."""
    output = tmp_path / "scores"
    done = [score(week(number), output)[0] for number in range(weeks)]
    again, notices = score(week(weeks - 1), output)
    assert again.run_key == done[-1].run_key
    assert "nothing to do" in notices[-1]
    assert len(list((output / "versions").iterdir())) == weeks


def test_the_same_week_with_cut_lines_of_today_is_another_run(tmp_path):
    output = tmp_path / "scores"
    for number in range(2):
        frozen, _ = score(week(number), output)
    own, _ = score(week(1), output, own_ladders=True)
    assert own.run_key != frozen.run_key


def missing(output):
    return


def empty(output):
    output.mkdir()


def killed(output):
    """What a first run leaves that was killed before it was sealed."""
    (output / "versions" / "0123456789abcdef" / "scores").mkdir(parents=True)
    (output / "_lock").write_bytes(b"")


def mounted(output):
    """A volume that was made for it."""
    (output / "lost+found").mkdir(parents=True)


@pytest.mark.parametrize("make", [missing, empty, killed, mounted])
def test_an_output_without_any_run_means_that_there_is_no_model_yet(tmp_path, make):
    make(tmp_path / "scores")
    done, notices = score(week(0), tmp_path / "scores")
    assert source(done) == "fitted"
    assert [text for text in notices if "no run yet" in text]


def no_pointer(output):
    (output / CURRENT).unlink()


def pruned(output):
    shutil.rmtree(output / "versions")


def other_format(output):
    next((output / "versions").glob("*/model/model.json")).write_text('{"format": 0}', encoding="utf-8")


def arrays_gone(output):
    next((output / "versions").glob("*/model/arrays.safetensors")).unlink()


def manifest_torn(output):
    next((output / "versions").glob("*/manifest.json")).write_text("{", encoding="utf-8")


def other_files(output):
    shutil.rmtree(output)
    market.write(pa.table({"a": [1]}), output)


def a_file(output):
    shutil.rmtree(output)
    output.write_bytes(b"PAR1")


@pytest.mark.parametrize(
    "damage",
    [no_pointer, pruned, other_format, arrays_gone, manifest_torn, other_files, a_file],
    ids=lambda one: one.__name__,
)
def test_a_damaged_output_is_an_error_and_nothing_is_fitted(output, damage):
    damage(output)
    with pytest.raises((UsageError, InputContractError), match=str(output)):
        score(week(1), output)
    assert not list(output.glob("versions/*/_staged*")) if output.is_dir() else output.is_file()
    versions = list((output / "versions").iterdir()) if (output / "versions").is_dir() else []
    assert len(versions) <= 1


@pytest.mark.parametrize("name", ["3fa9", "scores/3fa9", "scores/versions/0123456789abcdef"])
def test_a_version_that_is_not_there_is_an_error(output, name, monkeypatch):
    monkeypatch.chdir(output.parent)
    with pytest.raises(TamscoreError):
        score(week(1), output, name)
    assert current_version(output) is not None
    assert len(list((output / "versions").iterdir())) == 1


def test_a_job_that_the_model_does_not_fit_is_refused_not_fitted_anew(output):
    job = market.job(market.write(week(1), output.parent / "market"), output, {**market.PLAIN, "clusters.k": 3})
    with pytest.raises(InputContractError, match=r"clusters\.k: expected 2, under which the model was fitted, got 3"):
        pipeline.score(job, Progress(), or_run=True)


def test_the_command_ends_with_10_where_the_scores_are_there(tmp_path):
    market.write(week(0), tmp_path / "market")
    job = tmp_path / "job.toml"
    job.write_text(
        '[input]\npath = "market"\n[features.numeric]\nx = "standard"\ny = "standard"\n'
        '[clusters]\nk = 2\nrestarts = 2\n[output]\npath = "scores"\n',
        encoding="utf-8",
    )
    codes = [CliRunner().invoke(app, ["score", str(job), "--or-run", "--if-changed"]).exit_code for _ in range(2)]
    assert codes == [0, 10]
    market.write(week(1), tmp_path / "market")
    done = CliRunner().invoke(app, ["score", str(job), "--model", str(tmp_path / "scores"), "--or-run", "--json"])
    assert json.loads(done.stdout)["model"]["source"] == "frozen"
