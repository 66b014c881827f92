"""A backtest as a picture: the later growth of accounts by decile of whitespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.axes import money_ticks
from tamscore.view.blocks import Figure
from tamscore.view.canvas import PALETTE
from tamscore.view.words import money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.view.blocks import Table
    from tamscore.view.canvas import Canvas

_READING = "If whitespace predicts growth, its line falls from left to right and starts above the other lines."
RANKINGS = {"whitespace": "whitespace", "sales": "sales", "lot": "random ranking"}
"""Names of the rankings for readers."""
_COLOURS = {"whitespace": "main", "sales": "orange", "lot": "grey"}


def growth(kind: str, by: Mapping[str, Sequence[dict[str, Any]]], table: Table) -> Figure:
    """Return the figure of growth by decile of whitespace with its interval, beside the other rankings."""
    text = ", ".join(money(record["growth"]) for record in by["whitespace"])
    alt = f"Growth of {kind} by decile of whitespace, the first has the most: {text}."

    def draw(canvas: Canvas) -> None:
        panel = canvas.panel()
        for name, rows in by.items():
            _draw_tenths(panel, name, rows)
        panel.legend(frameon=False, fontsize=canvas.small, handlelength=1.2)
        panel.axhline(0, color=PALETTE["soft"], lw=0.8)
        panel.set_xticks(range(1, 11))
        panel.set_xlim(0.5, 10.5)
        money_ticks(panel.yaxis)
        panel.set_xlabel("decile, by most whitespace first")

    return Figure(f"backtest-{kind}", f"Growth afterwards, {kind}", alt, draw, 270, 250, table, _READING)


def _draw_tenths(panel: Any, name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Draw the deciles of one ranking; those by whitespace with their intervals."""
    at, value = [row["tenth"] for row in rows], [row["growth"] for row in rows]
    colour, own = PALETTE[_COLOURS.get(name, "soft")], name == "whitespace"
    if own:
        ends = [
            [row["growth"] - row["growth_low"] for row in rows],
            [row["growth_high"] - row["growth"] for row in rows],
        ]
        panel.errorbar(at, value, ends, fmt="none", color=colour, lw=1)
    panel.plot(at, value, "o-" if own else "-", color=colour, lw=1.6 if own else 1, ms=4, label=f"by {RANKINGS[name]}")
