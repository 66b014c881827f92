"""The quadrant map: potential high or low against sales high or low, with accounts and money in each field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.axes import bare
from tamscore.view.blocks import Figure
from tamscore.view.canvas import PALETTE
from tamscore.view.words import HOLDERS, count_text, money, share, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.questions.tables import Sums
    from tamscore.view.canvas import Canvas

_NONE_HIGH = "No account has a high potential."
FIELDS = {"yellow": (0, 1), "blue": (1, 1), "grey": (0, 0), "orange": (1, 0)}
"""Where each quadrant lies: sales low or high, potential low or high. Teal is the second grey."""


def quadrant_map(fields: Mapping[str, tuple[str, Mapping[str, Sums]]]) -> Figure:
    """The map of quadrants: for each its play, and the sums of its accounts by kind."""
    text = (f"{name}, {words(play)}: {'; '.join(_lines(kinds))}" for name, (play, kinds) in fields.items())
    alt = "Quadrants. " + ". ".join(text) + "."

    def draw(canvas: Canvas) -> None:
        panel = canvas.panel()
        bare(panel)
        split = {"grey", "teal"} <= set(fields)
        for name, (play, kinds) in fields.items():
            x, y = FIELDS["grey" if name == "teal" else name]
            low, tall = (y + 0.5 if name == "grey" else y, 0.5) if split and name in {"grey", "teal"} else (y, 1.0)
            _draw_field(panel, name, play, kinds, (x, low, tall), canvas)
        panel.set_xlim(-0.005, 2.005)
        panel.set_ylim(-0.005, 2.005)
        panel.set_xticks([0.5, 1.5], ["low sales", "high sales"])
        panel.set_yticks([0.5, 1.5], ["low potential", "high potential"], rotation=90, va="center")
        panel.tick_params(labelcolor=PALETTE["soft"])

    held = {name: sum(sums.accounts for sums in kinds.values()) for name, (_, kinds) in fields.items()}
    top = held.get("blue", 0) + held.get("yellow", 0)
    part = share(top, sum(held.values()))
    reading = f"Money is open in the upper half, with {part} of the accounts: begin there." if top else _NONE_HIGH
    return Figure("quadrants", "Four kinds of accounts, four plays", alt, draw, 330, 400, reading=reading)


def _lines(kinds: Mapping[str, Sums]) -> list[str]:
    """Return what a quadrant holds, a line for each kind."""
    return [
        f"{count_text(kinds[kind].accounts, noun)}, {money(kinds[kind].whitespace)} {kind}"
        for kind, noun in HOLDERS.items()
        if kind in kinds
    ]


def _draw_field(
    panel: Any, name: str, play: str, kinds: Any, place: tuple[float, float, float], canvas: Canvas
) -> None:
    """Draw one quadrant: its colour as a wash and a strong edge, its play, its numbers."""
    from matplotlib.patches import Rectangle

    x, low, tall = place
    panel.add_patch(Rectangle((x + 0.012, low + 0.014), 0.976, tall - 0.028, fc=PALETTE[name], alpha=0.17, ec="none"))
    panel.add_patch(Rectangle((x + 0.012, low + 0.014), 0.016, tall - 0.028, fc=PALETTE[name], ec="none"))
    left, top = x + 0.07, low + tall - 0.11
    accounts = sum(sums.accounts for sums in kinds.values())
    panel.text(left, top, words(play).capitalize(), fontsize=canvas.small + 3, fontweight="bold", va="top")
    if tall < 1:
        panel.text(left, top - 0.14, f"{accounts:,}", fontsize=canvas.small + 3, va="top")
        return
    panel.text(left, top - 0.16, f"{accounts:,}", fontsize=canvas.small + 11, va="top", color=PALETTE["ink"])
    panel.text(left, top - 0.36, "accounts", fontsize=canvas.small, va="top", color=PALETTE["soft"])
    for row, line in enumerate(_lines(kinds)):
        text = line.replace(", ", "\n") if canvas.narrow else line
        at = top - 0.52 - (0.2 if canvas.narrow else 0.12) * row
        panel.text(left, at, text, fontsize=canvas.small, va="top", color=PALETTE["ink"], linespacing=1.15)
