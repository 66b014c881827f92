"""Accounts that the prices of hours leave undecided: how many of each kind take which option, by an integer program.

All prospects of a cluster are alike, so that at the right prices hundreds of thousands may be torn between two options,
and prices alone send them all one way. Accounts alike are counted together, which keeps the program small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.sections.coverage.alike import Alike

BLOCK = 65_536
CLOSE, NODES = 1e-6, 200
"""How near to its bound the program ends, and after how many branches at the latest: a count, as clocks differ."""


def decided(
    value: Any, hours: Any, role: Any, limits: Any, price: Any, option: Any, core_kinds: int, groups: Alike
) -> Any:
    """The option (m,) of every account, where those that waver between options share the hours that others leave.

    Value and hours are (o, m), -inf where an option is not open; `role` (o,); hours `limits` and their `price` (r,).
    The `core_kinds` kinds of accounts nearest to another option are decided anew; of accounts alike, `groups`, the
    first take the options that are worth most.
    """
    first, kind, size = groups.first, groups.kind, groups.size
    near = np.argsort(slacks(value, hours, price[role], first), kind="stable")[:core_kinds]
    place: Any = np.full(len(first), -1, np.int32)
    place[near] = np.arange(len(near))
    kind, alike, size = place[kind], first[near], size[near]
    others, core = np.flatnonzero(kind < 0), np.flatnonzero(kind >= 0)
    used = np.bincount(role[option[others]], hours[option[others], others], len(limits))
    counts = shared(value[:, alike], hours[:, alike], role, np.maximum(limits - used, 0.0), size)
    if counts is None:
        return option
    found = option.copy()
    order = core[np.argsort(kind[core], kind="stable")]
    found[order] = np.concatenate(
        [taken(*each) for each in zip(counts.T, value[:, alike].T, hours[:, alike].T, size, strict=True)]
    )
    return found


def slacks(value: Any, hours: Any, price: Any, rows: Any) -> Any:
    """By how much the best option of each account in `rows` is ahead of the next, at prices (o,) of hours."""
    found = np.full(len(rows), np.inf)
    for start in range(0, len(rows) if len(value) > 1 else 0, BLOCK):
        here = rows[start : start + BLOCK]
        left = np.sort(value[:, here] - price[:, None] * hours[:, here], axis=0)
        found[start : start + BLOCK] = left[-1] - left[-2]
    return found


def shared(value: Any, hours: Any, role: Any, limits: Any, size: Any) -> Any | None:
    """How many accounts (o, g) of each kind take which option, whole numbers of at most `size` (g,); None if none can.

    Value and hours (o, g) are those of one account of a kind.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    options, groups = value.shape
    cell, group = np.arange(value.size), np.tile(np.arange(groups), options)
    each = coo_array((np.ones(value.size), (group, cell)), (groups, value.size)).tocsr()
    taker = np.repeat(role, groups)
    need = coo_array((hours.ravel(), (taker, cell)), (len(limits), value.size)).tocsr()
    scarce = np.flatnonzero(np.isfinite(limits))
    is_open = np.isfinite(value).ravel()
    worth = np.where(is_open, value.ravel(), 0.0)
    rules = [LinearConstraint(each, size, size), LinearConstraint(need[scarce], ub=limits[scarce])]
    found = milp(
        -worth / max(float(np.abs(worth).max()), 1e-300),
        integrality=np.ones(value.size),
        bounds=Bounds(0, np.where(is_open, np.inf, 0.0)),
        constraints=rules if len(scarce) else rules[:1],
        options={"mip_rel_gap": CLOSE, "node_limit": NODES},
    )
    return None if found.x is None else np.rint(found.x.reshape(options, groups)).astype(np.int64)


def taken(counts: Any, value: Any, hours: Any, size: int) -> Any:
    """The options (size,) of accounts alike: those worth most first, the rest the one with the fewest hours."""
    rest = int(np.argmin(np.where(np.isfinite(value), hours, np.inf)))
    order = np.argsort(-value, kind="stable")
    return np.append(np.repeat(order, counts[order]), np.full(size, rest))[:size]
