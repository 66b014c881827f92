"""The picture of the README can be drawn from any finished run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.end_to_end import market

SCRIPT = Path(__file__).parents[2] / "docs" / "pictures.py"


def test_the_picture_is_drawn_from_a_finished_run_the_same_twice(tmp_path):
    done = market.score(market.accounts(1500), tmp_path / "run", {"potential": {"cut_lines": [0.5, 0.9]}})
    drawn = [tmp_path / "first.svg", tmp_path / "second.svg"]
    for target in drawn:
        subprocess.run([sys.executable, SCRIPT, str(done.path), target], check=True)
    first, second = (target.read_bytes() for target in drawn)
    assert first == second
    assert all(text in first for text in (b"P50", b"P90", b"acquisition pale"))
