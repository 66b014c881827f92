"""Draws the picture of the README from a finished run: `python docs/pictures.py RUN docs/pictures/result.svg`.

Needs the extra `report` (matplotlib). Everything drawn is read from the run's folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pyarrow.parquet as pq

from tamscore.insight.stored import open_run
from tamscore.insight.wording import money

mpl.use("svg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from tamscore.insight.stored import StoredRun

INK, STEP, SOFT = "#1f2933", "#c2410c", "#9aa5b1"
QUADRANTS = {"blue": "#2563eb", "yellow": "#eab308", "orange": "#ea580c", "grey": "#9ca3af", "teal": "#0d9488"}


def draw(run: Path, target: Path) -> None:
    """Write one picture of three panels: the ladder of a cluster, the potential table, whitespace by quadrant."""
    stored = open_run(run)
    mpl.rcParams.update(
        {"font.size": 9, "svg.hashsalt": "tamscore", "axes.spines.top": False, "axes.spines.right": False}
    )
    figure, panels = plt.subplots(1, 3, figsize=(13, 4.2), width_ratios=[1, 0.9, 1.1], layout="constrained")
    ladder(panels[0], stored)
    prospects(panels[1], stored)
    quadrants(panels[2], stored)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None}, facecolor="white")


def table(stored: StoredRun, name: str) -> list[dict[str, Any]]:
    """The rows of a table of the run."""
    rows: list[dict[str, Any]] = pq.read_table(stored.directory.tables / f"{name}.parquet").to_pylist()
    return rows


def ladder(panel: Any, stored: StoredRun) -> None:
    """The sales of the customers of the first cluster, sorted, and the steps of its ladder."""
    sales, row = stored.model.parties[0].sales.of(0), table(stored, "potential")[0]
    panel.plot(np.arange(1, len(sales) + 1) / len(sales) * 100, sales, color=INK, lw=1.4)
    for step in (f"p{line * 100:g}" for line in stored.job.potential.lines):
        mark(panel, step.upper(), row[step])
    mark(panel, "top", row["top"])
    panel.set_yscale("log")
    panel.set_ylim(max(float(np.quantile(sales, 0.02)), 1.0), float(sales[-1]) * 2.2)
    panel.set_xlabel("customers of the cluster, % with lower sales")
    title(panel, f"The ladder of {row['cluster']}, {row['name']}")


def mark(panel: Any, step: str, value: float) -> None:
    """Draw a step of the ladder."""
    panel.axhline(value, color=STEP, lw=0.9, ls="--")
    panel.annotate(f"{step}  {money(value)}", (2, value), color=STEP, va="bottom", fontsize=8)


def prospects(panel: Any, stored: StoredRun) -> None:
    """What prospects of every cluster of the first party type could spend, the first cut, with its interval."""
    step, rows = f"p{stored.job.potential.lines[0] * 100:g}", table(stored, "potential")
    rows = [row for row in rows if row["party_type"] == rows[0]["party_type"] and row[step] is not None]
    rows = sorted(rows, key=lambda row: row[step])
    names, value = [f"{row['name']}  {row['cluster']}" for row in rows], [row[step] for row in rows]
    panel.barh(names, value, color="#2563eb", height=0.62)
    low, high = ([row[end + step] or row[step] for row in rows] for end in ("low_", "high_"))
    panel.hlines(names, low, high, color=INK, lw=2)
    for place, (amount, end) in enumerate(zip(value, high, strict=True)):
        panel.annotate(f" {money(amount)}", (end, place), va="center", fontsize=8, color=INK)
    panel.set_xscale("log")
    panel.set_xlim(left=min(low) / 3, right=max(high) * 4)
    panel.tick_params(axis="y", labelsize=7.5, length=0)
    title(panel, f"Potential of a prospect, {stored.job.potential.interval_level:.0%} interval")


def quadrants(panel: Any, stored: StoredRun) -> None:
    """Whitespace by quadrant, expansion and acquisition apart."""
    rows = table(stored, "quadrants")
    order = [name for name in QUADRANTS if any(row["quadrant"] == name for row in rows)]
    for side, kind in enumerate(("expansion", "acquisition")):
        for place, name in enumerate(order):
            here = [row for row in rows if row["quadrant"] == name and row["kind"] == kind]
            amount, accounts = sum(row["whitespace"] for row in here), int(sum(row["accounts"] for row in here))
            at = place + (side - 0.5) * 0.4
            panel.bar(at, amount, width=0.36, color=QUADRANTS[name], alpha=1.0 if side == 0 else 0.5)
            if accounts:
                text = f"{money(amount)}\n{accounts:,}"
                panel.annotate(text, (at, amount), ha="center", va="bottom", fontsize=6.8, color=INK)
    panel.set_xticks(range(len(order)), order)
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    panel.margins(y=0.18)
    title(panel, "Whitespace and accounts (acquisition pale)")


def title(panel: Any, text: str) -> None:
    """Set the title of a panel."""
    panel.set_title(text, loc="left", fontsize=9.5, color=INK, pad=10)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
