"""Priority, between potential and scores: the place, the tier and the expected value of every account.

Value is whitespace times the probability of a win, and the value at risk of a customer. Ties are ordered by
probability, then by the distance to the center of the cluster, then by the hash of the id: no two accounts share a
place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.schema import Reason
from tamscore.scoring.context import ladder_rules, quadrant_rules
from tamscore.scoring.potential import money_of, parents_of
from tamscore.scoring.score.priority import BASES, PLACES, PartPriority
from tamscore.scoring.score.sections import RowsToForetell, WinForecaster
from tamscore.stages import priority

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tamscore.backend import Backend
    from tamscore.scoring.arguments import LadderRules, PriorityRules
    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.market import Market
    from tamscore.scoring.potential import PartyMarket
    from tamscore.scoring.score.sections import Prepared, State, WinForecast
    from tamscore.stages.priority import TierRules


_VALUED = 65_536
"""Accounts valued in one block."""


@dataclass(frozen=True)
class _PartyAccounts:
    """All accounts of a party type (n,), partition by partition: `at` are their places in each partition.

    Cluster; sales, with 0 for accounts that buy nothing; distance to the center of the cluster; hash of the id. Typical
    sales (n,) are None if customers are too few, log odds (n,) of the look-alike None without one. Probability and
    money at risk that sections predict (n,) are None if no section does.
    """

    at: list[Any]
    label: Any
    sales: Any
    distance: Any
    hashes: Any
    typical: Any | None
    odds: Any | None
    foretold: Any | None
    at_risk: Any | None

    def parts(self, values: Any) -> list[Any]:
        """Return values (n,) partition by partition."""
        return np.split(values, np.cumsum([len(at) for at in self.at])[:-1])


def foretell(market: Market, sections: Sequence[Prepared]) -> list[dict[str, WinForecast]]:
    """Return the forecasts of sections for the scored rows of each partition, by the section's name."""
    run = market.this
    if not any(isinstance(section.state, WinForecaster) for section in sections):
        return [{} for _ in market.rows]
    states = run.flow.share({section.name: section.state for section in sections})

    def make(missing: list[Any]) -> Iterator[dict[str, WinForecast]]:
        return run.flow.map(_foretell_rows, missing, states, run.backend)

    items = list(zip(market.rows, market.assigned, strict=True))
    return list(run.as_stage("foretell", run.checkpoints.each("foretold", items, make, "what was foretold")))


def _foretell_rows(
    item: tuple[PartRows, AssignedRows], states: Mapping[str, State], backend: Backend
) -> dict[str, WinForecast]:
    """Return the forecasts of sections for the scored rows of a partition, by the section's name."""
    part, assigned = item
    at = np.flatnonzero(assigned.reason == Reason.SCORED)
    rows = RowsToForetell(part, assigned, at, tuple(states.values()), backend)
    return {name: state.foretell(rows) for name, state in states.items() if isinstance(state, WinForecaster)}


def prioritise(
    market: Market, rules: PriorityRules, foretold: Sequence[Mapping[str, WinForecast]]
) -> list[PartPriority]:
    """Return the priority of every account, partition by partition, given the forecasts of sections.

    `high` is present if quadrants count accounts: it marks those with the most potential of all party types.
    """
    quadrants = quadrant_rules(market.this.job)
    made = [PartPriority.empty(len(part.reason), counted=quadrants.counts_accounts) for part in market.rows]
    parties = [_accounts_of(market, party, foretold) for party in market.parties]
    ladder = ladder_rules(market.this.job)
    backend, pairs = market.this.backend, zip(parties, market.parties, strict=True)
    potentials = [_put_in_order(made, accounts, party, ladder, rules, backend) for accounts, party in pairs]
    if quadrants.counts_accounts:
        places = [
            np.concatenate([part_priority.place[at] for part_priority, at in zip(made, party.at, strict=True)])
            for party in parties
        ]
        high = places_taken(potentials, places, [party.hashes for party in parties], quadrants.capacity)
        for accounts, chosen in zip(parties, high, strict=True):
            _fill([part_priority.high for part_priority in made], accounts, chosen)
    return made


