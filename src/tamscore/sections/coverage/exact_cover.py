"""The best coverage of few accounts, proven by an integer program; what prices of hours leave open there is closed."""

from __future__ import annotations

from typing import Any

import numpy as np

SMALL = 1_000
"""Up to so many pairs of account and option an integer program is solved."""


def best_options(value: Any, hours: Any, role: Any, limits: Any) -> Any | None:
    """Return the best option (m,) int64 within the hours `limits` (r,), None if the solver (HiGHS) finds none.

    Value and hours are (o, m), an option that is not open has value -inf; `role` (o,) is the role whose hours it takes.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    options, accounts = value.shape
    account, cell = np.tile(np.arange(accounts), options), np.arange(value.size)
    one_each = coo_array((np.ones(value.size), (account, cell)), (accounts, value.size)).tocsr()
    taker = np.repeat(role, accounts)
    taken = coo_array((hours.ravel(), (taker, cell)), (len(limits), value.size)).tocsr()
    scarce = np.flatnonzero(np.isfinite(limits))
    rules = [LinearConstraint(one_each, 1, 1), LinearConstraint(taken[scarce], ub=limits[scarce])]
    is_open = np.isfinite(value).ravel()
    result = milp(
        np.where(is_open, -value.ravel(), 0.0),
        integrality=np.ones(value.size),
        bounds=Bounds(0, is_open.astype(np.float64)),
        constraints=rules if len(scarce) else rules[:1],
        options={"mip_rel_gap": 0.0},
    )
    return None if result.x is None else np.argmax(result.x.reshape(options, accounts), axis=0)
