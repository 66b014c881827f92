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
    from collections.abc import Sequence

    from tamscore.view.canvas import Canvas

LABELS = 24
"""So many clusters are named on the map and have a colour, the largest first; the rest is grey."""


@dataclass(frozen=True)
class PartyMap:
    """One party type on the map: cluster ids, largest first, centers (k, 2), points (s, 2), their clusters (s,)."""

    party: str
    ids: tuple[str, ...]
    centers: Any
    points: Any
    label: Any
    shares: Any


def cluster_map(parties: Sequence[PartyMap]) -> Figure:
    """The map, one panel for each party type."""
    points = sum(len(one.points) for one in parties)
    told = "; ".join(f"{words(one.party)} {len(one.ids)} clusters" for one in parties)
    alt = f"Map of {points:,} sampled accounts, coloured by cluster, with every center named: {told}."

    def draw(canvas: Canvas) -> None:
        ratios = [max(1.0, np.sqrt(len(one.ids) / len(parties[-1].ids))) for one in parties]
        for panel, one in zip(canvas.panels(len(parties), width_ratios=ratios), parties, strict=True):
            draw_party(panel, one, canvas)

    return Figure("cluster-map", "Where the clusters lie", alt, draw, 320, 330 * len(parties))


def draw_party(panel: Any, one: PartyMap, canvas: Canvas) -> None:
    """Draw the accounts of a party type, and the names of its clusters at their centers."""
    bare(panel)
    known = min(len(one.ids), LABELS)
    groups = [(one.label >= known, PALETTE["grey"]), *((one.label == c, hue(c)) for c in range(known))]
    for here, colour in groups:
        panel.plot(*one.points[here].T, ".", color=colour, ms=3.8, mew=0, alpha=0.6)
    for c in range(known):
        panel.plot(*one.centers[c], "o", color=hue(c), ms=5.5, mec=PALETTE["paper"], mew=1.0)
    for name, at, spot in spread(one.ids[:LABELS], one.centers, frame(panel, one)):
        panel.annotate(
            name, at, xytext=spot, fontsize=canvas.small + 0.5, fontweight="bold", color=PALETTE["ink"], ha="center",
            va="center", bbox={"boxstyle": "round,pad=0.18", "fc": PALETTE["paper"], "ec": "none", "alpha": 0.8},
        )  # fmt: skip
    shown = " and ".join(f"{share:.0%}" for share in one.shares if share)
    panel.set_title(f"{words(one.party)}: {len(one.ids)} clusters")
    panel.set_xlabel(f"shows {shown} of what sets them apart" if shown else "")


def frame(panel: Any, one: PartyMap) -> Any:
    """The size (2,) of the part of the plane that is shown: nearly all points and every center."""
    held = np.concatenate([one.points, one.centers])
    low, high = np.quantile(held, [0.002, 0.998], axis=0)
    low, high = np.minimum(low, one.centers.min(axis=0)), np.maximum(high, one.centers.max(axis=0))
    pad = 0.06 * np.maximum(high - low, 1e-6)
    panel.set_xlim(low[0] - pad[0], high[0] + pad[0])
    panel.set_ylim(low[1] - pad[1], high[1] + pad[1])
    return high - low + 2 * pad


def spread(names: Sequence[str], centers: Any, size: Any) -> list[tuple[str, Any, Any]]:
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
