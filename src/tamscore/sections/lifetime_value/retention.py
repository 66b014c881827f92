"""How many customers of each cluster stay a year: measured, shrunk to their party type, or assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.lifetime_value.worth import Retention, shrunk_retention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.score.plan import PartyPolicy


def retention(
    policies: Sequence[PartyPolicy], sums: dict[str, Any], months: int, assumed: float | None
) -> tuple[Any | None, list[dict[str, Any]]]:
    """Return the yearly retention (K,) of every cluster, and its record for the manifest; None if it is unknown.

    `sums` has customers in the `base` and those that have `stayed` (K,). A party type without data gets the assumed
    retention, or NaN.
    """
    rates, items, start = [], [], 0
    for policy in policies:
        here = slice(start, start + len(policy.cluster_ids))
        result = _of_party(sums["stayed"][here], sums["base"][here], months, assumed)
        rates.append(result.shrunk)
        for place, cluster in enumerate(policy.cluster_ids):
            shares = {"own": _share(result.own[place]), "shrunk": _share(result.shrunk[place])}
            items.append({"cluster": cluster, "customers": int(sums["base"][start + place]), **shares})
        start = here.stop
    every = np.concatenate(rates)
    return (None, []) if np.isnan(every).all() else (every, items)


def _of_party(stayed: Any, base: Any, months: int, assumed: float | None) -> Retention:
    """The retention of the clusters (k,) of one party type."""
    result = shrunk_retention(stayed, base, months)
    if result is not None:
        return result
    rate = np.nan if assumed is None else assumed
    return Retention(rate, np.full(len(base), np.nan), np.full(len(base), rate), np.inf)


def _share(rate: float) -> float | None:
    """A share to six places, None where there is none."""
    return None if np.isnan(rate) else round(float(rate), 6)
