"""How good clusters are, measured alike for everybody: `python -m bench.judge MARKET SCORES…` prints inertia of each.

SCORES is a Parquet file or folder with `account_id` and `cluster`. Inertia is taken about the means of the clusters, in
one space: gaps filled with the median of all rows, logarithms, standard scaling over all rows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench.numbers_market import FEATURES, LOGGED


def labels(path: Path) -> Any:
    """The cluster of every account in order of its number, (m,) small whole numbers."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    table = ds.dataset(path, exclude_invalid_files=False).to_table(columns=["account_id", "cluster"])
    number = pc.utf8_slice_codeunits(table["account_id"].cast("string"), 1).cast("int64").to_numpy()
    code = table["cluster"].combine_chunks().cast("string").dictionary_encode().indices.to_numpy()
    label = np.empty(len(number), np.int16)
    label[number] = code
    return label


def spaces(market: Path) -> tuple[Any, Any, Any]:
    """Median, mean and standard deviation (d,) of the features over all rows."""
    import pyarrow.dataset as ds

    found = []
    for name in FEATURES:
        x = ds.dataset(market).to_table(columns=[name])[name].to_numpy()
        median = np.nanmedian(x)
        bent = bend(name, np.where(np.isnan(x), median, x))
        found.append((median, bent.mean(), bent.std()))
    median, mean, deviation = map(np.array, zip(*found, strict=True))
    return median, mean, deviation


def bend(name: str, x: Any) -> Any:
    """The logarithm where the job wants it."""
    return np.log1p(x) if name in LOGGED else x


def inertia(market: Path, found: dict[str, Any]) -> dict[str, float]:
    """The inertia of every labelling."""
    import pyarrow.dataset as ds

    median, mean, deviation = spaces(market)
    sums = {name: np.zeros((label.max() + 1, len(FEATURES))) for name, label in found.items()}
    total = 0.0
    for j, name in enumerate(FEATURES):
        x = ds.dataset(market).to_table(columns=[name])[name].to_numpy()
        x = (bend(name, np.where(np.isnan(x), median[j], x)) - mean[j]) / deviation[j]
        total += float(x @ x)
        for who, label in found.items():
            sums[who][:, j] = np.bincount(label, weights=x, minlength=len(sums[who]))
    counts = {who: np.maximum(np.bincount(label, minlength=len(sums[who])), 1) for who, label in found.items()}
    return {who: total - float(np.sum(sums[who] ** 2 / counts[who][:, None])) for who in found}


if __name__ == "__main__":
    results = inertia(Path(sys.argv[1]), {path: labels(Path(path)) for path in sys.argv[2:]})
    sys.stdout.write(json.dumps(results) + "\n")
