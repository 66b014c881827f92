"""The choice of the number of clusters: what decided, and what the usual criteria would have said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.questions.pages.choice import CRITERIA
from tamscore.view.axes import log_limits, note
from tamscore.view.blocks import Figure
from tamscore.view.canvas import PALETTE
from tamscore.view.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.view.blocks import Table
    from tamscore.view.canvas import Canvas


def choice_of_k(party: str, rows: Sequence[dict[str, Any]], candidates: Table) -> Figure:
    """Held-out loss by number of clusters with its standard error; small, what other criteria prefer."""
    chosen = next((row["k"] for row in rows if row["chosen"]), None)
    alt = f"Choice of k for {words(party)}: chosen {chosen}. Held-out loss: " + ", ".join(
        f"{row['k']}: {row['loss']:.4f}" + ("" if row["admitted"] else " (not admitted)") for row in rows
    )

    def draw(canvas: Canvas) -> None:
        shape = {"height_ratios": (2.2, 1)} if not canvas.narrow else {"height_ratios": (1.6, 1, 1)}
        mosaic = [["loss"] * 4, [*CRITERIA]] if not canvas.narrow else _narrow_mosaic()
        panels = canvas.figure.subplot_mosaic(mosaic, **shape)
        _draw_loss(panels["loss"], rows, canvas)
        for name in CRITERIA:
            _draw_criterion(panels[name], name, rows, canvas)

    reading = "The least loss decides; within the band, fewer clusters do as well as the best."
    name = f"choice-of-k-{party.replace('_', '-')}"
    return Figure(name, candidates.caption, alt, draw, 330, 420, candidates, reading)


def _narrow_mosaic() -> list[list[str]]:
    """The panels on a narrow canvas."""
    names = [*CRITERIA]
    return [["loss", "loss"], names[:2], names[2:]]


def _draw_loss(panel: Any, rows: Sequence[dict[str, Any]], canvas: Canvas) -> None:
    """Draw what decides: the loss with its error, and the band within one error of the best."""
    admitted = [row for row in rows if row["admitted"]] or list(rows)
    best = min(admitted, key=lambda row: row["loss"])
    panel.axhspan(best["loss"], best["loss"] + best["error"], color=PALETTE["pale"], alpha=0.3, lw=0)
    at, loss = [row["k"] for row in rows], [row["loss"] for row in rows]
    panel.errorbar(at, loss, [row["error"] for row in rows], color=PALETTE["soft"], lw=0.8, fmt="none")
    panel.plot(at, loss, color=PALETTE["soft"], lw=0.8)
    for row in rows:
        colour = PALETTE["mark"] if row["chosen"] else PALETTE["main"] if row["admitted"] else PALETTE["paper"]
        size = 9 if row["chosen"] else 6
        panel.plot(
            row["k"], row["loss"], "o", color=colour, ms=size, mec=PALETTE["main"], mew=0 if row["chosen"] else 1
        )
        if row["chosen"]:
            text = f"chosen: {row['k']}"
            note(panel, text, (row["k"], row["loss"]), canvas, color=PALETTE["mark"], shift=(0, -13), ha="center")
    panel.set_xlim(*log_limits(at, 0.05))
    panel.set_xscale("log")
    _ticks(panel, at if len(at) < (12 if not canvas.narrow else 8) else at[::2])
    panel.margins(y=0.16)
    panel.set_ylabel("held-out loss")
    panel.set_xlabel("clusters; hollow: not admitted; band: within one standard error of the best")


def _ticks(panel: Any, at: list[int]) -> None:
    """Write the numbers of clusters along an axis."""
    panel.minorticks_off()
    panel.set_xticks(at, [f"{k}" for k in at])


def _draw_criterion(panel: Any, name: str, rows: Sequence[dict[str, Any]], canvas: Canvas) -> None:
    """Draw a criterion that does not decide, with what it would have chosen."""
    label, best = CRITERIA[name]
    known = [(row["k"], row[name]) for row in rows if row[name] is not None]
    panel.set_xticks([])
    panel.set_yticks([])
    panel.grid(visible=False)
    panel.set_title(label, fontsize=canvas.small, fontweight="normal", color=PALETTE["soft"])
    if not known:
        return
    k, value = best(known, key=lambda pair: pair[1])
    panel.plot(*zip(*known, strict=True), color=PALETTE["pale"], lw=1.4)
    panel.plot(k, value, "o", color=PALETTE["main"], ms=5)
    panel.margins(y=0.25)
    panel.set_xlim(*log_limits([at for at, _ in known], 0.1))
    panel.set_xscale("log")
    panel.minorticks_off()
    panel.set_xticks([k], [f"{k}"])
