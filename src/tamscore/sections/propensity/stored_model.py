"""A propensity as later runs read it: what it says in words and single numbers, and its arrays."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.sections.propensity import training
from tamscore.sections.propensity.calibration import Calibration
from tamscore.sections.propensity.design import Number, PropensityDesign
from tamscore.sections.propensity.forest import LEAF, Forest, Nodes
from tamscore.sections.propensity.judging import PropensityModel
from tamscore.sections.propensity.line import Line
from tamscore.stages.prepare import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.scoring.market import Market
    from tamscore.sections.propensity.settings import Propensity

_NAME = "propensity"
_FORMAT = 2
_INDICATORS = 1
"""The format in which trees asked one 0/1 column for each level of a category."""


def both(model: PropensityModel, record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The description and the arrays of a model, with the record that later runs repeat."""
    return describe(model, record), arrays_of(model)


def describe(model: PropensityModel, record: dict[str, Any]) -> dict[str, Any]:
    """The model in words and single numbers."""
    line = isinstance(model.model, Line)
    calibration = model.calibration
    single = ("slope", "offset", "shift", "labelled", "least")
    return {
        "format": _FORMAT,
        "kind": "logistic" if line else "trees",
        "base": model.model.base,
        "numbers": [asdict(number) for number in model.design.numbers],
        "vocabularies": [
            {"column": vocabulary.column, "levels": vocabulary.levels} for vocabulary in model.design.vocabularies
        ],
        "calibration": {name: getattr(calibration, name) for name in single},
        "record": record,
    }


def arrays_of(model: PropensityModel) -> dict[str, Any]:
    """The arrays of the model by name."""
    line = model.model
    if isinstance(line, Line):
        record = {"weights": np.asarray(line.weights), "means": np.asarray(line.means)}
    else:
        record = {"starts": line.starts, **line.nodes.columns}
    record |= {"calibration.x": model.calibration.x, "calibration.y": model.calibration.y}
    return {name: array.astype(np.uint8) if array.dtype == bool else array for name, array in record.items()}


def stored_propensity(market: Market, section: Propensity) -> tuple[PropensityModel, dict[str, Any]] | None:
    """The propensity of the run whose model is frozen, with its record; None where a model is to be learned.

    The record names the run that learned it, which may be one before that run: its figures are those found there.
    Raises InputContractError where it was learned from other columns.
    """
    earlier = market.model_source.earlier
    if market.model_source.record["source"] != "frozen" or earlier is None:
        return None
    directory, parts = earlier.directory, earlier.section(_NAME)
    if parts is None:
        return None
    model = parse(*parts, str(directory.model))
    columns = training.columns_of(market, section)
    if model.design.columns != (*columns.numeric, *columns.categorical):
        raise InputContractError(
            f"propensity: the model of run {directory.run_key} was learned from {', '.join(model.design.columns)}, the "
            f"job names {', '.join((*columns.numeric, *columns.categorical))}; use the job file of the model"
        )
    text = parts[0]["record"]
    return model, {**text, "model": {"source": "frozen", "run": text["model"].get("run", directory.run_key)}}


def parse(text: Mapping[str, Any], arrays: Mapping[str, Any], where: str) -> PropensityModel:
    """The propensity that two files of a model hold; raise InputContractError where they do not make sense."""
    try:
        if text["format"] not in {_INDICATORS, _FORMAT}:
            raise ValueError(f"expected format {_FORMAT}, got {text['format']!r}")  # noqa: TRY301 - one way out
        numbers = tuple(Number(**item) for item in text["numbers"])
        vocabularies = tuple(Vocabulary(item["column"], tuple(item["levels"])) for item in text["vocabularies"])
        design = PropensityDesign(numbers, vocabularies)
        return PropensityModel(design, _model_of(text, arrays, design), _calibration_of(text, arrays))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputContractError(f"{where}: {_NAME}: {error}; run its job again") from error


def _model_of(text: Mapping[str, Any], arrays: Mapping[str, Any], design: PropensityDesign) -> Line | Forest:
    """The line or the trees of a stored model; raise ValueError where they do not hold together."""
    if text["kind"] == "logistic":
        line = Line(float(text["base"]), arrays["weights"], arrays["means"])
        if not len(line.weights) == len(line.means) == len(design.straight_sources):
            raise ValueError(f"expected {len(design.straight_sources)} weights, got {len(line.weights)}")
        return line
    if text["kind"] != "trees":
        raise ValueError(f"expected logistic or trees, got {text['kind']!r}")
    if text["format"] == _INDICATORS:
        arrays = {**arrays, **_asked_by_level(arrays["feature"], arrays["threshold"], design)}
    columns = {field.name: arrays[field.name] for field in fields(Nodes)}
    columns["missing_is_small"] = columns["missing_is_small"].astype(bool)
    forest = Forest(float(text["base"]), arrays["starts"], Nodes(**columns))
    if not forest.is_sound(design.levels):
        raise ValueError("its trees do not hold together")
    return forest


def _asked_by_level(feature: Any, threshold: Any, design: PropensityDesign) -> dict[str, Any]:
    """The columns that nodes (n,) ask, and which levels go left, of trees that asked 0/1 columns of levels."""
    numbers = len(design.numbers)
    asked = [(place, level) for place, count in enumerate(design.levels) for level in range(count)]
    column = np.array([*range(numbers), *(place for place, _ in asked), LEAF])
    of_level = np.array([*[LEAF] * numbers, *(level for _, level in asked), LEAF])
    if np.any((feature < LEAF) | (feature >= len(column) - 1)):
        raise ValueError("its trees do not hold together")
    level = of_level[feature]
    small = (np.arange(max(design.levels)) == level[:, None]) <= threshold[:, None]
    packed = np.packbits(small & (level != LEAF)[:, None], axis=1, bitorder="little")
    return {"feature": column[feature], "small_levels": packed}


def _calibration_of(text: Mapping[str, Any], arrays: Mapping[str, Any]) -> Calibration:
    """The calibration of a stored model."""
    return Calibration(arrays["calibration.x"], arrays["calibration.y"], **text["calibration"])
