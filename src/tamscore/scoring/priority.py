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
from tamscore.scoring.mapped_memory import in_own_memory
from tamscore.scoring.potential import money_of, parents_of
from tamscore.scoring.score.priority import BASES, PLACES, PartPriority
from tamscore.scoring.score.sections import RowsToForetell, WinForecaster
from tamscore.stages import priority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from tamscore.backend import Backend
    from tamscore.scoring.arguments import LadderRules, PriorityRules
    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.market import Market
    from tamscore.scoring.party_model import PartyModel
    from tamscore.scoring.potential import PartyMarket
    from tamscore.scoring.score.sections import Prepared, State, WinForecast
    from tamscore.stages.priority import TierRules

    _Item: TypeAlias = tuple[PartRows, AssignedRows, Mapping[str, WinForecast]]

_FORETOLD = ("probability", "at_risk")
"""The forecasts of sections that the order depends on, by the names of `WinForecast`."""
_VALUED = 65_536
"""Accounts valued in one block."""


@dataclass(frozen=True)
class _Accounts:
    """Some accounts of a partition (m,): cluster, and sales with 0 for accounts that buy nothing.

    Typical sales (m,) are None if customers are too few, log odds (m,) of the look-alike None without one. Probability
    and money at risk that sections predict (m,) are None if no section does.
    """

    label: Any
    sales: Any
    typical: Any | None
    odds: Any | None
    foretold: Any | None
    at_risk: Any | None


@dataclass(frozen=True)
class _PartyAccounts:
    """All accounts of a party type (n,), partition by partition: `at` are their places (m,) in each of `items`.

    An item has the rows of a partition, their assignment, and the forecasts of sections.
    """

    model: PartyModel
    items: list[_Item]
    at: list[Any]

    @classmethod
    def of(cls, model: PartyModel, items: list[_Item]) -> _PartyAccounts:
        """Return the accounts of the party type of a model."""
        code = model.encoding.party
        return cls(model, items, [_scored_of(part, rows, code).astype(np.int32) for part, rows, _ in items])

    def __len__(self) -> int:
        """The number of accounts n."""
        return sum(map(len, self.at))

    def parts(self) -> Iterator[tuple[int, Any, slice, _Accounts]]:
        """Yield a few accounts at a time: partition, places (m,) in it, places among all n, and their values."""
        first = 0
        for number, ((part, rows, foretold), at) in enumerate(zip(self.items, self.at, strict=True)):
            sales, known = _sales_of(part), [_foretold_values(rows, foretold, name) for name in _FORETOLD]
            for start in range(0, len(at), _VALUED):
                here = at[start : start + _VALUED]
                yield (
                    number,
                    here,
                    slice(first + start, first + start + len(here)),
                    self._known(rows, here, sales, known),
                )
            first += len(at)

    def _known(self, rows: AssignedRows, here: Any, sales: Any, known: list[Any | None]) -> _Accounts:
        """Return the accounts at some places of a partition, given columns (m,) of the whole partition."""
        columns = rows.columns
        return _Accounts(
            columns.label[here],
            sales[here],
            None if self.model.typical is None else columns.typical[here],
            None if self.model.look_alike is None else columns.look_alike[here],
            *(None if column is None else column[here] for column in known),
        )

    def distance(self) -> Any:
        """Return the distance (n,) of each account to the center of its cluster."""
        items = zip(self.items, self.at, strict=True)
        return np.concatenate([rows.columns.distance[at] for (_, rows, _), at in items])

    def hashes(self) -> Any:
        """Return the hash (n,) of the id of each account."""
        return np.concatenate([part.hashes[at] for (part, _, _), at in zip(self.items, self.at, strict=True)])

    def buys(self) -> Any:
        """Return whether each account has sales (n,) bool."""
        items = zip(self.items, self.at, strict=True)
        return np.concatenate([(_sales_of(part) > 0)[at] for (part, _, _), at in items])


