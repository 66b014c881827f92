"""Month after month on the synthetic market: who keeps a cluster, at what inertia, which events are told, how fast."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from bench.measure import clock
from tamscore.synthetic import Month, write_market

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.config import Job
    from tamscore.store.run_directory import RunDirectory

EVENT_CLUSTERS = "clusters.k={end_user=10,channel=3}"
"""As many clusters as the market has segments that can be told apart, in either month."""


def month_of(folder: Path, rows: int, seed: int, month: Month) -> Path:
    """The job file of a market in some month, made once."""
    place = folder / f"tamscore-bench-{rows}-{seed}-month-{month.number}{'-events' if month.events else ''}"
    if not (place / "job.toml").exists():
        write_market(place, rows, seed, month=month)
    return place / "job.toml"


def load(job: Path, output: Path, overrides: list[str]) -> Job:
    """The job with its scores in another folder."""
    from tamscore import job_file

    return job_file.load(job, [f'output.path="{output}"', "device=cpu", *overrides])


def months(folder: Path, output: Path, rows: int, seed: int, overrides: list[str]) -> dict[str, Any]:
    """Small drift: the share of accounts that keep their cluster scored and refreshed, and inertia to a fresh fit."""
    from tamscore import pipeline
    from tamscore.progress import Progress

    first, second = (month_of(folder, rows, seed, Month(number)) for number in (1, 2))
    start = pipeline.run(load(first, output / "first", overrides), Progress())
    named = str(start.path)
    scored = pipeline.score(load(second, output / "scored", overrides), Progress(), named)
    free = [*overrides, "clusters.hysteresis=0"]
    unheld = pipeline.score(load(second, output / "unheld", free), Progress(), named)
    refreshed = pipeline.refresh(load(second, output / "warm", overrides), Progress(), named)
    other = str(scrambled(start, output / "scrambled").path)
    again = pipeline.refresh(load(second, output / "again", overrides), Progress(), other)
    fresh = pipeline.run(load(second, output / "fresh", overrides), Progress())
    inertia = [
        {party: fit["inertia_per_row"] for party, fit in record(run)["fit"].items()} for run in (refreshed, fresh)
    ]
    return {
        "what": "small drift",
        "rows": rows,
        "kept_by_score": unchanged_share(scored),
        "kept_by_score_without_hysteresis": unchanged_share(unheld),
        "kept_by_refresh": unchanged_share(refreshed),
        "inertia_of_refresh_to_fresh_fit": {party: inertia[0][party] / inertia[1][party] for party in inertia[0]},
        "same_ids_from_scrambled_centers": same_clusters(refreshed, again),
        "shifted": sum(row["verdict"] != "steady" for row in rows_of(scored, "drift")),
    }


def planted(folder: Path, output: Path, rows: int, seed: int, overrides: list[str]) -> dict[str, Any]:
    """A split, a merger, a birth and a death: the gate, and the events that a refresh tells once it is accepted."""
    from tamscore import pipeline
    from tamscore.errors import GateError
    from tamscore.progress import Progress

    asked = [EVENT_CLUSTERS, *overrides]
    first, second = (month_of(folder, rows, seed, month) for month in (Month(1), Month(2, events=True)))
    start = pipeline.run(load(first, output / "start", asked), Progress())
    job = load(second, output / "events", asked)
    try:
        pipeline.refresh(job, Progress(), str(start.path))
        gate = "open"
    except GateError as error:
        gate = str(error)
    done = pipeline.refresh(job, Progress(), str(start.path), accept=True)
    events = [f"{row['event']} {row['cluster']} {row['related']}".strip() for row in rows_of(done, "events")]
    changed = [event for event in events if event.count(" ") > 1 or not event.startswith("kept")]
    return {"what": "events", "rows": rows, "gate": gate, "events": changed, "kept": unchanged_share(done)}


def frozen(folder: Path, output: Path, rows: int, seed: int, overrides: list[str]) -> dict[str, Any]:
    """CPU seconds of scoring under a frozen model, against decoding all columns once and writing the scores."""
    from tamscore import pipeline
    from tamscore.progress import Progress

    first, second = (month_of(folder, rows, seed, Month(number)) for number in (1, 2))
    start = pipeline.run(load(first, output / "first", overrides), Progress())
    job, progress = load(second, output / "scored", overrides), Progress()
    with clock() as whole:
        done = pipeline.score(job, progress, str(start.path))
    floor = decode_and_write(job, done, output / "copy")
    return {
        "what": "frozen model",
        "rows": rows,
        "cpu_seconds": whole["cpu_seconds"],
        **floor,
        "ratio": whole["cpu_seconds"] / (floor["decode_cpu_seconds"] + floor["write_cpu_seconds"]),
        "kept": unchanged_share(done),
        "stages": {time.stage: time.cpu_seconds for time in progress.times},
    }


def decode_and_write(job: Job, done: RunDirectory, copy: Path) -> dict[str, float]:
    """CPU seconds of decoding every column that a run reads, and of writing its parts again."""
    from tamscore.scoring.context import columns_of
    from tamscore.store import commit, partitions, tables

    columns = columns_of(job)
    plan = partitions.market(job.input, columns)
    with clock() as decoding:
        for partition in plan.partitions:
            tables.read(partition, columns.all, dictionary=columns.texts)
    parts = {path.name: pq.read_table(path) for path in done.parts()}
    with clock() as writing:
        for name, table in parts.items():
            commit.place_parquet(table, copy / name)
    return {"decode_cpu_seconds": decoding["cpu_seconds"], "write_cpu_seconds": writing["cpu_seconds"]}


def record(run: RunDirectory) -> dict[str, Any]:
    """The manifest of a run."""
    return run.manifest() or {}


def unchanged_share(run: RunDirectory) -> float:
    """The share of the accounts known before that keep their cluster."""
    model = record(run)["model"]
    return float(1 - model["accounts_relabelled"] / model["accounts_known"])


def rows_of(run: RunDirectory, name: str) -> list[dict[str, Any]]:
    """The rows of one of the tables of a run."""
    rows: list[dict[str, Any]] = pq.read_table(run.tables / f"{name}.parquet").to_pylist()
    return rows


def scrambled(run: RunDirectory, output: Path) -> RunDirectory:
    """A copy of a run whose model has its clusters in the opposite order, ids with them."""
    from tamscore.model import files as model
    from tamscore.store import commit
    from tamscore.store.run_directory import MANIFEST, RunDirectory

    copy = RunDirectory(output, run.run_key)
    shutil.copytree(str(run.path), str(copy.path))
    description, arrays = model.read_raw(run.model)
    for party in description["parties"]:
        reverse(party, arrays)
    files = {name: placed.record() for name, placed in model.write_raw(copy.model, description, arrays).items()}
    manifest = record(run)
    commit.place_json({**manifest, "files": {**manifest["files"], **files}}, copy.path / MANIFEST)
    return copy


def reverse(party: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Turn the order of the clusters of a party type around."""
    name = party["party_type"]
    for key in ("centers", "counts", "reach", "cut_values", "support", "accounts"):
        arrays[f"{name}.{key}"] = arrays[f"{name}.{key}"][::-1]
    offsets = arrays[f"{name}.offsets"]
    sales = np.split(arrays[f"{name}.customer_sales"], offsets[1:-1])[::-1]
    arrays[f"{name}.customer_sales"] = np.concatenate(sales)
    arrays[f"{name}.offsets"] = np.append(0, np.cumsum(np.diff(offsets)[::-1]))
    party["clusters"] = party["clusters"][::-1]
    party["ladder"] |= {key: party["ladder"][key][::-1] for key in ("basis", "parent")}


def same_clusters(one: RunDirectory, other: RunDirectory) -> float:
    """The share of accounts that have the same cluster id in both runs."""
    tables = [pq.read_table(run.scores, columns=["account_id", "cluster"]) for run in (one, other)]
    ids, clusters = ([table[name].to_pylist() for table in tables] for name in ("account_id", "cluster"))
    if ids[0] != ids[1]:
        raise AssertionError("the runs have scored other accounts")
    return sum(map(str.__eq__, *clusters)) / len(ids[0])
