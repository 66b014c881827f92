"""The likeliest customer job of an account without a known product mix: predicted by its features, job against job.

Each job has a look-alike that separates its customers from those with other jobs, see `stages.look_alike_fit`: a
logistic regression on the features that the leakage guard allows. The probabilities of all jobs are the softmax of
their log odds times one sharpness. The sharpness is chosen by the log loss of held-out customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.stages.look_alike import REST, fold_of, log_odds
from tamscore.stages.look_alike_fit import FEWEST, FitRows, fit_look_alike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tamscore.backend import Array, Backend
    from tamscore.stages.look_alike import LookAlike
    from tamscore.stages.space import RawRows, Space

MOST_ROWS = 6_000
"""Most customers that look-alikes are fitted on."""
SHARPNESS = tuple(step / 16 for step in range(1, 49))
_LEAST_CHANCE = 1e-12


@dataclass(frozen=True)
class JobLookAlikes:
    """The look-alike of each job, the sharpness of their softmax, and their accuracy on held-out customers.

    `loss` is their log loss, `loss_of_shares` the log loss of the jobs' shares alone. `right` is the share of customers
    whose likeliest job is their own, `expected` the share that the probabilities predict.
    """

    models: tuple[LookAlike, ...]
    sharpness: float
    customers: int
    loss: float
    loss_of_shares: float
    right: float
    expected: float

    @property
    def saved(self) -> float:
        """The share of the log loss that features save."""
        return 1.0 - self.loss / self.loss_of_shares


@dataclass(frozen=True)
class JobRows:
    """Customers (n,) in order of draw: features in their space as a block (d, n), as raw rows, draw numbers, jobs."""

    block: Any
    raw: RawRows
    numbers: Any
    job: Any


def learn(
    space: Space,
    rows: JobRows,
    jobs: int,
    excluded: Sequence[str],
    seed: int,
    run: Callable[..., Iterable[Any]],
) -> JobLookAlikes | None:
    """Return the look-alikes of the jobs of customers, fitted on their features without the columns `excluded`.

    Return None with too few customers, if a job has none, or if features save no loss: a guess is no answer.
    """
    count = np.bincount(rows.job, minlength=jobs)
    if len(rows.job) < FEWEST or jobs < 2 or not count.all():
        return None
    models = tuple(run(_one_against_all, range(jobs), space, rows, tuple(excluded), seed))
    host, places = HostBackend(), fold_of(rows.numbers)
    numbers = rows.block[: space.number_rows]
    odds = np.stack([log_odds(host, space, model, numbers, rows.raw, places) for model in models])
    losses = [loss_of(probabilities(odds, value), rows.job) for value in SHARPNESS]
    sharpness, loss = SHARPNESS[int(np.argmin(losses))], min(losses)
    text, share = probabilities(odds, sharpness), count / count.sum()
    right = float(np.mean(np.argmax(text, axis=0) == rows.job))
    plain, expected = -float(share @ np.log(share)), float(np.mean(text.max(axis=0)))
    learned = JobLookAlikes(models, sharpness, len(rows.job), loss, plain, right, expected)
    return learned if learned.saved > 0 else None


def loss_of(text: Any, job: Any) -> float:
    """Return the log loss of the probabilities (k, n) of jobs, given the customers' true jobs (n,)."""
    return -float(np.mean(np.log(np.maximum(text[job, np.arange(len(job))], _LEAST_CHANCE))))


def _one_against_all(job: int, space: Space, rows: JobRows, excluded: Sequence[str], seed: int) -> LookAlike:
    """Return the look-alike that separates the customers with a job from those with other jobs."""
    others = FitRows(rows.block, rows.numbers, rows.job == job, np.ones(len(rows.job)))
    return fit_look_alike(space, others, excluded, seed)


def probabilities(odds: Any, sharpness: float) -> Any:
    """Return the probability (k, m) of each job, given the log odds (k, m) of each against all others."""
    sharp = sharpness * odds.astype(np.float64)
    item = np.exp(sharp - sharp.max(axis=0))
    return item / item.sum(axis=0)


def likeliest(backend: Backend, space: Space, learned: JobLookAlikes, raw: RawRows) -> tuple[Any, Any]:
    """Return the likeliest job (m,) int64 of rows that no model has seen, and its probability (m,), on the host."""
    jobs, chances = [np.empty(0, np.int64)], [np.empty(0)]
    for start in range(0, len(raw), backend.block_rows):
        here = raw.part(start, start + backend.block_rows)
        odds = _odds_of(backend, space, learned.models, space.numbers(backend, here), here)
        text = probabilities(odds, learned.sharpness)
        jobs.append(np.argmax(text, axis=0))
        chances.append(text.max(axis=0))
    return np.concatenate(jobs), np.concatenate(chances)


def _odds_of(backend: Backend, space: Space, models: Sequence[LookAlike], numbers: Array, raw: RawRows) -> Any:
    """Return the log odds (k, m) of the rows of a block of numbers (n, m) under each model."""
    places = np.full(len(raw), REST, np.int8)
    return np.stack([log_odds(backend, space, model, numbers, raw, places) for model in models])
