"""Paths with placeholders that nobody filled in are refused by name; odd paths that are names stay."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

import tamscore
from tamscore import job_file
from tamscore.cli import app
from tamscore.errors import JobFileError
from tamscore.placeholders import placeholder_in

UNFILLED = {
    "scores_{{ ds }}": "{{ ds }}",
    "scores_{{ds_nodash}}/x": "{{ds_nodash}}",
    "{% if prod %}scores{% endif %}": "{% if prod %}",
    "${HOME}/scores": "${HOME}",
    "${DATE:-today}": "${DATE:-today}",
    "$HOME/scores": "$HOME",
    "/data/$ds": "$ds",
    "scores_$(date +%F)": "$(date +%F)",
    "scores_`date`": "`date`",
    "%(name)s.csv": "%(name)s",
    "%USERPROFILE%/scores": "%USERPROFILE%",
    "scores_%Y-%m-%d": "%Y-%m",
    "scores/%Y/x": "%Y",
    "scores_%Y%m%d": "%Y%m",
    "scores_{date}": "{date}",
    "scores_{date:%Y}": "{date:%Y}",
    "@{pipeline().RunId}": "@{pipeline().RunId}",
    "<PATH>": "<PATH>",
    "<path to your market>": "<path to your market>",
    "s3://bucket/{{ ds }}": "{{ ds }}",
}
NAMES = [
    *("mar ket+50%", "mein ordner 50%", "Müller & Söhne", "100%ig", "M%C3%BCller%20AG", "x%20y%20z", "50%-70%", "%"),
    *("US$ 5", "$5", "C$", "cash$", "a{1,2}*.parquet", "{2026}", "{3F2504E0-4F89-41D3}", "{}", "a[0-9]?.parquet"),
    *("a<b", "<5 employees>", "#1 (new)", "it's", "日本語", "~/scores", "x=1,y=2", "year=2026/month=01", "a`b"),
    *("@home", "{{", "100 % {a", "50%d0"),
]


@pytest.mark.parametrize("path", UNFILLED)
def test_a_placeholder_of_a_common_language_is_found(path):
    """C42: Jinja, shells, Python, Windows, dates, instructions."""
    assert placeholder_in(path) == UNFILLED[path]


@pytest.mark.parametrize("path", NAMES)
def test_odd_names_that_are_no_placeholders_stay(path):
    """C42: blanks, percent signs, umlauts, prices, globs, Hive partitions, encoded addresses."""
    assert placeholder_in(path) is None


JOB = """
input.path = {input!r}
output.path = "scores"
columns.account_id = "id"
columns.sales = "sales"
features.numeric = {{ a = "standard" }}
clusters.k = 4
"""
KEYS = [
    *("input.path", "output.path", "engine.scratch", "backtest.table", "metrics.textfile", "metrics.folder"),
    *("coverage.people", "coverage.plans", "coverage.owners", "coverage.account_plans"),
    *("propensity.label_table", "lifetime_value.orders", "next_offer.path"),
]


@pytest.mark.parametrize("key", KEYS)
def test_every_path_of_the_job_file_is_looked_at_and_named(key):
    """C42: whichever key holds it, from the file or from --set."""
    with pytest.raises(JobFileError) as caught:
        job_file.parse(JOB.format(input="market"), "job", [f"{key}='x_{{{{ ds }}}}.prom'"])
    line = next(line for line in caught.value.problems if f"{key}: expected a path without placeholders" in line)
    assert "nobody filled in {{ ds }}" in line


def test_an_address_is_looked_at_like_a_path():
    with pytest.raises(JobFileError, match=r"input.path: expected a path without placeholders, got 's3://b/\$\{DAY\}'"):
        job_file.parse(JOB.format(input="s3://b/${DAY}"), "job")


def test_what_a_run_has_stored_is_a_name_by_now(tmp_path):
    """C42: a job in a folder of such a name, and runs of earlier versions, can still be looked at."""
    job = job_file.parse(JOB.format(input="market"), "job", folder=tmp_path / "$project")
    assert job_file.parse(job.model_dump(mode="json"), "run").input.path == job.input.path


def test_paths_of_a_dict_and_those_that_are_set_on_a_stored_job_are_looked_at(tmp_path):
    """C42: from Python, and with `coverage RUN --set`."""
    job = job_file.parse(JOB.format(input="market"), "job", folder=tmp_path / "$project").model_dump(mode="json")
    with pytest.raises(JobFileError, match=r"output.path: expected a path without placeholders, got .*\{\{ ds \}\}"):
        tamscore.run({**job, "output": {"path": "{{ ds }}"}})
    with pytest.raises(JobFileError, match=r"command line: output.path: expected a path without placeholders"):
        job_file.parse(job, "run", ["output.path=scores/$DAY"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["synth", "m_{{ ds }}"],
        ["import", "x.csv", "m_${DAY}"],
        ["export", "scores", "--to", "x_$DAY.csv"],
        ["campaigns", "scores", "--to", "<PATH>"],
        ["report", "scores", "--output", "%(name)s.html"],
        ["report", "scores", "--figures", "{{ ds }}"],
        ["diff", "scores", "scores", "--to", "$(date).parquet"],
        ["alerts", "scores", "--to", "x_{date}.parquet"],
        ["doctor", "--output", "{{ out }}"],
        ["show", "scores_{{ ds }}"],
        ["history", "$OUTPUT"],
        ["export", "scores", "--to", "x.csv", "--since", "${LAST}"],
    ],
)
def test_path_arguments_of_commands_are_looked_at(arguments, tmp_path, monkeypatch):
    """C42: before anything is read or made."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert "nobody filled in" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_can_be_read_whatever_its_name(tmp_path, monkeypatch):
    """C42: only what is made anew must not be called so."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scores_{{ ds }}").mkdir()
    done = CliRunner().invoke(app, ["history", "scores_{{ ds }}"])
    assert "nobody filled in" not in done.output
