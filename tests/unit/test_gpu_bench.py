"""The measurement of a GPU, rehearsed on the processor: it runs to its end, and sees an answer that is wrong."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import gpu, gpu_cases, gpu_peers, gpu_smoke, gpu_table, gpu_whole
from tamscore.backend.host import HostBackend
from tests import emulated
from tests.fake_gpu import FakeGpu

if TYPE_CHECKING:
    from pathlib import Path


class Swapping(HostBackend):
    """A device that calls the first two clusters by each other's names."""

    def segment_sum(self, rows: Any, label: Any, segments: int) -> Any:
        sums = super().segment_sum(rows, label, segments)
        return sums[[1, 0, *range(2, segments)]]


def test_the_first_call_agrees_with_the_host_and_writes_where_it_is_asked_to(tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTS", str(tmp_path))
    monkeypatch.setattr(gpu, "SMALL", gpu.Sizes(500, 500, (), 1, 200, (8, 11, 100)))
    monkeypatch.setattr(emulated, "COMPILER", None)
    assert gpu.main(["smoke", "--rehearse"]) == []
    lines = [json.loads(line) for line in (tmp_path / "gpu.jsonl").read_text().splitlines()]
    assert [line["case"] for line in lines][:2] == ["machine", "first touch"]
    assert [line["agrees"] for line in lines if line["case"].startswith("agreement")] == [True] * 6
    assert all(line["rehearsal"] and "gpus" in line and "cpu" in line for line in lines)


def in_this_process() -> Any:
    """Whole runs as child processes would report them; one for all devices of a rehearsal, which are the processors."""
    made: dict[tuple[str, ...], dict[str, Any]] = {}

    def run(market: Path, output: Path, device: str, caches: Any, until: float, given: tuple[str, ...]) -> Any:
        del caches, until
        key = *[str(path.stat().st_size) for path in sorted(market.rglob("*.parquet"))], *given
        started = time.perf_counter()
        made[key] = made.get(key) or gpu_whole.whole_run(market, output, device, *given)
        return {"case": "whole run", "seconds": time.perf_counter() - started, **made[key]}

    return run


def test_every_call_is_rehearsed_on_the_fake_gpu_and_every_goal_has_its_figure(tmp_path, monkeypatch, capsys):
    """From one call after the other into one file; only cuML's peers need a device, and they say so."""
    monkeypatch.setenv("RESULTS", str(tmp_path))
    monkeypatch.setattr(gpu, "SMALL", gpu.Sizes(400, 500, (0.0004,), 1, 200, (8, 11, 64, 100), 400))
    monkeypatch.setattr(gpu_whole, "FEW", 300)
    monkeypatch.setattr(gpu_whole, "run_in_child", in_this_process())
    monkeypatch.setattr(emulated, "COMPILER", None)
    monkeypatch.setattr(gpu, "pytest_gpu", lambda *_, **__: {"case": "tests", "said": ["collected"]})
    for call in gpu.CALLS:
        assert gpu.main([call, "--rehearse"]) == []
    lines = [json.loads(line) for line in (tmp_path / "gpu.jsonl").read_text().splitlines()]
    assert {line["case"] for line in lines} >= {"whole run", "peer", "streamed", "tests", "prepare", "lloyd pass"}
    assert {line["kind"] for line in lines if "kind" in line} == {"default", "few companies", "every row"}
    skipped = [(line["peer"], line["skipped"]) for line in lines if "skipped" in line]
    assert set(skipped) == {(name, "needs a device") for name in gpu_peers.DEVICE_ONLY}
    open_goals = [goal.name for goal in gpu_table.GOALS if goal.figure(lines) is None]
    assert open_goals == ["Lloyd pass over cuML's, k = 11", "Lloyd pass over cuML's, k = 64"]
    printed = capsys.readouterr().out
    assert all(goal.name in printed for goal in gpu_table.GOALS)
    assert "reached" not in printed


def test_a_run_of_a_child_process_says_what_it_came_to(tmp_path):
    place = gpu_whole.Place(tmp_path, "cpu", time.monotonic() + 60)
    place.write(300)
    found = place.run("here", "cpu")
    assert (found["scored"], found["ran_on"]["name"]) == (300, "cpu")
    assert found["seconds"] > found["seconds_without_start"] > 0
    assert "failed" in place.run("broken", "no such device")


MEASURED: list[dict[str, Any]] = [
    {"case": "whole run", "kind": "few companies", "device": "cpu", "seconds": 2.0},
    {"case": "whole run", "kind": "few companies", "device": "device, warm", "seconds": 3.0},
    {"case": "whole run", "kind": "default", "device": "cpu", "seconds": 4.0},
    {"case": "whole run", "kind": "default", "device": "device, warm", "seconds": 5.0},
    {"case": "copy", "seconds": 0.1, "bytes_per_second": 4e12},
    {"case": "assign", "k": 11, "seconds": 0.002, "floor_bytes": 4e9},
    {"case": "peer", "peer": "cuML KMeans", "k": 64, "seconds": 0.4},
    {"case": "lloyd pass", "k": 64, "seconds": 0.4, "floor_bytes": 4e9},
]


def test_goals_are_judged_by_the_newest_figures_of_a_file(capsys):
    """Also across calls; a rehearsal is no measurement."""
    gpu_table.goals([line | {"rehearsal": False} for line in MEASURED])
    lines = capsys.readouterr().out.splitlines()
    verdicts = {
        name: line.split()[-1] for line in lines for name in ("share", "starting", "warm", "64") if name in line
    }
    assert verdicts == {"share": "measured", "starting": "reached", "warm": "missed", "64": "reached"}
    by_name = {goal.name: goal.figure(MEASURED) for goal in gpu_table.GOALS}
    assert by_name["label, k = 11, share of the read-once floor"] == 0.5
    assert by_name["whole run of 3 million, warm, over the processors"] == 0.8
    newer = [*MEASURED, {"case": "assign", "k": 11, "seconds": 0.001, "floor_bytes": 4e9}]
    assert gpu_table.GOALS[3].figure(newer) == 1.0


def test_a_case_that_fails_is_named_and_the_next_one_comes(tmp_path):
    session = gpu.Session(tmp_path / "out.jsonl", 0.0, gpu.SMALL, rehearse=True)
    session.attempt("broken", lambda: [{"case": 1 / 0}])
    session.attempt("next", lambda: [{"case": "next"}])
    assert [result.get("failed", "") for result in session.results] == ["ZeroDivisionError: division by zero", ""]


def test_a_wrong_answer_is_named():
    centers = gpu_cases.some_centers(5)
    block = gpu_cases.rows_near(centers, 300)
    assert gpu_smoke.differing(Swapping(), block, centers) == ["sums", "segment sum"]
    assert gpu_smoke.differing(FakeGpu(), block, centers) == []


def test_clusters_that_swap_change_the_checksum():
    host, sums = HostBackend(), np.arange(12.0).reshape(3, 4)
    assert gpu_cases.weighted(host, sums) != gpu_cases.weighted(host, sums[[1, 0, 2]])


def test_near_ties_are_decided_wrongly_by_rounding_alone():
    """A kernel that forgot to decide again in float64 would be seen."""
    centers = gpu_cases.some_centers(11)
    block = gpu_cases.near_ties(centers, 2_000)
    exact = (centers**2).sum(1)[:, None] - 2 * centers @ block.astype(np.float64)
    low = centers.astype(np.float32)
    rounded = (low**2).sum(1)[:, None] - 2 * low @ block
    assert (exact.argmin(0) != rounded.argmin(0)).sum() > 20


def test_whole_runs_agree_only_if_accounts_inertia_and_sums_do():
    run: dict[str, Any] = {"scored": 9, "inertia": 100.0, "totals": {"expansion": {"potential": 1e6}}}
    assert gpu_whole.agrees(run | {"inertia": 100.0001}, run)
    others: list[dict[str, Any]] = [{"scored": 8}, {"inertia": 100.1}, {"failed": "x"}]
    others.append({"totals": {"expansion": {"potential": 1.1e6}}})
    assert not any(gpu_whole.agrees(run | other, run) for other in others)
