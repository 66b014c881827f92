"""What to do with the accounts: how many there are for each play, and which segments of the portfolio clusters make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.axes import note, percent_ticks, rows_only
from tamscore.view.blocks import Figure
from tamscore.view.canvas import PALETTE
from tamscore.view.words import count_text, share, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.view.blocks import Table
    from tamscore.view.canvas import Canvas

_COLOURS = {
    "global": PALETTE["main"],
    "enterprise": PALETTE["blue"],
    "land": PALETTE["yellow"],
    "account_management": PALETTE["orange"],
    "digital": PALETTE["grey"],
}
_KINDS = {"expansion": ("customers", PALETTE["main"]), "acquisition": ("prospects", PALETTE["pale"])}
_MOST = 12
"""So many clusters are drawn, the largest first."""


def plays_figure(plays: Mapping[str, Mapping[str, int]], numbers: Table) -> Figure:
    """The accounts of each play, customers and prospects one behind the other; `plays` has them by kind."""
    text = "; ".join(f"{words(play)} {count_text(sum(kinds.values()), 'account')}" for play, kinds in plays.items())

    def draw(canvas: Canvas) -> None:
        panel = canvas.panel()
        for row, kinds in enumerate(plays.values()):
            left = 0
            for kind, (_, colour) in _KINDS.items():
                panel.barh(row, kinds.get(kind, 0), left=left, height=0.62, color=colour)
                left += kinds.get(kind, 0)
            note(panel, f"{left:,}", (left, row), canvas, shift=(4, 0))
        rows_only(panel, [*plays], canvas)
        panel.set_xlim(0, 1.15 * max(sum(kinds.values()) for kinds in plays.values()))
        panel.set_xticks([])
        _legend(panel, dict(_KINDS.values()), canvas)

    height = 90 + 32 * len(plays)
    alt, counts = f"Accounts by play: {text}.", {play: sum(kinds.values()) for play, kinds in plays.items()}
    most = max(counts, key=lambda play: (counts[play], play))
    reading = f"Most accounts, {share(counts[most], sum(counts.values()))}, call for the play {words(most)}."
    return Figure("plays", "Accounts by play", alt, draw, height, height + 30, numbers, reading)


def portfolio_figure(clusters: Sequence[tuple[str, Mapping[str, int]]], numbers: Table) -> Figure:
    """The share of each cluster's accounts that lies in each segment of the portfolio; the largest clusters first."""
    shown = sorted(clusters, key=lambda pair: (-sum(pair[1].values()), pair[0]))[:_MOST]
    text = "; ".join(f"{cluster}: {', '.join(_parts(held))}" for cluster, held in shown)

    def draw(canvas: Canvas) -> None:
        panel = canvas.panel()
        for row, (_, held) in enumerate(shown):
            left, whole = 0.0, sum(held.values())
            for name, colour in _COLOURS.items():
                width = held.get(name, 0) / whole
                panel.barh(row, width, left=left, height=0.62, color=colour)
                left += width
            note(panel, f"{whole:,}", (1.0, row), canvas, shift=(4, 0))
        rows_only(panel, [cluster for cluster, _ in shown], canvas)
        panel.set_xlim(0, 1.13)
        percent_ticks(panel.xaxis)
        panel.set_xticks([0, 0.5, 1])
        _legend(panel, {words(name): colour for name, colour in _COLOURS.items()}, canvas)

    height, alt = 100 + 22 * len(shown), f"Segments of the portfolio by cluster, in shares of its accounts. {text}."
    title = "From clusters to segments of the portfolio"
    reading = "Clusters with much blue and yellow are worth people; grey accounts buy without a visit."
    return Figure("portfolio", title, alt, draw, height, height + 40, numbers, reading)


def _parts(held: Mapping[str, int]) -> list[str]:
    """Return the segments of a cluster in words."""
    whole = sum(held.values())
    return [f"{share(held[name], whole)} {words(name)}" for name in _COLOURS if held.get(name)]


def _legend(panel: Any, colours: Mapping[str, str], canvas: Canvas) -> None:
    """Say above the bars what each colour is."""
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
    columns = 2 if canvas.narrow else len(handles)
    options = {"loc": "lower left", "bbox_to_anchor": (0, 1), "frameon": False, "fontsize": canvas.small}
    panel.legend(handles=handles, ncols=columns, **options)
