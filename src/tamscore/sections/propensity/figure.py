"""Figures of propensity: share of buyers reached by contacting the best accounts first, and calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.view.axes import note, percent_ticks
from tamscore.view.blocks import Figure
from tamscore.view.canvas import PALETTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.view.blocks import Table
    from tamscore.view.canvas import Canvas


def lift(rows: Sequence[dict[str, Any]], deciles: Table) -> Figure:
    """Return the figure of deciles: buyers reached and, if there are probabilities, predicted against observed."""
    text = ", ".join(f"{row['decile']:.0f}: {row['capture']:.0%}" for row in rows)
    alt = f"Share of all buyers reached by contacting the best deciles first: {text}."
    calibrated = all(row["predicted"] is not None for row in rows)
    if calibrated:
        pairs = ", ".join(f"{row['predicted']:.1%} against {row['observed']:.1%}" for row in rows)
        alt += f" Predicted against observed share of buyers by decile: {pairs}."

    def draw(canvas: Canvas) -> None:
        first, *rest = canvas.panels(2 if calibrated else 1)
        _draw_lift(first, rows, canvas)
        for panel in rest:
            _draw_calibration(panel, rows, canvas)

    reading = f"The best decile holds {rows[0]['capture']:.0%} of the buyers."
    return Figure("propensity", "Who will buy", alt, draw, 280, 260 * (2 if calibrated else 1), deciles, reading)


def _draw_lift(panel: Any, rows: Sequence[dict[str, Any]], canvas: Canvas) -> None:
    """Draw the share of all buyers reached against the share of accounts contacted."""
    accounts = np.cumsum([0.0, *(row["accounts"] for row in rows)])
    at, reached = accounts / accounts[-1], [0.0, *(row["capture"] for row in rows)]
    panel.plot([0, 1], [0, 1], color=PALETTE["grey"], lw=1, ls=(0, (3, 3)))
    panel.fill_between(at, at, reached, color=PALETTE["pale"], alpha=0.3, lw=0)
    panel.plot(at, reached, "o-", color=PALETTE["main"], lw=1.8, ms=4)
    note(panel, f"{reached[1]:.0%} of buyers", (at[1], reached[1]), canvas, shift=(8, -4), ha="left")
    note(panel, "random order", (0.62, 0.62), canvas, color=PALETTE["soft"], shift=(6, -9), ha="left")
    panel.set_title("best accounts first")
    panel.set_xlabel("share of accounts contacted")
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1.03)
    percent_ticks(panel.xaxis)
    percent_ticks(panel.yaxis)


def _draw_calibration(panel: Any, rows: Sequence[dict[str, Any]], canvas: Canvas) -> None:
    """Draw the observed share of buyers of every decile against the predicted one."""
    predicted, observed = [row["predicted"] for row in rows], [row["observed"] for row in rows]
    top = max(*predicted, *observed, 1e-6) * 1.12
    panel.plot([0, top], [0, top], color=PALETTE["grey"], lw=1, ls=(0, (3, 3)))
    panel.plot(predicted, observed, "o", color=PALETTE["main"], ms=5.5, alpha=0.85, mec="none")
    note(panel, "as predicted", (0.6 * top, 0.6 * top), canvas, color=PALETTE["soft"], shift=(8, -8), ha="left")
    panel.set_title("predicted and observed, by decile")
    panel.set_xlabel("predicted share of buyers")
    panel.set_xlim(0, top)
    panel.set_ylim(0, top)
    percent_ticks(panel.xaxis)
    percent_ticks(panel.yaxis)