def foretell(market: Market, sections: Sequence[Prepared]) -> list[dict[str, WinForecast]]:
    """Return the forecasts of sections for the scored rows of each partition, by the section's name."""
    run = market.run
    if not any(isinstance(section.state, WinForecaster) for section in sections):
        return [{} for _ in market.rows]
    states = run.flow.share({section.name: section.state for section in sections})

    def make(missing: list[Any]) -> Iterator[dict[str, WinForecast]]:
        return run.flow.map(_foretell_rows, missing, states, run.backend)

    items = list(zip(market.rows, market.assigned, strict=True))
    values = run.checkpoints.each("foretold", items, make, "what was foretold")
    return list(in_own_memory(run.as_stage("foretell", values)))


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
    quadrants, ladder = quadrant_rules(market.run.job), ladder_rules(market.run.job)
    empty = (PartPriority.empty(len(part.reason), counted=quadrants.counts_accounts) for part in market.rows)
    made = list(in_own_memory(empty))
    items = list(zip(market.rows, market.assigned, foretold, strict=True))
    parties = [_PartyAccounts.of(party.model, items) for party in market.parties]
    pairs, backend = zip(parties, market.parties, strict=True), market.run.backend
    potentials = [_fill_priority(made, *pair, ladder, rules, backend) for pair in pairs]
    if quadrants.counts_accounts:
        places = [
            np.concatenate([part_priority.place[at] for part_priority, at in zip(made, party.at, strict=True)])
            for party in parties
        ]
        high = places_taken(potentials, places, [party.hashes() for party in parties], quadrants.capacity)
        for accounts, chosen in zip(parties, high, strict=True):
            _fill([part_priority.high for part_priority in made], accounts, chosen)
    return made


def _foretold_values(rows: AssignedRows, foretold: Mapping[str, WinForecast], name: str) -> Any | None:
    """Return the forecast (m,) of a section under a name for the rows of a partition; None without one."""
    result = next(
        (getattr(forecast, name) for forecast in foretold.values() if getattr(forecast, name) is not None), None
    )
    if result is None:
        return None
    whole = np.full(len(rows.reason), np.nan)
    whole[rows.reason == Reason.SCORED] = result
    return whole


def _scored_of(part: PartRows, rows: AssignedRows, code: int) -> Any:
    """Return the places of the scored rows of a party type in a partition."""
    return np.flatnonzero((rows.reason == Reason.SCORED) & (part.party == code))


def _sales_of(part: PartRows) -> Any:
    """Return the sales (m,) of the rows of a partition, 0 for rows that buy nothing."""
    sales = np.zeros(len(part.reason))
    sales[part.buyers] = part.bought
    return sales


def _fill_priority(
    made: list[PartPriority],
    accounts: _PartyAccounts,
    party: PartyMarket,
    ladder: LadderRules,
    rules: PriorityRules,
    backend: Backend,
) -> Any:
    """Fill in the priority of a party type's accounts; return the potential (n,) of each if quadrants count accounts.

    Only the keys of the order are in memory for all accounts at once.
    """
    counted = made[0].high is not None if made else False
    potential, shift = np.empty(len(accounts) if counted else 0), _shift_of(accounts, rules)
    keys: list[Any] = [np.empty(len(accounts)), np.empty(len(accounts), np.float32)]  # which tells six places apart
    above = _mean_above(party, ladder.min_customers)
    for number, at, here, known in accounts.parts():
        money = money_of(party.table, known.sales, known.label, known.typical, ladder.boundary)
        probability, basis = _probabilities(known, rules, shift)
        keys[0][here] = -value_of(money.whitespace, probability, known.at_risk)
        keys[1][here] = -probability
        if counted:
            potential[here] = money.potential
        mine = made[number]
        mine.probability[at], mine.basis[at] = probability, basis
        mine.expected[at] = probability * above(known)
    order = priority.in_order(_keys(accounts, keys), backend).astype(np.int32)
    _fill([part_priority.place for part_priority in made], accounts, priority.place_of(order))
    _fill_kinds(made, accounts, order, rules.tiers)
    return potential


def _keys(accounts: _PartyAccounts, first: list[Any]) -> Iterator[Any]:
    """Yield the keys (n,) of the order: the first ones, which are emptied, then distance, then hash."""
    while first:
        yield first.pop(0)
    yield accounts.distance()
    yield accounts.hashes()


