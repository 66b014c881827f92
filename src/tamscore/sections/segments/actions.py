"""What to do about each account: by the tests of its segment, and by what it buys and could buy itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamscore.backend import Array

ACTIONS = ("maintain", "migrate", "protect", "invest")


@dataclass(frozen=True)
class SegmentAnswers:
    """What the tests of segments allow, (k,) bool each.

    `invest`: growing, open, not known to earn nothing; `profitable`; `shrinks`: known not to grow.
    """

    invest: Array
    profitable: Array
    shrinks: Array


@dataclass(frozen=True)
class AccountStanding:
    """Where accounts stand themselves, (m,) bool each.

    Whether one `buys`, has high potential and high sales by its quadrant, and is known to lose money.
    """

    buys: Array
    high_potential: Array
    high_sales: Array
    loses: Array


def account_actions(xp: Any, segments: SegmentAnswers, label: Array, own: AccountStanding) -> Array:
    """The position (m,) int64 in ACTIONS of each account, given its segment (m,).

    Only who buys is protected or let go, only who loses money itself is let go, and nobody who loses is invested in.
    """
    invest = xp.take(segments.invest, label) & own.high_potential & ~own.loses
    protect = xp.take(segments.profitable, label) & own.buys & own.high_sales & ~own.loses
    migrate = xp.take(segments.shrinks, label) & own.buys & own.loses & ~own.high_potential
    code = xp.astype(migrate, xp.int64)
    code = xp.where(protect, xp.full_like(code, ACTIONS.index("protect")), code)
    return xp.where(invest, xp.full_like(code, ACTIONS.index("invest")), code)
