"""The look of every figure: one palette, quiet axes, direct labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PALETTE = {
    "ink": "#17212c",
    "soft": "#5a6674",
    "line": "#d4dae1",
    "paper": "#fffffe",
    "main": "#27496b",
    "pale": "#a4b9cd",
    "mark": "#b4412f",
    "good": "#2b8a62",
    "blue": "#2f6fb8",
    "yellow": "#dfa91d",
    "orange": "#db7035",
    "grey": "#929da9",
    "teal": "#2b988a",
    "c0": "#3e70a6",
    "c1": "#c8733b",
    "c2": "#4f9273",
    "c3": "#a2537b",
    "c4": "#8b7a34",
    "c5": "#6164a9",
    "c6": "#b8514e",
    "c7": "#3f93a4",
    "c8": "#7b6b5f",
    "c9": "#8d993d",
}
"""Colours by what they mean; in the page each is a variable, so that light and dark may differ."""
_HUES = 10
WIDE, NARROW = 720, 340
"""The widths of a canvas, 72 to the inch."""
SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "axes.unicode_minus": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.edgecolor": PALETTE["line"],
    "axes.labelcolor": PALETTE["soft"],
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALETTE["line"],
    "grid.linewidth": 0.6,
    "text.color": PALETTE["ink"],
    "xtick.color": PALETTE["line"],
    "ytick.color": PALETTE["line"],
    "xtick.labelcolor": PALETTE["soft"],
    "ytick.labelcolor": PALETTE["ink"],
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "axes.titlelocation": "left",
    "axes.titlecolor": PALETTE["ink"],
    "axes.titleweight": "bold",
    "lines.solid_capstyle": "round",
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True)
class Canvas:
    """A matplotlib figure to draw on; `narrow` where it is for the width of a phone."""

    figure: Any
    narrow: bool

    def panels(self, count: int, **layout: Any) -> list[Any]:
        """Return so many axes side by side, or one below the other on a narrow canvas."""
        shape = (count, 1) if self.narrow else (1, count)
        if self.narrow and "width_ratios" in layout:
            del layout["width_ratios"]
        result = self.figure.subplots(*shape, squeeze=False, **layout)
        return [panel for row in result for panel in row]

    def panel(self) -> Any:
        """The one pair of axes."""
        return self.panels(1)[0]

    @property
    def small(self) -> float:
        """The size of direct labels."""
        return 9.5 if self.narrow else 8.5


def hue(place: int) -> str:
    """The colour of the cluster at a place."""
    return PALETTE[f"c{place % _HUES}"]
