"""The record of a run as a text file for Prometheus, read by Prometheus' own parser."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tamscore.engine import memory
from tamscore.metrics.exposition import HELP, text_of
from tests.fake_gpu import FakeGpu

RECORD: dict[str, Any] = {
    "tamscore": "1.2.3",
    "output": "/data/scores",
    "engine": "processes",
    "run": "0123456789abcdef",
    "exit_code": 0,
    "ended": 1_763_900_000.25,
    "seconds": 12.5,
    "stopped_in": None,
    "gates": {"leakage": False, "relabelled_share": True},
    "figures": {
        "workers": 2,
        "relabelled_share": 0.07,
        "input_gone_share": 0.01,
        "input_customers_ratio": 1.02,
        "input_sales_ratio": 0.98,
    },
    "stages": [
        {"stage": "census", "seconds": 1.0, "cpu_seconds": 2.0, "rows": 300, "rows_per_second": 300.0},
        {"stage": "fit", "seconds": 3.0, "cpu_seconds": 4.0},
    ],
    "memory": [
        {"process": "main", "host_bytes": 1000, "device_bytes": 0},
        {"process": "worker 1", "host_bytes": 2000, "device_bytes": 3000},
    ],
    "scores": {
        "device": "cpu",
        "model": "fitted",
        "rows": {"read": 300, "scored": 290, "rejected": {"missing_id": 10}, "flagged": {"sales_missing": 3}},
        "clusters": [{"party_type": "end_user", "cluster": "E1", "accounts": 290}],
    },
}


def read(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels; each stands once."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    names = []
    for family in text_string_to_metric_families(text):
        names.append(family.name)
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found
            found[key] = sample.value
    assert len(names) == len(set(names)), "a family must stand in one piece"
    return found


def at(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"tamscore_{name}", frozenset({"output": "/data/scores", **labels}.items())


def test_every_figure_of_the_record_is_read_back_by_prometheus():
    samples = read(text_of(RECORD))
    assert samples[at("exit_code")] == 0
    assert samples[at("end_timestamp_seconds")] == 1_763_900_000.25
    assert samples[at("gate_closed", gate="relabelled_share")] == 1
    assert samples[at("gate_closed", gate="leakage")] == 0
    assert samples[at("relabelled_share")] == 0.07
    assert samples[at("input_gone_share")] == 0.01
    assert samples[at("input_customers_ratio")] == 1.02
    assert samples[at("input_sales_ratio")] == 0.98
    assert samples[at("stage_rows_per_second", stage="census")] == 300
    assert at("stage_rows", stage="fit") not in samples
    assert samples[at("stage_cpu_seconds", stage="fit")] == 4
    assert samples[at("peak_device_bytes", process="worker 1")] == 3000
    assert samples[at("rows", state="rejected")] == 10
    assert samples[at("rejected_rows", reason="missing_id")] == 10
    assert samples[at("flagged_rows", flag="sales_missing")] == 3
    assert samples[at("cluster_accounts", party_type="end_user", cluster="E1")] == 290
    assert {name.removeprefix("tamscore_") for name, _ in samples} == set(HELP) - {"stopped_in"}


def test_a_failed_run_tells_where_it_stopped_and_nothing_of_scores():
    failed = {**RECORD, "exit_code": 3, "stopped_in": "census", "scores": None, "run": None}
    samples = read(text_of(failed))
    assert samples[at("exit_code")] == 3
    assert samples[at("stopped_in", stage="census")] == 1
    assert not [name for name, _ in samples if name in {"tamscore_rows", "tamscore_cluster_accounts"}]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.floats(allow_nan=False, allow_infinity=False))
def test_any_path_and_any_number_come_back_as_they_were(output, seconds):
    samples = read(text_of({**RECORD, "output": output, "seconds": seconds}))
    [(labels, value)] = [(labels, value) for (name, labels), value in samples.items() if name == "tamscore_run_seconds"]
    assert dict(labels)["output"] == output
    assert math.isclose(value, seconds, rel_tol=0, abs_tol=0)


class Counting(FakeGpu):
    def peak_device_bytes(self) -> int:
        return 4096


@pytest.mark.parametrize(("backend", "device"), [(Counting(), 4096), (FakeGpu(), 0), (None, 0)])
def test_a_peak_stays_when_memory_is_given_back_and_knows_a_device_that_counts(backend, device):
    """Within 16 MiB: the system counts pages in batches."""
    held = bytearray(128 * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    before = memory.peak(backend)
    del held
    assert before.device == device
    assert before.host > 128 * 2**20
    assert memory.peak(backend).host > before.host - 16 * 2**20
