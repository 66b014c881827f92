"""Small markets for the tests of whole runs: a table, the job that scores it, the scores that come back."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamscore import config, job_file, pipeline
from tamscore.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tamscore.store.run_directory import RunDirectory

INDUSTRIES = ("retail", "steel", "software", "banking")
PEERS = 4


def peer_group(rows: int, seed: int = 0) -> Any:
    """The group (rows,) that each account of `accounts` was drawn from: far apart, so that clusters find them again."""
    return np.random.default_rng(seed).choice(PEERS, rows, p=(0.4, 0.3, 0.2, 0.1))


def accounts(rows: int, seed: int = 0, channel: float = 0.1, customers: float = 0.3) -> pa.Table:
    """A market: four peer groups far apart, sales with ties, returns and gaps, missing numbers and categories."""
    random = np.random.default_rng([seed, 1])
    group = peer_group(rows, seed)
    employees = np.exp(2.0 + 2.0 * group + 0.2 * random.standard_normal(rows)).round()
    growth = 0.2 * (group % 2) + 0.02 * random.standard_normal(rows)
    sales = np.exp(3.0 + group + random.standard_normal(rows)).round(-1) + 10.0
    sales[random.random(rows) >= customers] = 0.0
    sales[random.random(rows) < 0.01] *= -1.0
    chosen = random.random((4, rows))
    return pa.table(
        {
            "account_id": [f"A{i:07d}" for i in random.permutation(rows)],
            "name": [f"Company {i}" for i in range(rows)],
            "party_type": np.where(chosen[0] < channel, "channel", "end_user"),
            "segment": pa.array(random.choice(INDUSTRIES, rows), mask=chosen[1] < 0.02),
            "employees": pa.array(employees.astype(np.int64), mask=chosen[2] < 0.02),
            "growth": np.where(chosen[3] < 0.02, np.nan, growth),
            "industry": random.choice(INDUSTRIES, rows, p=(0.5, 0.3, 0.195, 0.005)),
            "revenue": employees * 1000.0,
            "sales": pa.array(sales, mask=random.random(rows) < 0.005),
            "note": pa.array(random.integers(0, 9, rows), mask=random.random(rows) < 0.1),
        }
    )


def write(table: pa.Table, folder: Path, files: int = 1, row_group: int | None = None) -> Path:
    """The folder that now holds the table in so many Parquet files of nearly equal size."""
    folder.mkdir(parents=True, exist_ok=True)
    edges = [table.num_rows * i // files for i in range(files + 1)]
    for i, (start, stop) in enumerate(pairwise(edges)):
        pq.write_table(table.slice(start, stop - start), folder / f"part-{i:05d}.parquet", row_group_size=row_group)
    return folder


JOB: dict[str, Any] = {
    "device": "cpu",
    "columns": {"party_type": "party_type", "market_segment": "segment", "revenue": "revenue", "keep": ["note"]},
    "rows": {"max_sales_missing_share": 0.5, "max_rejected_share": 0.5},
    "features": {"numeric": {"employees": "log_standard", "growth": "standard"}, "categorical": ["industry"]},
    "clusters": {"k": {"end_user": 4, "channel": 2}, "restarts": 3},
    "engine": {"workers": 2},
}
"""The job that suits `accounts`; quick, and lenient towards bad rows."""


def job(path: Path | str, output: Path | str, changes: Mapping[str, Any] | None = None) -> config.Job:
    """The job of `JOB` on the input at a path; `changes` holds sections, and dotted keys such as `clusters.k`."""
    tables = deepcopy(JOB) | {"input": {"path": str(path)}, "output": {"path": str(output)}}
    for key, value in deepcopy(dict(changes or {})).items():
        section, _, name = key.partition(".")
        if name:
            tables.setdefault(section, {})[name] = value
        else:
            tables[section] = value
    return job_file.parse(tables, "job")


PLAIN: dict[str, Any] = {
    "columns": {},
    "features": {"numeric": {"x": "standard", "y": "standard"}},
    "clusters": {"k": 2, "restarts": 2},
}
"""Changes that suit tables of account_id, sales, x and y alone."""


def plain_accounts(rows: int, seed: int = 0) -> pa.Table:
    """The smallest market: id, sales and two features in two groups."""
    random = np.random.default_rng([seed, 2])
    x, y = random.standard_normal((2, rows))
    sales = np.where(random.random(rows) < 0.4, random.integers(1, 500, rows), 0).astype(np.float64)
    ids = [f"P{i:05d}" for i in range(rows)]
    return pa.table({"account_id": ids, "sales": sales, "x": x + 20.0 * (np.arange(rows) % 2), "y": y})


def run(path: Path | str, output: Path | str, changes: Mapping[str, Any] | None = None) -> RunDirectory:
    """The finished run of the job on the input at a path, however much that differs from the run before."""
    return pipeline.run(job(path, output, changes), Progress(), accept=True)


def score(table: pa.Table, folder: Path, changes: Mapping[str, Any] | None = None, **layout: Any) -> RunDirectory:
    """The finished run on a table that is written under the folder first; `layout` goes to `write`."""
    return run(write(table, folder / "market", **layout), folder / "scores", changes)


def scores(done: RunDirectory) -> pa.Table:
    """All scored rows of a run in order of account id, text columns plain."""
    return gathered(sorted(done.scores.glob("part-*.parquet")))


def rejected(done: RunDirectory) -> pa.Table:
    """All rejected rows of a run."""
    return gathered(sorted((done.path / "rejected").glob("*.parquet")))


def gathered(files: Sequence[Path]) -> pa.Table:
    """The rows of some Parquet files of one schema in order of account id, text columns plain."""
    table = pa.concat_tables([pq.read_table(file) for file in files]).combine_chunks()
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    table = table.cast(pa.schema(fields, metadata=None)).replace_schema_metadata(None)
    return table.sort_by("account_id").combine_chunks()


def bits(column: pa.ChunkedArray) -> Any:
    """A column so that equal means equal to the bit: NaN equals itself, 0.0 is not -0.0, null is not 0."""
    if not pa.types.is_floating(column.type):
        return column.to_pylist()
    whole = {32: np.int32, 64: np.int64}[column.type.bit_width]
    values = column.combine_chunks().fill_null(0.0).to_numpy().view(whole)
    return list(zip(column.is_valid().to_pylist(), values.tolist(), strict=True))


def different(one: pa.Table, other: pa.Table) -> list[str]:
    """The names of the columns that are not the same to the bit; all of them where the shapes differ."""
    if one.schema != other.schema or one.num_rows != other.num_rows:
        return [f"{one.schema} against {other.schema}", f"{one.num_rows} rows against {other.num_rows}"]
    return [name for name in one.column_names if bits(one[name]) != bits(other[name])]
