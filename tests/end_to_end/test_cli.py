"""The command line as a person or a scheduler meets it: output, exit codes, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

import jsonschema
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import tamscore
from tamscore import errors, job_file
from tamscore.cli import COMMANDS, app
from tamscore.cli.failures import Stopped, stoppable

ROWS = 6000
QUICK = ("--set", "clusters.restarts=2", "--set", "device=cpu", "--set", "engine.workers=2")
SOURCE = str(Path(tamscore.__file__).parents[1])
HEAVY = {"numpy", "pyarrow", "sklearn", "dask", "distributed", "pydantic", "rich", "pandas", "scipy"}


def call(*arguments):
    """The result of a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def start(*arguments, stdout=subprocess.PIPE, code="from tamscore.cli import main; main()"):
    """A command in a process of its own."""
    path = os.pathsep.join(filter(None, (SOURCE, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


class Market(NamedTuple):
    """A synthetic market, with what `tamscore run` said about it."""

    job: Path
    output: Path
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def market(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "market"
    made = call("synth", folder, "--rows", ROWS, "--seed", 5, "--files", 3)
    assert made.exit_code == 0, made.output
    assert f"tamscore run {folder / 'job.toml'}" in made.stdout
    ran = call("run", folder / "job.toml", *QUICK)
    assert ran.exit_code == 0, ran.output
    return Market(folder / "job.toml", folder / "scores", ran.stdout, ran.stderr)


def version_of(market):
    """The folder of the current version."""
    pointer = json.loads((market.output / "_CURRENT.json").read_text(encoding="utf-8"))
    return market.output / "versions" / pointer["version"]


def scores_of(market):
    """Every scored account, texts as texts."""
    table = pa.concat_tables([pq.read_table(part) for part in sorted(version_of(market).glob("scores/part-*.parquet"))])
    columns = ["account_id", "party_type", "cluster", "kind", "priority", "whitespace", "sales"]
    return table.select(columns).to_pylist()


def test_help_loads_nothing_heavy():
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('|'.join({name.split('.')[0] for name in sys.modules}), file=sys.stderr))\n"
        "from tamscore.cli import main; main()"
    )
    process = start("--help", code=code)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert all(f"{title}:" in out for title in COMMANDS)
    loaded = set(err.strip().split("|"))
    assert "tamscore" in loaded
    assert not HEAVY & loaded


@pytest.mark.parametrize("command", [name for group in COMMANDS.values() for name in group])
def test_every_command_is_listed_with_a_whole_sentence_and_explains_itself(command):
    line = next(line for line in call("--help").stdout.splitlines() if line.startswith(f"  {command} "))
    assert line.endswith(".")
    assert not line.endswith("...")
    output = call(command, "--help")
    assert output.exit_code == 0
    assert "<Any>" not in output.stdout  # no argument is just anything


def test_version_is_the_version_of_the_package():
    assert call("--version").stdout == f"tamscore {tamscore.__version__}\n"


@pytest.mark.parametrize("arguments", [["bogus"], ["run"], ["run", "a", "--bogus"], ["synth", "x", "--rows", "many"]])
def test_usage_errors_are_2(arguments):
    result = call(*arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr
    assert result.stdout == ""


def test_the_first_line_of_a_run_is_the_device_and_every_stage_has_a_line(market):
    lines = market.stderr.splitlines()
    assert lines[0] == 'notice text="device cpu: as asked"'
    names = [line.split()[1] for line in lines if line.startswith("stage ")]
    assert names == [
        f"name={name}" for name in ("census", "sample", "guard", "fit", "assign", "potential", "priority", "score")
    ]
    assert sum(line.endswith(f" rows={ROWS}") for line in lines) == 4


def test_a_run_says_where_its_results_lie_and_what_to_do_next(market):
    assert str(version_of(market)) in market.stdout
    assert str(market.output / "_CURRENT.json") in market.stdout
    assert market.stdout.splitlines()[-1] == f"next: tamscore show {market.output}"
    assert f"scored of {ROWS:,} rows" in market.stdout
    assert "\x1b" not in market.stdout + market.stderr


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--if-changed",), 10)])
def test_a_run_that_is_there_already_computes_nothing_and_says_so(market, options, code):
    manifest = version_of(market) / "manifest.json"
    before = manifest.stat().st_mtime_ns
    again = call("run", market.job, *QUICK, *options)
    assert again.exit_code == code
    assert "stage" not in again.stderr
    assert "nothing to do" in again.stderr
    assert manifest.stat().st_mtime_ns == before


def test_a_json_run_is_one_object_on_stdout_and_json_lines_on_stderr(market, tmp_path):
    result = call("run", market.job, *QUICK, "--json", "--set", f"output.path={tmp_path}", "--set", "clusters.k=3")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert events[0] == {"event": "notice", "text": "device cpu: as asked"}
    assert {event["event"] for event in events} == {"notice", "stage"}
    manifest = json.loads((Path(found["path"]) / "manifest.json").read_text(encoding="utf-8"))
    assert found["done"] is True
    assert {key: found[key] for key in ("rows", "totals", "device")} == {
        key: manifest[key] for key in ("rows", "totals", "device")
    }


def test_an_error_of_a_json_command_is_a_json_line():
    result = call("run", "nothing.toml", "--json")
    assert result.exit_code == 2
    (event,) = map(json.loads, result.stderr.splitlines())
    assert (event["event"], event["exit_code"]) == ("error", 2)
    assert event["text"].startswith("nothing.toml: ")


def test_check_says_what_a_run_would_do_and_does_nothing(market, tmp_path):
    output = tmp_path / "scores"
    result = call("check", market.job, *QUICK, "--set", f"output.path={output}")
    assert result.exit_code == 0, result.output
    said = " ".join(result.stdout.split())
    assert said.startswith("device cpu: as asked auto would choose ")
    assert f"{ROWS:,} rows in 3 files, 3 partitions" in said
    assert "29 numeric" in said
    assert "market_segment industry (string)" in said
    assert f"{output}/versions/{version_of(market).name}" in said
    assert not output.exists()


@pytest.mark.parametrize("key", ["people", "plans", "account_plans", "owners"])
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_file_of_coverage_that_is_not_there_stops_check_and_run(market, tmp_path, key, command):
    done = call(command, market.job, *QUICK, "--set", f"coverage.{key}={tmp_path / 'gone.csv'}")
    assert done.exit_code == 3, done.output
    assert f"coverage.{key}: {tmp_path / 'gone.csv'}: expected a Parquet or CSV file" in " ".join(done.stderr.split())


def test_check_knows_a_run_that_is_there_already(market):
    result = call("check", market.job, *QUICK)
    assert f"{version_of(market)} (this very run is there: nothing to do)" in " ".join(result.stdout.split())


def test_check_tells_every_problem_and_exits_with_the_code_of_the_first(market):
    wrong = ("--set", "device=cuda", "--set", "columns.sales=saless", "--set", f"output.path={market.job}/scores")
    result = call("check", market.job, *wrong)
    assert result.exit_code == 7
    said = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(said) == 3
    assert "cuda" in said[0]
    assert "did you mean 'sales'?" in said[1]
    assert "output.path" in said[2]
    assert "ready" not in result.stdout


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_column_that_is_missing_is_3_and_named(market, command):
    result = call(command, market.job, "--set", "features.categorical=['industri']", "--set", "device=cpu")
    assert result.exit_code == 3
    assert "column 'industri' is missing; did you mean 'industry'?" in result.stderr


@pytest.mark.parametrize("command", ["run", "check"])
def test_all_problems_of_a_job_file_are_reported_each_on_a_line_of_its_own(market, command):
    result = call(command, market.job, "--set", "clusters.k=1", "--set", "potential.preset=p86")
    lines = result.stderr.splitlines()
    assert result.exit_code == 2
    assert len(lines) == 2
    assert all(line.startswith("error: command line: ") for line in lines)


def leaves(of):
    """Every error class below one, and itself."""
    return [of, *(leaf for child in of.__subclasses__() for leaf in leaves(child))]


@pytest.mark.parametrize("error", leaves(errors.TamscoreError), ids=lambda error: error.__name__)
def test_every_error_of_ours_ends_with_its_exit_code_and_message(monkeypatch, error):
    monkeypatch.setattr(job_file, "load", raising(error("first line\nsecond line")))
    result = call("run", "job.toml")
    assert result.exit_code == error.exit_code
    assert result.stderr == "error: first line\nerror: second line\n"


def raising(error):
    """A function that raises, whatever it is given."""

    def load(*_):
        raise error

    return load


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MemoryError(), 6, "error: out of memory; "),
        (pa.ArrowMemoryError("malloc of 8 failed"), 6, "error: out of memory; "),
        (KeyError("x"), 1, "error: unexpected KeyError: 'x'; set TAMSCORE_DEBUG=1"),
        (ValueError("a\nb"), 1, "error: unexpected ValueError: a; set TAMSCORE_DEBUG=1"),
        (OSError(28, "No space left on device", "x.parquet"), 5, "error: x.parquet: no space left on device; "),
        (BrokenPipeError(32, "Broken pipe"), 5, "error: storage: broken pipe; "),
        (KeyboardInterrupt(), 130, ""),
        (UnicodeEncodeError("utf-8", "b\udcfc", 1, 2, "surrogates not allowed"), 2, "error: expected text in UTF-8, "),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_nobody_foresaw_is_one_line_and_no_traceback(monkeypatch, error, code, said):
    monkeypatch.delenv("TAMSCORE_DEBUG", raising=False)
    monkeypatch.setattr(job_file, "load", raising(error))
    result = call("run", "job.toml")
    assert result.exit_code == code
    assert result.stderr.startswith(said)
    assert result.stderr.count("\n") == bool(said)


@pytest.mark.parametrize(
    "arguments", [("explain", "s", "\udcfc"), ("import", "\udcfc.csv", "m"), ("forget", "s", "\udcfc"), ("\udcfc",)]
)
def test_an_argument_that_is_not_utf8_is_named(arguments):
    """Python hands bytes of a name that are not UTF-8 on as lone surrogates, which no file or table can hold."""
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: expected text in UTF-8, got '\\udcfc")
    assert "rename the file" in result.stderr


def test_a_traceback_comes_on_request(monkeypatch):
    monkeypatch.setattr(job_file, "load", raising(KeyError("x")))
    monkeypatch.setenv("TAMSCORE_DEBUG", "1")
    result = call("run", "job.toml")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: unexpected KeyError")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_a_run_soon_without_a_traceback_and_without_a_result(market, tmp_path, number):
    """F07, F08: SIGTERM, SIGINT and SIGHUP: 128 + the signal within ten seconds, nothing published."""
    output = tmp_path / "scores"
    long = ("--set", "clusters.restarts=5000", "--set", "device=cpu", "--set", f"output.path={output}")
    process = start("run", market.job, *long)
    assert process.stderr is not None
    before = [process.stderr.readline() for _ in range(3)]
    sent = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert "name=sample" in before[2]
    assert process.returncode == 128 + number
    assert time.monotonic() - sent < 10
    assert err.splitlines()[-1] == f"stopped by {number.name}"
    assert "Traceback" not in err
    assert out == ""
    assert not list(output.rglob("manifest.json"))


def test_a_signal_that_the_caller_wants_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_stopping_keeps_the_name_and_code_of_its_signal():
    stop = Stopped(signal.SIGTERM)
    assert (stop.name, stop.code) == ("SIGTERM", 143)


def test_output_that_nobody_reads_changes_nothing_and_is_not_worth_a_word(market):
    read, write = os.pipe()
    os.close(read)
    process = start("show", market.output, stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == ""


def test_show_says_the_same_of_the_output_of_its_version_and_of_its_key(market):
    here, version = call("show", market.output), call("show", version_of(market))
    assert here.exit_code == 0, here.output
    assert here.stdout == version.stdout
    assert call("show", market.output / version_of(market).name[:8]).stdout == here.stdout
    for title in ("POTENTIAL BY CLUSTER", "SEGMENT SIZES", "WHITESPACE BY KIND AND QUADRANT", "CALL FIRST"):
        assert title in here.stdout
    assert "\x1b" not in here.stdout


def test_what_show_sums_up_is_what_the_scores_hold(market):
    found = json.loads(call("show", market.output, "--json").stdout)
    rows = scores_of(market)
    assert found["rows"]["scored"] == len(rows)
    for kind in ("expansion", "acquisition"):
        mine = [row for row in rows if row["kind"] == kind]
        assert found["totals"][kind]["accounts"] == len(mine)
        assert found["totals"][kind]["whitespace"] == pytest.approx(sum(row["whitespace"] or 0 for row in mine))
        for parts in (
            [one["kinds"][kind] for one in found["clusters"]],
            [q["sums"] for q in found["quadrants"] if q["kind"] == kind],
        ):
            assert sum(part["accounts"] for part in parts) == len(mine)
    for one in found["clusters"]:
        assert one["accounts"] == sum(row["cluster"] == one["cluster"] for row in rows)


@pytest.mark.parametrize("count", [0, 3, 50, 120])
def test_the_top_accounts_are_the_first_by_priority_however_many_are_asked_for(market, count):
    found = json.loads(call("show", market.output, "--json", "--top", count).stdout)["top"]
    best = sorted(scores_of(market), key=lambda row: (row["priority"], row["account_id"]))[:count]
    grouped = sorted(best, key=lambda row: row["party_type"] != "end_user")
    assert [row["account_id"] for row in found] == [row["account_id"] for row in grouped]


def test_one_cluster_is_shown_with_its_own_accounts_and_what_sets_it_apart(market):
    found = json.loads(call("show", market.output, "--json", "--top", 4, "--cluster", "e02").stdout)
    mine = sorted(
        (row for row in scores_of(market) if row["cluster"] == "E02"),
        key=lambda row: (row["priority"], row["account_id"]),
    )
    assert [one["cluster"] for one in found["clusters"]] == ["E02"]
    assert [row["account_id"] for row in found["top"]] == [row["account_id"] for row in mine[:4]]
    sizes = [abs(difference) for _, difference in found["apart"]]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0
    text = call("show", market.output, "--cluster", "E02").stdout
    assert "WHAT SETS IT APART" in text
    assert "E01" not in text


def test_a_cluster_or_run_that_is_not_there_is_2(market, tmp_path):
    assert "did you mean 'E" in call("show", market.output, "--cluster", "E101").stderr
    for arguments in ((market.output, "--cluster", "E101"), (tmp_path,), (tmp_path / "nothing",)):
        assert call("show", *arguments).exit_code == 2


def test_the_schema_accepts_the_job_file_of_a_synthetic_market(market):
    schema = json.loads(call("schema").stdout)
    jsonschema.validate(tomllib.loads(market.job.read_text(encoding="utf-8")), schema)


def test_doctor_tells_what_it_finds_and_fails_where_a_run_would(tmp_path):
    good, bad = call("doctor", "--output", tmp_path), call("doctor", "--output", __file__)
    assert good.exit_code == 0, good.output
    assert "device auto" in good.stdout
    assert bad.exit_code == 1
    (line,) = (line for line in bad.stdout.splitlines() if line.startswith("FAIL"))
    assert "output" in line
    found = json.loads(call("doctor", "--json", "--output", tmp_path).stdout)
    assert {"name", "ok", "value", "remedy"} == found[0].keys()
    assert all(check["ok"] for check in found)


def test_synth_refuses_a_folder_in_use_and_numbers_out_of_range(market, tmp_path):
    assert call("synth", market.job.parent).exit_code == 2
    assert call("synth", tmp_path / "new", "--rows", "0").exit_code == 2
    assert not (tmp_path / "new").exists()


@pytest.fixture
def export(tmp_path):
    """A CSV export with one bad cell and identifiers that look like numbers."""
    lines = [f"a{i},{i}.5,{i:05d},2024-02-03" for i in range(200)]
    lines[7] = "a7,[bold]?,00007,2024-02-03"
    path = tmp_path / "accounts.csv"
    path.write_text("\n".join(["id,revenue,zip,founded", *lines, ""]), encoding="utf-8")
    return path


def test_a_dry_run_shows_the_columns_and_the_bad_cells_and_writes_nothing(export, tmp_path):
    result = call("import", export, tmp_path / "out", "--dry-run")
    assert result.exit_code == 0, result.output
    types = {line.split()[0]: line.split()[1:5] for line in result.stdout.splitlines()[1:5]}
    assert types["revenue"] == ["float", "200", "0", "1"]
    assert types["zip"][0] == "string"
    assert types["founded"][0] == "date"
    assert "bad cell in 'revenue': row 9: '[bold]?'; becomes empty" in result.stdout
    assert not (tmp_path / "out").exists()


def test_an_import_writes_what_it_showed(export, tmp_path):
    out = tmp_path / "out"
    result = call("import", export, out, "--type", "zip=int", "--drop", "founded", "--null", "[bold]?")
    assert result.exit_code == 0, result.output
    table = pq.read_table(out / "accounts.parquet")
    assert table.column_names == ["id", "revenue", "zip"]
    assert table.schema.field("zip").type == pa.int64()
    assert pc.sum(table["zip"]).as_py() == sum(range(200))
    assert "bad cell" not in result.stdout
    assert "wrote 200 rows" in result.stdout
    assert call("import", export, out).exit_code == 2
    assert call("import", export, out, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--type", "zip"], 2, "--type: expected COLUMN=TYPE"),
        (["--type", "zipp=int"], 2, "did you mean 'zip'?"),
        (["--drop", "nothing"], 2, "drop: no column 'nothing'"),
        (["--type", "id=float"], 3, "none of its 200 cells"),
    ],
)
def test_import_options_that_make_no_sense_are_reported(export, tmp_path, arguments, code, said):
    result = call("import", export, tmp_path / "out", *arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_type_may_be_given_to_a_column_with_an_equals_sign_in_its_name(tmp_path):
    (tmp_path / "x.csv").write_text("a=b,c\n1,2\n", encoding="utf-8")
    result = call("import", tmp_path / "x.csv", tmp_path / "x.parquet", "--type", "a=b=string")
    assert result.exit_code == 0, result.output
    assert pq.read_schema(tmp_path / "x.parquet").field("a=b").type == pa.string()


ANY_INPUT = tuple(
    word
    for limit in ("max_gone_share=1", "max_customer_change=9", "max_sales_change=99")
    for word in ("--set", f"input.{limit}")
)
"""Limits that hardly any input breaks."""


@pytest.fixture(scope="module")
def later(market, tmp_path_factory):
    """The job file of the same market a month on, with events planted."""
    folder = tmp_path_factory.mktemp("later") / "market"
    made = call("synth", folder, "--rows", ROWS, "--seed", 5, "--files", 3, "--month", 2, "--events")
    assert made.exit_code == 0, made.output
    return folder / "job.toml"


def test_a_frozen_model_scores_the_next_month_and_show_tells_what_has_drifted(market, later):
    done = call("score", later, "--model", market.output, *QUICK, "--accept")
    assert done.exit_code == 0, done.output
    assert f"frozen, from run {version_of(market).name}; " in done.stdout
    shown = call("show", later.parent / "scores").stdout
    assert "DRIFT" in shown
    assert "far from every cluster" in shown
    assert "LIFE OF THE CLUSTERS" not in shown
    again = json.loads(call("score", later, "--model", market.output, *QUICK, "--json").stdout)
    assert (again["done"], again["model"]["source"]) == (False, "frozen")
    assert call("score", later, "--model", market.output, *QUICK, "--if-changed").exit_code == 10


def test_fresh_cut_lines_are_another_run_than_frozen_ones(market, later):
    runs = [
        json.loads(call("score", later, "--model", market.output, *QUICK, "--accept", "--json", *options).stdout)
        for options in ((), ("--fresh-cut-lines",))
    ]
    assert [run["model"]["ladders"] for run in runs] == ["frozen", "own"]
    assert runs[0]["run"] != runs[1]["run"]
    assert runs[0]["totals"] != runs[1]["totals"]


def test_a_refresh_that_changes_too_much_shows_its_plan_and_exits_with_4(market, later, tmp_path):
    elsewhere = ("--set", f"output.path={tmp_path / 'scores'}", *ANY_INPUT)
    stopped = call("refresh", later, "--from", market.output, *QUICK, *elsewhere)
    assert stopped.exit_code == 4
    assert "accounts would change cluster, allowed are 5.0%" in stopped.stderr
    assert "E01" in stopped.stdout
    assert "event" in stopped.stdout
    assert not (tmp_path / "scores" / "_CURRENT.json").exists()
    plan = json.loads(call("refresh", later, "--from", market.output, *QUICK, *elsewhere, "--json").stdout)
    assert plan["done"] is False
    assert {"cluster", "event", "related", "accounts"} <= set(plan["plan"][0])
    accepted = call("refresh", later, "--from", market.output, *QUICK, *elsewhere, "--accept")
    assert accepted.exit_code == 0, accepted.output
    shown = call("show", tmp_path / "scores").stdout
    assert "LIFE OF THE CLUSTERS" in shown
    assert call("verify", tmp_path / "scores").exit_code == 0


def test_history_names_the_command_that_made_each_version(market, later, tmp_path):
    elsewhere = ("--set", f"output.path={tmp_path / 'scores'}", *QUICK)
    made = {
        name: json.loads(call(name, later, *options, *elsewhere, "--json").stdout)["run"]
        for name, options in {
            "run": (),
            "score": ("--model", market.output, "--accept"),
            "refresh": ("--from", market.output, "--accept"),
        }.items()
    }
    assert call("rollback", tmp_path / "scores", made["score"]).exit_code == 0
    earlier = json.loads(call("history", tmp_path / "scores", "--json").stdout)
    assert [(one["action"], one["version"]) for one in earlier["entries"]] == [
        *made.items(),
        ("rollback", made["score"]),
    ]
    assert {one["made_by"]: one["version"] for one in earlier["versions"]} == made
    page = call("history", tmp_path / "scores").stdout
    assert all(re.search(rf"^\d\S* +{name} +{key}", page, re.MULTILINE) for name, key in made.items())


def test_a_model_that_is_not_there_is_2(market, later, tmp_path):
    assert call("score", later, "--model", tmp_path, *QUICK).exit_code == 2
    missing = call("score", later, "--model", "abcdef99", *QUICK)
    assert missing.exit_code == 2
    assert "'abcdef99': no complete version begins so" in missing.stderr
