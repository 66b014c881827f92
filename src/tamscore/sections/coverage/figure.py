"""Coverage: hours needed against hours there, and which accounts get which treatment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tamscore.view.axes import bare, note, rows_only
from tamscore.view.blocks import Figure
from tamscore.view.canvas import PALETTE
from tamscore.view.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.view.blocks import Table
    from tamscore.view.canvas import Canvas

_SIZES = ("small", "large", "enterprise")
_QUADRANTS = ("blue", "yellow", "orange", "grey", "teal")
"""The order of the usual size bands and of quadrants; others stand behind them by name."""
_PALE, _DARK = 0.5, 0.76
"""Shades up to the first bear dark text, from the second on light text; between them neither can be read."""


def hours(roles: Sequence[dict[str, Any]], table: Table) -> Figure:
    """Return hours needed by each role with a limit as a frame, hours there as a bar; the table in numbers."""
    rows = [row for row in roles if row["hours_available"] is not None]
    name = "; ".join(
        f"{words(r['role'])} {r['hours_needed']:,.0f} needed, {r['hours_available']:,.0f} there" for r in rows
    )
    alt = f"Selling hours by role: {name}."

    def draw(canvas: Canvas) -> None:
        panel = canvas.panel()
        for at, row in enumerate(rows):
            needed, there = row["hours_needed"], row["hours_available"]
            panel.barh(at, needed, 0.66, color=PALETTE["line"])
            panel.barh(at, there, 0.3, color=PALETTE["main"])
            share = f" ({there / needed:.0%})" if needed else ""
            text = f"{there:,.0f} there{share}"
            note(panel, text, (max(needed, there), at), canvas, shift=(6, 0))
        rows_only(panel, [words(row["role"]) for row in rows], canvas)
        panel.set_xlim(0, max(max(r["hours_needed"], r["hours_available"]) for r in rows) * 1.42 or 1.0)
        panel.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:,.0f}k" if value >= 1000 else f"{value:.0f}")
        panel.set_xlabel("hours a year; pale: what all quadrants ask for; dark: what there is")

    size = (50 + 32 * len(rows), 60 + 40 * len(rows))
    short = max(rows, key=lambda row: row["hours_needed"] - row["hours_available"])
    lacking = max(short["hours_needed"] - short["hours_available"], 0.0)
    reading = f"Most hours are lacking for {words(short['role'])}: {lacking:,.0f} a year."
    return Figure("hours", "Hours needed and hours there", alt, draw, *size, table, reading)


def band_map(every: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], table: Table) -> Figure:
    """Return accounts by size band and role."""
    text = _Map("coverage-map", "Who covers which accounts", "size band", "band", _SIZES)
    return _coverage_map(text, every, rows, table)


def quadrant_map(every: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], table: Table) -> Figure:
    """Return accounts by quadrant and role, with their hours."""
    text = _Map(
        "quadrant-map", "From quadrant to role, with hours a year", "quadrant", "quadrant", _QUADRANTS, hours=True
    )
    return _coverage_map(text, every, rows, table)


@dataclass(frozen=True)
class _Map:
    """What a map of coverage is of: anchor, caption, and what its bands are, by words, by key and in their order."""

    anchor: str
    caption: str
    what: str
    key: str
    order: tuple[str, ...]
    hours: bool = False


def _coverage_map(of: _Map, every: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], table: Table) -> Figure:
    """Return accounts by band and role; the darker a field, the larger the share of its band."""
    roles, counts, spent = [row["role"] for row in every], Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row in rows:
        counts[row[of.key], row["role"]] += row["accounts"]
        spent[row[of.key], row["role"]] += row["hours"]
    bands = sorted({row[of.key] for row in rows}, key=lambda name: (_place_in(of.order, name), name))
    text = "; ".join(f"{words(b)}, {words(r)}: {count:,}" for (b, r), count in counts.items() if count)
    alt = f"Accounts by {of.what} and role: {text}."

    def draw(canvas: Canvas) -> None:
        panel = canvas.panel()
        bare(panel)
        across, down = (bands, roles) if canvas.narrow else (roles, bands)
        for y, row in enumerate(down):
            for x, column in enumerate(across):
                band, role = (column, row) if canvas.narrow else (row, column)
                whole = sum(counts.get((band, other), 0) for other in roles) or 1
                hours_there = spent[band, role] if of.hours else 0.0
                _field(panel, (x, y), counts.get((band, role), 0), whole, canvas, hours_there)
        panel.set_xlim(-0.5, len(across) - 0.5)
        panel.set_ylim(len(down) - 0.5, -0.5)
        panel.xaxis.tick_top()
        panel.set_xticks(range(len(across)), [words(item).replace(" ", "\n") for item in across])
        panel.set_yticks(range(len(down)), [words(item) for item in down])
        panel.tick_params(labelcolor=PALETTE["soft"])

    size = (60 + 38 * len(bands), 70 + 38 * len(roles))
    reading = f"The darker a field, the larger the part of the {of.what} that the role covers."
    return Figure(of.anchor, of.caption, alt, draw, *size, table, reading)


def _place_in(order: Sequence[str], name: str) -> int:
    """Return the place of a name among the usual ones, behind them where it is another."""
    return order.index(name) if name in order else len(order)


def _field(panel: Any, at: tuple[int, int], count: int, whole: int, canvas: Canvas, spent: float = 0.0) -> None:
    """Draw one field: its share as a shade, its count as a number, and hours where some are spent."""
    from matplotlib.patches import Rectangle

    x, y = at
    shade = (count / whole) ** 0.5
    dark = 0.12 + 0.88 * shade
    colour, alpha = (PALETTE["main"], dark if dark <= _PALE else max(dark, _DARK)) if count else (PALETTE["line"], 0.35)
    panel.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, fc=colour, alpha=alpha, ec="none"))
    ink = PALETTE["paper"] if alpha > _PALE else PALETTE["ink"]
    if count:
        text = f"{count:,}\n{spent:,.0f} h" if spent else f"{count:,}"
        panel.text(x, y, text, ha="center", va="center", fontsize=canvas.small, color=ink)
