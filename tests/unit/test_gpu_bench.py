"""The measurement of a GPU, rehearsed on the processor: it runs to its end, and sees an answer that is wrong."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from bench import gpu, gpu_cases, gpu_smoke, gpu_whole
from tamscore.backend.host import HostBackend
from tests.fake_gpu import FakeGpu


class Swapping(HostBackend):
    """A device that calls the first two clusters by each other's names."""

    def segment_sum(self, rows: Any, label: Any, segments: int) -> Any:
        sums = super().segment_sum(rows, label, segments)
        return sums[[1, 0, *range(2, segments)]]


def test_the_first_call_agrees_with_the_host_and_writes_where_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTS", str(tmp_path))
    monkeypatch.setattr(gpu, "SMALL", gpu.Sizes(500, 500, (), 1, 200, (8, 11, 100)))
    assert gpu.main(["smoke", "--rehearse"]) == []
    lines = [json.loads(line) for line in (tmp_path / "gpu.jsonl").read_text().splitlines()]
    assert [line["case"] for line in lines][:2] == ["machine", "first touch"]
    assert [line["agrees"] for line in lines if line["case"].startswith("agreement")] == [True] * 6
    assert all(line["rehearsal"] and "gpus" in line and "cpu" in line for line in lines)


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
