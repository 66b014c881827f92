"""Which level places held-out customers' sales better: that of the cluster, or that of the account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tamscore.stages.choose_k import cut_lines
from tamscore.stages.level import FOLDS

if TYPE_CHECKING:
    from tamscore.stages.level import LevelModel

Level = Literal["cluster", "account"]


@dataclass(frozen=True)
class LevelLoss:
    """How well a level does on customers that it has not seen.

    `loss` is the mean pinball loss of the first cut line in logarithms of sales, `error` its standard error, `coverage`
    the share of the customers at or below that line.
    """

    level: Level
    loss: float
    error: float
    coverage: float


@dataclass(frozen=True)
class PartyLevel:
    """The level of a party type: the one in use, the model of the account's level, and the losses of both levels.

    There is no model, and no loss, where customers are too few.
    """

    in_use: Level
    model: LevelModel | None
    losses: tuple[LevelLoss, ...]

    @property
    def in_force(self) -> LevelModel | None:
        """The model that accounts are given a level by; None at level cluster."""
        return self.model if self.in_use == "account" else None


def level_losses(
    label: Any, sales: Any, typical: Any, fold: Any, line: float, min_customers: int
) -> tuple[LevelLoss, LevelLoss]:
    """The loss of level cluster and of level account, over customers (n,) with cluster, sales, typical sales and fold.

    Typical sales are those of a model that has not seen the customer's fold.
    """
    logs = np.log(sales)
    of_cluster = _held_out(label, logs, fold, line, min_customers)
    of_account = _held_out(label, logs - np.log(typical.astype(np.float64)), fold, line, min_customers)
    return _loss_of("cluster", of_cluster, line), _loss_of("account", of_account, line)


def _held_out(label: Any, logs: Any, fold: Any, line: float, min_customers: int) -> Any:
    """How far the logs (n,) lie above the cut line of their cluster that the customers of the other folds give."""
    above, k = np.zeros(len(logs)), int(label.max(initial=0)) + 1
    for out in range(FOLDS):
        known, held = fold != out, fold == out
        if held.any() and known.any():
            above[held] = logs[held] - cut_lines(label[known], logs[known], k, line, min_customers)[label[held]]
    return above


def _loss_of(level: Level, above: Any, line: float) -> LevelLoss:
    """The loss of a level from how far logs (n,) lie above their cut lines."""
    loss = np.maximum(line * above, (line - 1) * above)
    error = float(loss.std() / np.sqrt(len(loss)))
    return LevelLoss(level, float(loss.mean()), error, float(np.mean(above <= 0)))
