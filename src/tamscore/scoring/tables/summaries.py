"""The tables of a run for people: one row per cluster, quadrant, feature, reason or account of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.score.parts import KINDS, MEASURES
from tamscore.scoring.tables.plain import money
from tamscore.stages import identity, quadrant

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.scoring.score.plan import PartyPolicy
    from tamscore.scoring.tables.run_tables import RunTables


def segment_table(tables: RunTables) -> pa.Table:
    """One row per cluster and kind: accounts, sales, potential and whitespace."""
    import pyarrow as pa

    by_cluster = tables.totals.sum(axis=1)
    rows = []
    for c, (policy, cluster, name) in enumerate(clusters(tables)):
        for i, kind in enumerate(KINDS):
            sums = dict(zip(MEASURES, money(by_cluster[c, i]), strict=True))
            rows.append({"party_type": policy.name, "cluster": cluster, "name": name, "kind": kind, **sums})
    return pa.Table.from_pylist(rows)


def quadrant_table(tables: RunTables) -> pa.Table:
    """One row per party type, quadrant and kind that has accounts."""
    import pyarrow as pa

    rows, start = [], 0
    for policy in tables.policies:
        stop = start + len(policy.cluster_ids)
        here = tables.totals[start:stop].sum(axis=0)
        for q, colour in enumerate(quadrant.PLAYS):
            for i, kind in enumerate(KINDS):
                if here[q, i, 0]:
                    play = quadrant.PLAYS[int(quadrant.play_codes(q, kind == "expansion"))]
                    head = {"party_type": policy.name, "quadrant": colour.quadrant}
                    head |= {"play": play.play, "role": play.role, "kind": kind}
                    rows.append({**head, **dict(zip(MEASURES, money(here[q, i]), strict=True))})
        start = stop
    return pa.Table.from_pylist(rows)


def feature_table(tables: RunTables) -> pa.Table:
    """One row per cluster and feature: how far the cluster lies from its party type, in standard deviations."""
    import pyarrow as pa

    rows = []
    for fit, policy in zip(tables.party_fits, tables.policies, strict=True):
        apart = identity.differences(fit.model.centers, fit.fit.counts, fit.spread)
        for cluster, row in zip(policy.cluster_ids, apart, strict=True):
            for feature, value in zip(fit.model.space.features, row, strict=True):
                rows.append({"cluster": cluster, "feature": feature.name, "difference": float(np.round(value, 6))})
    return pa.Table.from_pylist(rows)


def map_table(tables: RunTables) -> pa.Table:
    """One row per account of a small sample: its cluster, and where it lies in the plane that shows the clusters best.

    No ids: it is there to be looked at.
    """
    import pyarrow as pa

    columns: dict[str, list[Any]] = {"party_type": [], "cluster": [], "x": [], "y": []}
    for seen, policy in zip(tables.map_rows, tables.policies, strict=True):
        columns["party_type"] += [policy.name] * len(seen.label)
        columns["cluster"] += [policy.cluster_ids[label] for label in seen.label.tolist()]
        columns["x"] += seen.place[0].tolist()
        columns["y"] += seen.place[1].tolist()
    kinds = {"party_type": pa.string(), "cluster": pa.string(), "x": pa.float64(), "y": pa.float64()}
    return pa.table({name: pa.array(column, kinds[name]) for name, column in columns.items()})


def quality_table(tables: RunTables) -> pa.Table:
    """Rows read, scored, rejected by reason, flagged by flag, and given the median of a column for want of a number."""
    import pyarrow as pa

    scored = sum(part.scored for part in tables.scored)
    rows = [("rows", "read", tables.plan.rows), ("rows", "scored", scored)]
    rows += [("rejected", name, count) for name, count in tables.reasons.items()]
    rows += [("flagged", name, count) for name, count in tables.flags.items()]
    rows += [("filled", name, count) for name, count in tables.filled.items() if count]
    return pa.Table.from_pylist([{"what": what, "name": name, "count": count} for what, name, count in rows])


def top_accounts(tables: RunTables) -> pa.Table:
    """The best accounts of the whole market, in the order of the ranking."""
    import pyarrow as pa

    from tamscore.scoring.score.parts import best

    return best(pa.concat_tables([part.top for part in tables.scored]).unify_dictionaries().combine_chunks())


def top_by_kind(tables: RunTables) -> pa.Table:
    """The best accounts of each kind, in the order of their ranking."""
    import pyarrow as pa

    from tamscore.scoring.score.parts import best_by_kind

    result = pa.concat_tables([part.top_by_kind for part in tables.scored])
    return best_by_kind(result.unify_dictionaries().combine_chunks())


def clusters(tables: RunTables) -> list[tuple[PartyPolicy, str, str]]:
    """Every cluster in the order of the totals: its party type's policy, its id, its name."""
    pairs = zip(tables.policies, tables.names, strict=True)
    return [(policy, *parts) for policy, names in pairs for parts in zip(policy.cluster_ids, names, strict=True)]
