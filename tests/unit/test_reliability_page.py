"""The page of promises is complete and is what the tests say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "reliability_table.py"


def script() -> Any:
    spec = importlib.util.spec_from_file_location("reliability_table", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_lists_the_tests_that_there_are():
    """After a test was renamed or added, `python docs/reliability_table.py` writes the page anew."""
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0, "run: python docs/reliability_table.py"


def test_every_case_has_a_promise_a_test_and_an_outcome():
    """No case is open, each has what is promised for it."""
    page = script()
    tested = page.tested()
    assert len(page.CASES) > 100
    assert [case for case in page.CASES if case not in tested] == []
    assert [case for case in tested if case not in page.CASES] == []
    assert page.PROMISES.keys() == page.CASES.keys()


@pytest.mark.parametrize(
    ("docstring", "cases"),
    [
        ("F01: x", ["F01"]),
        ("F07, F08: x", ["F07", "F08"]),
        ("V01-V03 and C02: x", ["V01", "V02", "V03", "C02"]),
        ("As F01: x", []),
        ("Nothing", []),
    ],
)
def test_ids_are_found_where_a_docstring_begins_with_them(docstring, cases):
    assert list(script().cases_of(docstring)) == cases
