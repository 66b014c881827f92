"""The same job as others would write it: one peer a process, from Parquet files to a Parquet file of scores.

`python -m bench.peers NAME MARKET OUTPUT` runs one of PEERS on a `bench.numbers_market` with nothing of this project
but its list of columns. Every peer fills gaps with the median, takes logarithms, scales, clusters, and writes id,
cluster, potential and whitespace of every account.
"""

from __future__ import annotations

import os
import sys
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.numbers_market import FEATURES, LOGGED, SEGMENTS

if TYPE_CHECKING:
    from collections.abc import Callable

CUTS = (0.85, 0.90, 0.95, 1.0)
WANTED = ["account_id", "sales", *FEATURES]


def files(market: str) -> list[str]:
    """The files of a market in order."""
    return sorted(glob(f"{market}/market/*.parquet"))  # noqa: PTH207 - texts are what readers take


def read_pandas(market: str) -> tuple[Any, Any, Any]:
    """Ids (m,), sales (m,) and scaled features (m, d) by way of pandas and scikit-learn."""
    import pandas as pd
    from sklearn.preprocessing import StandardScaler

    table = pd.read_parquet(f"{market}/market", columns=WANTED)
    features = table[list(FEATURES)]
    features = bend_pandas(features.fillna(features.median()))
    return table["account_id"], table["sales"].to_numpy(), StandardScaler().fit_transform(features)


def bend_pandas(features: Any) -> Any:
    """The features with the logarithm of those that want it."""
    features[list(LOGGED)] = np.log1p(features[list(LOGGED)])
    return features


def read_polars(market: str) -> tuple[Any, Any, Any]:
    """Ids (m,), sales (m,) and scaled features (m, d) by way of Polars."""
    import polars as pl
    from polars import selectors

    table = pl.scan_parquet(f"{market}/market/*.parquet").select(WANTED)
    numbers = selectors.by_name(*FEATURES)
    table = table.with_columns(numbers.fill_null(numbers.median())).with_columns(selectors.by_name(*LOGGED).log1p())
    done = table.with_columns((numbers - numbers.mean()) / numbers.std()).collect(engine="streaming")
    return done["account_id"], done["sales"].to_numpy(), done.select(FEATURES).to_numpy()


def read_duckdb(market: str) -> tuple[Any, Any, Any]:
    """Ids (m,), sales (m,) and scaled features (m, d) by way of DuckDB."""
    import duckdb

    source = f"read_parquet('{market}/market/*.parquet')"
    center = first_row(f"select {', '.join(f'median({name})' for name in FEATURES)} from {source}")
    bent = [
        f"ln(1 + coalesce({name}, {fill}))" if name in LOGGED else f"coalesce({name}, {fill})"
        for name, fill in zip(FEATURES, center, strict=True)
    ]
    moments = first_row(f"select {', '.join(f'avg({x}), stddev_pop({x})' for x in bent)} from {source}")
    pairs = zip(bent, moments[::2], moments[1::2], strict=True)
    scaled = ", ".join(f"(({x} - {mean}) / {deviation})::float as f{j}" for j, (x, mean, deviation) in enumerate(pairs))
    done = duckdb.connect().execute(f"select account_id, sales, {scaled} from {source}").fetchnumpy()
    return done["account_id"], done["sales"], np.stack([done[f"f{j}"] for j in range(len(FEATURES))], axis=1)


def first_row(question: str) -> tuple[Any, ...]:
    """The first row that DuckDB answers with."""
    import duckdb

    return tuple(duckdb.execute(question).fetchall()[0])


def write(ids: Any, sales: Any, label: Any, output: str) -> None:
    """Potential and whitespace of every account from exact percentiles of its cluster's customers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    potential = np.zeros(len(sales))
    for cluster in range(SEGMENTS):
        mine = label == cluster
        bought = sales[mine & (sales > 0)]
        ladder = np.quantile(bought, CUTS, method="inverted_cdf")
        potential[mine] = ladder[np.searchsorted(ladder, sales[mine])]
    columns = {"account_id": pa.array(ids), "cluster": pa.array(label.astype(np.int16)), "sales": pa.array(sales)}
    columns |= {"potential": pa.array(potential), "whitespace": pa.array(potential - np.maximum(sales, 0.0))}
    pq.write_table(pa.table(columns), f"{output}/scores.parquet", compression="zstd")


def with_estimator(read: Callable[[str], tuple[Any, Any, Any]], estimator: Callable[[], Any]) -> Callable[..., None]:
    """A peer that holds all rows in memory and fits an estimator with `fit_predict`."""

    def run(market: str, output: str) -> None:
        ids, sales, x = read(market)
        write(ids, sales, estimator().fit_predict(x), output)

    return run


def kmeans() -> Any:
    """Scikit-learn's `KMeans`."""
    from sklearn.cluster import KMeans

    return KMeans(SEGMENTS, n_init=1, random_state=0)


