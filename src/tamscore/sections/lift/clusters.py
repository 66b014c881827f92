"""Accounts that were drawn together, as those of a family are: how many accounts drawn alone they count for.

Accounts of a family buy, or do not, more alike than others. Counts are divided by the design effect, after Rao and
Scott (1992), "A simple method for the analysis of clustered binary data": the variance of the share of buyers between
families over that of as many accounts drawn alone, at least 1. Where nobody buys, or everybody, it is the most that
families of these sizes can make of it (Kish, 1965): as if each were one account.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tamscore.sections.lift.effects import ArmCounts


def effective(counts: ArmCounts, code: Any, control: Any, bought: Any, family: Any | None) -> ArmCounts:
    """Return counts (c,) by code as those of accounts drawn alone; as they are where no `family` (m,) is known.

    `code` (m,) is the place of each account, -1 for none.
    """
    if family is None:
        return counts
    treated, controls = (
        _design_effects(code[side], bought[side], family[side], len(counts.treated))
        for side in (~control & (code >= 0), control & (code >= 0))
    )
    return ArmCounts(
        counts.treated / treated,
        counts.treated_buyers / treated,
        counts.controls / controls,
        counts.control_buyers / controls,
    )


def _design_effects(code: Any, bought: Any, family: Any, levels: int) -> Any:
    """Return the design effect (c,) among accounts by code (m,), given who bought (m,) and their family (m,)."""
    size, buyers = np.bincount(code, minlength=levels), np.bincount(code, bought, levels)
    pairs, place = np.unique(np.stack([code, family]), axis=1, return_inverse=True)
    of, accounts, won = pairs[0], np.bincount(place.ravel()), np.bincount(place.ravel(), bought)
    rate = buyers / np.maximum(size, 1)
    families = np.bincount(of, minlength=levels)
    between = np.bincount(of, (won - rate[of] * accounts) ** 2, levels) * families / np.maximum(families - 1, 1)
    alone = size * rate * (1 - rate)
    most = np.bincount(of, accounts.astype(np.float64) ** 2, levels) / np.maximum(size, 1)
    where = np.where(alone > 0, between / np.where(alone > 0, alone, 1.0), most)
    return np.maximum(where, 1.0)
