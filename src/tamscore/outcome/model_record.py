"""The model of a run as later runs and people read it: what it says in words, and its arrays."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.config import Job
    from tamscore.fitting.fitted import Fitted
    from tamscore.outcome import Outcome
    from tamscore.passes.score import PartyPolicy
    from tamscore.stages.potential import PotentialTable
    from tamscore.stages.scale import ColumnScale


def describe(outcome: Outcome, job: Job) -> dict[str, Any]:
    """The model as `model.json` tells it: all but the arrays."""
    parties = zip(outcome.fitted, outcome.policies, outcome.names, strict=True)
    return {
        "parties": [party_told(*each) for each in parties],
        "inputs": {"numeric": tuple(job.features.numeric), "categorical": job.features.categorical},
        "settings": settings_of(job),
        "tamscore": __version__,
    }


def party_told(one: Fitted, policy: PartyPolicy, names: Sequence[str]) -> dict[str, Any]:
    """The model of a party type."""
    space, segments = one.model.space, one.model.encoding.segments
    return {
        "party_type": one.model.name,
        "features": [feature.name for feature in space.features],
        "columns": [column_told(scale) for scale in space.scales],
        "vocabularies": [{"column": one.column, "levels": one.levels} for one in space.vocabularies],
        "market_segments": {"column": segments.column, "levels": segments.levels} if segments else None,
        "level_weight": space.level_weight,
        "unit": space.fitted_grid.unit,
        "clusters": [{"id": i, "name": name} for i, name in zip(policy.cluster_ids, names, strict=True)],
        "named": one.named,
        "limits": {"potential": finite(policy.limits.potential), "sales": finite(policy.limits.sales)},
        "ladder": ladder_told(policy.table),
        "fit": fit_told(one),
    }


def column_told(scale: ColumnScale) -> dict[str, Any]:
    """The scaling of a numeric column."""
    return {
        "name": scale.name,
        "scaling": scale.scaling,
        "low": finite(scale.low),
        "high": finite(scale.high),
        "center": scale.center,
        "factor": scale.factor,
        "missing_indicator": scale.missing_indicator,
    }


def ladder_told(table: PotentialTable) -> dict[str, Any]:
    """What the ladders are made of."""
    return {"level": table.bounds.level, "lines": table.lines, "basis": table.basis, "parent": table.parent}


def fit_told(one: Fitted) -> dict[str, Any]:
    """How the centers came about, on which rows."""
    how = {name: getattr(one.fit, name) for name in ("inertia", "passes", "batches", "reseeded")}
    return {"rows": one.rows, **how, "constant": one.constant}


def settings_of(job: Job) -> dict[str, str]:
    """The hashes of what a job says in the sections that make the model, by section."""
    sections = {
        "columns": job.columns.model_dump_json(include={"party_type", "market_segment"}),
        "features": job.features.model_dump_json(exclude={"allow"}),
        "clusters": job.clusters.model_dump_json(
            exclude={"hysteresis", "k_range", "max_relabelled_share", "stability"}
        ),
        "potential": job.potential.model_dump_json(),
        "quadrant": job.quadrant.model_dump_json(),
    }
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sections.items()}


def finite(value: float) -> float | None:
    """The value, or None where it stands for no bound."""
    return float(value) if np.isfinite(value) else None


def model_arrays(outcome: Outcome) -> dict[str, Any]:
    """The arrays of the model by party type and name; `customer_sales` sorted within clusters at `offsets`.

    `segment_sales` are the same sales sorted within market segments: what thin clusters lean on.
    """
    arrays = {}
    for one, market, reach in zip(outcome.fitted, outcome.markets, outcome.reaches, strict=True):
        name = one.model.name
        arrays[f"{name}.centers"] = one.model.centers
        arrays[f"{name}.limit"] = one.model.space.fitted_grid.limit
        arrays[f"{name}.counts"] = one.fit.counts
        arrays[f"{name}.spread"] = one.spread
        arrays[f"{name}.reach"] = reach
        arrays[f"{name}.cut_values"] = market.table.values
        arrays[f"{name}.support"] = market.table.support
        bounds = market.table.bounds
        arrays[f"{name}.bounds_low"], arrays[f"{name}.bounds_high"] = bounds.low, bounds.high
        arrays[f"{name}.bounds_supported"] = bounds.supported.astype(np.uint8)
        arrays[f"{name}.accounts"] = market.accounts
        arrays[f"{name}.customer_sales"] = market.sales.sales
        arrays[f"{name}.offsets"] = market.sales.offsets
        arrays[f"{name}.segment_sales"] = market.by_segment.sales
        arrays[f"{name}.segment_offsets"] = market.by_segment.offsets
        if one.model.space.scales:
            arrays[f"{name}.fill"] = np.stack([scale.fill for scale in one.model.space.scales], dtype=np.float64)
        for scale in one.model.space.scales:
            if scale.knots is not None:
                arrays[f"{name}.knots.{scale.name}"] = scale.knots
                arrays[f"{name}.scores.{scale.name}"] = scale.scores
        for histogram in one.histograms:
            arrays[f"{name}.bins.{histogram.column}"] = histogram.counts
            if histogram.column in one.model.encoding.columns.numeric:
                arrays[f"{name}.edges.{histogram.column}"] = histogram.edges
    return arrays
