"""How much an account looks like customers, where nobody has said who bought: the share of customers around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.propensity.calibration import rounded

if TYPE_CHECKING:
    from tamscore.backend import Array, Backend

LENT = 25.0
"""So many accounts with the customer share of the party type are lent to every cluster: small ones say little."""


@dataclass(frozen=True)
class Dense:
    """The share (k,) of customers in each cluster of a party type, and the reach of centers as a squared distance."""

    share: Any
    reach: float

    @classmethod
    def of(cls, customers: Any, accounts: Any, inertia: float) -> Dense:
        """The same from counts (k,) and the inertia of all accounts: centers reach as far as accounts lie from them."""
        overall = customers.sum() / max(accounts.sum(), 1)
        share = (customers + LENT * overall) / (accounts + LENT)
        return cls(share.astype(np.float64), max(inertia / max(float(accounts.sum()), 1.0), 1.0))


def look_alike(backend: Backend, block: Array, centers: Any, dense: Dense) -> Array:
    """The share of customers (m,) around every row of a block (d, m): the clusters' shares, nearer ones more.

    A center counts exp(-(D - D0) / (2 R)), D its squared distance, D0 the least and R the reach (Nadaraya 1964, Watson
    1964): so an account between two clusters gets a share between theirs.
    """
    xp = backend.xp
    rows = xp.astype(block, xp.float64)
    put = backend.put(np.asarray(centers, np.float64))
    distance = xp.sum(put * put, axis=1)[:, None] - 2.0 * (put @ rows)
    near = xp.exp((xp.min(distance, axis=0)[None, :] - distance) / (2.0 * dense.reach))
    share = backend.put(dense.share)
    return rounded(xp, xp.sum(near * share[:, None], axis=0) / xp.sum(near, axis=0))
