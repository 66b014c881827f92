"""A propensity as people read it: its record in the manifest, its tables, its notices."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.score.sections import Findings
from tamscore.sections.propensity import stored_model as propensity_model
from tamscore.sections.propensity.judging import BANDS
from tamscore.stages.separation import separability

if TYPE_CHECKING:
    from tamscore.sections.propensity.design import PropensityDesign
    from tamscore.sections.propensity.judging import EvaluatedPropensity, PropensityModel
    from tamscore.sections.propensity.training import LabelledRows

_ODD = 0.95
"""From this area under the ROC curve on, a single feature may contain data of the label window."""


def describe_propensity(judged: EvaluatedPropensity) -> dict[str, Any]:
    """The verdict on a propensity in the manifest's words."""
    calibration = judged.propensity.calibration
    return {
        "kind": judged.kind,
        "log_loss_left_out": {kind: round(loss, 6) for kind, loss in judged.loss.items()},
        "calibration": calibration.kind,
        "quality": {name: _round_off(value) for name, value in asdict(judged.verdict).items()},
        "deciles": [{name: _round_off(value) for name, value in asdict(decile).items()} for decile in judged.deciles],
        "features": [{"feature": name, "mean_log_odds": moves} for name, moves in judged.weights.items()],
    }


def _round_off(value: float | None) -> float | None:
    """A number to six places; None where there is none."""
    return None if value is None or not np.isfinite(value) else round(float(value), 6)


def suspects(drawn: LabelledRows, design: PropensityDesign) -> list[str]:
    """Return numeric features that separate buyers from others alone, and so may contain data of the label window."""
    items = []
    for number, values in zip(design.numbers, drawn.numeric, strict=True):
        known = np.isfinite(values)
        buys = drawn.label[known] == 1
        if buys.any() and not buys.all() and separability(values[known], buys) >= _ODD:
            items.append(number.column)
    return items


def findings(
    model: PropensityModel, record: dict[str, Any], counts: Any, bands: tuple[float, float], cost: float
) -> Findings:
    """Return what a propensity leaves beside its columns; `counts` (2, 3) has accounts and expected buyers by band."""
    import pyarrow as pa

    tables = {
        "propensity_deciles": pa.Table.from_pylist(record["deciles"]),
        "propensity_features": pa.Table.from_pylist(record["features"]),
    }
    rows = _band_rows(counts, bands, cost)
    tables["propensity_bands"] = pa.Table.from_pylist(rows)
    full = {**record, "bands": rows[:-1], "everyone": rows[-1], "expected_buyers": rows[-1]["expected_buyers"]}
    return Findings(full, tables, frozenset({"cost", "cost_per_buyer"}), propensity_model.both(model, record),
                    _notices(full))  # fmt: skip


def _notices(record: dict[str, Any]) -> tuple[str, ...]:
    """Return what a person should know before acting on a propensity."""
    items = [
        f"feature {name!r} tells buyers from others nearly alone; was it known by the cut-off?"
        for name in record["suspects"]
    ]
    if record["mode"] == "labelled":
        items.append(
            "no account is labelled as not having bought: a probability is that of being labelled a buyer, and too low "
            "if buyers lack the label; set propensity.class_prior to the share of accounts that buy"
        )
    return tuple(items)


def _band_rows(counts: Any, bands: tuple[float, float], cost: float) -> list[dict[str, Any]]:
    """One row a band, the best first, then one for everyone: accounts, expected buyers, what contacting them costs."""
    limits = {"low": f"below {bands[0]:g}", "middle": f"{bands[0]:g} to {bands[1]:g}", "focus": f"above {bands[1]:g}"}
    everyone = counts.sum(axis=1)
    named = [(band, limits[band], counts[:, place]) for place, band in reversed(list(enumerate(BANDS)))]
    rows = []
    for band, limit, (accounts, buyers) in [*named, ("everyone", "", everyone)]:
        item = cost * accounts / buyers if buyers else None
        rows.append(
            {
                "band": band,
                "probability": limit,
                "accounts": int(accounts),
                "expected_buyers": round(float(buyers), 2),
                "capture": _round_off(buyers / everyone[1] if everyone[1] else None),
                "cost": round(cost * float(accounts), 2),
                "cost_per_buyer": None if item is None else round(float(item), 2),
                "against_everyone": _round_off(item * everyone[1] / (cost * everyone[0])) if item else None,
            }
        )
    return rows
