"""Places counted in sorted money are those of a comparison of every account with every other."""

from __future__ import annotations

import numpy as np

from tamscore.stages.rank_order import rank_order
from tests.standing import standing_of

NAN = float("nan")


def test_places_are_those_of_comparing_all_pairs(rng):
    parties = []
    for _ in range(2):
        n = 60
        open_ = rng.integers(0, 9, n).astype(float)
        parties.append(
            (open_, open_ + rng.integers(1, 5, n), rng.integers(0, 9, 3).astype(float), rng.integers(0, 4, 3))
        )
    standings = [standing_of(p, w, [0] * len(p), v, counts) for w, p, v, counts in parties]
    prospects = np.concatenate([np.repeat(v, counts) for *_, v, counts in parties])
    open_ = np.concatenate([*(w for w, *_ in parties), prospects])
    potential = np.concatenate([*(p for _, p, *_ in parties), prospects])
    buys = np.arange(len(open_)) < len(open_) - len(prospects)
    ahead = (open_[:, None] < open_) | ((open_[:, None] == open_) & (potential[:, None] < potential))
    rank, rank_in_kind = rank_order(standings).ranks(open_, potential, buys)
    assert rank.tolist() == (1 + ahead.sum(axis=1)).tolist()
    assert rank_in_kind.tolist() == (1 + (ahead & (buys[:, None] == buys)).sum(axis=1)).tolist()


def test_accounts_without_a_potential_come_last():
    found = rank_order([standing_of([5.0], [1.0], [0], [NAN, 7.0], [2, 1])])
    money = np.array([7.0, 1.0, NAN, NAN])
    rank, in_kind = found.ranks(money, np.array([7.0, 5.0, NAN, NAN]), money == 1)
    assert rank.tolist() == [1, 2, 3, 3]
    assert in_kind.tolist() == [1, 1, 2, 2]
