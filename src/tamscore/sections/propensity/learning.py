"""Training of propensity: the better of two models by cross-validated log loss, scored without scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tamscore.sections.propensity import line, trees
from tamscore.sections.propensity.boosting import boost
from tamscore.sections.propensity.calibration import sigmoid
from tamscore.sections.propensity.line import Line
from tamscore.stages.ridge import fit_logistic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tamscore.backend import Array, Backend
    from tamscore.sections.propensity.design import PropensityDesign
    from tamscore.sections.propensity.forest import Forest
    from tamscore.sections.propensity.trees import ScoringTrees

FOLDS = 5
_Kind = Literal["logistic", "trees"]
KINDS: tuple[_Kind, ...] = ("logistic", "trees")
MOST_TREES = 120
_RIDGE = 1.0
EVERY = -1
"""The fold number that leaves no fold out."""
TREE_COUNTS = (10, 20, 40, 80, MOST_TREES)
"""Numbers of trees that are tried, all even; the log loss of held-out rows chooses one."""


@dataclass(frozen=True)
class Training:
    """The training rows in order of their draw numbers: `raw` and `terms`, labels, weights (n,).

    `raw` are columns (n,) with so many `levels` each, as `PropensityDesign` has them; `terms` (1 + d, n) are ones and
    the columns for a line. Buyers have one weight, other rows another. Models are trained without weights, which suits
    drawn rows better, and their scores are moved by `shift` afterwards (King & Zeng 2001). Measures use the weights.
    """

    raw: Sequence[Any]
    levels: tuple[int, ...]
    terms: Any
    label: Any
    weight: Any

    @property
    def shift(self) -> float:
        """Return the number to add to log-odds among the drawn rows to get those among all rows."""
        buys = self.label == 1
        return float(np.log(self.weight[buys][0] / self.weight[~buys][0]))

    @property
    def fold(self) -> Any:
        """The fold (n,) of every row: buyers and others are spread evenly, in order."""
        empty = np.empty(len(self.label), np.int64)
        for value in (0, 1):
            rows = np.flatnonzero(self.label == value)
            empty[rows] = np.arange(len(rows)) % FOLDS
        return empty


@dataclass(frozen=True)
class Scorer:
    """A model ready to score rows on a device."""

    design: PropensityDesign
    model: Line | ScoringTrees

    @classmethod
    def of(cls, design: PropensityDesign, model: Line | Forest) -> Scorer:
        """Return the scorer of a model on the host."""
        return cls(design, model if isinstance(model, Line) else model.trees(design.levels))

    def on(self, backend: Backend) -> Scorer:
        """Return the scorer with its tables on a device."""
        return self if isinstance(self.model, Line) else replace(self, model=self.model.on(backend))

    def explain(self, xp: Any, raw: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Return the score (m,) in log-odds, and the contribution (m,) of each input column beyond `expected`."""
        if isinstance(self.model, Line):
            return line.explain(xp, self.model, self.design, self.design.straight(xp, raw))
        return trees.explain(xp, self.model, raw)


@dataclass(frozen=True)
class LearnedPropensity:
    """The better model, its scores (n,) of held-out rows, and the log loss of every kind."""

    kind: _Kind
    model: Line | Forest
    left_out: Any
    loss: dict[str, float]


def learn(training: Training, run: Callable[..., Iterable[Any]]) -> LearnedPropensity:
    """Return the kind of model that predicts held-out rows best, trained on all rows.

    `run(function, items, *shared)` yields `function(item, *shared)` in order of the items, several at a time.
    """
    (weights,) = run(line_weights, [EVERY], training, None)
    tasks = [(kind, fold) for kind in KINDS for fold in range(FOLDS)]
    scores: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    for (kind, _), result in zip(tasks, run(scores_left_out, tasks, training, weights), strict=True):
        scores[kind].append(result)
    best = {kind: _best_of(scores[kind], TREE_COUNTS if kind == "trees" else (0,), training) for kind in KINDS}
    kind = min(KINDS, key=lambda item: best[item].loss)
    chosen = best[kind]
    (model,) = [line_of(training, weights)] if kind == "logistic" else run(_all_trees, [chosen.trees], training)
    return LearnedPropensity(kind, model, chosen.score, {item: best[item].loss for item in KINDS})


@dataclass(frozen=True)
class _Best:
    """Scores (n,) of held-out rows, their log loss, and the number of trees (0 for a line)."""

    score: Any
    loss: float
    trees: int


def _best_of(scores: Sequence[Any], counts: Sequence[int], training: Training) -> _Best:
    """Return the best number of trees; `scores` holds, for each fold, scores (counts, rows of the fold)."""
    fold, tried = training.fold, []
    for place, count in enumerate(counts):
        score = np.empty(len(training.label))
        for number, of_fold in enumerate(scores):
            score[fold == number] = of_fold[place]
        tried.append(_Best(score, log_loss(sigmoid(np, score), training.label, training.weight), count))
    return min(tried, key=lambda best: best.loss)


def log_loss(probability: Any, label: Any, weight: Any) -> float:
    """Return the mean negative log likelihood (natural logarithm) of labels 0 or 1."""
    remaining = np.clip(probability, 1e-12, 1 - 1e-12)
    return float(np.average(-np.where(label == 1, np.log(remaining), np.log1p(-remaining)), weights=weight))


def scores_left_out(task: tuple[_Kind, int], training: Training, weights: Any) -> Any:
    """Return scores (counts, rows) of one fold under models of the other folds; for trees, under every number of trees.

    `weights` (1 + d,) are those of a line through all rows.
    """
    kind, fold = task
    inside, outside = np.flatnonzero(training.fold != fold), np.flatnonzero(training.fold == fold)
    if kind == "logistic":
        return (line_weights(fold, training, weights) @ training.terms[:, outside])[None] + training.shift
    seen, rows = ([column[at] for column in training.raw] for at in (inside, outside))
    forest = boost(seen, training.levels, training.label[inside], MOST_TREES)
    ready = replace(forest, base=forest.base + training.shift).trees(training.levels)
    return trees.scores_after(np, ready, rows, TREE_COUNTS)


def _all_trees(count: int, training: Training) -> Forest:
    """Return so many trees, trained on every row."""
    forest = boost(training.raw, training.levels, training.label, count)
    return replace(forest, base=forest.base + training.shift)


def line_weights(fold: int, training: Training, start: Any) -> Any:
    """Return weights (1 + d,) of a line through all rows except a fold (EVERY: no fold), searched from `start`."""
    seen = (training.fold != fold).astype(np.float64)
    return fit_logistic(training.terms, training.label == 1, seen, _RIDGE, start)


def line_of(training: Training, weights: Any) -> Line:
    """Return the line with given weights (1 + d,), moved to the true odds."""
    means = np.average(training.terms[1:], axis=1, weights=training.weight)
    base = float(weights[0] + np.sum(weights[1:] * means)) + training.shift
    return Line(base, weights[1:], means)
