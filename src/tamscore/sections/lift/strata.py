"""Strata of a holdout: tiers, those with too few controls joined to the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST_CONTROLS = 30
_FEWEST_BUYERS = 5.0
"""With fewer expected among the controls of a stratum its interval says little."""


def merge(names: Sequence[str], controls: Any, buyers: Any) -> list[tuple[str, ...]]:
    """Return groups of neighboring strata, each with 30 controls and 5 buyers expected among them if there are any.

    `controls` (s,) and `buyers` (s,), those expected among the controls, stand in the order of the names. What is left
    at the end joins the last group; all are one group if all together are too few.
    """
    groups: list[list[int]] = [[]]
    for place in range(len(names)):
        groups[-1].append(place)
        if controls[groups[-1]].sum() >= FEWEST_CONTROLS and buyers[groups[-1]].sum() >= _FEWEST_BUYERS:
            groups.append([])
    last = groups.pop()
    if last and groups:
        groups[-1] += last
    elif last:
        groups = [last]
    return [tuple(names[place] for place in group) for group in groups]


def stratum_of(tiers: Any, groups: Sequence[Sequence[str]]) -> Any:
    """Return the number (m,) of the group that each tier (m,) lies in, -1 for a tier in none."""
    where = {tier: number for number, group in enumerate(groups) for tier in group}
    return np.array([where.get(tier, -1) for tier in tiers], np.int64)
