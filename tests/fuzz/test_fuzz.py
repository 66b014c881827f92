"""A sample of what `make fuzz` does for minutes, and that the watcher sees what it is there to see."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.fuzz import cases, checks, supervise
from tests.fuzz.supervise import Tally, supervise_cases

CASES = 120


@pytest.mark.parametrize("kind", ["job", "parquet", "model"])
def test_a_spoilt_file_is_taken_or_refused_and_nothing_else(kind):
    """I05, I06, C02, C10, C11: no crash, no hang, no exception but the one that names the file."""
    tally = supervise.supervise(kind, 0, CASES)
    assert tally.finds == []
    assert tally.taken + tally.refused == CASES
    assert tally.refused > CASES / 4


def test_what_is_spoilt_was_good(tmp_path, monkeypatch):
    """Else everything would be refused for one and the same reason."""
    monkeypatch.setattr(cases, "job_file", lambda _: cases.JOB)
    assert checks.check_job(0, tmp_path)
    monkeypatch.setattr(cases, "parquet_file", cases.parquet)
    assert all(checks.check_parquet(form, tmp_path) for form in range(0, 384, 7))
    monkeypatch.setattr(cases, "model_files", lambda _, text, data: (json.dumps(text).encode(), data))
    assert checks.check_model(0, tmp_path)


def test_cases_come_again_by_their_number():
    assert [cases.parquet_file(i) for i in range(20)] == [cases.parquet_file(i) for i in range(20)]
    description = {"a": [1, {"b": [2.5, "c"]}], "d": {"e": []}}
    models = [[cases.model_files(i, description, b"12345678") for i in range(200)] for _ in range(2)]
    assert models[0] == models[1]
    assert description == {"a": [1, {"b": [2.5, "c"]}], "d": {"e": []}}
    assert len({cases.job_file(i) for i in range(100)}) > 90


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("print('? 3', flush=True); import os; os.abort()", "exit code -6"),
        ("print('? 3', flush=True); raise SystemExit(1)", "exit code 1"),
        ("print('? 3', flush=True); import time; time.sleep(60)", "silent"),
        ("print('? 3'); print('+'); print('? 4'); print('-')", ""),
    ],
)
def test_the_watcher_sees_deaths_and_hangs(monkeypatch, program, expected):
    """A crash is a find with its number, not the end of the fuzzing."""
    monkeypatch.setattr(supervise, "SILENCE_S", 3.0)
    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda _, **kw: real([sys.executable, "-c", program], **kw))
    reached, end = supervise_cases("parquet", 3, 5, Tally(), None)
    assert reached == (3 if expected else 4)
    assert expected in end
    assert bool(expected) == bool(end)
