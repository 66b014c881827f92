"""Clusters as a picture: a sample of the accounts in the plane in which the clusters lie farthest apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.view.axes import bare
from tamscore.view.blocks import Figure
from tamscore.view.canvas import PALETTE, hue
from tamscore.view.words import words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.view.canvas import Canvas

_PLAYS = {"blue": "expand", "yellow": "land_and_adopt", "orange": "protect", "grey": "deprioritise"}
"""The plays by colour, as the map names them."""
_LABELS = 24
"""So many clusters are named on the map and have a colour, the largest first; the rest is grey."""
_HELD = (0.85, 0.5)
"""The shares of a cluster's accounts that its pale and its dark area hold."""
_AREAS = "Near is alike. Dark areas hold half of a cluster's accounts, pale ones 85%; frames name the main play."
"""What to see where there are two directions."""
_FEWEST = 8
"""An area is drawn around so many accounts of a cluster; fewer are dots."""
_GRID = (72, 54)
_FINEST = 0.012
"""The least blur of a dot, as a share of the width or height shown."""


@dataclass(frozen=True)
class PartyMap:
    """One party type on the map: cluster ids, largest first, centers (k, 2), points (s, 2), their clusters (s,).

    `plays` has the colour of the play that most money of a cluster calls for, by id; `shares` of what sets clusters
    apart lie along each axis, 0 along an axis that there is not.
    """

    party: str
    ids: tuple[str, ...]
    centers: Any
    points: Any
    label: Any
    shares: Any
    plays: Mapping[str, str]


def cluster_map(parties: Sequence[PartyMap]) -> Figure:
    """The map, one panel for each party type."""
    points = sum(len(party.points) for party in parties)
    text = "; ".join(f"{words(party.party)} {len(party.ids)} clusters" for party in parties)
    plays = "; ".join(f"{cluster} {words(_PLAYS[play])}" for party in parties for cluster, play in party.plays.items())
    alt = f"Map of {points:,} sampled accounts by cluster, with every center named: {text}. "
    alt += f"Most money calls for: {plays}."

    def draw(canvas: Canvas) -> None:
        ratios = [max(1.0, np.sqrt(len(party.ids) / len(parties[-1].ids))) for party in parties]
        for panel, party_map in zip(canvas.panels(len(parties), width_ratios=ratios), parties, strict=True):
            _draw_party(panel, party_map, canvas)
        _legend(canvas, [play for play in _PLAYS if any(play in party.plays.values() for party in parties)])

    flat = any(party.shares[1] for party in parties)
    reading = _AREAS if flat else "Each wave is a cluster: the less two of them overlap, the less alike their accounts."
    return Figure("cluster-map", "Where the clusters lie", alt, draw, 340, 340 * len(parties), reading=reading)


def _legend(canvas: Canvas, plays: Sequence[str]) -> None:
    """Say below the map what the frame of a name means."""
    from matplotlib.patches import Patch

    handles = [Patch(fc=PALETTE["paper"], ec=PALETTE[play], lw=1.8, label=words(_PLAYS[play])) for play in plays]
    options = {"loc": "outside lower left", "frameon": False, "fontsize": canvas.small}
    if handles:
        canvas.figure.legend(handles=handles, ncols=2 if canvas.narrow else len(handles), **options)


def _draw_party(panel: Any, party_map: PartyMap, canvas: Canvas) -> None:
    """Draw the accounts of a party type, and the names of its clusters at their centers."""
    bare(panel)
    size = _frame(panel, party_map)
    if party_map.shares[1]:
        _draw_areas(panel, party_map, size)
        spots = _spread(party_map.ids[:_LABELS], party_map.centers, size)
    else:
        spots = _draw_waves(panel, party_map)
    for name, at, spot in spots:
        edge = PALETTE[party_map.plays.get(name, "line")]
        panel.annotate(
            name, at, xytext=spot, fontsize=canvas.small + 0.5, fontweight="bold", color=PALETTE["ink"], ha="center",
            va="center", bbox={"boxstyle": "round,pad=0.22", "fc": PALETTE["paper"], "ec": edge, "lw": 1.6},
        )  # fmt: skip
    shown = " and ".join(f"{share:.0%}" for share in party_map.shares if share)
    panel.set_title(f"{words(party_map.party)}: {len(party_map.ids)} clusters")
    panel.set_xlabel(f"shows {shown} of what sets them apart" if shown else "")


