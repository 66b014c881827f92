"""The tables that say how far a model can be trusted."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from tamscore.stages.choose_k import Candidate
from tamscore.stages.moves import Moves

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.scoring.tables.run_tables import RunTables

_LEVEL = ("party_type", "level", "in_use", "loss", "error", "coverage", "customers")
_VERDICT = ("party_type", "feature", "verdict", "reason")
_EVIDENCE = ("separability", "separability_given", "told_apart_given", "correlation", "correlation_given", "overlap")
_ECHO = ("echo", "echo_without", "prospects")


def leakage_table(tables: RunTables) -> pa.Table:
    """One row per party type and feature: the verdict of the leakage guard, why, and what it rests on."""
    rows = []
    for fitted, verdict in ((fit, verdict) for fit in tables.party_fits for verdict in fit.verdicts):
        numbers = {name: getattr(verdict.evidence, name) for name in _EVIDENCE}
        numbers["level_shift"] = fitted.shifts.get(verdict.feature, math.nan)
        numbers |= {name: float(getattr(verdict, name)) for name in _ECHO}
        texts = {name: getattr(verdict, name) for name in _VERDICT}
        rows.append(texts | {name: _round_off(value) for name, value in numbers.items()})
    return _table(rows, _VERDICT, (*_EVIDENCE, *_ECHO, "level_shift"))


def level_table(tables: RunTables) -> pa.Table:
    """One row per party type and level of potential: its loss on held-out customers, and whether it is in use."""
    import pyarrow as pa

    rows = []
    for fit in tables.party_fits:
        level = fit.level
        if level is None or level.model is None:
            continue
        for loss in level.losses:
            row = {"party_type": fit.model.name, "level": loss.level, "in_use": loss.level == level.in_use}
            row |= {name: _round_off(getattr(loss, name)) for name in ("loss", "error", "coverage")}
            rows.append(row | {"customers": level.model.customers})
    kinds = [pa.string(), pa.string(), pa.bool_(), pa.float64(), pa.float64(), pa.float64(), pa.int64()]
    return pa.Table.from_pylist(rows, pa.schema(list(zip(_LEVEL, kinds, strict=True))))


def choice_table(tables: RunTables) -> pa.Table:
    """One row per party type and number of clusters that was a candidate; none where the job says the number."""
    import pyarrow as pa

    party = [fit.model.name for fit in tables.party_fits for _ in fit.choice]
    every = [candidate for fit in tables.party_fits for candidate in fit.choice]
    columns: dict[str, pa.Array] = {"party_type": pa.array(party, pa.string())}
    for field in fields(Candidate):
        values = [getattr(candidate, field.name) for candidate in every]
        kind = {"int": pa.int64(), "bool": pa.bool_()}.get(str(field.type), pa.float64())
        columns[field.name] = pa.array([_round_off(v) if kind == pa.float64() else v for v in values], kind)
    return pa.table(columns)


def moves_table(tables: RunTables) -> pa.Table:
    """One row per party type and redraw: how far potentials move if the model is fitted again on 90 % of the rows."""
    rows = [
        {"party_type": fit.model.name, "redraw": str(redraw + 1)}
        | {name: _round_off(value) for name, value in asdict(moves).items()}
        for fit in tables.party_fits
        for redraw, moves in enumerate(fit.moves)
    ]
    return _table(rows, ("party_type", "redraw"), tuple(field.name for field in fields(Moves)))


def stability_table(tables: RunTables) -> pa.Table:
    """One row per cluster: its bootstrap similarity and grade, and the rule that describes it with its F1."""
    rows = []
    for fit, policy, names in zip(tables.party_fits, tables.policies, tables.names, strict=True):
        for cluster, name, known in zip(policy.cluster_ids, names, fit.trust, strict=False):
            texts = {"party_type": policy.name, "cluster": cluster, "name": name}
            texts |= {"grade": known.grade, "rule": known.rule}
            rows.append({**texts, "similarity": _round_off(known.similarity), "f1": _round_off(known.f1)})
    return _table(rows, ("party_type", "cluster", "name", "grade", "rule"), ("similarity", "f1"))


def _table(rows: list[dict[str, Any]], texts: tuple[str, ...], numbers: tuple[str, ...]) -> pa.Table:
    """Rows as a table of these columns, also where there is no row."""
    import pyarrow as pa

    fields = [*((name, pa.string()) for name in texts), *((name, pa.float64()) for name in numbers)]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def _round_off(value: float) -> float | None:
    """A number to six places, which no machine gets otherwise; None where there is none."""
    return None if math.isnan(value) else round(float(value), 6)
