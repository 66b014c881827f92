"""The model of who will buy: learned, calibrated, judged on rows that it has not seen, and applied to rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.propensity import calibration, learning, verdict
from tamscore.sections.propensity.calibration import round_off
from tamscore.sections.propensity.learning import Scorer
from tamscore.sections.propensity.reasons import offsets_of, strongest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tamscore.backend import Array, Backend
    from tamscore.sections.propensity.calibration import Calibration
    from tamscore.sections.propensity.design import PropensityDesign
    from tamscore.sections.propensity.forest import Forest
    from tamscore.sections.propensity.learning import LearnedPropensity, Training
    from tamscore.sections.propensity.line import Line
    from tamscore.sections.propensity.verdict import Decile, PropensityQuality

_BLOCKS = 4
"""So many times fewer rows than in a block of the backend are searched for reasons at once: they stay in the cache."""
BANDS = ("low", "middle", "focus")


@dataclass(frozen=True)
class PropensityModel:
    """Who will buy: a model on a design, and its calibration."""

    design: PropensityDesign
    model: Line | Forest
    calibration: Calibration

    @cached_property
    def scorer(self) -> Scorer:
        """The model ready to score rows on the host."""
        return Scorer.of(self.design, self.model)


@dataclass(frozen=True)
class EvaluatedPropensity:
    """A propensity with what is known about it: log loss by kind of model, and how it did on rows left out.

    `weights` says by column how much it moves scores on the average, in log-odds.
    """

    propensity: PropensityModel
    kind: str
    loss: dict[str, float]
    verdict: PropensityQuality
    deciles: list[Decile]
    weights: dict[str, float]


@dataclass(frozen=True)
class _PropensityScores:
    """What a propensity says of rows: score (m,) in log-odds, probability (m,), the strongest reasons (m,)."""

    score: Array
    probability: Array
    reasons: list[Array]


def foretell(
    propensity: PropensityModel,
    scorer: Scorer,
    backend: Backend,
    numbers: Mapping[str, Array],
    codes: Mapping[str, Array],
) -> _PropensityScores:
    """Return what a propensity says of a block of rows, given its numbers and categories (m,) on the device."""
    xp, design = backend.xp, propensity.design
    raw = design.raw(xp, numbers, codes)
    score, added = scorer.explain(xp, raw)
    rows = max(backend.block_rows // _BLOCKS, 1)
    items = strongest(xp, added, design.states(xp, raw), offsets_of(design.state_names), rows)
    return _PropensityScores(round_off(xp, score), propensity.calibration.probability(xp, score), items)


def evaluate(
    design: PropensityDesign,
    training: Training,
    run: Callable[..., Iterable[Any]],
    rules: CalibrationRules,
) -> EvaluatedPropensity:
    """The propensity that the training rows teach, and how it did on rows that it was not taught."""
    learned = learning.learn(training, run)
    made = _calibrate(learned, training, rules)
    text = _cross(learned, training, rules)
    propensity = PropensityModel(design, learned.model, made)
    fair = text if rules.prior is None else None
    return EvaluatedPropensity(
        propensity,
        learned.kind,
        learned.loss,
        verdict.verdict(learned.left_out, fair, training.label, training.weight),
        verdict.deciles(text, fair, training.label, training.weight),
        _weights_of(propensity, training),
    )


@dataclass(frozen=True)
class CalibrationRules:
    """How scores become probabilities: the kind of calibration, and the class prior where one is given.

    `negatives` says that rows with label 0 have not bought; else nobody knows, and a probability without a prior is
    that of being labelled a buyer.
    """

    kind: Any
    prior: float | None
    negatives: bool


def _calibrate(learned: LearnedPropensity, training: Training, rules: CalibrationRules) -> Calibration:
    """The calibration on rows left out."""
    return _move(calibration.calibrate(learned.left_out, training.label, training.weight, rules.kind),
                 learned.left_out, training, rules)  # fmt: skip


def _move(made: Calibration, score: Any, training: Training, rules: CalibrationRules) -> Calibration:
    """The calibration moved to the class prior, where one is given."""
    if rules.prior is None:
        return made
    if rules.negatives:
        share = float(np.average(training.label, weights=training.weight))
        return calibration.move(made, share, rules.prior)
    return calibration.freed(made, score, training.weight, rules.prior)


def _cross(learned: LearnedPropensity, training: Training, rules: CalibrationRules) -> Any:
    """Probabilities (n,) where neither model nor calibration has seen the row."""
    empty, fold, score = np.empty(len(training.label)), training.fold, learned.left_out
    for number in range(learning.FOLDS):
        inside, outside = fold != number, fold == number
        others = replace(training, label=training.label[inside], weight=training.weight[inside])
        made = calibration.calibrate(score[inside], others.label, others.weight, rules.kind)
        empty[outside] = _move(made, score[inside], others, rules).probability(np, score[outside])
    return empty


def _weights_of(propensity: PropensityModel, training: Training) -> dict[str, float]:
    """Return how much each column moves the scores of the training rows on the average, the most first."""
    from tamscore.backend.host import HostBackend

    host, scorer = HostBackend(), propensity.scorer
    total = np.zeros(len(propensity.design.columns))
    for start in range(0, len(training.label), host.block_rows):
        at = slice(start, start + host.block_rows)
        _, added = scorer.explain(np, [column[at] for column in training.raw])
        total += [float(np.sum(np.abs(item) * training.weight[at])) for item in added]
    mean = np.round(total / training.weight.sum(), 6).tolist()
    pairs = zip(propensity.design.columns, mean, strict=True)
    return dict(sorted(pairs, key=lambda pair: -pair[1]))


def band(xp: Any, probability: Array, limits: Sequence[float]) -> Array:
    """The place (m,) int64 in BANDS: below the first limit, up to the second, above it."""
    return xp.astype(probability >= limits[0], xp.int64) + xp.astype(probability > limits[1], xp.int64)
