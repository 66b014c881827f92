"""A market of numbers only, for comparing with peers: 29 features with gaps and heavy tails, no categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

SEGMENTS, FACTORS = 11, 6
AMOUNTS, RATES, SHARES = 12, 10, 7
FEATURES = (
    *(f"amount_{i:02d}" for i in range(AMOUNTS)),
    *(f"rate_{i:02d}" for i in range(RATES)),
    *(f"share_{i:02d}" for i in range(SHARES)),
)
LOGGED = FEATURES[: AMOUNTS + RATES]
CHUNK_ROWS, FILES = 62_500, 16


def write(folder: Path, rows: int, seed: int) -> None:
    """Write FOLDER/market, 16 files, and FOLDER/job.toml; the same seed gives the same bytes."""
    import pyarrow.parquet as pq

    (folder / "market").mkdir(parents=True)
    chunks = [(start, min(start + CHUNK_ROWS, rows)) for start in range(0, rows, CHUNK_ROWS)]
    for number in range(FILES):
        mine = chunks[len(chunks) * number // FILES : len(chunks) * (number + 1) // FILES]
        if not mine:
            continue
        first = chunk(seed, *mine[0])
        with pq.ParquetWriter(folder / "market" / f"part-{number:05d}.parquet", first.schema) as writer:
            writer.write_table(first)
            for start, stop in mine[1:]:
                writer.write_table(chunk(seed, start, stop))
    (folder / "job.toml").write_text(job_file(), encoding="utf-8")


def chunk(seed: int, start: int, stop: int) -> pa.Table:
    """The rows from `start` up to `stop`."""
    import pyarrow as pa

    world = np.random.default_rng([seed, 0])
    place = world.normal(0.0, 1.1, (SEGMENTS, len(FEATURES)))
    loading = world.normal(0.0, 0.45, (FACTORS, len(FEATURES)))
    wallet = world.normal(9.0, 1.2, SEGMENTS)
    rng = np.random.default_rng([seed, 1, start])
    m = stop - start
    segment = rng.integers(0, SEGMENTS, m)
    factor = rng.standard_normal((m, FACTORS))
    x = place[segment] + factor @ loading + 0.7 * rng.standard_normal((m, len(FEATURES)))
    columns: dict[str, Any] = {"account_id": pa.array([f"A{number:011d}" for number in range(start, stop)])}
    buys = rng.random(m) < 0.08
    columns["sales"] = pa.array(np.where(buys, np.round(np.exp(wallet[segment] + rng.standard_normal(m)), 2), 0.0))
    for j, name in enumerate(FEATURES):
        columns[name] = column(name, x[:, j], rng.random(m) < (0.0, 0.02, 0.1)[j % 3])
    return pa.table(columns)


def column(name: str, x: Any, gap: Any) -> pa.Array:
    """One feature, float64 with gaps: amounts and rates with heavy tails, shares between 0 and 1."""
    import pyarrow as pa

    values = {"amount": 11.0 + 1.6 * x, "rate": 3.0 + 1.1 * x, "share": -np.logaddexp(0.0, -x)}
    return pa.array(np.exp(values[name.partition("_")[0]]), mask=gap)


def job_file() -> str:
    """The job: the logarithm for amounts and rates, plain scaling for shares, eleven clusters."""
    scaling = "".join(f'{name} = "{"log_standard" if name in LOGGED else "standard"}"\n' for name in FEATURES)
    return f"""\
device = "cpu"

[input]
path = "market"

[output]
path = "scores"

[columns]
account_id = "account_id"
sales = "sales"

[features]
winsorise = [0.0, 1.0]

[features.numeric]
{scaling}
[clusters]
k = 11
"""
