"""Questions about a finished run: CPU and wall seconds of each, beside its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.measure import clock, peak_megabytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENARIOS = (
    ("potential.top_step=p99",),
    ("potential.cut_lines=[0.8, 0.9]", "potential.boundary=strictly_below"),
    ("quadrant.threshold=capacity", "quadrant.capacity=5000"),
    ("quadrant.level=cluster", "quadrant.threshold=median"),
)


def scored(market: Path, output: Path) -> Path:
    """The output of the market's job, made once."""
    from tamscore import config, pipeline
    from tamscore.progress import Progress

    job = config.load(market / "job.toml", [f'output.path="{output}"'])
    return pipeline.run(job, Progress()).output


def what_if(output: Path) -> Iterator[dict[str, Any]]:
    """Each scenario asked by itself: the whole question, from opening the run to its answer."""
    from tamscore.insight.stored import open_run
    from tamscore.insight.what_if import Scenario, answer, job_of

    for overrides in SCENARIOS:
        with clock() as spent:
            run, scenario = open_run(output), Scenario("then", overrides)
            found = answer(run, scenario, job_of(run, scenario))
        yield {
            "rows": run.manifest["rows"]["scored"],
            "overrides": overrides,
            **spent,
            "peak_mb": peak_megabytes(),
            "whitespace": [round(float(value), 2) for value in found.kinds[:, 2]],
        }
