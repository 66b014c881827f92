"""A propensity as later runs and people read it: its record, its tables, its model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.extras import training
from tamscore.passes.extra import Findings
from tamscore.stages.calibration import Calibration
from tamscore.stages.design import Design, Number
from tamscore.stages.learning import Line
from tamscore.stages.prepare import Vocabulary
from tamscore.stages.propensity import BANDS, Propensity
from tamscore.stages.separation import separability
from tamscore.stages.trees import Forest
from tamscore.store import model as stored_model
from tamscore.store.placed import files_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore import config
    from tamscore.extras.market import Market
    from tamscore.stages.propensity import Judged

NAME = "propensity"
FORMAT = 1
ODD = 0.95
"""A feature that tells buyers apart alone so well, as area under the ROC curve, may know of the label window."""
FOREST = ("starts", "feature", "threshold", "missing_is_small", "left", "right", "value", "rows")


def told(judged: Judged) -> dict[str, Any]:
    """The verdict on a propensity in the manifest's words."""
    calibration = judged.propensity.calibration
    return {
        "kind": judged.kind,
        "log_loss_left_out": {kind: round(loss, 6) for kind, loss in judged.loss.items()},
        "calibration": calibration.kind if calibration else None,
        "quality": {name: rounded(value) for name, value in asdict(judged.verdict).items()},
        "deciles": [{name: rounded(value) for name, value in asdict(one).items()} for one in judged.deciles],
        "features": [{"feature": name, "mean_log_odds": moves} for name, moves in judged.weights.items()],
    }


def rounded(value: float | None) -> float | None:
    """A number to six places; None where there is none."""
    return None if value is None or not np.isfinite(value) else round(float(value), 6)


def suspects(drawn: training.Drawn, design: Design) -> list[str]:
    """The numeric features that tell buyers from others alone, so that they may know of the label window."""
    found = []
    for one, values in zip(design.numbers, drawn.numeric, strict=True):
        known = np.isfinite(values)
        buys = drawn.label[known] == 1
        if buys.any() and not buys.all() and separability(values[known], buys) >= ODD:
            found.append(one.column)
    return found


def findings(
    model: Propensity, record: dict[str, Any], counts: Any, bands: tuple[float, float], cost: float
) -> Findings:
    """What a propensity leaves beside its columns; `counts` (2, 3) has accounts and expected buyers by band."""
    import pyarrow as pa

    tables = {
        "propensity_deciles": pa.Table.from_pylist(record["deciles"]),
        "propensity_features": pa.Table.from_pylist(record["features"]),
    }
    full = dict(record)
    if model.calibration is not None:
        rows = band_rows(counts, bands, cost)
        tables["propensity_bands"] = pa.Table.from_pylist(rows)
        full |= {"bands": rows[:-1], "everyone": rows[-1], "expected_buyers": rows[-1]["expected_buyers"]}
    return Findings(full, tables, frozenset({"cost", "cost_per_buyer"}), (describe(model, record), arrays_of(model)),
                    notices(full))  # fmt: skip


def notices(record: dict[str, Any]) -> tuple[str, ...]:
    """What a person should know before acting on a propensity."""
    said = [
        f"feature {name!r} tells buyers from others nearly alone; was it known by the cut-off?"
        for name in record["suspects"]
    ]
    if record["mode"] == "rank":
        said.append(
            "no account is labelled as not having bought: ranks are told, probabilities and bands are withheld; "
            "propensity.class_prior would allow them"
        )
    return tuple(said)


def band_rows(counts: Any, bands: tuple[float, float], cost: float) -> list[dict[str, Any]]:
    """One row a band, the best first, then one for everyone: accounts, expected buyers, what contacting them costs."""
    limits = {"low": f"below {bands[0]:g}", "middle": f"{bands[0]:g} to {bands[1]:g}", "focus": f"above {bands[1]:g}"}
    everyone = counts.sum(axis=1)
    named = [(band, limits[band], counts[:, place]) for place, band in reversed(list(enumerate(BANDS)))]
    rows = []
    for band, limit, (accounts, buyers) in [*named, ("everyone", "", everyone)]:
        each = cost * accounts / buyers if buyers else None
        rows.append(
            {
                "band": band,
                "probability": limit,
                "accounts": int(accounts),
                "expected_buyers": round(float(buyers), 2),
                "capture": rounded(buyers / everyone[1] if everyone[1] else None),
                "cost": round(cost * float(accounts), 2),
                "cost_per_buyer": None if each is None else round(float(each), 2),
                "against_everyone": rounded(each * everyone[1] / (cost * everyone[0])) if each else None,
            }
        )
    return rows


