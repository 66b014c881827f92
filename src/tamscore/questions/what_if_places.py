"""Totals of quadrants that hold a number of accounts: the stored scores decide, account by account, who has a place."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column
from tamscore.errors import UsageError
from tamscore.model.earlier import hashes_and_sales
from tamscore.scoring.potential import money_of
from tamscore.scoring.priority import order_of, places_taken, value_of
from tamscore.scoring.score.parts import KINDS
from tamscore.stages import priority
from tamscore.stages.quadrant import PLAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.questions.stored import StoredRun
    from tamscore.scoring.arguments import LadderRules, QuadrantRules
    from tamscore.scoring.potential import PartyMarket
    from tamscore.stages.quadrant import QuadrantLimits
    from tamscore.stages.whitespace import Money

_NUMBERS = ("sales", "distance", "probability")


def sums_by_place(
    run: StoredRun,
    markets: Sequence[PartyMarket],
    limits: Sequence[QuadrantLimits],
    rules: QuadrantRules,
    ladder: LadderRules,
) -> list[Any]:
    """Return accounts, potential and whitespace (k, quadrants, kinds, 3) of each party type under other rules.

    Raise UsageError if the run has no probabilities, because an earlier version made it.
    """
    rows, ends = _stored_rows(run), np.cumsum([market.standing.clusters for market in markets])
    parties = [_party_rows(rows, *parts) for parts in pairwise([0, *ends])]
    money = [
        money_of(market.table, party["sales"], party["cluster"], party.get("typical_sales"), ladder.boundary)
        for party, market in zip(parties, markets, strict=True)
    ]
    places = [_places_of(money.whitespace, party) for money, party in zip(money, parties, strict=True)]
    hashes = [party["hashes"] for party in parties]
    taken = places_taken([money.potential for money in money], places, hashes, rules.capacity)
    return [_sum_places(*parts) for parts in zip(parties, money, taken, limits, markets, strict=True)]


def _places_of(open_money: Any, party: dict[str, Any]) -> Any:
    """Return the place (n,) of each account of a party type, given its whitespace (n,)."""
    value = value_of(open_money, party["probability"], party.get("value_at_risk"))
    return priority.place_of(order_of(value, party["probability"], party["distance"], party["hashes"]))


def _party_rows(rows: dict[str, Any], first: int, stop: int) -> dict[str, Any]:
    """Return the rows whose clusters are numbered from `first` to before `stop`, with clusters numbered from 0."""
    at = np.flatnonzero((rows["cluster"] >= first) & (rows["cluster"] < stop))
    party = {name: column[at] for name, column in rows.items()}
    return party | {"cluster": party["cluster"] - first}


def _stored_rows(run: StoredRun) -> dict[str, Any]:
    """Return columns (n,) of a run's accounts: cluster over all party types, sales, distance, probability, id hash."""
    parts = []
    run.require((*_NUMBERS, "typical_sales", "value_at_risk"))
    if "probability" not in run.columns:
        raise UsageError(f"run {run.name}: scored before accounts had places; run its job again to count them")
    names = [*_NUMBERS, *(name for name in ("typical_sales", "value_at_risk") if name in run.columns)]
    for table in run.read(["account_id", "cluster", *names]):
        hashes, _ = hashes_and_sales(table, run.id_form)
        numbers = {name: float_column(table[name]) for name in names}
        parts.append({"cluster": run.codes(table["cluster"]), "hashes": hashes, **numbers})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _sum_places(party: dict[str, Any], money: Money, taken: Any, limit: QuadrantLimits, market: PartyMarket) -> Any:
    """Return the sums (k, quadrants, kinds, 3) of a party type's accounts, given which have a place (n,)."""
    quadrants = 2 * taken.astype(np.int64) + (party["sales"] >= limit.sales)
    shape = (market.standing.clusters, len(PLAYS), len(KINDS))
    cell = np.ravel_multi_index((party["cluster"], quadrants, (party["sales"] > 0).astype(np.int64)), shape)
    measured = (None, np.nan_to_num(money.potential), np.nan_to_num(money.whitespace))
    return np.stack([np.bincount(cell, item, int(np.prod(shape))).reshape(shape) for item in measured], axis=-1)
