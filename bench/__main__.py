"""`python -m bench CASE`: make a market if there is none, measure, print, and keep the result."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bench.measure import record
from tamscore.synthetic import write_market

app = typer.Typer(help=__doc__, add_completion=False)
Rows = Annotated[int, typer.Option(help="companies in the synthetic market")]
Seed = Annotated[int, typer.Option(help="seed of the synthetic market")]
Set = Annotated[list[str] | None, typer.Option("--set", help="key=value override of the job file")]


def market(rows: int, seed: int) -> Path:
    """A synthetic market, made once and kept in the temporary folder."""
    folder = Path(tempfile.gettempdir()) / f"tamscore-bench-{rows}-{seed}"
    if not (folder / "job.toml").exists():
        write_market(folder, rows, seed)
    return folder


def numbers(rows: int, seed: int) -> Path:
    """A market of numbers, made once and kept in the temporary folder."""
    from bench import numbers_market

    folder = Path(tempfile.gettempdir()) / f"tamscore-bench-numbers-{rows}-{seed}"
    if not (folder / "job.toml").exists():
        numbers_market.write(folder, rows, seed)
    return folder


@app.command("run")
def run_case(rows: Rows = 3_000_000, seed: Seed = 0, overrides: Set = None) -> None:
    """Measure the whole run."""
    from bench.whole_run import whole_run

    with tempfile.TemporaryDirectory() as output:
        record("whole_run", whole_run(market(rows, seed), Path(output), overrides or []) | {"seed": seed})


@app.command("quality")
def quality_case(rows: Rows = 300_000, seed: Seed = 0, peers: int = 10, overrides: Set = None) -> None:
    """Compare inertia with the best of ten full scikit-learn `KMeans` runs."""
    from bench.quality import quality

    with tempfile.TemporaryDirectory() as output:
        for result in quality(market(rows, seed), Path(output), peers, overrides or []):
            record("quality", result | {"seed": seed})


@app.command("race")
def race_case(
    rows: Rows = 3_000_000,
    seed: Seed = 0,
    rounds: Annotated[int, typer.Option(help="runs of ours and of the floor")] = 5,
    peer: Annotated[list[str] | None, typer.Option(help="a peer by name; all where none is given")] = None,
    peers: Annotated[bool, typer.Option(help="whether peers run at all")] = True,  # noqa: FBT002 - a flag
) -> None:
    """Compare with the floor and with peers on a market of numbers."""
    from bench.peers import PEERS
    from bench.race import race

    with tempfile.TemporaryDirectory() as output:
        for result in race(numbers(rows, seed), Path(output), rounds, (peer or list(PEERS)) if peers else []):
            record("race", {"rows": rows, "seed": seed} | result)


@app.command("scaling")
def scaling_case(rows: Annotated[list[int] | None, typer.Option(help="companies")] = None, seed: Seed = 0) -> None:
    """Measure how CPU seconds and peak memory grow with the rows."""
    from bench.scaling import scaling

    series = rows or [300_000, 3_000_000, 12_000_000, 48_000_000]
    with tempfile.TemporaryDirectory() as output:
        for result in scaling([(each, numbers(each, seed)) for each in series], Path(output)):
            record("scaling", result | {"seed": seed})


@app.command("engines")
def engines_case(rows: Rows = 3_000_000, seed: Seed = 0, rounds: int = 5) -> None:
    """Compare engines and numbers of workers."""
    from bench.scaling import engines

    with tempfile.TemporaryDirectory() as output:
        for result in engines(numbers(rows, seed), Path(output), rounds):
            record("engines", {"rows": rows, "seed": seed} | result)


@app.command("all")
def all_cases() -> None:
    """Measure everything that needs no finished run, with the settings that results are committed for."""
    run_case()
    quality_case()
    race_case()
    engines_case()
    scaling_case()


@app.command("compare")
def compare_case(before: Path, after: Path) -> None:
    """Say what became faster or slower between two files of results."""
    from bench.compare import compare

    for line in compare(before, after):
        print(line)


@app.command("protocol")
def protocol_case(part: Path, rounds: int = 15) -> None:
    """Compare placing a part of a finished run under the commit protocol with plainly writing it."""
    from bench.protocol import protocol

    with tempfile.TemporaryDirectory(dir=part.parent) as output:
        record("protocol", protocol(part, Path(output) / "output", rounds))


@app.command("lost-worker")
def lost_worker_case(rows: Rows = 300_000, seed: Seed = 0, rounds: int = 3, parts: int = 24) -> None:
    """Measure what a worker killed at nine tenths of a run costs."""
    from bench.lost_worker import lost_worker

    with tempfile.TemporaryDirectory() as output:
        record("lost_worker", lost_worker(market(rows, seed), Path(output), rounds, parts, rows))


if __name__ == "__main__":
    app()
