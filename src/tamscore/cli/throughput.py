"""`bench`: the speed of this machine, to choose nodes by."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Place, place_argument
from tamscore.view.blocks import Chapter, Table, Terms, table

if TYPE_CHECKING:
    from tamscore.questions.throughput import Throughput

_GIB = 1 << 30


def bench(
    run: Annotated[
        Place | None, place_argument("[RUN]", "A finished run to measure; default: score a synthetic market.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", metavar="N", min=1000, help="Accounts to make and score.")] = 300_000,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where to compute.")] = "auto",
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="W", min=1, help="Threads; default: one for each processor.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how fast this machine scores.

    Scores a synthetic market in a temporary folder. Prints rows a second by stage, memory, the time for larger markets,
    and the floor: the CPU time of reading the columns and writing the scores, measured in the same process.
    """
    from tamscore.questions import throughput

    result = _stored_throughput(run) if run is not None else _measure_run(rows, device, workers, as_json=as_json)
    if as_json:
        print(json.dumps(throughput.record(result), indent=1))
    else:
        terminal.put_chapter(_chapter(result))


def _stored_throughput(run: Any) -> Throughput:
    """Return the throughput of a finished run."""
    from tamscore.questions.stored import open_run
    from tamscore.questions.throughput import of_run

    return of_run(open_run(run).directory)


def _measure_run(rows: int, device: str, workers: int | None, *, as_json: bool) -> Throughput:
    """Return the throughput of a run that is made for this measurement."""
    from tamscore.progress import Progress
    from tamscore.questions.throughput import measure

    with TemporaryDirectory(prefix="tamscore-bench-") as folder, terminal.listening(as_json=as_json) as listener:
        return measure(Path(folder) / "market", rows, device, workers, Progress(listener))


def _chapter(throughput: Throughput) -> Chapter:
    """Return the result of the measurement."""
    from tamscore.questions.throughput import SIZES

    lines = [
        ("rows", f"{throughput.rows:,}"),
        ("device", throughput.device),
        (
            "speed",
            (
                f"{throughput.rows / throughput.seconds:,.0f} rows/s: {throughput.seconds:.1f} s, "
                f"{throughput.cpu_seconds:.1f} CPU s"
            ),
        ),
    ]
    if throughput.peak_bytes is not None:
        lines.append(("memory", f"{throughput.peak_bytes / _GIB:.2f} GiB at most"))
    if throughput.floor is not None:
        ratio = throughput.cpu_seconds / throughput.floor
        lines.append(
            (
                "floor",
                f"{throughput.floor:.1f} CPU s to read twice and write once; the run takes {ratio:.1f} times that",
            )
        )
    if throughput.device_bytes is not None:
        per_row = throughput.device_bytes / throughput.rows
        lines.append(
            ("on a GPU", f"features take {per_row:,.0f} bytes a row, {3e6 * per_row / _GIB:.2f} GiB at 3 million")
        )
    lines += [(f"at {rows:,}", f"{throughput.seconds_at(rows):,.0f} s by the rows, not measured") for rows in SIZES]
    return Chapter("bench", "", "", (_stages_of(throughput), Terms(tuple(lines))))


def _stages_of(throughput: Throughput) -> Table:
    """Return the table of stages, one row each."""
    rows = [
        (
            stage.stage,
            f"{stage.seconds:.2f}",
            f"{stage.cpu_seconds:.2f}",
            round(throughput.rows / max(stage.seconds, 1e-9)),
        )
        for stage in throughput.stages
    ]
    return table("", "stage|seconds|CPU seconds|rows/s:count", rows)