def _draw_areas(panel: Any, party_map: PartyMap, size: Any) -> None:
    """Draw where the accounts of each cluster lie: an area that holds most of them, in it one that holds half."""
    ends = (panel.get_xlim(), panel.get_ylim())
    at = [np.linspace(low, high, count) for (low, high), count in zip(ends, _GRID, strict=True)]
    known = min(len(party_map.ids), _LABELS)
    for c, colour in [(known, PALETTE["grey"]), *((c, hue(c)) for c in range(known))]:
        mine = party_map.points[party_map.label == c if c < known else party_map.label >= known]
        if len(mine) < _FEWEST:
            panel.plot(*mine.T, "o", color=colour, ms=3, mew=0, alpha=0.6)
            continue
        blur = np.maximum(mine.std(axis=0) * len(mine) ** (-1 / 6), _FINEST * size)
        levels = np.quantile(_density(mine, mine.T, blur).diagonal(), [1 - share for share in _HELD])
        field = _density(mine, at, blur)
        for level, alpha in zip(levels, (0.22, 0.4), strict=True):
            if level < field.max():
                panel.contourf(*at, field, levels=[level, field.max() * 1.01], colors=[colour], alpha=alpha)
    for c in range(known):
        panel.plot(*party_map.centers[c], "o", color=hue(c), ms=4.5, mec=PALETTE["paper"], mew=0.8)


def _density(points: Any, at: Sequence[Any], blur: Any) -> Any:
    """How densely points (s, 2) lie at places of a grid, given by its columns and rows, each point blurred: (y, x)."""
    across, down = (
        np.exp(-0.5 * ((places[:, None] - points[None, :, axis]) / blur[axis]) ** 2) for axis, places in enumerate(at)
    )
    return down @ across.T


def _draw_waves(panel: Any, party_map: PartyMap) -> list[tuple[str, Any, Any]]:
    """Draw how many accounts of each cluster lie where along the one axis there is; return names with their places."""
    low, high = panel.get_xlim()
    at = np.linspace(low, high, 200)
    spots, least = [], _FINEST * (high - low)
    for c in range(min(len(party_map.ids), _LABELS)):
        mine = party_map.points[party_map.label == c, 0]
        if not len(mine):
            continue
        blur = max(float(mine.std()) * len(mine) ** (-1 / 5), least)
        height = np.exp(-0.5 * ((at[:, None] - mine) / blur) ** 2).sum(axis=1) / (blur * len(party_map.points))
        panel.fill_between(at, height, color=hue(c), alpha=0.4, lw=0)
        panel.plot(at, height, color=hue(c), lw=1.4)
        top = int(height.argmax())
        spots.append((party_map.ids[c], (at[top], height[top]), (at[top], height[top] * 1.08)))
    panel.set_ylim(0, 1.25 * max((at[1] for _, at, _ in spots), default=1.0))
    return spots


def _frame(panel: Any, party_map: PartyMap) -> Any:
    """The size (2,) of the part of the plane that is shown: nearly all points and every center."""
    held = np.concatenate([party_map.points, party_map.centers])
    low, high = np.quantile(held, [0.002, 0.998], axis=0)
    low, high = np.minimum(low, party_map.centers.min(axis=0)), np.maximum(high, party_map.centers.max(axis=0))
    pad = 0.06 * np.maximum(high - low, 1e-6)
    panel.set_xlim(low[0] - pad[0], high[0] + pad[0])
    panel.set_ylim(low[1] - pad[1], high[1] + pad[1])
    return high - low + 2 * pad


def _spread(names: Sequence[str], centers: Any, size: Any) -> list[tuple[str, Any, Any]]:
    """Each name with its center and a place for the label above it, pushed apart where labels would meet."""
    gap = size * np.array([0.075, 0.065])
    spots = centers[: len(names)] + [0.0, 1.0] * gap
    for _ in range(60):
        apart = (spots[:, None] - spots[None]) / gap
        near = (np.abs(apart) < 1).all(axis=2) & ~np.eye(len(spots), dtype=bool)
        if not near.any():
            break
        push = np.where(apart[..., 1] == 0, np.sign(np.subtract.outer(range(len(spots)), range(len(spots)))), 0)
        spots[:, 1] += (np.where(near, np.sign(apart[..., 1]) + push, 0).sum(axis=1)) * gap[1] * 0.25
    return list(zip(names, centers[: len(names)], spots, strict=True))
