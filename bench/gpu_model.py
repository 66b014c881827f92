"""`python -m bench.gpu_model`: whole runs on a GPU against the processors of the same host. A model, no measurement.

A run on this machine tells how much CPU each stage takes, how much of it on one thread alone, and how much in the verbs
that a GPU would take over. What stays on the host is spread over its cores; for the verbs stands what the counted
instructions, bytes, copies and starts of kernels take by data sheet. See docs/gpu.md for what it leaves out.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import gpu_instructions
from bench.gpu_instructions import GPUS, Gpu
from bench.measure import record
from tamscore.backend import launch
from tamscore.progress import Listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.progress import StageTime

CORES = 16
COPY = 50e9
"""Bytes a second from the host's memory to the GPU: PCI Express 5.0 with 16 lanes moves 64e9 at most."""
LAUNCH = 5e-6
"""Seconds from asking for a kernel to its start."""
START = 1.5
"""Seconds until the libraries, the context and the kernels are there; the census hides as much as it lasts."""
BLOCKS = 16
"""So many of the host's blocks one block of the GPU holds at least."""
FLOAT64 = 34e12
"""Operations a second in float64 outside tensor cores, by the data sheet of H100 SXM and H200."""
WIDTH = 12
"""The width of the kernels whose instructions are counted; more centers take in proportion more."""
SORT = 16 * 12
"""Bytes that a radix sort of a number with its label moves: read and written, once for each of twelve bytes."""
ORDER = 8 * 32 + 64
"""Bytes that a stable sort of keys with their places moves, an eighth of them for each byte of a key, and a gather."""
KEYS = 4
"""Keys that accounts are ordered by: value, probability, distance, hash of the id."""
COPIED = {"prepare": 8, "sort": 24, "order": 10}
"""Bytes that a value costs between host and GPU: columns as read go there; values and labels to sort go and come, and
so do keys and the order that they make."""
DEVICES = (1, 2, 4, 8)
TASK = 1e-3
"""Seconds that a pass costs for each worker process: a task and its statistics of k x d integers on their way."""
VERBS = ("label", "nearest", "sides", "segment_sum", "segment_order", "scaler_stats")


@dataclass
class Verb:
    """What a verb took and what it was given: CPU seconds on the main thread and elsewhere, calls, values, products."""

    main: float = 0.0
    spread: float = 0.0
    calls: int = 0
    rows: int = 0
    values: int = 0
    products: int = 0


@dataclass
class Stage:
    """CPU seconds of a stage on the main thread and on all others, and what its verbs took."""

    main: float = 0.0
    spread: float = 0.0
    verbs: dict[str, Verb] = field(default_factory=lambda: defaultdict(Verb))


class Meter(Listener):
    """Listens to the stages of a run, and to the verbs of the host's backend."""

    def __init__(self) -> None:
        self.stages: dict[str, Stage] = defaultdict(Stage)
        self._stage = ""
        self._before = (0.0, 0.0)
        self._inside = threading.local()
        self._lock = threading.Lock()

    def begin(self, stage: str, total: int | None) -> None:
        """Note when the stage begins."""
        del total
        self._stage, self._before = stage, (time.process_time(), time.thread_time())

    def end(self, spent: StageTime) -> None:
        """Add what the stage took, on this thread and on the others."""
        all_threads, here = time.process_time() - self._before[0], time.thread_time() - self._before[1]
        stage = self.stages[spent.stage]
        stage.main += here
        stage.spread += max(all_threads - here, 0.0)

    def timed(self, name: str, function: Callable[..., Any], sizes: Callable[..., tuple[int, int, int]]) -> Any:
        """Return a function that also notes what it took, unless another that is timed has called it."""

        @wraps(function)
        def timing(*given: Any, **named: Any) -> Any:
            if getattr(self._inside, "busy", False):
                return function(*given, **named)
            self._inside.busy, before = True, time.thread_time()
            try:
                return function(*given, **named)
            finally:
                self._inside.busy = False
                self._add(name, time.thread_time() - before, sizes(*given))

        return timing

    def _add(self, name: str, seconds: float, sizes: tuple[int, int, int]) -> None:
        with self._lock:
            verb = self.stages[self._stage].verbs[name]
            if threading.current_thread() is threading.main_thread():
                verb.main += seconds
            else:
                verb.spread += seconds
            verb.calls += 1
            for what, size in zip(("rows", "values", "products"), sizes, strict=True):
                setattr(verb, what, getattr(verb, what) + size)


def sizes_of_verb(_backend: Any, x: Any, *given: Any) -> tuple[int, int, int]:
    """Return the rows, values and products with centers of a call of a verb."""
    shape = (1, *x.shape)[-2:]
    rows, values = int(shape[1]), int(shape[0] * shape[1])
    centers = next((one.shape[0] for one in given if getattr(one, "ndim", 0) == 2), 0)
    return rows, values, values * int(centers)


def metered(meter: Meter) -> None:
    """Let the meter listen to the host's verbs, to preparing and to sorting columns, in this process."""
    from tamscore.backend.host import HostBackend
    from tamscore.scoring import priority
    from tamscore.stages import prepare
    from tamscore.stages.space import Space

    for name in VERBS:
        setattr(HostBackend, name, meter.timed(name, getattr(HostBackend, name), sizes_of_verb))
    priority.order_of = meter.timed("order", priority.order_of, lambda value, *_: (len(value), KEYS * len(value), 0))
    prepare.sort_column = meter.timed("sort", prepare.sort_column, lambda *given: (len(given[1]), len(given[1]), 0))
    Space.numbers = meter.timed(  # type: ignore[method-assign]
        "prepare", Space.numbers, lambda space, _, raw: (len(raw), len(raw) * len(space.scales), 0)
    )


