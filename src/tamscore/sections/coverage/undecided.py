"""Accounts that the prices of hours leave undecided: how many of each kind take which option, by an integer program.

All prospects of a cluster are alike, so that at the right prices hundreds of thousands may be torn between two options,
and prices alone send them all one way. Accounts alike are counted together, which keeps the program small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.sharing import twins

if TYPE_CHECKING:
    from tamscore.sections.coverage.alike import Alike
    from tamscore.sections.coverage.offer import Offer

_CLOSE, _NODES = 1e-6, 200
"""How near to its bound the program ends, and after how many branches at the latest: a count, as clocks differ."""


def decide(offer: Offer, price: Any, option: Any, groups: Alike, kinds: int, budget: float) -> Any:
    """The option (m,) of every account, where those that waver between options share the hours that others leave.

    At most so many `kinds` of accounts nearest to another option at prices (r,) are decided anew; of accounts alike,
    `groups`, the first take the options that are worth most. `budget` is how far the best choice known is below the
    bound: no better one has an option that is further behind the best one than that.
    """
    role, hours = offer.role, offer.hours
    behind = _lags(offer, price, groups.first)
    alike = twins(offer, option, groups.first)  # other people by the same plan: that is not to waver
    near = _nearest(np.where(alike, 0.0, behind), alike.sum(axis=0), kinds, budget)
    place: Any = np.full(len(groups.first), -1, np.int32)
    place[near] = np.arange(len(near))
    kind, first, size = place[groups.kind], groups.first[near], groups.size[near]
    others, core = np.flatnonzero(kind < 0), np.flatnonzero(kind >= 0)
    used = np.bincount(role[option[others]], hours[option[others], others], len(offer.limits))
    value, need = np.where(behind[:, near] <= budget, offer.value[:, first], -np.inf), hours[:, first]
    counts = _share(value, need, role, np.maximum(offer.limits - used, 0.0), size) if len(near) else None
    if counts is None:
        return option
    result = option.copy()
    order = core[np.argsort(kind[core], kind="stable")]
    result[order] = np.concatenate(
        [_best_options(*parts) for parts in zip(counts.T, value.T, need.T, size, strict=True)]
    )
    return result


def _lags(offer: Offer, price: Any, rows: Any) -> Any:
    """Return by how much every option of some accounts is behind their best one (o, n) at prices (r,) of hours."""
    left = offer.value[:, rows] - price[offer.role][:, None] * offer.hours[:, rows]
    return left.max(axis=0, initial=-np.inf) - left


def _nearest(behind: Any, best: Any, kinds: int, budget: float) -> Any:
    """The kinds (n,) whose next option is least behind (o, g), those within the budget and at most so many.

    So many options (g,) are as good as the best one.
    """
    second = np.append(np.sort(behind, axis=0), np.full((1, len(best)), np.inf), axis=0)[best, np.arange(len(best))]
    order = np.argsort(second, kind="stable")[:kinds]
    return order[second[order] <= budget]


def _share(value: Any, hours: Any, role: Any, limits: Any, size: Any) -> Any | None:
    """How many accounts (o, g) of each kind take which option, whole numbers of at most `size` (g,); None if none can.

    Value and hours (o, g) are those of one account of a kind; an option that is worth -inf is not open.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    option, group = np.nonzero(np.isfinite(value))
    cell, worth = np.arange(len(option)), value[option, group]
    item = coo_array((np.ones(len(cell)), (group, cell)), (len(size), len(cell))).tocsr()
    need = coo_array((hours[option, group], (role[option], cell)), (len(limits), len(cell))).tocsr()
    scarce = np.flatnonzero(np.isfinite(limits))
    rules = [LinearConstraint(item, size, size), LinearConstraint(need[scarce], ub=limits[scarce])]
    result = milp(
        -worth / max(float(np.abs(worth).max()), 1e-300),
        integrality=np.ones(len(cell)),
        bounds=Bounds(0, np.inf),
        constraints=rules if len(scarce) else rules[:1],
        options={"mip_rel_gap": _CLOSE, "node_limit": _NODES},
    )
    if result.x is None:
        return None
    counts = np.zeros(value.shape, np.int64)
    counts[option, group] = np.rint(result.x)
    return counts


def _best_options(counts: Any, value: Any, hours: Any, size: int) -> Any:
    """The options (size,) of accounts alike: those worth most first, the rest the one with the fewest hours."""
    rest = int(np.argmin(np.where(np.isfinite(value), hours, np.inf)))
    order = np.argsort(-value, kind="stable")
    return np.append(np.repeat(order, counts[order]), np.full(size, rest))[:size]
