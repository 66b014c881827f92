"""Inertia of our centers over every row against the best of several full scikit-learn `KMeans` runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.measure import clock

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.party_fit import PartyFit


def quality(market: Path, output: Path, runs: int, overrides: list[str]) -> list[dict[str, Any]]:
    """For every party type: our inertia, that of each scikit-learn run, and the ratio to the best of them."""
    from tamscore import backend, job_file
    from tamscore.engine.flow import LocalFlow
    from tamscore.errors import Refusals
    from tamscore.progress import Progress
    from tamscore.scoring import context as settings
    from tamscore.scoring.census import market as admission
    from tamscore.scoring.fit.fit import fit_parties
    from tamscore.store import partitions

    job = job_file.load(market / "job.toml", [f'output.path="{output}"', *overrides])
    columns = settings.columns_of(job)
    plan = partitions.market(job.input, columns)
    with LocalFlow(job.engine.workers) as flow:
        run = settings.Run(job, columns, plan, backend.load("cpu"), flow, Progress())
        parts = admission.take_census(run, Refusals())
        with clock() as spent:
            fitted = fit_parties(run, parts)
        rows = [matrix(one, parts, run) for one in fitted]
    return [
        {**compare(one, x, runs), "fit_cpu_seconds_of_all_party_types": spent["cpu_seconds"]}
        for one, x in zip(fitted, rows, strict=True)
    ]


def matrix(one: PartyFit, parts: list[PartRows], run: Run) -> Any:
    """Every row of a party type (m, d) float32 in whole numbers."""
    from tamscore.scoring.fit.sources import raw_rows

    backend, encoding = run.backend, one.model.encoding
    columns = [one.model.space.block(backend, raw_rows(part, encoding, backend)) for part in parts]
    return np.ascontiguousarray(np.concatenate(columns, axis=1).T)


def compare(one: PartyFit, x: Any, runs: int) -> dict[str, Any]:
    """Our inertia beside that of full k-means runs with ten different seeds."""
    from sklearn.cluster import KMeans

    unit = one.model.space.fitted_grid.unit
    k = len(one.model.centers)
    inertia, cpu = [], []
    scaled = x * np.float32(unit)
    for seed in range(runs):
        with clock() as spent:
            inertia.append(float(KMeans(k, n_init=1, random_state=seed).fit(scaled).inertia_))
        cpu.append(spent["cpu_seconds"])
    ours = own_inertia(x, one.model.centers) * unit**2
    return {
        "party_type": one.model.name,
        "rows": len(x),
        "features": x.shape[1],
        "k": k,
        "fit_rows": one.rows,
        "inertia": ours,
        "best_of_peers": min(inertia),
        "ratio_to_best": ours / min(inertia),
        "worst_of_peers_to_best": max(inertia) / min(inertia),
        "peer_cpu_seconds": cpu,
    }


def own_inertia(x: Any, centers: Any) -> float:
    """The sum of squared distances of all rows to their nearest center, computed the plain way in float64."""
    total = 0.0
    for start in range(0, len(x), 16384):
        rows = x[start : start + 16384].astype(np.float64)
        total += float(np.min(np.stack([np.sum((rows - c) ** 2, axis=1) for c in centers]), axis=0).sum())
    return total
