"""What others need for the same on the same machine, in the same run; each says its answer too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.gpu_cases import some_centers

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.gpu_cases import Bench, Result

PASSES = 10


def away(k: int) -> Any:
    """Centers (k, d) some way from those that rows lie around: a start from these would have nothing to do."""
    centers = some_centers(k)
    return centers + np.random.default_rng(6).integers(-50_000, 50_000, centers.shape)


def cuml_kmeans(bench: Bench, k: int) -> Result:
    """Seconds a pass of cuML's KMeans on rows that lie on the device already."""
    from cuml.cluster import KMeans

    rows = bench.backend.put(np.ascontiguousarray(bench.backend.get(bench.block).T))

    def fit(passes: int) -> Any:
        start = away(k).astype(np.float32)
        return KMeans(n_clusters=k, init=start, n_init=1, max_iter=passes, tol=0.0).fit(rows)

    fit(1)
    spent = {}
    for passes in (1, 1 + PASSES):
        bench.backend.sync()
        started = time.perf_counter()
        model = fit(passes)
        bench.backend.sync()
        spent[int(model.n_iter_)] = time.perf_counter() - started
    (few, less), (many, more) = min(spent.items()), max(spent.items())
    return {"seconds": (more - less) / max(1, many - few), "passes": many, "inertia": float(model.inertia_)}


def cupy_gemm(bench: Bench, k: int) -> Result:
    """Seconds of CuPy's matrix product and argmin: labels without sums."""
    import cupy as cp

    centers = cp.asarray(some_centers(k), dtype=cp.float32)
    own = cp.sum(centers * centers, axis=1)[:, None]

    def label() -> Any:
        return cp.argmin(own - 2.0 * (centers @ bench.block), axis=0)

    return {"seconds": bench.seconds(label), "checksum": int(label().sum())}


def scikit_learn(bench: Bench, k: int) -> Result:
    """Seconds a pass of scikit-learn's KMeans on all cores of the host."""
    from sklearn.cluster import KMeans

    rows = np.ascontiguousarray(bench.backend.get(bench.block).T)
    started = time.perf_counter()
    model = KMeans(k, init=away(k).astype(np.float32), n_init=1, max_iter=3, tol=0.0).fit(rows)
    return {"seconds": (time.perf_counter() - started) / model.n_iter_, "inertia": float(model.inertia_)}


PEERS: dict[str, Callable[[Bench, int], Result]] = {
    "cuML KMeans": cuml_kmeans,
    "CuPy GEMM + argmin": cupy_gemm,
    "scikit-learn KMeans": scikit_learn,
}
DEVICE_ONLY = ("cuML KMeans", "CuPy GEMM + argmin")
