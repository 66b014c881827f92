"""Whole runs on the device, cold and warm, and on the processors of the same host: from Parquet to scores on disk."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import gpu_cases
from tamscore import job_file, pipeline
from tamscore.progress import Progress
from tamscore.synthetic import write_market

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.gpu_cases import Bench, Result
    from tamscore.backend import Backend

FILES = 16


def whole_runs(bench: Bench, companies: int, *, rehearse: bool) -> Iterator[Result]:
    """Decoding, then three runs of one market: the device cold, the device warm, the processors."""
    with tempfile.TemporaryDirectory() as folder:
        market = Path(folder) / "market"
        started = time.perf_counter()
        write_market(market, companies, seed=0, files=FILES)
        yield {"case": "market written", "rows": companies, "seconds": time.perf_counter() - started}
        yield gpu_cases.decode(bench, market)
        for name in ("device, cold", "device, warm"):
            device, backend = ("cpu", bench.backend) if rehearse else ("cuda", None)
            yield {"device": name, **whole_run(market, Path(folder) / name, device, backend)}
        yield {"device": "cpu", **whole_run(market, Path(folder) / "cpu", "cpu")}


def whole_run(market: Path, output: Path, device: str, backend: Backend | None = None) -> Result:
    """Seconds of a run and of its stages, and what it came to; `backend` computes in the place of the device's own."""
    overrides = [f"device={device}", f"output.path={output}", "clusters.stability=false"]
    overrides += ["engine.workers=8"] if device == "cuda" else []
    started = time.perf_counter()
    made = pipeline.run(job_file.load(market / "job.toml", overrides), Progress(), backend)
    seconds = time.perf_counter() - started
    manifest: dict[str, Any] = json.loads((made.path / "manifest.json").read_text(encoding="utf-8"))
    return {"case": "whole run", "seconds": seconds, **answers(manifest)}


def answers(manifest: dict[str, Any]) -> Result:
    """What a run says of itself that another device must say too, and how long its stages took."""
    fits = manifest["fit"].values()
    return {
        "scored": manifest["rows"]["scored"],
        "inertia": sum(fit["inertia"] for fit in fits),
        "totals": manifest["totals"],
        "stages": manifest["stages"],
    }
