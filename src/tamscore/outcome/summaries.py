"""The tables of a run for people: one row per cluster, step, quadrant, feature or reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.passes import remarks
from tamscore.passes.parts import KINDS, MEASURES
from tamscore.stages import identity, quadrant, top_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.config import Job
    from tamscore.outcome import Outcome
    from tamscore.passes.score import PartyPolicy


def money(values: Any) -> list[float]:
    """Sums to the cent; counts come out whole."""
    return [round(float(value), 2) for value in values]


def potential_table(outcome: Outcome) -> pa.Table:
    """One row per cluster: its ladder, support, basis and distinct steps, and the interval of each cut value.

    `low_support` says that the interval of the first cut line rests on borrowed customers.
    """
    import pyarrow as pa

    columns: dict[str, list[Any]] = {
        name: [] for name in ("party_type", "cluster", "name", "support", "basis", "parent", "low_support")
    }
    steps: dict[str, list[float]] = {}
    for policy, names in zip(outcome.policies, outcome.names, strict=True):
        table = policy.table
        columns["party_type"] += [policy.name] * len(names)
        columns["cluster"] += policy.cluster_ids
        columns["name"] += names
        columns["support"] += table.support.tolist()
        columns["basis"] += table.basis
        columns["parent"] += table.parent
        columns["low_support"] += (~table.bounds.supported[:, 0]).tolist()
        labels = step_names(table.lines)
        ends = {"": table.values, "low_": table.bounds.low, "high_": table.bounds.high}
        for end, amounts in ends.items():
            for j, label in enumerate(labels):
                steps.setdefault(end + label, []).extend(amounts[:, j].tolist())
        columns.setdefault("distinct_steps", []).extend(table.distinct.tolist())
    values = {name: pa.array(column, pa.float64(), from_pandas=True) for name, column in steps.items()}
    return pa.table({**columns, **values})


def step_names(lines: Sequence[float]) -> list[str]:
    """The steps of a ladder as tables name them: `p85`, `p90`, `p95`, `top`."""
    return [*(f"p{line * 100:g}" for line in lines), "top"]


def step_table(outcome: Outcome, job: Job) -> pa.Table:
    """One row per party type, step and kind: accounts, whitespace, and the share of all whitespace it holds."""
    import pyarrow as pa

    rows = []
    for market, policy in zip(outcome.markets, outcome.policies, strict=True):
        sums = remarks.by_step(market, job.potential.boundary)
        whole = max(float(sums[:, :, 1].sum()), 1e-300)
        for j, step in enumerate(step_names(policy.table.lines)):
            for i, kind in enumerate(KINDS):
                accounts, held = money(sums[i, j])
                head = {"party_type": policy.name, "step": step, "kind": kind}
                rows.append({**head, "accounts": accounts, "whitespace": held, "share": round(held / whole, 6)})
    return pa.Table.from_pylist(rows)


def top_step_table(outcome: Outcome, job: Job) -> pa.Table:
    """One row per party type and way to set the top step: what is open among customers, and with which step it lies.

    `share_…` are shares of the expansion whitespace; `above` counts customers that buy more than the cap.
    """
    import pyarrow as pa

    rows = []
    for market, policy in zip(outcome.markets, outcome.policies, strict=True):
        lines = policy.table.lines
        for one in top_step.audit(market.sales, policy.table.values, lines, job.potential.boundary):
            row: dict[str, Any] = {"party_type": policy.name, "top_step": one.top_step}
            row["in_force"] = one.top_step == job.potential.top_step
            row["expansion"] = money([one.whitespace.sum()])[0]
            row["potential_to_sales"] = one.potential / one.sales if one.sales else None
            names = (f"share_{step}" for step in step_names(lines))
            rows.append(row | {"above": one.above} | dict(zip(names, np.round(one.shares, 6).tolist(), strict=True)))
    columns = {name: pa.array([row[name] for row in rows], from_pandas=True) for name in rows[0]}
    return pa.table(columns)


def segment_table(outcome: Outcome) -> pa.Table:
    """One row per cluster and kind: accounts, sales, potential and whitespace."""
    import pyarrow as pa

    by_cluster = outcome.totals.sum(axis=1)
    rows = []
    for c, (policy, cluster, name) in enumerate(clusters(outcome)):
        for i, kind in enumerate(KINDS):
            sums = dict(zip(MEASURES, money(by_cluster[c, i]), strict=True))
            rows.append({"party_type": policy.name, "cluster": cluster, "name": name, "kind": kind, **sums})
    return pa.Table.from_pylist(rows)


def quadrant_table(outcome: Outcome) -> pa.Table:
    """One row per party type, quadrant and kind that has accounts."""
    import pyarrow as pa

    rows, start = [], 0
    for policy in outcome.policies:
        stop = start + len(policy.cluster_ids)
        here = outcome.totals[start:stop].sum(axis=0)
        for q, play in enumerate(quadrant.PLAYS):
            for i, kind in enumerate(KINDS):
                if here[q, i, 0]:
                    head = {"party_type": policy.name, "quadrant": play.quadrant, "play": play.play, "role": play.role}
                    rows.append({**head, "kind": kind, **dict(zip(MEASURES, money(here[q, i]), strict=True))})
        start = stop
    return pa.Table.from_pylist(rows)


def feature_table(outcome: Outcome) -> pa.Table:
    """One row per cluster and feature: how far the cluster lies from its party type, in standard deviations."""
    import pyarrow as pa

    rows = []
    for one, policy in zip(outcome.fitted, outcome.policies, strict=True):
        apart = identity.differences(one.model.centers, one.fit.counts, one.spread)
        for cluster, row in zip(policy.cluster_ids, apart, strict=True):
            for feature, value in zip(one.model.space.features, row, strict=True):
                rows.append({"cluster": cluster, "feature": feature.name, "difference": float(np.round(value, 6))})
    return pa.Table.from_pylist(rows)


def map_table(outcome: Outcome) -> pa.Table:
    """One row per account of a small sample: its cluster, and where it lies in the plane that shows the clusters best.

    No ids: it is there to be looked at.
    """
    import pyarrow as pa

    columns: dict[str, list[Any]] = {"party_type": [], "cluster": [], "x": [], "y": []}
    for seen, policy in zip(outcome.glimpses, outcome.policies, strict=True):
        columns["party_type"] += [policy.name] * len(seen.label)
        columns["cluster"] += [policy.cluster_ids[label] for label in seen.label.tolist()]
        columns["x"] += seen.place[0].tolist()
        columns["y"] += seen.place[1].tolist()
    kinds = {"party_type": pa.string(), "cluster": pa.string(), "x": pa.float64(), "y": pa.float64()}
    return pa.table({name: pa.array(column, kinds[name]) for name, column in columns.items()})


def quality_table(outcome: Outcome) -> pa.Table:
    """Rows read, scored, rejected by reason, flagged by flag, and given the median of a column for want of a number."""
    import pyarrow as pa

    scored = sum(part.scored for part in outcome.scored)
    rows = [("rows", "read", outcome.plan.rows), ("rows", "scored", scored)]
    rows += [("rejected", name, count) for name, count in outcome.reasons.items()]
    rows += [("flagged", name, count) for name, count in outcome.flags.items()]
    rows += [("filled", name, count) for name, count in outcome.filled.items() if count]
    return pa.Table.from_pylist([{"what": what, "name": name, "count": count} for what, name, count in rows])


def top_accounts(outcome: Outcome) -> pa.Table:
    """The best accounts of the whole market, in the order of the ranking."""
    import pyarrow as pa

    from tamscore.passes.parts import best

    return best(pa.concat_tables([part.top for part in outcome.scored]).unify_dictionaries().combine_chunks())


def top_by_kind(outcome: Outcome) -> pa.Table:
    """The best accounts of each kind, in the order of their ranking."""
    import pyarrow as pa

    from tamscore.passes.parts import best_by_kind

    found = pa.concat_tables([part.top_by_kind for part in outcome.scored])
    return best_by_kind(found.unify_dictionaries().combine_chunks())


def clusters(outcome: Outcome) -> list[tuple[PartyPolicy, str, str]]:
    """Every cluster in the order of the totals: its party type's policy, its id, its name."""
    pairs = zip(outcome.policies, outcome.names, strict=True)
    return [(policy, *each) for policy, names in pairs for each in zip(policy.cluster_ids, names, strict=True)]


def money_columns(job: Job) -> set[str]:
    """The columns of the tables that hold money."""
    steps = step_names(job.potential.lines)
    ends = ("potential_low", "potential_high", "expansion")
    return {*MEASURES[1:], *ends, *(end + step for end in ("", "low_", "high_") for step in steps)}


def plain(table: pa.Table, in_cents: set[str]) -> pa.Table:
    """The table for people and spreadsheets: dictionaries decoded, money to the cent and without an exponent."""
    import pyarrow as pa

    fields = []
    for field in table.schema:
        cents = field.name in in_cents and pa.types.is_float64(field.type) and fits_cents(table[field.name])
        kind = pa.string() if pa.types.is_dictionary(field.type) else field.type
        fields.append(field.with_type(pa.decimal128(38, 2) if cents else kind))
    return table.cast(pa.schema(fields))


def fits_cents(column: pa.ChunkedArray) -> bool:
    """Whether every number is small enough that its cents mean something."""
    import pyarrow.compute as pc

    largest = pc.max(pc.abs(column)).as_py()
    return largest is None or largest < 1e13
