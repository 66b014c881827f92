"""The script that needs nothing of this package finds the same potentials."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tamscore import pipeline
from tamscore.progress import Progress
from tests.end_to_end import market

SCRIPT = Path(__file__).parents[2] / "docs" / "recompute_potential.py"
RULES = [
    {},
    {"potential": {"preset": "p80", "boundary": "strictly_below", "top_step": "next_step", "min_customers": 1}},
    {"potential": {"cut_lines": [0.5, 0.99], "top_step": "p99.5"}},
    {"potential": {"level": "account"}},
    {"potential": {"level": "account", "boundary": "strictly_below", "top_step": "p99"}},
]


def recomputed(version):
    return subprocess.run([sys.executable, SCRIPT, version], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("rules", RULES, ids=["default", "strict", "own lines", "account", "strict account"])
def test_a_thousand_potentials_follow_from_the_files_of_a_run(tmp_path, rules):
    done = market.score(market.accounts(1500), tmp_path, rules, files=2)
    said = recomputed(done.path)
    assert (said.stdout, said.returncode) == ("1000 of 1000 potentials are what their definition gives\n", 0)


@pytest.mark.parametrize("level", ["cluster", "account"])
def test_frozen_ladders_and_a_small_party_type_are_recomputed_too(tmp_path, level):
    """Channel accounts are too few for a level of their own, and two of three clusters lean on the others."""
    rules = {"potential": {"level": level, "min_customers": 150}, "input.max_sales_change": 10}
    rows = market.accounts(1200, channel=0.03)
    assert recomputed(market.score(rows, tmp_path, rules).path).returncode == 0
    later = rows.set_column(rows.column_names.index("sales"), "sales", pc.multiply(rows["sales"], 1.37))
    done = pipeline.score(market.job(market.write(later, tmp_path / "later"), tmp_path / "scores", rules), Progress())
    assert recomputed(done.path).stdout == "1000 of 1000 potentials are what their definition gives\n"


def test_the_script_notices_a_potential_that_is_off_by_a_cent(tmp_path):
    done = market.score(market.accounts(1000), tmp_path)
    (part,) = done.scores.glob("*.parquet")
    table = pq.read_table(part)
    place = table.column_names.index("potential")
    pq.write_table(table.set_column(place, "potential", pc.add(table["potential"], 0.01)), part)
    said = recomputed(done.path)
    assert said.returncode == 1
    assert said.stdout.startswith("A")
    assert "0 of 1000 potentials" in said.stdout


def test_the_script_is_short_and_needs_numpy_and_pyarrow_alone():
    text = SCRIPT.read_text(encoding="utf-8")
    modules = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [])
        + ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
        if name
    }
    assert modules - set(sys.stdlib_module_names) == {"numpy", "pyarrow"}
    assert len(text.splitlines()) <= 120