def device_seconds(name: str, verb: Verb, clocks: dict[str, tuple[float, float]], gpu: Gpu) -> float:
    """Return what a GPU takes for a verb: its memory or its units, whichever is longer, and the starts of kernels."""
    rows, values, products = verb.rows, verb.values, verb.products
    width = max(1.0, products / max(values, 1) / WIDTH)
    share = values / max(rows, 1) / gpu_instructions.FEATURES
    a_row = {
        "prepare": clocks["prepare"][1],
        "label": clocks["label"][1] * width,
        "sides": clocks["score for sums"][1] * width + clocks["add"][1],
        "segment_sum": clocks["add"][1],
    }.get(name, 0.0)
    units = rows * share * a_row / (gpu.processors * gpu.clock)
    moved = {
        "prepare": 12 * values,
        "sort": 2 * SORT * rows,
        "order": ORDER * values,
        "segment_order": SORT * rows,
        "scaler_stats": 8 * values,
    }.get(name, 4 * values)
    double = 2 * products / FLOAT64 if name == "nearest" else 0.0
    kernels = values / max(rows, 1) if name in {"prepare", "scaler_stats"} else 3
    starts = kernels * verb.calls / BLOCKS
    return max(units, moved / (0.85 * gpu.bandwidth), double) + LAUNCH * starts


def modelled(
    stages: dict[str, Stage], clocks: dict[str, tuple[float, float]], gpu: Gpu, devices: int = 1
) -> dict[str, dict[str, float]]:
    """Return the seconds of each stage on the host's cores and with GPUs.

    Several GPUs share the work of the verbs and of the copies, but for sorts, which the process that started them does
    on its own. Each pass over all rows costs a task for each GPU. What stays on the host stays as it is.
    """
    found = {}
    for name, stage in stages.items():
        main = max(stage.main - sum(verb.main for verb in stage.verbs.values()), 0.0)
        spread = max(stage.spread - sum(verb.spread for verb in stage.verbs.values()), 0.0)
        device = sum(
            (device_seconds(key, verb, clocks, gpu) + COPIED.get(key, 0) * verb.values / COPY)
            / (1 if key == "order" else devices)
            for key, verb in stage.verbs.items()
        )
        found[name] = {"host": stage.main + stage.spread / CORES, "gpu": main + spread / CORES + device}
    return found


def by_devices(
    stages: dict[str, Stage], clocks: dict[str, tuple[float, float]], gpu: Gpu, rows: int
) -> dict[str, float]:
    """Return the seconds of a run, started and imported, on 1, 2, 4 and 8 GPUs; passes are those of the whole fit."""
    sides = sum(stage.verbs["sides"].rows for stage in stages.values() if "sides" in stage.verbs)
    totals = {}
    for devices in DEVICES:
        seconds = sum(stage["gpu"] for stage in modelled(stages, clocks, gpu, devices).values())
        totals[str(devices)] = round(seconds + (devices > 1) * sides / rows * TASK * devices, 2)
    return totals


def extrapolated(small: Any, large: Any, further: float) -> Any:
    """Return what grows in a line from a small run to a large one, `further` times their distance beyond the large."""
    if isinstance(large, dict):
        return {key: extrapolated(small.get(key, one), one, further) for key, one in large.items()}
    if isinstance(large, Stage | Verb):
        pairs = ((one.name, getattr(small, one.name), getattr(large, one.name)) for one in fields(large))
        return replace(large, **{name: extrapolated(before, after, further) for name, before, after in pairs})
    return large + max(large - small, 0) * further


def run_metered(meter: Meter, rows: int, overrides: list[str]) -> dict[str, Stage]:
    """Return what the stages of a run of a market of so many companies take."""
    from bench.__main__ import market
    from tamscore import job_file, pipeline
    from tamscore.progress import Progress

    meter.stages = defaultdict(Stage)
    with tempfile.TemporaryDirectory() as output:
        job = market(rows, 0) / "job.toml"
        pipeline.run(job_file.load(Path(job), [f'output.path="{output}/scores"', *overrides]), Progress(meter))
    return dict(meter.stages)


def main() -> None:
    """Measure on this host, model, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000, help="companies of the run")
    parser.add_argument("--measured", type=int, nargs=2, help="measure two smaller runs, and go on in a line")
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="KEY=VALUE of the job file")
    chosen = parser.parse_args()
    measured = chosen.measured or [chosen.rows]
    meter = Meter()
    metered(meter)
    runs = [run_metered(meter, rows, chosen.overrides) for rows in measured]
    further = (chosen.rows - measured[1]) / (measured[1] - measured[0]) if chosen.measured else 0.0
    stages = extrapolated(runs[0], runs[-1], further)
    clocks = gpu_instructions.counts(launch.SOURCE.read_text(encoding="utf-8"))
    for gpu in GPUS:
        found = modelled(stages, clocks, gpu)
        host = sum(stage["host"] for stage in found.values())
        device = sum(stage["gpu"] for stage in found.values())
        start = max(START - found.get("census", {"host": 0.0})["host"], 0.0)
        record(
            "gpu_model",
            {
                "model": "whole run, warm",
                "gpu": gpu.name,
                "host_cores": CORES,
                "rows": chosen.rows,
                "measured_rows": measured,
                "overrides": chosen.overrides,
                "stages": {name: {key: round(x, 3) for key, x in each.items()} for name, each in found.items()},
                "start_seconds": round(start, 3),
                "host_seconds": round(host, 2),
                "gpu_seconds": round(device + start, 2),
                "times_the_host": round(host / (device + start), 2),
                "seconds_by_gpus": by_devices(stages, clocks, gpu, chosen.rows),
            },
        )


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
