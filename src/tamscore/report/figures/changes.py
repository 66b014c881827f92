"""What changed since the run before: a bridge from then to now for each kind, and who moved between clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.axes import note, rows_only
from tamscore.view.blocks import Figure, group, table
from tamscore.view.canvas import PALETTE
from tamscore.view.words import count_text, money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.view.canvas import Canvas


def bridge(kinds: Mapping[str, tuple[float, Sequence[tuple[str, float]], float]], against: str) -> Figure:
    """From the whitespace of the run `against` to that of now: for each kind both, and the steps that add up."""
    alt = f"Change of whitespace since {against}. " + ". ".join(
        f"{kind}: from {money(before)} to {money(after)}: "
        + ", ".join(f"{name} {sign(value)}" for name, value in steps if value)
        for kind, (before, steps, after) in kinds.items()
    )

    def draw(canvas: Canvas) -> None:
        for panel, (kind, parts) in zip(canvas.panels(len(kinds)), kinds.items(), strict=True):
            _draw_bridge(panel, kind, *parts, canvas)

    rows = max(len(steps) for _, steps, _ in kinds.values()) + 2
    title = f"Whitespace, from {against} to this one"
    steps = [[("before", before), *steps, ("now", after)] for before, steps, after in kinds.values()]
    groups = [[(kind, *step) for step in those] for kind, those in zip(kinds, steps, strict=True)]
    numbers = group(title, "kind:code|step|whitespace:money", groups)
    reading = "Bars with a plus add to what was there before, the others take away; the longest explains most."
    return Figure("bridge", title, alt, draw, 60 + 22 * rows, (60 + 25 * rows) * len(kinds), numbers, reading)


def _draw_bridge(
    panel: Any, kind: str, before: float, steps: Sequence[tuple[str, float]], after: float, canvas: Canvas
) -> None:
    """Draw one bridge from top to bottom; it begins near its lowest point, since the changes are what is looked at."""
    names = ["before", *(name for name, _ in steps), "now"]
    ends = [before]
    for _, value in steps:
        ends.append(ends[-1] + value)
    low, high = min(*ends, after), max(*ends, after)
    floor = max(low - 0.6 * (high - low), 0.0) if high > low else 0.0
    for row, amount in ((0, before), (len(names) - 1, after)):
        panel.barh(row, amount - floor, 0.62, floor, color=PALETTE["main"])
        note(panel, money(amount), (amount, row), canvas, shift=(5, 0), fontweight="bold")
    for row, (_, value) in enumerate(steps, start=1):
        start, stop = ends[row - 1], ends[row]
        colour = PALETTE["good"] if value > 0 else PALETTE["mark"]
        panel.barh(row, stop - start, 0.62, start, color=colour)
        note(panel, sign(value), (max(start, stop), row), canvas, shift=(5, 0))
        panel.plot([start, start], [row - 1, row], color=PALETTE["soft"], lw=0.5)
    rows_only(panel, names, canvas)
    panel.set_xlim(floor, high + 0.28 * max(high - floor, 1e-9 * max(abs(high), 1.0)))
    panel.set_title(kind)
    panel.set_xticks([])
    panel.set_xlabel(f"bars begin at {money(floor)}")


def sign(value: float) -> str:
    """A change in short with its sign."""
    return f"+{money(value)}" if value > 0 else money(value)


def moves(rows: Sequence[tuple[str, str, int]], moved: int) -> Figure:
    """The largest flows of accounts from one cluster to another."""
    alt = f"Largest moves between clusters of {moved:,} accounts: " + "; ".join(
        f"{then} to {now} {count:,}" for then, now, count in rows
    )

    def draw(canvas: Canvas) -> None:
        panel = canvas.panel()
        for row, (_, _, count) in enumerate(rows):
            panel.barh(row, count, 0.62, color=PALETTE["main"])
            note(panel, f"{count:,}", (count, row), canvas, shift=(5, 0))
        rows_only(panel, [f"{then} → {now}" for then, now, _ in rows], canvas)
        panel.margins(x=0.12)
        panel.set_xticks([])
        panel.spines["bottom"].set_visible(False)

    numbers = table("Where accounts moved", "from:id|to:id|accounts:count", rows)
    then, now, count = rows[0]
    reading = f"The largest flow, {count:,} of {count_text(moved, 'account')}, goes from {then} to {now}."
    return Figure("moves", numbers.caption, alt, draw, 40 + 22 * len(rows), 40 + 25 * len(rows), numbers, reading)
