"""Whole runs on the device, cold and warm, and on the processors of the same host: from Parquet to scores on disk."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import gpu_cases
from tamscore import config, pipeline
from tamscore.progress import Progress
from tamscore.synthetic import write_market

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.gpu_cases import Bench, Result
    from tamscore.backend import Backend

FILES = 16


def whole_runs(bench: Bench, companies: int, rehearse: bool) -> Iterator[Result]:
    """Decoding, then three runs of one market: the device cold, the device warm, the processors."""
    with tempfile.TemporaryDirectory() as folder:
        market = Path(folder) / "market"
        started = time.perf_counter()
        write_market(market, companies, seed=0, files=FILES)
        yield {"case": "market written", "rows": companies, "seconds": time.perf_counter() - started}
        yield gpu_cases.decode(bench, market)
        for name in ("device, cold", "device, warm"):
            yield whole_run(market, Path(folder) / name, name, bench.backend if rehearse else None, rehearse)
        yield whole_run(market, Path(folder) / "cpu", "cpu", None, rehearse=True)


def whole_run(market: Path, output: Path, name: str, backend: Backend | None, rehearse: bool) -> Result:
    """Seconds of a run and of its stages, and what it came to."""
    device = "cpu" if rehearse else "cuda"
    overrides = [f"device={device}", f"output.path={output}", "clusters.stability=false"]
    overrides += [] if device == "cpu" else ["engine.workers=8"]
    started = time.perf_counter()
    made = pipeline.run(config.load(market / "job.toml", overrides), Progress(), backend)
    seconds = time.perf_counter() - started
    manifest: dict[str, Any] = json.loads((made.path / "manifest.json").read_text(encoding="utf-8"))
    return {"case": "whole run", "device": name, "seconds": seconds, **answers(manifest)}


def answers(manifest: dict[str, Any]) -> Result:
    """What a run says of itself that another device must say too, and how long its stages took."""
    fits = manifest["fit"].values()
    return {
        "scored": manifest["rows"]["scored"],
        "inertia": sum(fit["inertia"] for fit in fits),
        "totals": manifest["totals"],
        "stages": manifest["stages"],
    }
