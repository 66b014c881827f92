"""The lowest versions that are allowed, and the fewest packages: the same scores, and messages where one is missing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tamscore import open_run
from tamscore.synthetic import write_market

pytestmark = pytest.mark.platform

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dependencies") / "market"
    write_market(folder, rows=3000, seed=5, files=2, orders=True)
    return folder


def tamscore(python: Path | str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "tamscore", *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def scores(python: Path | str, market: Path, name: str) -> str:
    """Return the digest of the scores that an environment makes."""
    output = market.parent / name
    done = tamscore(
        python, "run", market / "job.toml", "--set", f"output.path={output}", "--set", "clusters.restarts=2"
    )
    assert done.returncode == 0, done.stderr
    parts = sorted(Path(str(open_run(str(output)).path)).rglob("part-*.parquet"))
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()


def test_the_lowest_versions_make_the_same_scores_and_answer_questions(market):
    python = ROOT / ".venv-lowest" / "bin" / "python"
    rows = [open_run(str(market.parent / name)).scores().to_table() for name in ("here", "lowest") if scores(
        sys.executable if name == "here" else python, market, name)]  # fmt: skip
    assert rows[0].equals(rows[1])
    output = market.parent / "lowest"
    account = rows[0]["account_id"][0].as_py()
    to = market.parent / "written"
    for words in (
        f"show {output}", f"explain {output} {account}", f"coverage {output}", f"lists {output} --to {to}/lists",
        f"report {output} --to {to}.html", f"export {output} --to {to}.csv", f"verify {output}",
        f"run {market}/job.toml --set output.path={output} --set engine.kind=processes --set clusters.seed=1",
    ):  # fmt: skip
        done = tamscore(python, *words.split())
        assert done.returncode == 0, f"{words}\n{done.stderr}"


def test_without_dask_and_extras_a_run_makes_the_same_bytes_and_what_is_missing_is_named(market):
    python = ROOT / ".venv-plain" / "bin" / "python"
    assert scores(python, market, "plain") == scores(sys.executable, market, "whole")
    output = market.parent / "plain"
    assert tamscore(python, "coverage", output).returncode == 0
    assert tamscore(python, "lists", output, "--to", market.parent / "plain-lists", "--no-pages").returncode == 0
    for words, missing in {
        f"report {output} --to x.html": "jinja2 and matplotlib",
        f"run {market}/job.toml --set engine.kind=processes": "dask and distributed",
        f"run {market}/job.toml --set input.path=s3://bucket/market": "'object-storage'",
    }.items():
        done = tamscore(python, *words.split())
        assert done.returncode == 2, done.stderr
        assert missing in done.stderr
