"""Whole runs as child processes: the device cold and warm and the processors of the same host, with equal workers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import gpu_cases
from tamscore import job_file, pipeline
from tamscore.progress import Progress
from tamscore.synthetic import write_market

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.gpu_cases import Result
    from tamscore.backend import Backend

FILES = 16
FEW = 10_000
"""So few companies that a run takes little but starting."""
CACHES = ("CUPY_CACHE_DIR", "CUDA_CACHE_PATH", "NUMBA_CACHE_DIR")
"""Where compiled kernels and the probe's answer are kept: a cold run finds these folders empty."""


def whole_runs(companies: int, *, rehearse: bool, until: float) -> Iterator[Result]:
    """Decoding, then runs of one market, each a process of its own; what the device says is held against the host.

    After it a few companies, of whom a run takes what starting takes.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), "cpu" if rehearse else "cuda", until)
        yield place.write(companies)
        yield from place.compare("default", ("device, cold", "device, warm"))
        yield place.write(min(companies, FEW))
        yield from place.compare("few companies", ("device, warm",))
        if not rehearse:  # last: from now on this process has a context of its own
            place.write(companies)
            for reader, backend in readers():
                yield gpu_cases.decode(backend, place.market, reader)


def every_row(companies: int, *, rehearse: bool, until: float) -> Iterator[Result]:
    """Runs of one market with every row in the fit and the number of clusters chosen; the kernels are warm."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), "cpu" if rehearse else "cuda", until)
        yield place.write(min(companies, FEW))
        yield {"device": "device, cold", **place.run("device, cold", place.device)}
        yield place.write(companies)
        yield from place.compare("every row", ("device, warm",), "clusters.fit_rows=all", 'clusters.k="auto"')


@dataclass
class Place:
    """A folder with a market and the results of its runs, the device that is measured, and when time is up."""

    folder: Path
    device: str
    until: float
    markets: int = 0
    rows: int = 0

    @property
    def market(self) -> Path:
        """The market that was written last."""
        return self.folder / f"market-{self.markets}"

    def write(self, companies: int) -> Result:
        """Write a market, and say how long it took."""
        started = time.perf_counter()
        self.markets, self.rows = self.markets + 1, companies
        write_market(self.market, companies, seed=0, files=FILES)
        return {"case": "market written", "rows": companies, "seconds": time.perf_counter() - started}

    def compare(self, kind: str, names: tuple[str, ...], *overrides: str) -> Iterator[Result]:
        """Runs of a kind on the processors, then on the device by several names, each held against the first."""
        host = self.run("cpu", "cpu", *overrides)
        about = {"kind": kind, "rows": self.rows}
        yield {"device": "cpu", **about, **host}
        for name in names:
            found = self.run(name, self.device, *overrides)
            yield {"device": name, **about, **found, "agrees": agrees(found, host)}

    def run(self, name: str, device: str, *overrides: str) -> Result:
        """A run in a process of its own; all on the device share its compiled kernels, and have as many workers."""
        caches = {cache: str(self.folder / "caches" / cache) for cache in CACHES}
        given = (f"engine.workers={len(os.sched_getaffinity(0))}", *overrides)
        return run_in_child(self.market, self.folder / f"{self.markets} {name}", device, caches, self.until, given)


def several_devices(companies: int, counts: tuple[int, ...], *, rehearse: bool, until: float) -> Iterator[Result]:
    """Runs of one market on 1, 2, 4 … GPUs, a worker process on each, and how much faster each is than the first.

    Every run must write the scores of the first to the byte. In a rehearsal worker processes on processors stand in.
    """
    with tempfile.TemporaryDirectory() as folder:
        market = Path(folder) / "market"
        write_market(market, companies, seed=0, files=FILES)
        caches = {name: str(Path(folder) / "caches" / name) for name in CACHES}
        device, kind = ("cpu", "processes") if rehearse else ("cuda", "cuda")
        first: Result = {}
        for count in counts:
            rows = () if rehearse else ("clusters.fit_rows=all",)
            engine = (f"engine.kind={kind}", f"engine.workers={count}", *rows)
            found = run_in_child(market, Path(folder) / str(count), device, caches, until, engine)
            first = first or found
            same = "failed" not in found and found["digest"] == first.get("digest")
            gain = {"speedup": first["seconds"] / found["seconds"]} if same else {}
            yield {"devices": count, **found, "agrees": same, **gain}


def devices_here() -> int:
    """How many GPUs the driver shows."""
    from tamscore.engine.device import detect

    found = detect()
    return len(found) if isinstance(found, tuple) else 0


def readers() -> Iterator[tuple[str, Backend]]:
    """Each reader that is installed, and a backend that it feeds."""
    from tamscore.backend.cuda import CudaBackend
    from tamscore.backend.rapids import RapidsBackend
    from tamscore.backend.reader import choose_reader

    yield "lean", CudaBackend()
    if choose_reader().name == "full":
        yield "full", RapidsBackend()


def run_in_child(
    market: Path, output: Path, device: str, caches: dict[str, str], until: float, engine: tuple[str, ...]
) -> Result:
    """Seconds of a run in a process of its own, imports and all, and what it came to."""
    command = [sys.executable, "-m", "bench.gpu_whole", str(market), str(output), device, *engine]
    started = time.perf_counter()
    left = max(60.0, until - time.monotonic())
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=left, check=False, env={**os.environ, **caches}
    )
    if done.returncode:
        return {"case": "whole run", "failed": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    found: Result = json.loads(done.stdout.splitlines()[-1])
    return {"case": "whole run", "seconds": time.perf_counter() - started, **found}


def agrees(found: Result, host: Result) -> bool:
    """Whether a run scored what the host scored: the same accounts, inertia to 1e-5, sums of money to a thousandth.

    A row on a border may take another side where a logarithm differs in its last bit, and moves these a little.
    """
    if "failed" in found or "failed" in host:
        return False
    sums = [
        (found["totals"][kind][name], value) for kind, each in host["totals"].items() for name, value in each.items()
    ]
    same = found["scored"] == host["scored"] and all(abs(a - b) <= 1e-3 * max(abs(b), 1.0) for a, b in sums)
    return bool(same and abs(found["inertia"] - host["inertia"]) <= 1e-5 * host["inertia"])


def whole_run(market: Path, output: Path, device: str, *engine: str) -> Result:
    """The seconds of a run without imports, and what it says of itself; workers are those of any run."""
    overrides = [f"device={device}", f"output.path={output}", "clusters.stability=false"]
    overrides += engine
    started = time.perf_counter()
    made = pipeline.run(job_file.load(market / "job.toml", overrides), Progress())
    seconds = time.perf_counter() - started
    manifest: dict[str, Any] = json.loads((made.path / "manifest.json").read_text(encoding="utf-8"))
    return {"seconds_without_start": seconds, **answers(manifest), "digest": digest_of(Path(str(made.path)))}


def digest_of(version: Path) -> str:
    """The digest of the scores of a run, part by part."""
    digest = hashlib.sha256()
    for part in sorted((version / "scores").glob("part-*.parquet")):
        digest.update(part.read_bytes())
    return digest.hexdigest()


def answers(manifest: dict[str, Any]) -> Result:
    """What a run says of itself that another device must say too, and how long its stages took."""
    fits = manifest["fit"].values()
    return {
        "scored": manifest["rows"]["scored"],
        "inertia": sum(fit["inertia"] for fit in fits),
        "totals": manifest["totals"],
        "stages": manifest["stages"],
        "ran_on": manifest["device"],
    }


if __name__ == "__main__":
    print(json.dumps(whole_run(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])))