def describe(model: Propensity, record: dict[str, Any]) -> dict[str, Any]:
    """The model in words and single numbers."""
    line = isinstance(model.model, Line)
    calibration = model.calibration
    single = ("slope", "offset", "shift", "labelled", "least")
    return {
        "format": FORMAT,
        "kind": "logistic" if line else "trees",
        "base": model.model.base,
        "numbers": [asdict(one) for one in model.design.numbers],
        "vocabularies": [{"column": one.column, "levels": one.levels} for one in model.design.vocabularies],
        "calibration": {name: getattr(calibration, name) for name in single} if calibration else None,
        "record": record,
    }


def arrays_of(model: Propensity) -> dict[str, Any]:
    """The arrays of the model by name."""
    names = ("weights", "means") if isinstance(model.model, Line) else FOREST
    found = {name: np.asarray(getattr(model.model, name)) for name in names}
    if model.calibration is not None:
        found |= {"calibration.x": model.calibration.x, "calibration.y": model.calibration.y}
    return {name: array.astype(np.uint8) if array.dtype == bool else array for name, array in found.items()}


def kept(market: Market, section: config.Propensity) -> tuple[Propensity, dict[str, Any]] | None:
    """The propensity of the run whose model is frozen, with its record; None where a model is to be learned.

    Raises InputContractError where it was learned from other columns.
    """
    record = market.origin.record
    if record["source"] != "frozen" or market.origin.earlier is None:
        return None
    directory = market.origin.earlier.directory
    found = stored_model.read_extra(directory.model, NAME, files_of(directory.manifest() or {}))
    if found is None:
        return None
    model = parsed(*found, str(directory.model))
    columns = training.columns_of(market, section)
    if model.design.columns != (*columns.numeric, *columns.categorical):
        raise InputContractError(
            f"propensity: the model of run {directory.run_key} was learned from {', '.join(model.design.columns)}, the "
            f"job names {', '.join((*columns.numeric, *columns.categorical))}; use the job file of the model"
        )
    return model, {**found[0]["record"], "model": {"source": "frozen", "run": directory.run_key}}


def parsed(said: Mapping[str, Any], arrays: Mapping[str, Any], where: str) -> Propensity:
    """The propensity that two files of a model hold; InputContractError where they do not make sense."""
    try:
        if said["format"] != FORMAT:
            raise ValueError(f"expected format {FORMAT}, got {said['format']!r}")  # noqa: TRY301 - one way out
        numbers = tuple(Number(**one) for one in said["numbers"])
        vocabularies = tuple(Vocabulary(one["column"], tuple(one["levels"])) for one in said["vocabularies"])
        design = Design(numbers, vocabularies)
        return Propensity(design, model_of(said, arrays), calibration_of(said, arrays))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputContractError(f"{where}: {NAME}: {error}; run its job again") from error


def model_of(said: Mapping[str, Any], arrays: Mapping[str, Any]) -> Line | Forest:
    """The line or the trees of a stored model."""
    if said["kind"] == "logistic":
        return Line(float(said["base"]), arrays["weights"], arrays["means"])
    columns = {name: arrays[name] for name in FOREST}
    columns["missing_is_small"] = columns["missing_is_small"].astype(bool)
    return Forest(float(said["base"]), **columns)


def calibration_of(said: Mapping[str, Any], arrays: Mapping[str, Any]) -> Calibration | None:
    """The calibration of a stored model."""
    if said["calibration"] is None:
        return None
    return Calibration(arrays["calibration.x"], arrays["calibration.y"], **said["calibration"])
