"""Trees of accounts: from the link of each account to the top of its tree, and how far away that is.

Links are followed by pointer doubling (Wyllie 1979): after round r each account knows who stands 2^r links above it, so
a tree of depth d takes log2(d) rounds. Accounts that reach no top within as many links as there are accounts stand in
a circle, or below one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class FamilyTrees:
    """The top (n,) int32 of each account's tree, and its depth (n,) int32: the links to the top.

    `circle` (c,) int64 are the accounts that stand in circles, ascending; while there are any, nothing else counts.
    """

    top: Any
    depth: Any
    circle: Any


def climb(link: Any) -> FamilyTrees:
    """Return the trees of accounts, given who stands above each (n,) int32; a top stands above itself."""
    is_top = link == np.arange(len(link))
    above, depth = link.copy(), (~is_top).astype(np.int32)
    rising = np.flatnonzero(~is_top[above])
    for _ in range(len(link).bit_length()):
        if not len(rising):
            break
        next_up, more = above[above[rising]], depth[above[rising]]
        above[rising], depth[rising] = next_up, depth[rising] + more
        rising = rising[~is_top[next_up]]
    return FamilyTrees(above, depth, np.unique(above[rising]).astype(np.int64))


def leads(link: Any, circle: Any, rank: Any) -> Any:
    """Return for accounts (c,) in circles, ascending, the one (c,) that leads each: that with the lowest rank (c,)."""
    above = np.searchsorted(circle, link[circle])
    lead = np.arange(len(circle))
    for _ in range(len(circle).bit_length()):
        lead = np.where(rank[lead[above]] < rank[lead], lead[above], lead)
        above = above[above]
    return circle[lead]
