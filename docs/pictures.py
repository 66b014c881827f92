"""Draws the picture of the README from a finished run: `python docs/pictures.py RUN docs/pictures/result.svg`.

Needs the extra `report` (matplotlib). Everything drawn is read from the run's folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pyarrow.parquet as pq

from tamscore.store import model, run_directory

mpl.use("svg")
from matplotlib import pyplot as plt

INK, STEP, SOFT = "#1f2933", "#c2410c", "#9aa5b1"
QUADRANTS = {"blue": "#2563eb", "yellow": "#eab308", "orange": "#ea580c", "grey": "#9ca3af", "teal": "#0d9488"}


def draw(run: Path, target: Path) -> None:
    """Write one picture of three panels: the ladder of a cluster, the potential table, whitespace by quadrant."""
    directory = run_directory.find(run)
    mpl.rcParams.update(
        {"font.size": 9, "svg.hashsalt": "tamscore", "axes.spines.top": False, "axes.spines.right": False}
    )
    figure, panels = plt.subplots(1, 3, figsize=(13, 4.2), width_ratios=[1, 0.9, 1.1], layout="constrained")
    ladder(panels[0], directory)
    table(panels[1], directory)
    quadrants(panels[2], directory)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None}, facecolor="white")


def ladder(panel: Any, directory: run_directory.RunDirectory) -> None:
    """The sales of the customers of the first cluster, sorted, and the steps of its ladder."""
    description, arrays = model.read_model(directory.model)
    party = description["parties"][0]
    name, cluster = party["party_type"], party["clusters"][0]
    offsets = arrays[f"{name}.offsets"]
    sales = arrays[f"{name}.customer_sales"][offsets[0] : offsets[1]]
    share = np.arange(1, len(sales) + 1) / len(sales)
    panel.plot(share * 100, sales, color=INK, lw=1.4)
    cuts = arrays[f"{name}.cut_values"][0]
    for label, value in zip(("P85", "P90", "P95", "top"), cuts, strict=True):
        panel.axhline(value, color=STEP, lw=0.9, ls="--")
        panel.annotate(f"{label}  {short(value)}", (2, value), color=STEP, va="bottom", fontsize=8)
    panel.set_yscale("log")
    panel.set_ylim(max(float(np.quantile(sales, 0.02)), 1.0), float(sales[-1]) * 2.2)
    panel.set_xlabel("customers of the cluster, % with lower sales")
    title(panel, f"The ladder of cluster {cluster['id']}: sales of its customers")


def table(panel: Any, directory: run_directory.RunDirectory) -> None:
    """What prospects of every cluster could spend: the first cut, with the customers behind it."""
    rows = pq.read_table(directory.tables / "potential.parquet").to_pylist()
    rows = sorted((row for row in rows if row["party_type"] == rows[0]["party_type"]), key=lambda row: row["p85"] or 0)
    names = [f"{row['name']}  {row['cluster']}" for row in rows]
    panel.barh(names, [row["p85"] for row in rows], color="#2563eb", height=0.62)
    for place, row in enumerate(rows):
        panel.annotate(f" {short(row['p85'])}", (row["p85"], place), va="center", fontsize=8, color=INK)
    panel.set_xscale("log")
    panel.set_xlim(left=min(row["p85"] for row in rows) / 3, right=max(row["p85"] for row in rows) * 4)
    panel.tick_params(axis="y", labelsize=7.5, length=0)
    title(panel, "Potential of a prospect, by cluster")


def quadrants(panel: Any, directory: run_directory.RunDirectory) -> None:
    """Whitespace by quadrant, expansion and acquisition apart."""
    rows = pq.read_table(directory.tables / "quadrants.parquet").to_pylist()
    order = [name for name in QUADRANTS if any(row["quadrant"] == name for row in rows)]
    for side, kind in enumerate(("expansion", "acquisition")):
        for place, name in enumerate(order):
            here = [row for row in rows if row["quadrant"] == name and row["kind"] == kind]
            money, accounts = sum(row["whitespace"] for row in here), int(sum(row["accounts"] for row in here))
            at = place + (side - 0.5) * 0.4
            panel.bar(at, money, width=0.36, color=QUADRANTS[name], alpha=1.0 if side == 0 else 0.5)
            if accounts:
                panel.annotate(
                    f"{short(money)}\n{accounts:,}", (at, money), ha="center", va="bottom", fontsize=6.8, color=INK
                )
    panel.set_xticks(range(len(order)), order)
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    panel.margins(y=0.18)
    title(panel, "Whitespace and accounts (acquisition pale)")


def title(panel: Any, text: str) -> None:
    """Set the title of a panel."""
    panel.set_title(text, loc="left", fontsize=9.5, color=INK, pad=10)


def short(value: float) -> str:
    """Money with two significant digits: 1.2k, 34M."""
    for size, letter in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.2g}{letter}" if value < 100 * size else f"{value / size:.0f}{letter}"
    return f"{value:.2g}"


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
