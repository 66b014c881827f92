"""Explanation of an account's potential: rebuilt from the stored run, and compared with its scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.questions import accounts, tables
from tamscore.questions.look_alike import reasons
from tamscore.questions.own_level import own_level, own_values
from tamscore.schema import SCORE_COLUMNS
from tamscore.scoring.context import ladder_rules, quadrant_rules
from tamscore.stages import potential, whitespace
from tamscore.stages.potential import step_names
from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.model.record import PartyRecord
    from tamscore.questions.look_alike import ColumnReason
    from tamscore.questions.own_level import OwnLevel
    from tamscore.questions.stored import StoredRun
    from tamscore.stages.account_ladder import AccountLadder
    from tamscore.stages.potential import PotentialTable

_NEAREST = 3
"""Most peers named above an account."""


@dataclass(frozen=True)
class Step:
    """One step of a ladder.

    Attributes
    ----------
    name : str
        The name of the step, such as `p85`.
    share : float
        The share of customers that the step is taken at, from 0 to 1.
    value : float or None
        What customers spend at the step, in the currency of the sales. None if no one buys.
    place : int or None
        The position, from 1 by rising sales, of the customer whose sales the step is. None if the value leans on
        customers of other clusters too.
    low, high : float or None
        The interval of the value. None if the run stores none.
    """

    name: str
    share: float
    value: float | None
    place: int | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Move:
    """A change of sales that would move an account to another step.

    Attributes
    ----------
    direction : str
        `up` or `down`.
    limit : float
        The sales at which the step changes, in the currency of the sales.
    at : bool
        Whether sales that equal the limit are enough.
    change : float
        The limit less the sales of today.
    potential : float
        The potential after the change.
    """

    direction: str
    limit: float
    at: bool
    change: float
    potential: float


@dataclass(frozen=True)
class _Elsewhere:
    """Other peers, near those of a prospect, whose prospects have a higher potential.

    `apart` says by how many standard deviations features of these peers lie above its own peers', the farthest first.
    """

    cluster: str
    name: str
    potential: float
    apart: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Explanation:
    """One account with everything that its potential follows from.

    Attributes
    ----------
    run : str
        The key of the run.
    account : dict
        The row of the account in the scores.
    cluster : dict
        The row of its cluster in the table `potential`.
    peers : int
        The number of accounts in its cluster.
    apart : tuple of (str, float)
        How the cluster differs from its party type: features, and by how many standard deviations.
    ladder : tuple of Step
        The steps of its ladder, in rising order.
    step : int or None
        The step of the account, from 1. None without a potential.
    above : tuple of dict
        The nearest customers of the cluster at or above the potential.
    customers_above : int
        How many customers of the cluster there are at or above the potential.
    moves : tuple of Move
        For a customer: the sales at which its potential changes.
    elsewhere : tuple
        For a prospect: near clusters whose prospects have a higher potential, since its own sales change nothing.
    limits : dict
        Where high `potential` and high `sales` begin, in the currency of the sales.
    by_cluster : bool
        Whether a quadrant is given to the cluster as a whole.
    look_alike : tuple of ColumnReason
        The columns that make it look like a customer, or not. Empty if the input is gone.
    level : OwnLevel or None
        What its own ladder is made of, at level account of the job.
    """

    run: str
    account: dict[str, Any]
    cluster: dict[str, Any]
    peers: int
    apart: tuple[tuple[str, float], ...]
    ladder: tuple[Step, ...]
    step: int | None
    above: tuple[dict[str, Any], ...]
    customers_above: int
    moves: tuple[Move, ...]
    elsewhere: tuple[_Elsewhere, ...]
    limits: dict[str, float | None]
    by_cluster: bool
    look_alike: tuple[ColumnReason, ...]
    level: OwnLevel | None = None


def explain(run: StoredRun, account_id: str) -> Explanation:
    """Return why an account of a run has its potential.

    Raise UsageError if there is no such account, or if output.columns leaves out a column that is needed. Raise
    InputContractError if scores and model contradict each other.
    """
    run.require(SCORE_COLUMNS)
    row = accounts.account(run, account_id)
    party = next(party for party in run.model.parties if party.name == row["party_type"])
    c = [cluster for cluster, _ in party.clusters].index(row["cluster"])
    cluster = next(record for record in tables.table(run.directory, "potential") if record["cluster"] == row["cluster"])
    _require_rebuilt(run, row, party.table, c)
    values = own_values(party.table.account, c, row, party.table.values[c])
    sales = party.sales.of(c)
    first = _first_above(sales, row)
    return Explanation(
        run.name,
        row,
        cluster,
        int(party.accounts[c].sum()),
        tables.differences(run.directory, row["cluster"]),
        _ladder(run, party, c, cluster, row),
        row["step"] if row["potential"] is not None else None,
        tuple(_nearest_above(run, row["cluster"], sales[first : first + _NEAREST])),
        len(sales) - first,
        tuple(_moves(run, row, values)),
        _elsewhere(run, row, party),
        {name: _finite(getattr(party.limits, name)) for name in ("potential", "sales")},
        quadrant_rules(run.job).by_cluster,
        reasons(run, row, party),
        own_level(party.table.account, c, row),
    )


def _require_rebuilt(run: StoredRun, row: dict[str, Any], table: PotentialTable, c: int) -> None:
    """Raise InputContractError unless the ladder gives an account the potential in its scores."""
    sold, boundary = np.array([np.nan if row["sales"] is None else row["sales"]]), ladder_rules(run.job).boundary
    if table.account is None:
        money = whitespace.value_accounts(np, sold, np.zeros(1, np.int64), table.values[c][None], boundary)
    else:
        typical = np.array([row["typical_sales"]])
        money = whitespace.value_by_level(np, sold, typical, np.array([c]), table.account, boundary)
    rebuilt = _finite(money.potential[0])
    if rebuilt != row["potential"]:
        raise InputContractError(
            f"{run.directory.path}: account {row['account_id']!r}: its ladder gives it a potential of {rebuilt}, its "
            f"scores say {row['potential']}; run tamscore verify, then the job again"
        )


def _account_ladder(
    own: AccountLadder, c: int, row: dict[str, Any], steps: Sequence[tuple[str, float]]
) -> tuple[Step, ...]:
    """Return the steps of an account's own ladder, given their names and shares."""
    typical = np.float64(row["typical_sales"])
    ends = [own.money(np, typical, multiples[c], own.cap[c]) for multiples in (own.multiples, own.low, own.high)]
    values, low, high = ([_finite(value) for value in end] for end in ends)
    return tuple(Step(name, share, values[j], None, low[j], high[j]) for j, (name, share) in enumerate(steps))


