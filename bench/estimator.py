"""`tamscore.MiniBatchKMeans` beside scikit-learn's `KMeans`: inertia and CPU seconds on the same rows.

Few clusters are held against the best of ten fits, many against a single one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.measure import clock
from bench.numbers_market import FEATURES, LOGGED, chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

PEER_STARTS = 10
ANOTHER = 1_000
"""What is added to a seed for a second fit of scikit-learn's."""


def market(rows: int, seed: int) -> Any:
    """The numbers of a market, logarithms where the job takes them, gaps filled with the median."""
    table = chunk(seed, 0, rows)
    columns = [table[name].to_numpy(zero_copy_only=False) for name in FEATURES]
    logs = [np.log(column) if name in LOGGED else column for name, column in zip(FEATURES, columns, strict=True)]
    return np.stack([np.where(np.isnan(column), np.nanmedian(column), column) for column in logs], axis=1)


def shop_lines(rows: int, seed: int) -> Any:
    """Order lines of a real shop: quantity, price, day, hour and weekday; few values, many equal rows."""
    import pyarrow.parquet as pq

    from jobs.trials import prepare

    table = pq.read_table(prepare.RAW / "online_retail" / "online_retail_2010_2011.parquet")
    names = {name.lower().replace("_", ""): name for name in table.column_names}
    time = table[names["invoicedate"]].to_numpy().astype("datetime64[m]").astype(np.int64)
    quantity, price = (table[names[name]].to_numpy().astype(np.float64) for name in ("quantity", "unitprice"))
    hour, day = time % 1440 / 60, time // 1440
    lines = [np.sign(quantity) * np.log1p(np.abs(quantity)), np.log1p(np.maximum(price, 0)), day, hour, day % 7]
    return np.stack(lines, axis=1)[np.random.default_rng(seed).permutation(len(time))[:rows]]


def groups(rows: int, seed: int) -> Any:
    """32 groups of unlike size and spread in 16 dimensions, some of them close to each other."""
    random = np.random.default_rng(seed)
    label = random.choice(32, rows, p=random.dirichlet(np.full(32, 2.0)))
    return random.normal(0, 2.5, (32, 16))[label] + random.uniform(0.5, 2, 32)[label, None] * noise(random, rows, 16)


def cloud(rows: int, seed: int) -> Any:
    """One smooth cloud in 8 dimensions: nothing to find, many ways to cut it."""
    return noise(np.random.default_rng(seed), rows, 8)


def heavy(rows: int, seed: int) -> Any:
    """Heavy tails in 6 dimensions: lognormal amounts that nobody has taken the logarithm of."""
    return np.exp(noise(np.random.default_rng(seed), rows, 6))


def noise(random: np.random.Generator, rows: int, columns: int) -> Any:
    """Standard normal numbers (rows, columns)."""
    return random.standard_normal((rows, columns))


DATA_SETS = {"market": (market, 11), "shop": (shop_lines, 24), "groups": (groups, 32), "cloud": (cloud, 16)}
DATA_SETS |= {"heavy": (heavy, 12), "cloud, finely": (cloud, 64)}
"""Each data set with the number of clusters that are sought in it."""
MANY = (64, 256, 1_000)
"""Numbers of clusters that are held against a single fit of scikit-learn's, on every data set."""


def estimator(rows: int, seeds: range) -> Iterator[dict[str, Any]]:
    """For every data set and seed: inertia and CPU seconds of both, fitted in turn on standardised rows."""
    for seed in seeds:
        for name, (make, k) in DATA_SETS.items():
            x = make(rows, seed)
            x = (x - x.mean(axis=0)) / x.std(axis=0)
            yield {"data": name, "rows": len(x), "features": x.shape[1], "k": k, "seed": seed} | compare(x, k, seed)


def many_clusters(rows: int, seeds: range, numbers: tuple[int, ...] = MANY) -> Iterator[dict[str, Any]]:
    """For every seed, data set and large number of clusters: the same beside a single fit of scikit-learn's."""
    for seed in seeds:
        for name, make in {name: make for name, (make, _) in DATA_SETS.items() if name != "cloud, finely"}.items():
            x = make(rows, seed)
            x = (x - x.mean(axis=0)) / x.std(axis=0)
            for k in numbers:
                about = {"data": name, "rows": len(x), "features": x.shape[1], "k": k, "seed": seed, "peer_starts": 1}
                yield about | compare(x, k, seed, starts=1)


def compare(x: Any, k: int, seed: int, starts: int = PEER_STARTS) -> dict[str, Any]:
    """Inertia, computed the same plain way, and CPU seconds of ours and of scikit-learn's.

    `peer_excess` is what scikit-learn with another seed has over scikit-learn: the noise that `excess` stands in.
    """
    from sklearn.cluster import KMeans

    from tamscore import MiniBatchKMeans

    models = {"ours": MiniBatchKMeans(k, random_state=seed), "peer": KMeans(k, n_init=starts, random_state=seed)}
    found: dict[str, Any] = {}
    for name, model in models.items():
        with clock() as spent:
            model.fit(x)
        found[f"{name}_inertia"] = plain_inertia(x, model.cluster_centers_)
        found[f"{name}_cpu_seconds"] = round(spent["cpu_seconds"], 3)
    again = KMeans(k, n_init=starts, random_state=seed + ANOTHER).fit(x)
    found["excess"] = found["ours_inertia"] / found["peer_inertia"] - 1
    found["peer_excess"] = plain_inertia(x, again.cluster_centers_) / found["peer_inertia"] - 1
    found["cpu_ratio"] = round(found["ours_cpu_seconds"] / found["peer_cpu_seconds"], 4)
    return found


def plain_inertia(x: Any, centers: Any) -> float:
    """The sum of squared distances (n, d) to the nearest center, without any trick."""
    total = 0.0
    for start in range(0, len(x), 16384):
        rows = x[start : start + 16384]
        total += float(np.min([np.sum((rows - center) ** 2, axis=1) for center in centers], axis=0).sum())
    return total