def _foretold_values(rows: AssignedRows, foretold: Mapping[str, WinForecast], name: str, at: Any) -> Any | None:
    """Return the forecast of a section under a name for rows at some places (n,) of a partition; None without one."""
    result = next(
        (getattr(forecast, name) for forecast in foretold.values() if getattr(forecast, name) is not None), None
    )
    if result is None:
        return None
    whole = np.full(len(rows.reason), np.nan)
    whole[rows.reason == Reason.SCORED] = result
    return whole[at]


def _accounts_of(market: Market, party: PartyMarket, foretold: Sequence[Mapping[str, WinForecast]]) -> _PartyAccounts:
    """Return all accounts of a party type, given the forecasts of each partition."""
    code = party.model.encoding.party
    result = [_scored_of(part, rows, code) for part, rows in zip(market.rows, market.assigned, strict=True)]
    items = list(zip(market.rows, market.assigned, result, strict=True))

    def known(name: str) -> Any | None:
        text = (_foretold_values(rows, item, name, at) for (_, rows, at), item in zip(items, foretold, strict=True))
        here = [item for item in text if item is not None]
        return np.concatenate(here) if here else None

    def column(name: str) -> Any:
        return np.concatenate([getattr(rows.columns, name)[at] for _, rows, at in items])

    return _PartyAccounts(
        result,
        column("label"),
        np.concatenate([_sales_of(part)[at] for part, _, at in items]),
        column("distance"),
        np.concatenate([part.hashes[at] for part, _, at in items]),
        None if party.model.typical is None else column("typical"),
        None if party.model.look_alike is None else column("look_alike"),
        known("probability"),
        known("at_risk"),
    )


def _scored_of(part: PartRows, rows: AssignedRows, code: int) -> Any:
    """Return the places of the scored rows of a party type in a partition."""
    return np.flatnonzero((rows.reason == Reason.SCORED) & (part.party == code))


def _sales_of(part: PartRows) -> Any:
    """Return the sales (m,) of the rows of a partition, 0 for rows that buy nothing."""
    sales = np.zeros(len(part.reason))
    sales[part.buyers] = part.bought
    return sales


def _put_in_order(
    made: list[PartPriority],
    accounts: _PartyAccounts,
    party: PartyMarket,
    ladder: LadderRules,
    rules: PriorityRules,
    backend: Backend,
) -> Any:
    """Fill in the priority of the accounts of a party type; return the potential (n,) of each."""
    probability, basis = _probabilities(accounts, rules)
    potential, open_money = _value_priority(accounts, party, ladder)
    value = value_of(open_money, probability, accounts.at_risk)
    order = order_of(value, probability, accounts.distance, accounts.hashes, backend)
    del value, open_money
    expected = probability * _mean_above(accounts, party, ladder.min_customers)
    record = {"probability": probability, "basis": basis, "expected": expected, "place": priority.place_of(order)}
    in_kind, tier = _within_kinds(order, accounts.sales > 0, expected, rules.tiers)
    for name, values in (record | {"in_kind": in_kind, "tier": tier}).items():
        _fill([getattr(part_priority, name) for part_priority in made], accounts, values)
    return potential


def _value_priority(accounts: _PartyAccounts, party: PartyMarket, ladder: LadderRules) -> tuple[Any, Any]:
    """Return the potential (n,) and the whitespace (n,) of accounts, computed in blocks to save memory."""
    potential, whitespace = np.empty((2, len(accounts.sales)))
    for start in range(0, len(accounts.sales), _VALUED):
        here = slice(start, start + _VALUED)
        typical = None if accounts.typical is None else accounts.typical[here]
        money = money_of(party.table, accounts.sales[here], accounts.label[here], typical, ladder.boundary)
        potential[here], whitespace[here] = money.potential, money.whitespace
    return potential, whitespace


