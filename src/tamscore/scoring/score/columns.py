"""The columns of the scores: those that rows have of their own, and those that they share with their case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, nullable, text_dictionary
from tamscore.schema import SCORE_COLUMNS, Flag, InputColumns
from tamscore.scoring.census.partition import sales_missing
from tamscore.scoring.score import distinct_accounts as distinct
from tamscore.scoring.score.parts import KINDS
from tamscore.scoring.score.priority import counted_plays, play_columns, priority_columns
from tamscore.stages import contract, whitespace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.score.distinct_accounts import DistinctAccounts, Scores
    from tamscore.scoring.score.plan import PartyPolicy, ScorePlan
    from tamscore.scoring.score.priority import PartPriority

_PASSED_BEFORE = SCORE_COLUMNS.index("cluster")
"""Kept columns stand before this place."""


def score_table(
    part: PartRows,
    assigned: AssignedRows,
    priority: PartPriority,
    at: Any,
    table: pa.Table,
    plan: ScorePlan,
    backend: Backend,
) -> pa.Table:
    """All columns of the scores, in the order of the output contract, for the rows `at` of a partition.

    These are places (s,) or a slice; `table` holds the input columns of these rows.
    """
    import pyarrow as pa

    columns, party, rows = plan.columns, part.party[at], assigned.columns
    sales, cluster = float_column(table[columns.sales]), _cluster_of(party, rows.label[at], plan.parties)
    typical = rows.typical[at] if plan.order else None
    accounts = distinct.find_distinct(cluster, sales, len(plan.clusters), typical)
    made = _row_columns(table, sales, rows.distance[at], rows.margin[at], columns)
    made |= _expand_rows(_distinct_columns(accounts, distinct.score_distinct(accounts, plan, backend), plan), accounts)
    made |= {} if typical is None else {"typical_sales": nullable(typical.astype(np.float64))}
    made |= priority_columns(priority, at)
    if priority.high is not None:
        made |= counted_plays(priority.high[at], party, sales, plan)
    order = (*SCORE_COLUMNS[:_PASSED_BEFORE], *columns.keep, *SCORE_COLUMNS[_PASSED_BEFORE:])
    return pa.table({name: made[name] for name in order if name in made})


def _cluster_of(party: Any, label: Any, parties: Sequence[PartyPolicy]) -> Any:
    """The cluster (m,) int64 of rows, counted over all party types."""
    first, count = np.zeros(1 + max(policy.code for policy in parties), np.int64), 0
    for policy in parties:
        first[policy.code] = count
        count += len(policy.cluster_ids)
    return np.take(first, party) + label


def _row_columns(table: pa.Table, sales: Any, distance: Any, margin: Any, columns: InputColumns) -> dict[str, Any]:
    """Return what rows have of their own."""
    names = {"account_id": columns.account_id, "name": columns.name, "market_segment": columns.market_segment}
    read = {name: table[column] for name, column in names.items() if column}
    read |= {name: table[name] for name in columns.keep}
    made = {"distance": distance, "margin": _finite(margin), "sales": sales}
    flags = text_dictionary(_row_flags(table, sales, columns), Flag.texts())
    return {**read, **{name: nullable(values) for name, values in made.items()}, "flags": flags}


def _row_flags(table: pa.Table, sales: Any, columns: InputColumns) -> Any:
    """The flag value (m,) uint8 of every row."""
    revenue = float_column(table[columns.revenue]) if columns.revenue else None
    non_negative = [float_column(table[name]) for name in columns.non_negative]
    return contract.flags(sales, sales_missing(table[columns.sales]), revenue, non_negative)


def _expand_rows(columns: dict[str, pa.Array], accounts: DistinctAccounts) -> Mapping[str, pa.ChunkedArray | pa.Array]:
    """The columns of distinct accounts for every row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if accounts.of_rows is None:
        return columns

    result = pc.take(pa.table(columns), pa.array(accounts.of_rows), boundscheck=False)
    return dict(zip(result.column_names, result.columns, strict=True))


