"""What figures share: money along an axis, direct labels, names that fit beside a bar."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.view.canvas import PALETTE
from tamscore.view.words import clean, money, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.view.canvas import Canvas

_ALIKE = 0.1
"""Logarithms that lie closer together are shown as one place."""
_LARGEST = 600.0
"""The logarithm of the largest number on an axis: beyond it nothing can be drawn."""
_LINE = 27
"""Names are broken into lines of about so many letters; on a narrow canvas of fewer."""


def money_ticks(axis: Any) -> None:
    """Write the ticks of an axis as short amounts, and none between them."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: money(float(value))))
    axis.set_minor_formatter(NullFormatter())


def log_limits(values: Sequence[float], capacity: float) -> tuple[float, float]:
    """The limits of a logarithmic axis around positive values, with a share of room at both ends; never alike.

    A scale that is left to find them itself warns where all values are alike, and overflows near the largest number.
    """
    logs = np.log(np.clip(values, 1e-250, 1e250))
    span = float(logs.max() - logs.min())
    beyond = capacity * span if span > _ALIKE else np.log(2)
    low, high = np.clip([logs.min() - beyond, logs.max() + beyond], -_LARGEST, _LARGEST)
    return float(np.exp(low)), float(np.exp(high))


def percent_ticks(axis: Any) -> None:
    """Write the ticks of an axis, shares, in percent."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def bare(panel: Any) -> None:
    """Take axis, ticks and grid away: the labels say it all."""
    panel.grid(visible=False)
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(False)


def rows_only(panel: Any, names: list[str], canvas: Canvas) -> None:
    """Name the rows from top to bottom; lines go down only."""
    panel.set_yticks(range(len(names)), [_wrap(name, canvas) for name in names])
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.grid(visible=False, axis="y")


def _wrap(name: str, canvas: Canvas) -> str:
    """A name on at most two lines."""
    lines = textwrap.wrap(words(clean(name)), 17 if canvas.narrow else _LINE) or [""]
    return "\n".join([*lines[:1], " ".join(lines[1:2]) + ("…" if len(lines) > 2 else "")]).rstrip("\n")


def note(panel: Any, text: str, at: tuple[float, float], canvas: Canvas, **options: Any) -> None:
    """Write a direct label at a place of the data; `shift` moves it by so many points."""
    shift = options.pop("shift", (0, 0))
    options = {"fontsize": canvas.small, "color": PALETTE["ink"], "va": "center", **options}
    panel.annotate(clean(text), at, xytext=shift, textcoords="offset points", **options)