def _ladder(
    run: StoredRun, party: PartyRecord, c: int, cluster: dict[str, Any], row: dict[str, Any]
) -> tuple[Step, ...]:
    """Return the steps of an account's ladder, each with the customer whose sales it is, if it rests on one cluster.

    A ladder of an earlier run names no customer, unless the number of customers is the same as then.
    """
    rules, sales, support = ladder_rules(run.job), party.sales.of(c), int(party.table.support[c])
    shares = (*rules.lines, potential.top_share(rules.lines, rules.top_step))
    steps = []
    own_ladder = party.table.account
    if own_ladder is not None:
        return _account_ladder(own_ladder, c, row, list(zip(step_names(rules.lines), shares, strict=True)))
    for name, share, value in zip(step_names(rules.lines), shares, party.table.values[c], strict=True):
        place = nearest_rank(len(sales), share) if len(sales) else None
        own = place is not None and sales[place] == value and len(sales) == support
        bounds = (cluster.get(f"{end}_{name}") for end in ("low", "high"))
        steps.append(Step(name, share, _finite(value), place + 1 if own and place is not None else None, *bounds))
    return tuple(steps)


def _first_above(sales: Any, row: dict[str, Any]) -> int:
    """Return the place of the first customer at or above an account's potential among the sorted sales of its cluster.

    For an account that has reached its potential, return the place of the first customer that buys more.
    """
    if row["potential"] is None:
        return len(sales)
    reached = row["whitespace"] == 0
    return int(np.searchsorted(sales, row["potential"], side="right" if reached else "left"))


def _nearest_above(run: StoredRun, cluster: str, sales: Any) -> Sequence[dict[str, Any]]:
    """Return the accounts of a cluster with these sorted sales; accounts with equal sales in order of id."""
    if not len(sales):
        return []
    return accounts.customers_between(run, cluster, float(sales[0]), float(sales[-1]))[: len(sales)]


def _moves(run: StoredRun, row: dict[str, Any], values: Any) -> list[Move]:
    """Return the changes that would move a customer to the step above and to the step below, with an unchanged ladder.

    A prospect has no moves: its potential is what its peers buy, and buying more would not explain it.
    """
    if row["potential"] is None or row["kind"] == "acquisition":
        return []
    sold, now = row["sales"], row["potential"]
    strictly = ladder_rules(run.job).boundary == "strictly_below"
    items = []
    higher, lower = values[values > now], values[values < now]
    if len(higher) and now in values:
        items.append(Move("up", now, strictly, now - sold, float(higher.min())))
    if len(lower):
        limit = float(lower.max())
        items.append(Move("down", limit, not strictly or limit == values[-1], limit - sold, limit))
    return items


def _elsewhere(run: StoredRun, row: dict[str, Any], party: PartyRecord) -> tuple[_Elsewhere, ...]:
    """Return the nearest other clusters where a prospect would have a higher potential; none for a customer."""
    if row["kind"] != "acquisition":
        return ()
    own, now = dict(tables.differences(run.directory, row["cluster"])), row["potential"] or 0.0
    items = []
    for c, (cluster, name) in enumerate(party.clusters):
        value = _finite(own_values(party.table.account, c, row, party.table.values[c])[0])
        if cluster != row["cluster"] and value is not None and value > now:
            there = dict(tables.differences(run.directory, cluster))
            apart = sorted(
                ((text, there[text] - own[text]) for text in own), key=lambda parts: (-abs(parts[1]), parts[0])
            )
            distance = math.fsum(by**2 for _, by in apart)
            items.append((distance, _Elsewhere(cluster, name, value, tuple(apart[:_NEAREST]))))
    return tuple(item for _, item in sorted(items, key=lambda pair: (pair[0], pair[1].cluster))[:_NEAREST])


def _finite(value: float) -> float | None:
    """Return the number, or None if it is not finite."""
    return float(value) if math.isfinite(value) else None
