"""Ladders as pictures: the sales of one cluster's customers with the steps, and the ladders of all clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.questions.pages.potential import step_name
from tamscore.view.axes import log_limits, money_ticks, note, percent_ticks, rows_only
from tamscore.view.blocks import Figure, group
from tamscore.view.canvas import PALETTE
from tamscore.view.words import money, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.questions.tables import Cluster
    from tamscore.view.canvas import Canvas

_POINTS = 160
"""A curve is drawn through so many points."""


def ladder(cluster: Cluster, sales: Any) -> Figure:
    """The sales (n,) of a cluster's customers in rising order, and the step that each of them should reach."""
    steps = [(name, value) for name, value in cluster.steps.items() if value is not None]
    result = ", ".join(f"{step_name(name)} {money(value)}" for name, value in steps)
    alt = f"Sales of the {len(sales):,} customers of cluster {cluster.cluster} in rising order, with steps: {result}."

    def draw(canvas: Canvas) -> None:
        panel = canvas.panel()
        at = np.linspace(1 / len(sales), 1, _POINTS)
        value = np.exp(np.interp(at, np.arange(1, len(sales) + 1) / len(sales), np.log(sales)))
        reach = np.array([v for _, v in steps])
        climb = np.maximum(reach[np.minimum(np.searchsorted(reach, value * (1 - 1e-9)), len(reach) - 1)], value)
        panel.fill_between(at, value, climb, color=PALETTE["pale"], alpha=0.35, lw=0)
        panel.plot(at, climb, color=PALETTE["mark"], lw=1.6)
        panel.plot(at, value, color=PALETTE["main"], lw=2)
        _label_steps(panel, steps, canvas)
        spot = len(at) // 3
        text = "what customers buy today"
        note(panel, text, (at[spot], value[spot]), canvas, color=PALETTE["main"], shift=(4, -10), ha="left")
        open_ = float(np.sqrt(value[spot]) * np.sqrt(reach[0]))
        note(panel, "whitespace", (at[spot] * 0.6, open_), canvas, color=PALETTE["soft"], style="italic")
        panel.set_ylim(float(np.quantile(sales, 0.01)) * 0.8, min(float(reach[-1]) * 2.2, 1e300))
        panel.set_yscale("log")
        panel.set_xlim(0, 1.001)
        money_ticks(panel.yaxis)
        percent_ticks(panel.xaxis)
        panel.set_xlabel("customers of the cluster, in order of their sales")

    title = f"The ladder of {cluster.cluster}, {cluster.name}"
    reading = "The shaded distance, from what customers buy up to the next step, is their whitespace."
    return Figure("ladder", title, alt, draw, 300, 300, reading=reading)


def _label_steps(panel: Any, steps: Sequence[tuple[str, float]], canvas: Canvas) -> None:
    """Write the name and the value of each step at the left, those that would meet on one line."""
    items: list[tuple[float, list[str]]] = []
    for name, value in steps:
        text = f"{step_name(name)} {money(value)}"
        if items and value < items[-1][0] * 1.35:
            items[-1][1].append(text)
        else:
            items.append((value, [text]))
    for value, texts in items:
        panel.axhline(value, color=PALETTE["mark"], lw=0.6, ls=(0, (2, 3)), alpha=0.7)
        note(panel, " · ".join(texts), (0.01, value), canvas, color=PALETTE["mark"], shift=(0, 6), ha="left")


def potentials(clusters: Sequence[Cluster], level: float | None) -> Figure:
    """The ladders of clusters, one a row: the steps as dots, the interval of the first as a bar."""
    first = next(iter(clusters[0].steps))
    alt = "Steps of the ladders by cluster: " + "; ".join(
        f"{cluster.cluster} {step_name(first)} {money(cluster.steps[first])} to top {money(cluster.steps['top'])}"
        for cluster in clusters
    )

    def draw(canvas: Canvas) -> None:
        panel = canvas.panel()
        panel.set_xlim(*log_limits([value for cluster in clusters for value in _show(cluster)], 0.09))
        panel.set_xscale("log")
        for row, item in enumerate(clusters):
            _draw_row(panel, row, item, canvas)
        money_ticks(panel.xaxis)
        names = [cluster.cluster if canvas.narrow else f"{cluster.cluster} {cluster.name}" for cluster in clusters]
        rows_only(panel, names, canvas)
        panel.set_xlabel(f"sales, logarithmic; bar: where the true {step_name(first)} lies" + _sure(level))

    size = 26 * len(clusters)
    title = "What the accounts of each cluster should be able to reach"
    reading = "Where the pale bars of two clusters overlap, what their accounts could buy may be the same."
    return Figure("potential", title, alt, draw, 60 + size, 70 + round(1.25 * size), reading=reading)


