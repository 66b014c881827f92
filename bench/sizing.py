"""How long a market of up to a billion companies would take: a simulation from measured stage costs.

What is measured: CPU seconds of every stage for 3 million companies (`whole_run.jsonl`), memory that a further row
takes (`scaling.jsonl`), what worker processes cost beside threads (`engines.jsonl`), and, here and now, the sort that
finds repeated ids, which one process does alone. What is assumed stands in `Assumed`. No figure for a GPU is measured:
arithmetic follows from bandwidths, and the stages that run on the host cost what they cost on this host.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.measure import RESULTS, clock
from tamscore.stages import draw

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKETS = (3_000_000, 30_000_000, 100_000_000, 300_000_000, 1_000_000_000)
FEATURES = (32, 128)
MEASURED_FEATURES = 32
"""Numbers and categories of the market that the stages were measured on."""


@dataclass(frozen=True)
class Assumed:
    """What nobody measured here."""

    read_bytes_per_feature: float = 2.5
    """Compressed Parquet, a value; as in the synthetic market of 3 million."""
    written_bytes_per_row: float = 78.0
    """Compressed scores; as there."""
    passes: int = 2
    """Times that features are read: for the sample, and to assign."""
    storage_bytes_per_second: float = 1e9
    """One node from its storage."""
    network_bytes_per_second: float = 1e9
    """All workers to the process that runs the job."""
    bytes_to_driver_per_row: float = 21.0
    """What stays in memory between passes (docs/design.md)."""
    round_seconds: float = 0.2
    """One round of all workers, the slow end of 20 to 200 ms; there are about 60, most of them in the fit."""
    rounds: int = 60
    gpu_decode_bytes_per_second: float = 10e9
    """Decoded features a second and GPU, with the copy to the device."""
    gpu_memory_bytes_per_second: float = 1.5e12
    """Half of what a GPU with HBM2e or HBM3 has."""
    gpu_touches: float = 12.0
    """Times that assigning goes over a block in float64."""
    worker_gigabytes: float = 0.75
    """One worker on one core, with a partition in hand."""


@dataclass(frozen=True)
class Costs:
    """CPU seconds: of stages that do not grow with the rows, and a row of the others; bytes a row in one process."""

    fixed: float
    host: float
    features: float
    potential: float
    overhead: float
    bytes_per_row: float
    sort: float


@dataclass(frozen=True)
class Machines:
    """What a run is given."""

    name: str
    nodes: int
    cores: int
    gpus: int = 0


MACHINES = (
    Machines("one node, 2 cores", 1, 2),
    Machines("one node, 16 cores", 1, 16),
    Machines("one node, 64 cores, 8 GPUs", 1, 64, 8),
    Machines("4 nodes, 256 cores, 32 GPUs", 4, 256, 32),
    Machines("8 nodes, 512 cores, 64 GPUs", 8, 512, 64),
)


def last(name: str, **wanted: Any) -> dict[str, Any]:
    """The newest result of a case that has these values."""
    lines = (RESULTS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    found: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [one for one in found if all(one.get(key) == value for key, value in wanted.items())][-1]


def measured() -> Costs:
    """The costs as they were measured."""
    run = last("whole_run", rows=3_000_000)
    spent = {stage["stage"]: stage["cpu_seconds"] for stage in run["stages"]}
    kinds = [last("engines", contender=name)["cpu_seconds"] for name in ("processes, 2 workers", "local, 2 workers")]
    biggest = max((json.loads(line) for line in scaling_lines()), key=lambda one: one["rows"])
    rows = run["rows"]
    return Costs(
        fixed=spent["guard"] + spent["fit"],
        host=(spent["census"] + spent["score"]) / rows,
        features=(spent["sample"] + spent["assign"]) / rows,
        potential=spent["potential"] / rows,
        overhead=kinds[0] / kinds[1],
        bytes_per_row=biggest["bytes_a_further_row"],
        sort=sort_seconds(4_000_000),
    )


def scaling_lines() -> list[str]:
    """The results of `scaling` that tell what a further row takes."""
    lines = (RESULTS / "scaling.jsonl").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "bytes_a_further_row" in line]


def sort_seconds(rows: int) -> float:
    """Seconds that finding repeated ids takes for a row and a doubling of the rows."""
    hashes = draw.mix(np.arange(rows, dtype=np.uint64))
    with clock() as spent:
        found = draw.duplicate([hashes])
    if len(found):
        raise AssertionError(f"{len(found)} numbers repeat")
    return spent["cpu_seconds"] / (rows * math.log2(rows))


def simulate(rows: int, features: int, machines: Machines, costs: Costs, assumed: Assumed) -> dict[str, Any]:
    """Seconds of every part of a run, and the memory that it takes."""
    wider = features / MEASURED_FEATURES
    overhead = costs.overhead if machines.nodes > 1 or machines.gpus else 1.0
    moved = rows * (assumed.passes * features * assumed.read_bytes_per_feature + assumed.written_bytes_per_row)
    host = rows * costs.host * overhead / machines.cores
    if machines.gpus:
        decoded = rows * features * 4.0
        touched = rows * features * 8.0 * assumed.gpu_touches
        on_features = assumed.passes * decoded / assumed.gpu_decode_bytes_per_second
        on_features = (on_features + touched / assumed.gpu_memory_bytes_per_second) / machines.gpus
    else:
        on_features = rows * costs.features * wider * overhead / machines.cores
    parts = {
        "storage": moved / (assumed.storage_bytes_per_second * machines.nodes),
        "workers": host + on_features,
        "driver": rows * (costs.sort * math.log2(rows) + costs.potential),
        "network": rows * assumed.bytes_to_driver_per_row / assumed.network_bytes_per_second if overhead > 1 else 0.0,
        "fit": costs.fixed * wider + (assumed.rounds * assumed.round_seconds if overhead > 1 else 0.0),
    }
    seconds = max(parts["storage"], parts["workers"]) + parts["driver"] + parts["network"] + parts["fit"]
    return {
        "rows": rows,
        "features": features,
        **asdict(machines),
        "minutes": seconds / 60,
        "driver_gigabytes": 0.4 + rows * costs.bytes_per_row / 1e9,
        "workers_gigabytes": machines.cores * assumed.worker_gigabytes,
        "held_up_by": max(parts, key=lambda part: parts[part]),
        "seconds": parts,
        "gpu": "computed, never measured" if machines.gpus else "",
    }


def table(costs: Costs, assumed: Assumed) -> Iterator[dict[str, Any]]:
    """Every market on all machines."""
    for features in FEATURES:
        for rows in MARKETS:
            for machines in MACHINES:
                yield simulate(rows, features, machines, costs, assumed)


def lines(results: list[dict[str, Any]]) -> Iterator[str]:
    """The table in Markdown."""
    yield "| companies | features | machines | minutes | memory of the job, GB | of the workers, GB | held up by | |"
    yield "| ---: | ---: | --- | ---: | ---: | ---: | --- | --- |"
    for one in results:
        yield (
            f"| {one['rows']:,} | {one['features']} | {one['name']} | {one['minutes']:.2g} | "
            f"{one['driver_gigabytes']:.2g} | {one['workers_gigabytes']:.2g} | {one['held_up_by']} | {one['gpu']} |"
        )