def _fill(columns: list[Any], accounts: _PartyAccounts, values: Any) -> None:
    """Write values (n,) of accounts to their places in the partitions' columns (m,)."""
    first = 0
    for column, at in zip(columns, accounts.at, strict=True):
        column[at] = values[first : first + len(at)]
        first += len(at)


def _mean_above(party: PartyMarket, enough: int) -> Callable[[_Accounts], Any]:
    """Return a function for the mean amount (m,) by which the customers of its cluster buy more than each account.

    If typical sales are known, the comparison is in multiples of them: within a cluster, larger accounts are more
    likely to be won, and they buy more than the mean.
    """
    relative = party.relative if party.model.typical is not None else None
    sales, segments = relative or (party.sales, party.by_segment)
    groups = [sales.of(cluster) for cluster in range(sales.groups)]
    parents = parents_of(party.model, sales, segments, party.accounts, enough)
    means = priority.ExpectedAbove.of(groups, [lent for _, lent in parents], enough)

    def above(known: _Accounts) -> Any:
        if relative is None or known.typical is None:
            return means.of_accounts(known.sales, known.label)
        unit = known.typical.astype(np.float64)
        return unit * means.of_accounts(known.sales / unit, known.label)

    return above


def value_of(open_money: Any, probability: Any, at_risk: Any | None) -> Any:
    """Return the value (n,) of a call: whitespace times probability, and the value at risk."""
    value = np.nan_to_num(open_money * probability, nan=-np.inf)
    return value if at_risk is None else value + np.nan_to_num(at_risk)


def order_of(value: Any, probability: Any, distance: Any, hashes: Any) -> Any:
    """Return the order (n,) of accounts with value, probability, distance and hash (n,): the highest value first."""

    def keys() -> Iterator[Any]:
        yield -value
        yield -probability
        yield distance
        yield hashes

    return priority.in_order(keys())


def _fill_kinds(made: list[PartPriority], accounts: _PartyAccounts, order: Any, tiers: TierRules) -> None:
    """Fill in the place of each account within its kind, and its tier, given the order (n,) of all."""
    buys, items = accounts.buys(), zip(made, accounts.at, strict=True)
    expected = np.concatenate([part_priority.expected[at] for part_priority, at in items])
    place, tier = np.empty(len(order), np.int32), np.empty(len(order), np.int8)
    for kind in (buys, ~buys):
        mine = order[kind[order]]
        place[mine] = np.arange(1, len(mine) + 1, dtype=np.int32)
        tier[mine] = tiers.codes(expected[mine])
    _fill([part_priority.in_kind for part_priority in made], accounts, place)
    _fill([part_priority.tier for part_priority in made], accounts, tier)


def _shift_of(accounts: _PartyAccounts, rules: PriorityRules) -> float:
    """Return the constant that moves the log odds of prospects so that their mean chance is the win rate."""
    if accounts.model.look_alike is None:
        return 0.0
    counts = [priority.count_odds(_odds_of(known)) for _, _, _, known in accounts.parts()]
    return priority.shift_to(np.sum(counts, axis=0), rules.acquisition) if counts else 0.0


def _odds_of(known: _Accounts) -> Any:
    """Return the log odds of the prospects among some accounts."""
    return np.empty(0) if known.odds is None else known.odds[~(known.sales > 0)].astype(np.float64)


def _probabilities(known: _Accounts, rules: PriorityRules, shift: float) -> tuple[Any, Any]:
    """Return the probability (m,) that each account is won, to six decimals, and its basis (m,), in BASES."""
    buys = known.sales > 0
    where = np.where(buys, rules.expansion, rules.acquisition)
    basis = np.zeros(len(buys), np.int8)
    if known.odds is not None:
        where[~buys] = priority.chance_of(_odds_of(known) + shift)
        basis[~buys] = BASES.index("look_alike")
    if known.foretold is not None:
        predicted = ~np.isnan(known.foretold) & (rules.growth_label | ~buys)
        where[predicted] = known.foretold[predicted]
        basis[predicted] = np.where(buys[predicted], BASES.index("growth"), BASES.index("propensity"))
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
