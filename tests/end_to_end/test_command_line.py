"""What all commands have in common: examples, completion, quiet and verbose, files that are not replaced unasked."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from tamscore.cli import COMMANDS, app
from tamscore.cli.examples import EXAMPLES
from tests.end_to_end.test_docs import REFUSED, parse
from tests.unit.test_first_job import HEADERS, market

ROOT = Path(__file__).parents[2]
NAMES = [name for group in COMMANDS.values() for name in group]


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """The scores of a small market, and its job file beside them."""
    folder = tmp_path_factory.mktemp("line")
    pq.write_table(market(HEADERS["English"]), folder / "market.parquet")
    job = folder / "job.toml"
    assert command("init", str(folder / "market.parquet"), "--to", str(job), "--yes").exit_code == 0
    done = command("-q", "run", str(job), "--set", "clusters.k=2")
    assert done.exit_code == 0
    assert done.stderr == ""
    return folder / "scores"


def command(*arguments: Any, **environment: str):
    return CliRunner().invoke(app, [*map(str, arguments)], env=environment)


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_each_command_ends_with_an_example_that_parses_and_a_page(name):
    example, page = EXAMPLES[name]
    parse(example.split()[1:])
    assert (ROOT / "docs" / f"{page}.md").is_file()
    assert f"Example: {example}" in " ".join(command(name, "--help").stdout.split())


def test_the_shell_is_offered_the_commands():
    group: Any = typer.main.get_command(app)
    found = group.shell_complete(typer.Context(group, info_name="tamscore"), "ex")
    assert {one.value for one in found} == {"explain", "export"}


def test_quiet_and_verbose_may_stand_behind_the_command(scores):
    job = scores.parent / "job.toml"
    usual, quiet = command("run", job, "--set", "clusters.seed=2"), command("run", job, "-q")
    assert "notice" in usual.stderr
    assert "accounts" in quiet.stdout
    assert quiet.stderr == ""
    assert "stage name=" in command("run", job, "--set", "clusters.seed=1", "--verbose").stderr


def test_the_job_may_stand_in_the_environment(scores):
    assert "ready to run" in command("check", TAMSCORE_JOB=str(scores.parent / "job.toml")).stdout


@pytest.mark.parametrize("words", ["export {run} --to {to}", "report {run} --to {to}", "campaigns {run} --to {to}.d"])
def test_what_others_wrote_is_replaced_only_when_asked(scores, tmp_path, words):
    to = tmp_path / "mine.csv"
    to.write_text("mine")
    (tmp_path / "mine.csv.d").mkdir()
    (tmp_path / "mine.csv.d" / "other.txt").write_text("mine")
    call = words.format(run=scores, to=to).split()
    refused = command(*call)
    assert refused.exit_code == 2, refused.output
    assert "--overwrite" in refused.stderr
    assert to.read_text() == "mine"
    assert command(*call, "--overwrite").exit_code == 0
    assert command(*call).exit_code == 0


def test_nothing_is_written_into_the_output_or_over_a_folder(scores, tmp_path):
    for to in (scores / "_CURRENT.json", scores / "new.html", tmp_path):
        refused = command("report", scores, "--to", to, "--overwrite")
        assert refused.exit_code == 2, refused.output
    assert command("verify", scores).exit_code == 0


def test_bench_tells_speed_memory_and_floor_and_of_a_finished_run_its_stages(scores):
    made = command("bench", "--rows", "2000", "--device", "cpu", "--workers", "1", "--json")
    assert made.exit_code == 0, made.output
    found = json.loads(made.stdout)
    assert (found["rows"], found["device"]) == (2000, "cpu")
    assert min(found[key] for key in ("peak_bytes", "floor_cpu_seconds", "device_bytes", "rows_per_second")) > 0
    assert found["seconds_at"]["1000000"] < found["seconds_at"]["3000000"]
    stored = json.loads(command("bench", scores, "--json").stdout)
    assert stored["rows"] == 400
    assert {stage["stage"] for stage in stored["stages"]} >= {"census", "fit", "score"}
    assert "rows/s" in command("bench", scores).stdout


def examples_of(text):
    """The examples in the text of a help, each up to the end of its sentence."""
    return re.findall(r"(?:For example|Example): (tamscore .+?)(?=\. |\.$|$)", " ".join(text.split()))


@pytest.mark.parametrize("name", NAMES)
def test_every_example_in_the_text_of_a_help_parses(name):
    group: Any = typer.main.get_command(app)
    for example in examples_of(group.commands[name].help):
        parse(shlex.split(example)[1:])


def test_examples_in_the_text_of_a_help_are_found():
    text = "Do it.\n\nFor example: tamscore pin\nscores 3fa9 --note v1.2. Then tamscore show."
    assert examples_of(text) == ["tamscore pin scores 3fa9 --note v1.2"]
    with pytest.raises(REFUSED):
        parse(shlex.split(*examples_of(text))[1:])
