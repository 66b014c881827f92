"""The parameters of the estimator, checked when it is fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

_COUNTS = ("n_clusters", "n_init", "n_starts", "init_size", "batch_size", "max_iter")
_AUTO = ("n_init", "init_size")
_FITS = {48: 8}
"""Most fits below so many clusters, one from the last on: the more clusters, the less fits differ."""
_SEEDS = 2**32
"""Seeds are below it, as those of NumPy."""
_SEED_ROWS, _SEED_ROWS_A_CLUSTER = 10_000, 600


def require_parameters(estimator: Any) -> None:
    """Raise ValueError that names the first parameter that is out of range."""
    for name in _COUNTS:
        value = getattr(estimator, name)
        if name in _AUTO and value == "auto":
            continue
        if not _is_whole(value) or value < 1:
            either = " or 'auto'" if name in _AUTO else ""
            raise ValueError(f"{name}: expected a whole number from 1 on{either}, got {value!r}")
    threads = estimator.n_jobs
    if threads is not None and (not _is_whole(threads) or threads < -1 or threads == 0):
        raise ValueError(f"n_jobs: expected None, -1 or a number of threads, got {threads!r}")
    if estimator.device not in {None, "cpu", "cuda"}:
        raise ValueError(f"device: expected None, 'cpu' or 'cuda', got {estimator.device!r}")
    if seed_rows_of(estimator) < estimator.n_clusters:
        least = f"at least n_clusters={estimator.n_clusters} rows"
        raise ValueError(f"init_size: expected {least}, got {estimator.init_size}")


def fits_of(estimator: Any) -> int:
    """The largest number of fits of which the best one is taken."""
    if estimator.n_init == "auto":
        return next((fits for most, fits in _FITS.items() if estimator.n_clusters < most), 1)
    return int(estimator.n_init)


def seed_rows_of(estimator: Any) -> int:
    """The number of seed rows of a fit."""
    if estimator.init_size == "auto":
        return max(_SEED_ROWS, _SEED_ROWS_A_CLUSTER * int(estimator.n_clusters))
    return int(estimator.init_size)


def _is_whole(value: Any) -> bool:
    """Return whether a value is a whole number, of Python or of NumPy."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def seed_of(random_state: Any) -> int:
    """The seed of the draws: a whole number itself; of None, or a generator of scikit-learn's kind, a draw of it."""
    if _is_whole(random_state) and 0 <= random_state < _SEEDS:
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def threads_of(n_jobs: int | None) -> int | None:
    """The number of threads; None for one for each processor that the process may use."""
    return None if n_jobs in {None, -1} else n_jobs
