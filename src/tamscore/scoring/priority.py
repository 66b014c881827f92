"""Between potential and scores: all accounts of a party type meet, and get their place, their tier, what is expected.

Value is whitespace times the probability that the account is won. Ties go by probability, then by how near an account
lies to the center of its cluster, then by the hash of its id: no two accounts share a place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.schema import Reason
from tamscore.scoring.potential import parents_of
from tamscore.scoring.score.priority import BASES, PLACES, PartPriority
from tamscore.stages import priority, whitespace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.arguments import PriorityRules
    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.market import Market
    from tamscore.scoring.potential import PartyMarket


@dataclass(frozen=True)
class Accounts:
    """All accounts of a party type (n,), partition by partition: `at` are their places in each partition.

    Cluster, sales with 0 for who buys nothing, distance to the center of the cluster, hash of the id; what the optional
    section foretells of each (n,), None where none does.
    """

    at: list[Any]
    label: Any
    sales: Any
    distance: Any
    hashes: Any
    foretold: Any | None

    def parts(self, values: Any) -> list[Any]:
        """Values (n,) partition by partition."""
        return np.split(values, np.cumsum([len(at) for at in self.at])[:-1])


def prioritise(market: Market, rules: PriorityRules, foretold: Sequence[Any] | None = None) -> list[PartPriority]:
    """The priority of every account, partition by partition.

    `foretold` holds for each partition the probabilities (m,) that an optional section has learned, None where none
    has. `high` is there where quadrants count accounts, see `high_potential`.
    """
    quadrants = market.this.job.quadrant
    counted = quadrants.threshold == "capacity" and quadrants.level == "account"
    made = [PartPriority.empty(len(part.reason), counted=counted) for part in market.rows]
    potentials = []
    for party in market.parties:
        accounts = accounts_of(market, party.model.encoding.party, foretold)
        potentials.append((accounts, put_in_order(made, accounts, party, market, rules)))
    if counted:
        mark_high([one.high for one in made], made, potentials, quadrants.capacity or 0)
    return made


def accounts_of(market: Market, code: int, foretold: Sequence[Any] | None) -> Accounts:
    """All accounts of a party type."""
    found = [scored_of(part, rows, code) for part, rows in zip(market.rows, market.assigned, strict=True)]
    each = list(zip(market.rows, market.assigned, found, strict=True))
    return Accounts(
        found,
        np.concatenate([rows.columns.label[at] for _, rows, at in each]),
        np.concatenate([sales_of(part)[at] for part, _, at in each]),
        np.concatenate([rows.columns.distance[at] for _, rows, at in each]),
        np.concatenate([part.hashes[at] for part, _, at in each]),
        None if foretold is None else np.concatenate([one[at] for one, at in zip(foretold, found, strict=True)]),
    )


def scored_of(part: PartRows, rows: AssignedRows, code: int) -> Any:
    """The places of the scored rows of a party type in a partition."""
    return np.flatnonzero((rows.reason == Reason.SCORED) & (part.party == code))


def sales_of(part: PartRows) -> Any:
    """The sales (m,) of the rows of a partition, 0 for those that buy nothing."""
    sales = np.zeros(len(part.reason))
    sales[part.buyers] = part.bought
    return sales


def put_in_order(
    made: list[PartPriority], accounts: Accounts, party: PartyMarket, market: Market, rules: PriorityRules
) -> Any:
    """Fill in what the accounts of a party type get; return the potential (n,) of each."""
    ladder = market.this.job.potential
    money = whitespace.value_accounts(np, accounts.sales, accounts.label, party.table.values, ladder.boundary)
    probability, basis = probabilities(accounts, rules)
    groups = [party.sales.of(cluster) for cluster in range(party.sales.groups)]
    whose = (party.model, party.sales, party.by_segment, party.accounts)
    lent = [sales for _, sales in parents_of(*whose, ladder.min_customers)]
    above = priority.expected_above(groups, lent, ladder.min_customers, accounts.sales, accounts.label)
    expected = probability * above
    value = np.nan_to_num(money.whitespace * probability, nan=-np.inf)
    order = priority.in_order([-value, -probability, accounts.distance, accounts.hashes])
    buys = accounts.sales > 0
    in_kind, tier = np.empty(len(order), np.int32), np.empty(len(order), np.int8)
    for kind in (buys, ~buys):
        mine = order[kind[order]]
        in_kind[mine] = np.arange(1, len(mine) + 1)
        tier[mine] = priority.tier_codes(np.arange(len(mine)), expected[mine], rules.tiers)
    told = (probability.astype(np.float32), basis, expected, priority.place_of(order), in_kind, tier)
    names = ("probability", "basis", "expected", "place", "in_kind", "tier")
    for name, values in zip(names, told, strict=True):
        for one, at, here in zip(made, accounts.at, accounts.parts(values), strict=True):
            getattr(one, name)[at] = here
    return money.potential


def probabilities(accounts: Accounts, rules: PriorityRules) -> tuple[Any, Any]:
    """How likely each account (n,) is won, to six places, and where that is known from (n,), in BASES."""
    buys = accounts.sales > 0
    found = np.where(buys, rules.expansion, rules.acquisition)
    basis = np.zeros(len(buys), np.int8)
    if accounts.foretold is not None:
        known = ~np.isnan(accounts.foretold) & (rules.growth_label | ~buys)
        found[known] = accounts.foretold[known]
        basis[known] = np.where(buys[known], BASES.index("growth"), BASES.index("propensity"))
    return np.round(found, PLACES), basis


def mark_high(high: list[Any], made: list[PartPriority], potentials: list[tuple[Accounts, Any]], capacity: int) -> None:
    """Mark the `capacity` accounts with the most potential of all party types; ties go by priority."""
    accounts = [each for each, _ in potentials]
    potential = np.concatenate([np.nan_to_num(values, nan=-np.inf) for _, values in potentials])
    place = np.concatenate([one.place[at] for each in accounts for one, at in zip(made, each.at, strict=True)])
    hashes = np.concatenate([each.hashes for each in accounts])
    chosen = np.zeros(len(place), bool)
    chosen[priority.in_order([-potential, place, hashes])[:capacity]] = True
    start = 0
    for each in accounts:
        for one, at in zip(high, each.at, strict=True):
            one[at] = chosen[start : start + len(at)]
            start += len(at)
