"""One part of the scores: its columns, its files, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import float_column
from tamscore.passes.campaigns import campaign_columns, campaign_sums, dictionary
from tamscore.passes.census import sales_missing
from tamscore.passes.extra import ScoredRows, with_extras
from tamscore.schema import REASON_COLUMN, Flag, InputColumns, Reason
from tamscore.stages import contract, quadrant, whitespace
from tamscore.store import commit, contents

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.passes.assign import AssignedRows
    from tamscore.passes.census import PartRows
    from tamscore.passes.score import PartyPolicy, ScorePlan, Scores
    from tamscore.store.commit import Placed

KINDS = ("acquisition", "expansion")
MEASURES = ("accounts", "sales", "potential", "whitespace")
SHARED = (
    *("sales", "potential", "whitespace", "penetration", "step", "relative_potential", "support"),
    *("potential_low", "potential_high", "rank", "rank_in_kind"),
)
"""Columns of numbers that most accounts share with others, as all prospects of a cluster do."""
TOP = 50
"""So many of the best accounts of every part are handed on for the list of top accounts."""


@dataclass(frozen=True)
class ScoredPart:
    """What a committed part comes to: rows, files, totals (clusters, quadrants, kinds, 4), flags, best accounts, sums.

    `top` are the best of all kinds, `top_by_kind` those of each; `campaigns` holds the sums of each campaign by kind,
    `counts` what the extras have counted, one each.
    `reused` says that an earlier, unfinished run had committed it.
    """

    scored: int
    rejected: int
    files: dict[str, Placed]
    totals: Any
    flags: dict[str, int]
    top: pa.Table
    top_by_kind: pa.Table
    campaigns: dict[tuple[str | None, str | None], Any]
    counts: tuple[Any, ...] = ()
    reused: bool = False


def reuse_part(part: PartRows, assigned: AssignedRows, plan: ScorePlan) -> ScoredPart | None:
    """The part as an earlier, unfinished run has committed it; None where it must be made."""
    files = plan.directory.committed(part.partition.index)
    if files is None:
        return None
    scored = contents.whole(plan.directory.part(part.partition.index))
    return described(scored, int(np.count_nonzero(assigned.reason)), files, plan, reused=True)


def write_part(
    part: PartRows,
    assigned: AssignedRows,
    table: pa.Table,
    sales: Any,
    scores: Scores,
    plan: ScorePlan,
    backend: Backend,
) -> ScoredPart:
    """Write the scored rows and the rejected rows of a partition, then the sidecar that commits them."""
    directory, index = plan.directory, part.partition.index
    good, bad = np.flatnonzero(assigned.reason == 0), np.flatnonzero(assigned.reason)
    flags = row_flags(table, sales, plan.columns)
    scored = score_table(part, assigned, table, sales, scores, flags, plan)
    scored = scored.take(good) if len(bad) else scored
    scored = with_extras(plan.extras, ScoredRows(part, assigned, good, scored), backend)
    placed = commit.place_parquet(scored, directory.part(index), repeating(scored))
    files, rejected = {directory.name_of(directory.part(index)): placed}, None
    if len(bad):
        reasons = dictionary(assigned.reason[bad], [reason.code for reason in Reason])
        refused = table.take(bad).append_column(REASON_COLUMN, reasons)
        rejected = commit.place_parquet(refused, directory.rejected(index))
        files[directory.name_of(directory.rejected(index))] = rejected
    directory.commit_part(index, placed, rejected, {"scored": len(good), "rejected": len(bad)})
    return described(scored, len(bad), files, plan)


def described(
    scored: pa.Table, rejected: int, files: dict[str, Placed], plan: ScorePlan, *, reused: bool = False
) -> ScoredPart:
    """What a part comes to, told from its table."""
    sums, flags, tops = totals(scored, plan), flag_counts(scored), (best(scored), best_by_kind(scored))
    counts = tuple(extra.count(scored) for extra in plan.extras)
    return ScoredPart(scored.num_rows, rejected, files, sums, flags, *tops, campaign_sums(scored), counts, reused)


def totals(scored: pa.Table, plan: ScorePlan) -> Any:
    """Accounts, sales, potential and whitespace (clusters, quadrants, kinds, 4) of the scored rows."""
    axes = {
        "cluster": [cluster for policy in plan.parties for cluster in policy.cluster_ids],
        "quadrant": [play.quadrant for play in quadrant.PLAYS],
        "kind": list(KINDS),
    }
    shape = tuple(len(levels) for levels in axes.values())
    flat = np.ravel_multi_index(tuple(codes(scored[name], levels) for name, levels in axes.items()), shape)
    measured = (None, *(float_column(scored[name].fill_null(0.0)) for name in MEASURES[1:]))
    columns = [np.bincount(flat, values, minlength=int(np.prod(shape))) for values in measured]
    return np.stack(columns, axis=-1).reshape(*shape, len(measured))


def flag_counts(scored: pa.Table) -> dict[str, int]:
    """How many rows carry each flag."""
    texts = Flag.texts()
    counted = np.bincount(codes(scored["flags"], texts), minlength=len(texts))
    return {
        flag.name.lower(): int(sum(counted[v] for v in range(len(texts)) if v & flag)) for flag in Flag if flag.name
    }


def codes(column: pa.ChunkedArray, levels: list[str]) -> Any:
    """The position (m,) of every text of a column among the levels."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    place = np.array([levels.index(level) for level in encoded.dictionary.to_pylist()], np.int64)
    return place[encoded.indices.to_numpy(zero_copy_only=False)]


