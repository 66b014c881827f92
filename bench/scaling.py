"""How a run grows with rows, and what engines and workers cost: whole runs, each in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.race import figures_of, ours

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ENGINES = {
    "local, 1 worker": ("engine.workers=1",),
    "local, 2 workers": ("engine.workers=2",),
    "processes, 2 workers": ('engine.kind="processes"', "engine.workers=2"),
}


def scaling(markets: Sequence[tuple[int, Path]], folder: Path) -> Iterator[dict[str, Any]]:
    """One run for every number of rows; CPU seconds and peak memory also as multiples of the run before."""
    before: dict[str, Any] = {}
    for rows, market in markets:
        mine = ours(market, folder)
        mine.run()
        result = {"rows": rows, **mine.runs[0], "cpu_microseconds_a_row": 1e6 * mine.runs[0]["cpu_seconds"] / rows}
        yield result | (growth(result, before) if before else {})
        before = result


def growth(result: dict[str, Any], before: dict[str, Any]) -> dict[str, float]:
    """CPU seconds and peak memory as multiples of the smaller run's, and the bytes that every further row took."""
    over = {f"{key}_over_previous": result[key] / before[key] for key in ("cpu_seconds", "peak_mb")}
    further = 2**20 * (result["peak_mb"] - before["peak_mb"]) / (result["rows"] - before["rows"])
    return over | {"bytes_a_further_row": further}


def engines(market: Path, folder: Path, rounds: int) -> Iterator[dict[str, Any]]:
    """Every engine `rounds` times in turn; seconds also as multiples of two local workers'."""
    contenders = {name: ours(market, folder, name, *options) for name, options in ENGINES.items()}
    for _ in range(rounds):
        for contender in contenders.values():
            contender.run()
    local = contenders["local, 2 workers"]
    base = figures_of(local, local, local)
    for contender in contenders.values():
        result = figures_of(contender, local, local)
        yield result | {"seconds_over_local": result["seconds"] / base["seconds"]}
