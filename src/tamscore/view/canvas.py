"""The look of every figure: one palette, quiet axes, direct labels; drawn by matplotlib, never shown in a window."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tamscore.view.words import clean

if TYPE_CHECKING:
    from tamscore.view.blocks import Figure

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
HUES = 10
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
        """So many axes side by side, or one below the other on a narrow canvas."""
        shape = (count, 1) if self.narrow else (1, count)
        if self.narrow and "width_ratios" in layout:
            del layout["width_ratios"]
        found = self.figure.subplots(*shape, squeeze=False, **layout)
        return [panel for row in found for panel in row]

    def panel(self) -> Any:
        """The one pair of axes."""
        return self.panels(1)[0]

    @property
    def small(self) -> float:
        """The size of direct labels."""
        return 9.5 if self.narrow else 8.5


def drawn(figure: Figure, *, narrow: bool = False) -> Any:
    """The matplotlib figure; to be called with the settings in force."""
    from matplotlib.figure import Figure as Drawing

    width, height = (NARROW, figure.narrow_height) if narrow else (WIDE, figure.height)
    drawing = Drawing(figsize=(width / 72, height / 72))
    figure.draw(Canvas(drawing, narrow))
    return drawing


def settings(name: str, *, narrow: bool) -> Any:
    """The settings under which a figure is drawn: the same figure gives the same bytes."""
    size = 10.5 if narrow else 9.0
    sizes = {"font.size": size, "axes.titlesize": size + 0.5, "axes.labelsize": size - 0.5}
    sizes |= {"xtick.labelsize": size - 0.5, "ytick.labelsize": size - 0.5}
    return {**SETTINGS, **sizes, "svg.hashsalt": name}


def rendered(figure: Figure, form: str, *, narrow: bool = False, titled: bool = False, **options: Any) -> bytes:
    """The bytes of a figure as SVG or PNG, with its title or without."""
    import matplotlib as mpl

    target = io.BytesIO()
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # whatever the user's own matplotlibrc says
        mpl.rcParams.update(settings(figure.name, narrow=narrow))
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # browsers have fonts for every script
        drawing = drawn(figure, narrow=narrow)
        if titled:
            drawing.suptitle(clean(figure.title), x=0.01, ha="left", fontweight="bold")
        drawing.savefig(target, format=form, metadata={"Date": None} if form == "svg" else None, **options)
    return target.getvalue()


def picture(figure: Figure, form: str) -> bytes:
    """A figure as a file of its own, on paper: SVG, or PNG at twice the size of the page."""
    return rendered(figure, form, titled=True, facecolor="white", dpi=192)


def hue(place: int) -> str:
    """The colour of the cluster at a place."""
    return PALETTE[f"c{place % HUES}"]
