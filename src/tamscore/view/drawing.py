"""Figures as bytes: drawn by matplotlib, never shown in a window."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

from tamscore.view.canvas import NARROW, SETTINGS, WIDE, Canvas
from tamscore.view.words import clean

if TYPE_CHECKING:
    from tamscore.view.blocks import Figure


def _draw(figure: Figure, *, narrow: bool = False) -> Any:
    """The matplotlib figure; to be called with the settings in force."""
    from matplotlib.figure import Figure as Drawing

    width, height = (NARROW, figure.narrow_height) if narrow else (WIDE, figure.height)
    drawing = Drawing(figsize=(width / 72, height / 72), dpi=72)
    figure.draw(Canvas(drawing, narrow))
    return drawing


def _settings(name: str, *, narrow: bool) -> Any:
    """The settings under which a figure is drawn: the same figure gives the same bytes."""
    size = 10.5 if narrow else 9.0
    sizes = {"font.size": size, "axes.titlesize": size + 0.5, "axes.labelsize": size - 0.5}
    sizes |= {"xtick.labelsize": size - 0.5, "ytick.labelsize": size - 0.5}
    return {**SETTINGS, **sizes, "svg.hashsalt": name}


def render(figure: Figure, form: str, *, narrow: bool = False, titled: bool = False, **options: Any) -> bytes:
    """The bytes of a figure as SVG or PNG, with its title or without."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    target = io.BytesIO()
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # whatever the user's own matplotlibrc says
        mpl.rcParams.update(_settings(figure.name, narrow=narrow))
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # browsers have fonts for every script
        drawing = _draw(figure, narrow=narrow)
        if titled:
            drawing.suptitle(clean(figure.title), x=0.01, ha="left", fontweight="bold")
        if form == "svg" and not options:  # saving would draw all twice; drawing alone lays it out as well
            canvas: Any = FigureCanvasSVG(drawing)
            canvas.print_svg(target, metadata={"Date": None})
        else:
            drawing.savefig(target, format=form, metadata={"Date": None} if form == "svg" else None, **options)
    return target.getvalue()


def picture(figure: Figure, form: str) -> bytes:
    """A figure as a file of its own, on paper: SVG, or PNG at twice the size of the page."""
    return render(figure, form, titled=True, facecolor="white", dpi=192)
