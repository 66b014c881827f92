"""The losses of both levels, against a slow computation, on sales that follow size and sales that do not."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore.stages.level import FOLDS
from tamscore.stages.level_loss import level_losses


def slow_loss(values, label, fold, line, enough):
    """The mean pinball loss and the coverage, customer by customer."""
    losses, covered = [], []
    for i, value in enumerate(values):
        others = fold != fold[i]
        overall, own = np.sort(values[others]), np.sort(values[others & (label == label[i])])
        rank = lambda one: one[max(int(np.ceil(line * len(one))) - 1, 0)]  # noqa: E731
        weight = 1.0 if len(own) >= enough else len(own) / (len(own) + enough)
        cut = weight * rank(own) + (1 - weight) * rank(overall) if len(own) else rank(overall)
        losses.append(max(line * (value - cut), (line - 1) * (value - cut)))
        covered.append(value <= cut)
    return np.mean(losses), np.mean(covered)


@pytest.mark.parametrize("line", [0.8, 0.85])
def test_losses_are_those_of_customers_one_by_one(rng, line):
    n = 400
    label, fold = rng.integers(0, 6, n) // 2, rng.integers(0, FOLDS, n)
    typical = np.exp(rng.normal(6, 1, n)).astype(np.float32)
    sales = typical * np.exp(rng.normal(0, 0.5, n))
    cluster, account = level_losses(label, sales, typical, fold, line, 25)
    loss, coverage = slow_loss(np.log(sales), label, fold, line, 25)
    assert cluster.level == "cluster"
    assert [cluster.loss, cluster.coverage] == pytest.approx([loss, coverage])
    loss, coverage = slow_loss(np.log(sales / typical.astype(float)), label, fold, line, 25)
    assert account.level == "account"
    assert [account.loss, account.coverage] == pytest.approx([loss, coverage])
    assert account.loss < cluster.loss
    assert cluster.error > 0
