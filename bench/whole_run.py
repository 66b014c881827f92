"""The whole run on a synthetic market: CPU and wall seconds by stage, peak memory, and a checksum of the scores."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench.measure import clock, peak_megabytes

if TYPE_CHECKING:
    from pathlib import Path


def whole_run(market: Path, output: Path, overrides: list[str]) -> dict[str, Any]:
    """What scoring the market cost, with imports; and what came out."""
    with clock() as spent:
        from tamscore import job_file, pipeline
        from tamscore.progress import Progress

        progress = Progress()
        job = job_file.load(market / "job.toml", [f'output.path="{output}"', *overrides])
        directory = pipeline.run(job, progress)
    manifest = directory.manifest() or {}
    parts = [file["xxh3"] for name, file in sorted(manifest["files"].items()) if name.startswith("scores/part-")]
    return {
        "rows": manifest["rows"]["scored"],
        "overrides": overrides,
        **spent,
        "peak_mb": peak_megabytes(),
        "inertia": {party: fit["inertia"] for party, fit in manifest["fit"].items()},
        "scores_digest": hashlib.sha256("".join(parts).encode()).hexdigest()[:16],
        "stages": [asdict(time) for time in progress.times],
    }