def _distinct_columns(accounts: DistinctAccounts, scores: Scores, plan: ScorePlan) -> dict[str, pa.Array]:
    """Return what rows share with their case."""
    import pyarrow as pa

    parties = plan.parties
    party_types = [policy.name for policy in parties for _ in policy.cluster_ids]
    basis = [basis for policy in parties for basis in policy.table.basis]
    support = np.concatenate([policy.table.support for policy in parties])
    money = ("potential", "whitespace", "penetration")
    return {
        "party_type": text_dictionary(accounts.cluster, party_types),
        "cluster": text_dictionary(accounts.cluster, plan.clusters),
        "kind": text_dictionary((accounts.sales > 0).astype(np.int64), KINDS),
        **{name: nullable(getattr(scores, name)) for name in money},
        "step": pa.array(scores.step.astype(np.int8)),
        "relative_potential": nullable(scores.ratio),
        "relative_message": _messages(scores.ratio, many=accounts.typical is not None),
        "basis": text_dictionary(accounts.cluster, basis),
        "support": pa.array(support[accounts.cluster]),
        **_certainty(accounts, scores, parties),
        "rank": pa.array(scores.rank),
        "rank_in_kind": pa.array(scores.rank_in_kind),
        **play_columns(scores.quadrant, accounts.sales > 0),
    }


def _certainty(accounts: DistinctAccounts, scores: Scores, parties: Sequence[PartyPolicy]) -> dict[str, pa.Array]:
    """Return how sure the potential of every case is: its interval, and whether that rests on borrowed customers.

    Potential above a capped top step is the account's own sales, which need no interval.
    """
    import pyarrow as pa

    tables = [policy.table for policy in parties]
    known = [table.bounds for table in tables]
    values = np.concatenate([table.values for table in tables])
    place = accounts.cluster * values.shape[1] + scores.step - 1
    low, high = (
        np.concatenate(ends).ravel() for ends in zip(*((bounds.low, bounds.high) for bounds in known), strict=True)
    )
    supported = np.concatenate([bounds.supported for bounds in known]).ravel()
    above = scores.potential > values.ravel()[place]
    low, high = low[place], high[place]
    if accounts.typical is not None:
        _own_bounds(accounts, scores, parties, (low, high, above))
    return {
        "low_support": pa.array(~supported[place]),
        "potential_low": nullable(np.where(above, np.nan, low)),
        "potential_high": nullable(np.where(above, np.nan, high)),
    }


def _own_bounds(
    accounts: DistinctAccounts, scores: Scores, parties: Sequence[PartyPolicy], ends: tuple[Any, Any, Any]
) -> None:
    """Fill in for the cases of party types at level account: low and high of their potential, whether it lies above."""
    low, high, above = ends
    first = 0
    for policy in parties:
        ladder, stop = policy.table.account, first + len(policy.cluster_ids)
        if ladder is not None:
            at = np.flatnonzero((accounts.cluster >= first) & (accounts.cluster < stop))
            label, step, typical = (
                accounts.cluster[at] - first,
                scores.step[at] - 1,
                accounts.typical[at].astype(np.float64),
            )
            reached = [ladder.money(np, typical, multiples[label, step], ladder.cap[label])
                       for multiples in (ladder.low, ladder.multiples, ladder.high)]  # fmt: skip
            low[at], above[at], high[at] = reached[0], scores.potential[at] > reached[1] + 1 / ladder.cents, reached[2]
        first = stop


def _messages(ratio: Any, *, many: bool) -> pa.Array:
    """The relative message of every case; `many` different ratios are rounded first to what their message says."""
    import pyarrow as pa

    ratio = np.round(ratio, 6)
    encoded = pa.array(whitespace.rounded_ratio(ratio) if many else ratio).dictionary_encode()
    texts = [whitespace.relative_message(value) for value in encoded.dictionary.to_pylist()]
    return text_dictionary(encoded.indices.to_numpy(), texts)


def _finite(values: Any) -> Any:
    """Numbers (m,), with NaN for infinite ones: where there is no second center, there is no margin."""
    return np.where(np.isfinite(values), values, np.nan)
