"""Neighbours by sales: whether of two customers of equal sales the one with the higher potential buys more later.

Size and regression to the mean drown every other comparison, so each customer is held against its neighbour by sales.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from tamscore.model.record import PartyRecord
    from tamscore.sections.backtest.accounts import BacktestAccounts

FEWEST = 400
"""With fewer customers there is no verdict."""
_HALF_WIDTH = 0.98
"""The half width of a 95 % interval of a share of pairs is at most this over the root of their number."""
_Verdict = Literal["yes", "no", "opposite", "too few"]


@dataclass(frozen=True)
class Pairs:
    """The neighbours by sales among the customers of a party type.

    `share` is that of the `pairs` of different potential in which the customer with the higher potential bought more
    later, a tie counting half, give or take `half_width`. `partial` is the rank correlation of potential and later
    sales at equal sales. All three are None where there is nothing to compare.
    """

    party_type: str
    customers: int
    pairs: int
    share: float | None
    half_width: float | None
    partial: float | None
    verdict: _Verdict


def pairs_of(party: PartyRecord, customers: BacktestAccounts) -> Pairs:
    """The pairs of customers of a party type whose later sales are known."""
    potential, n = first_cuts(party, customers), len(customers)
    order = np.lexsort((customers.hashes, customers.sales))
    first, second = order[: n - n % 2].reshape(-1, 2).T
    differ = potential[first] != potential[second]
    first, second = first[differ], second[differ]
    higher = np.where(potential[first] > potential[second], first, second)
    lower = np.where(potential[first] > potential[second], second, first)
    later = np.sign(customers.realised[higher] - customers.realised[lower])
    pairs = len(later)
    share = float(np.mean((later + 1) / 2)) if pairs else None
    width = float(_HALF_WIDTH / np.sqrt(pairs)) if pairs else None
    partial = partial_correlation(potential, customers.realised, customers.sales)
    return Pairs(party.name, n, pairs, share, width, partial, _verdict(n, share, width))


def first_cuts(party: PartyRecord, customers: BacktestAccounts) -> Any:
    """The first cut line (n,) of customers: that of their cluster, or at level account their own."""
    places = {int(name[1:]): place for place, name in enumerate(party.ids)}
    label = np.array([places[code] for code in customers.cluster.tolist()], np.int64)
    ladder = party.table.account
    if ladder is None or customers.typical is None:
        return party.table.values[label, 0]
    return ladder.money(np, customers.typical, ladder.multiples[label, 0], ladder.cap[label])


def _verdict(customers: int, share: float | None, width: float | None) -> _Verdict:
    """Return what the share of pairs says."""
    if customers < FEWEST or share is None or width is None:
        return "too few"
    return "yes" if share - width > 1 / 2 else "opposite" if share + width < 1 / 2 else "no"


def partial_correlation(x: Any, y: Any, given: Any) -> float | None:
    """Spearman's rank correlation of x and y (n,) where a third column is held equal; None where one does not vary."""
    from scipy.stats import rankdata

    ranks = [rankdata(values) for values in (x, y, given)]
    if len(x) < 4 or any(np.ptp(rank) == 0 for rank in ranks):
        return None
    of = np.corrcoef(ranks)
    rest = (1 - of[0, 2] ** 2) * (1 - of[1, 2] ** 2)
    return float((of[0, 1] - of[0, 2] * of[1, 2]) / np.sqrt(rest)) if rest > 1e-12 else None
