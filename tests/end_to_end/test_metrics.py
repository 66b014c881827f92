"""What a run leaves for those who watch over it: metrics however it ends, and log records; no result tells of them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from tamscore import job_file, pipeline
from tamscore.cli import app
from tamscore.progress import Progress
from tamscore.store import verify
from tamscore.synthetic import write_market
from tests.end_to_end import market

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

QUICK = ("clusters.restarts=2", "device=cpu", "engine.workers=2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("metrics")
    write_market(made, rows=3000, seed=5, files=3)
    return made


def call(
    folder: Path, here: Path, *sets: str, log: str = "text", command: str = "run", more: tuple[str, ...] = ()
) -> Result:
    """A command on the market, with output and metrics in a folder of its own."""
    places = (
        f"output.path={here / 'scores'}",
        f"metrics.textfile={here / 'm' / 't.prom'}",
        f"metrics.folder={here / 'm'}",
    )
    sets = tuple(part for one in (*QUICK, *places, *sets) for part in ("--set", one))
    return CliRunner().invoke(app, ["--log-format", log, command, str(folder / "job.toml"), *more, *sets])


def left(here: Path) -> tuple[dict[str, Any], dict[str, float]]:
    """The record that a run has left, and its samples by name and labels other than the output."""
    samples = {}
    for family in text_string_to_metric_families((here / "m" / "t.prom").read_text(encoding="utf-8")):
        for sample in family.samples:
            assert sample.labels.pop("output") == str(here / "scores")
            samples[" ".join([sample.name.removeprefix("tamscore_"), *sample.labels.values()])] = sample.value
    return json.loads((here / "m" / "latest.json").read_text(encoding="utf-8")), samples


def test_a_run_leaves_figures_that_add_up_and_say_the_same_in_both_files(folder, tmp_path):
    done = call(folder, tmp_path)
    assert done.exit_code == 0, done.output
    record, samples = left(tmp_path)
    rows = record["scores"]["rows"]
    assert rows["read"] == 3000 == rows["scored"] + sum(rows["rejected"].values())
    assert sum(cluster["accounts"] for cluster in record["scores"]["clusters"]) == rows["scored"]
    assert [stage["stage"] for stage in record["stages"]] == [
        *("census", "sample", "guard", "fit", "assign", "potential", "priority", "score"),
    ]
    assert {stage["rows"] for stage in record["stages"] if stage["stage"] in {"census", "assign", "score"}} == {3000}
    assert sum(stage["seconds"] for stage in record["stages"]) < record["seconds"]
    assert not any(record["gates"].values())
    assert [process["process"] for process in record["memory"]] == ["main"]
    assert samples["exit_code"] == samples["gate_closed leakage"] == 0
    assert samples["rows scored"] == rows["scored"]
    assert samples["workers"] == 2
    assert samples["stage_rows_per_second score"] == record["stages"][-1]["rows_per_second"] > 0
    assert samples["end_timestamp_seconds"] == record["ended"]
    key = json.loads((tmp_path / "scores" / "_CURRENT.json").read_text(encoding="utf-8"))["version"]
    assert (tmp_path / "m" / f"{key}.json").read_bytes() == (tmp_path / "m" / "latest.json").read_bytes()
    assert record["run"] == key


def test_metrics_change_neither_key_nor_bytes_of_a_run_and_verify_is_content(folder, tmp_path):
    runs = []
    for name in ("with", "without"):
        here = tmp_path / name
        wanted = (f"metrics.folder={here / 'scores' / 'metrics'}",) if name == "with" else ()
        job = job_file.load(folder / "job.toml", (*QUICK, f"output.path={here / 'scores'}", *wanted))
        runs.append(pipeline.run(job, Progress()))
        assert verify.problems_of_output(here / "scores") == []
    assert runs[0].run_key == runs[1].run_key
    scored = [[path.read_bytes() for path in run.parts()] for run in runs]
    assert scored[0] == scored[1]


def test_a_run_with_nothing_to_do_ends_with_10_and_raises_no_alert(folder, tmp_path):
    assert call(folder, tmp_path).exit_code == 0
    assert call(folder, tmp_path, more=("--if-changed",)).exit_code == 10
    assert left(tmp_path)[1]["exit_code"] == 0


def test_a_run_that_fails_leaves_its_exit_code_and_the_stage_it_had_reached(folder, tmp_path):
    bad = call(folder, tmp_path, "rows.max_rejected_share=0", "rows.sales_missing=reject")
    assert bad.exit_code == 3, bad.output
    record, samples = left(tmp_path)
    assert (record["exit_code"], record["scores"]) == (3, None)
    assert samples["exit_code"] == 3
    assert samples["stopped_in census"] == 1
    assert not [name for name in samples if name.startswith(("rows", "cluster_accounts"))]


def test_a_gate_that_closes_is_named_with_the_share_that_closed_it(folder, tmp_path):
    assert call(folder, tmp_path).exit_code == 0
    sets = ("clusters.k={end_user = 5, channel = 4}", "clusters.max_relabelled_share=0.001")
    stopped = call(folder, tmp_path, *sets, command="refresh", more=("--from", str(tmp_path / "scores")))
    assert stopped.exit_code == 4, stopped.output
    record, samples = left(tmp_path)
    assert record["gates"] == {"leakage": False, "relabelled_share": True, "input_change": False}
    assert samples["gate_closed relabelled_share"] == 1
    assert samples["relabelled_share"] > 0.001


def test_workers_in_processes_of_their_own_tell_their_peaks(tmp_path):
    where = market.write(market.accounts(1000), tmp_path / "market", files=3)
    progress = Progress()
    pipeline.run(market.job(where, tmp_path / "scores", {"engine": {"kind": "processes", "workers": 2}}), progress)
    assert [peak.device for peak in progress.peaks] == [0, 0]
    assert all(peak.host > 50 * 2**20 for peak in progress.peaks)


def test_metrics_that_cannot_be_written_are_reported_and_do_not_fail_the_run(folder, tmp_path):
    (tmp_path / "m").write_text("a file where a folder should be", encoding="utf-8")
    done = call(folder, tmp_path)
    assert done.exit_code == 0
    assert "no metrics are left" in done.stderr


def records(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    for one in found:
        assert one.keys() == {"timestamp", "severity_text", "severity_number", "body", "attributes", "resource"}
        assert one["timestamp"].endswith("Z")
        assert datetime.fromisoformat(one["timestamp"]).utcoffset() is not None
        assert one["severity_number"] == {"INFO": 9, "WARN": 13, "ERROR": 17}[one["severity_text"]]
        assert one["resource"]["service.name"] == "tamscore"
    return found


def test_a_log_for_machines_has_one_record_a_line_that_names_run_stage_and_rows(folder, tmp_path):
    done = call(folder, tmp_path, log="json")
    assert done.exit_code == 0, done.output
    assert "accounts" in done.stdout, "results stay as they are"
    found = records(done.stderr)
    stages = {one["attributes"]["tamscore.stage"]: one for one in found if "tamscore.stage" in one["attributes"]}
    assert stages["score"]["attributes"]["tamscore.rows"] == 3000
    key = json.loads((tmp_path / "scores" / "_CURRENT.json").read_text(encoding="utf-8"))["version"]
    assert {one["attributes"]["tamscore.run"] for one in stages.values()} == {key}
    assert "device cpu" in found[0]["body"]


def test_an_error_is_a_record_with_its_exit_code_and_the_environment_may_ask_for_records(folder, monkeypatch):
    monkeypatch.setenv("TAMSCORE_LOG_FORMAT", "json")
    failed = CliRunner().invoke(app, ["run", str(folder / "nothing.toml")])
    assert failed.exit_code == 2
    [record] = records(failed.stderr)
    assert (record["severity_text"], record["attributes"]["process.exit.code"]) == ("ERROR", 2)
    assert "nothing.toml" in record["body"]
    assert not record["body"].startswith("error: ")