def row_flags(table: pa.Table, sales: Any, columns: InputColumns) -> Any:
    """The flag value (m,) uint8 of every row."""
    revenue = float_column(table[columns.revenue]) if columns.revenue else None
    non_negative = [float_column(table[name]) for name in columns.non_negative]
    return contract.flags(sales, sales_missing(table[columns.sales]), revenue, non_negative)


def best(scored: pa.Table) -> pa.Table:
    """The first accounts in the order of the ranking: rank, then account id."""
    import pyarrow.compute as pc

    if scored.num_rows > TOP:
        ranks = scored["rank"].to_numpy()
        scored = scored.take(np.flatnonzero(ranks <= np.partition(ranks, TOP - 1)[TOP - 1]))
    order = pc.sort_indices(scored, sort_keys=[("rank", "ascending"), ("account_id", "ascending")])
    return scored.take(order[:TOP])


def best_by_kind(scored: pa.Table) -> pa.Table:
    """The first accounts of each kind, one kind after the other: rank within the kind, then account id."""
    import pyarrow.compute as pc

    kind, ranks, found = codes(scored["kind"], list(KINDS)), scored["rank_in_kind"].to_numpy(), []
    for code in range(len(KINDS)):
        rows = np.flatnonzero(kind == code)
        if len(rows) > TOP:
            rows = rows[ranks[rows] <= np.partition(ranks[rows], TOP - 1)[TOP - 1]]
        keys = [("rank_in_kind", "ascending"), ("account_id", "ascending")]
        order = pc.sort_indices(scored.select([name for name, _ in keys]).take(rows), sort_keys=keys)
        found.append(rows[order[:TOP].to_numpy()])
    return scored.take(np.concatenate(found))


def score_table(
    part: PartRows, assigned: AssignedRows, table: pa.Table, sales: Any, scores: Scores, flags: Any, plan: ScorePlan
) -> pa.Table:
    """All columns of the scores, in the order of the output contract, for every row of the partition."""
    import pyarrow as pa

    columns, parties = plan.columns, plan.parties
    out: dict[str, Any] = {"account_id": table[columns.account_id]}
    if columns.name:
        out["name"] = table[columns.name]
    party_names = {policy.code: policy.name for policy in parties}
    out["party_type"] = dictionary(part.party, [party_names.get(code, "") for code in range(max(party_names) + 1)])
    if columns.market_segment:
        out["market_segment"] = table[columns.market_segment]
    out |= {name: table[name] for name in columns.keep}
    clusters = [cluster for policy in parties for cluster in policy.cluster_ids]
    out["cluster"] = dictionary(scores.cluster, clusters)
    out["distance"], out["margin"] = nullable(assigned.distance), nullable(finite(assigned.margin))
    out["sales"] = nullable(sales)
    out["kind"] = dictionary((sales > 0).astype(np.int64), list(KINDS))
    for name in ("potential", "whitespace", "penetration"):
        out[name] = nullable(getattr(scores, name))
    out["step"] = pa.array(scores.step.astype(np.int8))
    out["relative_potential"] = nullable(scores.ratio)
    out["relative_message"] = messages(scores.ratio)
    basis = [basis for policy in parties for basis in policy.table.basis]
    out["basis"] = dictionary(scores.cluster, basis)
    support = np.concatenate([policy.table.support for policy in parties])
    out["support"] = pa.array(support[scores.cluster])
    out |= certainty(scores, parties)
    out["rank"], out["rank_in_kind"] = pa.array(scores.rank), pa.array(scores.rank_in_kind)
    for name in ("quadrant", "play", "role", "service_level"):
        out[name] = dictionary(scores.quadrant, [getattr(play, name) for play in quadrant.PLAYS])
    out |= campaign_columns(table, columns, plan.campaigns, scores.cluster, clusters)
    out["flags"] = dictionary(flags, Flag.texts())
    return pa.table(out)


def certainty(scores: Scores, parties: Sequence[PartyPolicy]) -> dict[str, pa.Array]:
    """How sure the potential of every account is: its interval, and whether that rests on borrowed customers.

    Potential above a capped top step is the account's own sales, which need no interval.
    """
    import pyarrow as pa

    tables = [policy.table for policy in parties]
    known = [table.bounds for table in tables]
    values = np.concatenate([table.values for table in tables])
    place = scores.cluster * values.shape[1] + np.maximum(scores.step - 1, 0)
    low, high = (np.concatenate(ends).ravel() for ends in zip(*((one.low, one.high) for one in known), strict=True))
    supported = np.concatenate([one.supported for one in known]).ravel()
    above = scores.potential > values.ravel()[place]
    return {
        "low_support": pa.array(~supported[place]),
        "potential_low": nullable(np.where(above, np.nan, low[place])),
        "potential_high": nullable(np.where(above, np.nan, high[place])),
    }


def messages(ratio: Any) -> pa.Array:
    """The relative message of every account; there are few different ratios, since ladders are short."""
    import pyarrow as pa

    encoded = pa.array(np.round(ratio, 6)).dictionary_encode()
    texts = [whitespace.relative_message(value) for value in encoded.dictionary.to_pylist()]
    return dictionary(encoded.indices.to_numpy(), texts)


def repeating(scored: pa.Table) -> list[str]:
    """The columns whose values come again and again: texts with a dictionary, and what a ladder gives."""
    import pyarrow as pa

    return [*SHARED, *(field.name for field in scored.schema if pa.types.is_dictionary(field.type))]


def finite(values: Any) -> Any:
    """Numbers (m,), with NaN for infinite ones: where there is no second center, there is no margin."""
    return np.where(np.isfinite(values), values, np.nan)


def nullable(values: Any) -> pa.Array:
    """Numbers as a column, NaN as null."""
    import pyarrow as pa

    return pa.array(values, from_pandas=True)
