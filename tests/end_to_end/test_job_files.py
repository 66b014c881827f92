"""The job files that are there to be copied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tamscore import job_file, pipeline
from tamscore.progress import Progress
from tamscore.sections.backtest.settings import Backtest
from tamscore.synthetic import write_market

JOBS = Path(__file__).parents[2] / "jobs"


@pytest.mark.parametrize("file", sorted(JOBS.rglob("*.toml")), ids=lambda file: file.name)
def test_every_job_file_is_valid(file):
    job_file.load(file)


def test_what_is_commented_out_in_the_job_file_to_copy_can_be_used_as_it_stands(tmp_path):
    """And where it shows a default, it shows the one in force."""
    text = (JOBS / "laptop.toml").read_text(encoding="utf-8")
    shown = re.sub(r"^# (\[\w+\]|\w+ = )", r"\1", text, flags=re.MULTILINE).replace('"local" ', '"processes" ')
    (tmp_path / "all.toml").write_text(shown, encoding="utf-8")
    (tmp_path / "plain.toml").write_text(text, encoding="utf-8")
    everything, plain = (job_file.load(tmp_path / name) for name in ("all.toml", "plain.toml"))
    for section in ("rows", "features", "leakage", "clusters", "potential", "quadrant", "campaigns"):
        assert getattr(everything, section) == getattr(plain, section)
    assert everything.section(Backtest).realised == "sales_next_year"


def test_the_job_file_to_copy_fits_the_synthetic_market_as_it_is(tmp_path):
    write_market(tmp_path, rows=3000, seed=0, files=2)
    places = (f"input.path={tmp_path / 'market'}", f"output.path={tmp_path / 'scores'}", 'device="cpu"')
    done = pipeline.run(job_file.load(JOBS / "laptop.toml", (*places, "clusters.restarts=2")), Progress())
    manifest = done.manifest()
    assert manifest is not None
    assert manifest["rows"]["read"] == 3000
    assert manifest["fit"].keys() == {"end_user", "channel"}
