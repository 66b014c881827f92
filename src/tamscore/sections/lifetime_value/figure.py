"""What customers are worth as a picture: how many stay for another year, cluster by cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.axes import note, percent_ticks, rows_only
from tamscore.view.blocks import Figure
from tamscore.view.canvas import PALETTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.view.blocks import Table
    from tamscore.view.canvas import Canvas


def retention(rows: Sequence[dict[str, Any]], rates: Table) -> Figure:
    """Yearly retention by cluster: as seen, and drawn towards all of the party type."""
    text = ", ".join(f"{row['cluster']} {row['shrunk']:.0%}" for row in rows)
    alt = f"Share of customers that stay for another year: {text}."

    def draw(canvas: Canvas) -> None:
        panel = canvas.panel()
        for at, row in enumerate(rows):
            if row["own"] is not None:
                panel.plot([row["own"], row["shrunk"]], [at, at], color=PALETTE["pale"], lw=2)
                panel.plot(row["own"], at, "o", color=PALETTE["pale"], ms=5, mec="none")
            panel.plot(row["shrunk"], at, "o", color=PALETTE["main"], ms=6.5, mec="none")
            far = max(row["own"] or 0.0, row["shrunk"])
            note(panel, f"{row['shrunk']:.0%}", (far, at), canvas, shift=(8, 0))
        rows_only(panel, [f"{row['cluster']} ({row['customers']:,})" for row in rows], canvas)
        panel.margins(x=0.12)
        percent_ticks(panel.xaxis)
        panel.set_xlabel("customers that stay a year; pale: as seen; dark: used, thin clusters lean on all")

    size = 20 * len(rows)
    least = min(rows, key=lambda row: row["shrunk"], default=None)
    reading = f"{least['cluster']} loses customers fastest: {least['shrunk']:.0%} stay a year." if least else ""
    return Figure("retention", "Who stays", alt, draw, 60 + size, 70 + round(1.2 * size), rates, reading)