def _fill(columns: list[Any], accounts: _PartyAccounts, values: Any) -> None:
    """Write values (n,) of accounts to their places in the partitions' columns (m,)."""
    for column, at, here in zip(columns, accounts.at, accounts.parts(values), strict=True):
        column[at] = here


def _mean_above(accounts: _PartyAccounts, party: PartyMarket, enough: int) -> Any:
    """Return by how much the customers of its cluster buy more than each account on average (n,).

    If typical sales are known, the comparison is in multiples of them: within a cluster, larger accounts are more
    likely to be won, and they buy more than the mean.
    """
    sales, segments, own, unit = party.sales, party.by_segment, accounts.sales, 1.0
    if accounts.typical is not None and party.relative is not None:
        unit = accounts.typical.astype(np.float64)
        (sales, segments), own = party.relative, own / unit
    groups = [sales.of(cluster) for cluster in range(sales.groups)]
    parents = parents_of(party.model, sales, segments, party.accounts, enough)
    return unit * priority.expected_above(groups, [lent for _, lent in parents], enough, own, accounts.label)


def value_of(open_money: Any, probability: Any, at_risk: Any | None) -> Any:
    """Return the value (n,) of a call: whitespace times probability, and the value at risk."""
    value = np.nan_to_num(open_money * probability, nan=-np.inf)
    return value if at_risk is None else value + np.nan_to_num(at_risk)


def order_of(value: Any, probability: Any, distance: Any, hashes: Any, backend: Backend | None = None) -> Any:
    """Return the order (n,) of accounts with value, probability, distance and hash (n,): the highest value first."""

    def keys() -> Iterator[Any]:
        yield -value
        yield -probability
        yield distance
        yield hashes

    return priority.in_order(keys(), backend)


def _within_kinds(order: Any, buys: Any, expected: Any, tiers: TierRules) -> tuple[Any, Any]:
    """Return the place (n,) int32 of each account within its kind, and its tier (n,) int8, given the order of all."""
    place, tier = np.empty(len(order), np.int32), np.empty(len(order), np.int8)
    for kind in (buys, ~buys):
        mine = order[kind[order]]
        place[mine] = np.arange(1, len(mine) + 1)
        tier[mine] = priority.tier_codes(np.arange(len(mine)), expected[mine], tiers)
    return place, tier


def _probabilities(accounts: _PartyAccounts, rules: PriorityRules) -> tuple[Any, Any]:
    """Return the probability (n,) that each account is won, to six decimals, and its basis (n,), in BASES."""
    buys = accounts.sales > 0
    where = np.where(buys, rules.expansion, rules.acquisition)
    basis = np.zeros(len(buys), np.int8)
    if accounts.odds is not None:
        odds = accounts.odds[~buys].astype(np.float64)
        where[~buys] = priority.chance_of(odds + priority.shift_to(priority.count_odds(odds), rules.acquisition))
        basis[~buys] = BASES.index("look_alike")
    if accounts.foretold is not None:
        known = ~np.isnan(accounts.foretold) & (rules.growth_label | ~buys)
        where[known] = accounts.foretold[known]
        basis[known] = np.where(buys[known], BASES.index("growth"), BASES.index("propensity"))
    return np.round(where, PLACES), basis


def places_taken(potentials: list[Any], places: list[Any], hashes: list[Any], capacity: int) -> list[Any]:
    """Return which accounts (n,) bool have one of the `capacity` places for high potential, party type by party type.

    These are the accounts with the most potential of all party types; ties are ordered by priority, then by the hash of
    the id. An account with unknown potential has no place.
    """
    potential = np.nan_to_num(np.concatenate(potentials), nan=-np.inf)
    taken = np.zeros(len(potential), bool)
    taken[priority.in_order([-potential, np.concatenate(places), np.concatenate(hashes)])[:capacity]] = True
    taken &= potential > -np.inf
    return np.split(taken, np.cumsum([len(place) for place in places])[:-1])