def kmeans_intel() -> Any:
    """`KMeans` of the extension by Intel."""
    from sklearnex.cluster import KMeans

    return KMeans(SEGMENTS, n_init=1, random_state=0)


def mini_batch(**settings: Any) -> Callable[[], Any]:
    """Scikit-learn's `MiniBatchKMeans`."""

    def made() -> Any:
        from sklearn.cluster import MiniBatchKMeans

        return MiniBatchKMeans(SEGMENTS, random_state=0, **settings)

    return made


def faiss_kmeans(market: str, output: str, *, all_rows: bool = False) -> None:
    """k-means of Faiss, with its own sub-sampling or on all rows."""
    import faiss

    ids, sales, x = read_pandas(market)
    x = np.ascontiguousarray(x, np.float32)
    most = len(x) // SEGMENTS + 1 if all_rows else 256
    found = faiss.Kmeans(x.shape[1], SEGMENTS, niter=25, nredo=1, seed=1, max_points_per_centroid=most)
    found.train(x)
    write(ids, sales, found.index.search(x, 1)[1][:, 0], output)


def faiss_all(market: str, output: str) -> None:
    """k-means of Faiss on all rows."""
    faiss_kmeans(market, output, all_rows=True)


def dask_partial_fit(market: str, output: str) -> None:
    """Dask threads read and scale partition by partition; `MiniBatchKMeans.partial_fit` sees one after the other."""
    import dask
    import dask.dataframe as dd
    from sklearn.cluster import MiniBatchKMeans

    table = dd.read_parquet(f"{market}/market", columns=WANTED, split_row_groups=True)
    features = table[list(FEATURES)]
    model = MiniBatchKMeans(SEGMENTS, random_state=0, batch_size=4096)
    with dask.config.set(scheduler="threads"):
        median = features.median_approximate().compute()
        bent = features.map_partitions(lambda part: bend_pandas(part.fillna(median)))
        mean, deviation = dask.compute(bent.mean(), bent.std())
        blocks = bent.map_partitions(lambda part: (part - mean) / deviation).to_delayed()
        for block in blocks:
            model.partial_fit(dask.compute(block)[0].to_numpy())
        label = np.concatenate(dask.compute(*[dask.delayed(lambda b: model.predict(b.to_numpy()))(b) for b in blocks]))
        rest = table[["account_id", "sales"]].compute()
    write(rest["account_id"], rest["sales"].to_numpy(), label, output)


def spark_mllib(market: str, output: str) -> None:
    """k-means of Spark MLlib on this machine's cores."""
    from pyspark.ml import Pipeline
    from pyspark.ml.clustering import KMeans
    from pyspark.ml.feature import Imputer, StandardScaler, VectorAssembler
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f

    cores, memory = len(os.sched_getaffinity(0)), "8g"
    spark = (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.driver.memory", memory)
        .config("spark.ui.enabled", value=False)
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    names = list(FEATURES)
    table = spark.read.parquet(f"{market}/market")
    filled = Imputer(inputCols=names, outputCols=names, strategy="median").fit(table).transform(table)
    bent = filled.select("account_id", "sales", *[(f.log1p(n) if n in LOGGED else f.col(n)).alias(n) for n in names])
    scaling = StandardScaler(inputCol="raw", outputCol="features", withMean=True)
    steps = [VectorAssembler(inputCols=names, outputCol="raw"), scaling, KMeans(k=SEGMENTS, seed=1)]
    done = Pipeline(stages=steps).fit(bent).transform(bent).select("account_id", "sales", "prediction").toPandas()
    spark.stop()
    write(done["account_id"], done["sales"].to_numpy(), done["prediction"].to_numpy(), output)


PEERS: dict[str, Callable[..., None]] = {
    "pandas + MiniBatchKMeans": with_estimator(read_pandas, mini_batch()),
    "pandas + MiniBatchKMeans(batch_size=4096)": with_estimator(read_pandas, mini_batch(batch_size=4096)),
    "pandas + KMeans": with_estimator(read_pandas, kmeans),
    "polars + KMeans": with_estimator(read_polars, kmeans),
    "polars + MiniBatchKMeans(batch_size=4096)": with_estimator(read_polars, mini_batch(batch_size=4096)),
    "duckdb + MiniBatchKMeans(batch_size=4096)": with_estimator(read_duckdb, mini_batch(batch_size=4096)),
    "pandas + scikit-learn-intelex KMeans": with_estimator(read_pandas, kmeans_intel),
    "pandas + faiss": faiss_kmeans,
    "pandas + faiss, all rows": faiss_all,
    "dask threads + partial_fit": dask_partial_fit,
    "spark MLlib": spark_mllib,
}

if __name__ == "__main__":
    Path(sys.argv[3]).mkdir(parents=True, exist_ok=True)
    PEERS[sys.argv[1]](sys.argv[2], sys.argv[3])
