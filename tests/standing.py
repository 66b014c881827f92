"""How the accounts of a party type stand, from plain lists."""

from __future__ import annotations

import numpy as np

from tamscore.stages.whitespace import PartyStanding


def standing_of(potential, whitespace, label, prospect_potential, prospects):
    """Customers one by one, prospects by cluster; steps are all 1."""
    customers = np.array(potential, float), np.array(whitespace, float), np.ones(len(label), np.int64), np.array(label)
    k = len(prospects)
    return PartyStanding(*customers, np.array(prospect_potential, float), np.array(prospects), np.arange(k), k)
