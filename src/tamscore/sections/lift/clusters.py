"""Accounts drawn together, such as families: the number of independently drawn accounts that they count for.

Accounts of a family are more alike in whether they buy than other accounts. Counts are divided by the design effect,
after Rao and Scott (1992), "A simple method for the analysis of clustered binary data". It is the variance of the share
of buyers between families over that of as many accounts drawn alone, at least 1. If no account or every account buys,
it is the largest effect that families of these sizes can have (Kish, 1965): as if each family were one account.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tamscore.sections.lift.effects import ArmCounts


def effective(counts: ArmCounts, code: Any, control: Any, bought: Any, family: Any | None) -> ArmCounts:
    """Return the counts (c,) by code as those of accounts drawn alone; unchanged if no `family` (m,) is known.

    `code` (m,) is the place of each account in the counts, -1 for none.
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
    """Return the design effect (c,) of accounts by code (m,), given whether they bought (m,) and their family (m,)."""
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