def _sure(level: float | None) -> str:
    """Return how sure an interval is."""
    return f", at {level:.0%}" if level else ""


def _show(cluster: Cluster) -> list[float]:
    """The amounts that a row shows; 1 where there are none."""
    amounts = [*cluster.steps.values(), *next(iter(cluster.intervals.values()))]
    return [value for value in amounts if value is not None and value > 0] or [1.0]


def _draw_row(panel: Any, row: int, cluster: Cluster, canvas: Canvas) -> None:
    """Draw one ladder."""
    values = [value for value in cluster.steps.values() if value is not None and value > 0]
    low, high = next(iter(cluster.intervals.values()))
    if low and high:
        colour = PALETTE["pale"] if not cluster.low_support else PALETTE["line"]
        panel.plot([low, high], [row, row], color=colour, lw=8, solid_capstyle="butt")
    if not values:
        return
    panel.plot([values[0], values[-1]], [row, row], color=PALETTE["soft"], lw=0.8)
    panel.plot(values[1:-1], [row] * len(values[1:-1]), "o", color=PALETTE["main"], ms=3.5, mec="none")
    panel.plot(values[0], row, "o", color=PALETTE["main"], ms=6.5, mec="none")
    panel.plot(values[-1], row, "|", color=PALETTE["mark"], ms=9, mew=2)
    note(panel, money(values[0]), (min(values[0], low or values[0]), row), canvas, shift=(-7, 0), ha="right")
    note(panel, money(values[-1]), (values[-1], row), canvas, shift=(6, 0), ha="left", color=PALETTE["mark"])


def step_shares(rows: Sequence[dict[str, Any]]) -> Figure:
    """Return how much of the whitespace of each kind and party type waits at each step, as one bar each."""
    bars: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        bars.setdefault((row["party_type"], row["kind"]), {})[row["step"]] = row["whitespace"]
    bars = {key: steps for key, steps in sorted(bars.items(), key=_order_of) if sum(steps.values()) > 0}
    alt = "Share of the whitespace by step: " + "; ".join(
        f"{words(party)} {kind}: " + ", ".join(f"{s} {v / sum(steps.values()):.0%}" for s, v in steps.items())
        for (party, kind), steps in bars.items()
    )

    def draw(canvas: Canvas) -> None:
        panel = canvas.panel()
        for at, steps in enumerate(bars.values()):
            _draw_shares(panel, at, steps, canvas)
        rows_only(panel, [f"{words(party)}, {kind}" for party, kind in bars], canvas)
        panel.set_xlim(0, 1)
        percent_ticks(panel.xaxis)

    groups = [[(*key, step_name(step), value) for step, value in steps.items()] for key, steps in bars.items()]
    title = "Where on the ladder the whitespace waits"
    numbers = group(title, "party type:code|kind:code|step|whitespace:money", groups)
    reading = "The longer the red part, the more hangs on the few largest customers of each cluster."
    return Figure("steps", title, alt, draw, 50 + 34 * len(bars), 70 + 44 * len(bars), numbers, reading)


def _order_of(item: tuple[tuple[str, str], Any]) -> tuple[bool, str]:
    """Customers first, then prospects; party types by name."""
    (party, kind), _ = item
    return kind != "expansion", party


def _draw_shares(panel: Any, at: int, steps: dict[str, float], canvas: Canvas) -> None:
    """Draw one bar of shares; those wide enough say what they are."""
    whole, left = sum(steps.values()), 0.0
    for place, (step, value) in enumerate(steps.items()):
        part, top = value / whole, step == "top"
        colour = PALETTE["mark"] if top else PALETTE["main"]
        panel.barh(
            at,
            part,
            0.6,
            left,
            color=colour,
            alpha=max(1 - 0.12 * place, 0.76) if not top else 1.0,
            ec=PALETTE["paper"],
        )
        if part > (0.16 if canvas.narrow else 0.075):
            text = f"{step_name(step)} {part:.0%}"
            note(panel, text, (left + part / 2, at), canvas, color=PALETTE["paper"], ha="center")
        left += part
