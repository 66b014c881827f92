"""Two sets of results side by side: what became faster or slower by more than the noise."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHANCE = 0.05
"""Differences that chance alone would bring about more often than this are noise."""
SMALL = 0.03
"""Smaller differences do not matter."""


def read(path: Path) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The last result of every case in a file of JSON lines, by what was measured."""
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {(line["case"], line.get("contender", ""), line.get("rows")): line for line in lines if line.get("cpu_runs")}


def compare(before: Path, after: Path) -> Iterator[str]:
    """A line for everything that both files hold."""
    old, new = read(before), read(after)
    for key in old.keys() & new.keys():
        yield f"{' '.join(map(str, key))}: {verdict(old[key], new[key])}"


def verdict(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Whether the CPU seconds of the runs differ by more than their noise (Mann & Whitney 1947)."""
    from scipy.stats import mannwhitneyu

    ratio = statistics.median(new["cpu_runs"]) / statistics.median(old["cpu_runs"])
    chance = float(mannwhitneyu(old["cpu_runs"], new["cpu_runs"]).pvalue)
    runs = f"{len(old['cpu_runs'])} and {len(new['cpu_runs'])} runs"
    word = "slower" if ratio > 1 else "faster"
    if chance > CHANCE or abs(ratio - 1) < SMALL:
        word = "the same within the noise"
    machine = "" if old["cpu"] == new["cpu"] else "; on different machines"
    return f"{word}, {ratio:.3f}x the CPU seconds (p = {chance:.2f}, {runs}){machine}"
