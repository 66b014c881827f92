"""What the commit protocol costs: parts placed with hash, sidecar and flushes, against plain Parquet files."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from bench.measure import clock
from tamscore.store import commit, verify
from tamscore.store.run_directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "0123456789abcdef"


def protocol(part: Path, folder: Path, rounds: int) -> dict[str, Any]:
    """Medians of CPU and wall seconds for one part either way, in turn; and the speed of verification."""
    table = pq.read_table(part)
    directory = RunDirectory(folder, KEY)
    plain = folder / "plain.parquet"

    def placed() -> None:
        done = commit.place_parquet(table, directory.part(0))
        files = {directory.name_of(directory.part(0)): done}
        directory.commit_part(0, files, {"scored": table.num_rows, "rejected": 0})

    def written() -> None:
        pq.write_table(table, plain, compression="zstd", write_page_checksum=True)

    folder.mkdir(parents=True, exist_ok=True)
    spent: dict[str, list[dict[str, float]]] = {"placed": [], "written": []}
    for _ in range(rounds):
        for name, step in (("placed", placed), ("written", written)):
            spent[name].append(timed(step))
    median = {
        f"{name}_{unit}": statistics.median(one[unit] for one in times)
        for name, times in spent.items()
        for unit in ("cpu_seconds", "seconds")
    }
    files = {directory.name_of(directory.part(0)): commit.Placed.of(directory.part(0))}
    directory.seal({"rows": {"read": 1, "scored": 1, "rejected": {}}}, files)
    plain.unlink()
    verified = [timed(lambda: verify.problems_of_output(folder)) for _ in range(rounds)]
    size = directory.part(0).stat().st_size
    return {
        "rows": table.num_rows,
        "bytes": size,
        **median,
        "cpu_ratio": median["placed_cpu_seconds"] / median["written_cpu_seconds"],
        "verify_bytes_per_cpu_second": size / statistics.median(one["cpu_seconds"] for one in verified),
        "problems": verify.problems_of_output(folder),
    }


def timed(step: Callable[[], object]) -> dict[str, float]:
    """CPU and wall seconds of one call."""
    with clock() as spent:
        step()
    return spent
