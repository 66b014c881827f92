"""The tables of a run about ladders: by cluster, by step, and by way to set the top step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.schema import POTENTIAL_HEAD
from tamscore.scoring import warnings
from tamscore.scoring.score.parts import KINDS
from tamscore.scoring.tables.plain import money
from tamscore.stages import top_step
from tamscore.stages.potential import step_names

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.config import Job
    from tamscore.scoring.tables.run_tables import RunTables


def potential_table(tables: RunTables) -> pa.Table:
    """Return one row per cluster: its ladder, support, basis and distinct steps, and the interval of each cut value.

    `low_support` says that the interval of the first cut line rests on borrowed customers.
    """
    import pyarrow as pa

    columns: dict[str, list[Any]] = {name: [] for name in (*POTENTIAL_HEAD, "distinct_steps")}
    steps: dict[str, list[float]] = {}
    for policy, names in zip(tables.policies, tables.names, strict=True):
        table = policy.table
        borrowed = (~table.bounds.supported[:, 0]).tolist()
        model_source = (table.support.tolist(), table.basis, table.parent, borrowed, table.distinct.tolist())
        parts = ([policy.name] * len(names), policy.cluster_ids, names, *model_source)
        for column, values in zip(columns.values(), parts, strict=True):
            column.extend(values)
        labels = step_names(table.lines)
        ends = {"": table.values, "low_": table.bounds.low, "high_": table.bounds.high}
        for end, amounts in ends.items():
            for j, label in enumerate(labels):
                steps.setdefault(end + label, []).extend(amounts[:, j].tolist())
    amounts_of = {name: pa.array(column, pa.float64(), from_pandas=True) for name, column in steps.items()}
    return pa.table({**columns, **amounts_of})


def step_table(tables: RunTables) -> pa.Table:
    """Return one row per party type, step and kind: accounts, whitespace, and their share of all whitespace."""
    import pyarrow as pa

    rows = []
    for market, policy in zip(tables.markets, tables.policies, strict=True):
        sums = warnings.by_step(market)
        whole = max(float(sums[:, :, 1].sum()), 1e-300)
        for j, step in enumerate(step_names(policy.table.lines)):
            for i, kind in enumerate(KINDS):
                accounts, held = money(sums[i, j])
                head = {"party_type": policy.name, "step": step, "kind": kind}
                rows.append({**head, "accounts": accounts, "whitespace": held, "share": round(held / whole, 6)})
    return pa.Table.from_pylist(rows)


def top_step_table(tables: RunTables, job: Job) -> pa.Table:
    """Return one row per party type and way to set the top step: whitespace of customers, and its share by step.

    `share_…` are shares of the expansion whitespace; `above` counts customers that buy more than the cap. With ladders
    of an earlier run, the only row is that of the setting in force.
    """
    import pyarrow as pa

    rows = []
    rules = job.potential
    for market, policy, fitted in zip(tables.markets, tables.policies, tables.party_fits, strict=True):
        lines, frozen = policy.table.lines, fitted.reference.table is not None
        for audit in top_step.audit(market.sales, policy.table, rules.boundary, rules.top_step, frozen=frozen):
            row: dict[str, Any] = {"party_type": policy.name, "top_step": audit.top_step}
            row["in_force"] = audit.top_step == rules.top_step
            row["expansion"] = money([audit.whitespace.sum()])[0]
            row["potential_to_sales"] = audit.potential / audit.sales if audit.sales else None
            names = (f"share_{step}" for step in step_names(lines))
            rows.append(
                row | {"above": audit.above} | dict(zip(names, np.round(audit.shares, 6).tolist(), strict=True))
            )
    columns = {name: pa.array([row[name] for row in rows], from_pandas=True) for name in rows[0]}
    return pa.table(columns)
