"""`python -m bench.gpu [CALL ...]`: what a GPU host has to show, in calls of under nine minutes, from small to large.

`smoke` needs no RAPIDS. Every case writes a line of JSON to `$RESULTS/gpu.jsonl` as it ends, and one that fails is
named while the next begins. The exit status is 1 if a case failed or gave another answer than the host. `--rehearse`
does the same anywhere with the kernels on the processor and a few rows, and names what needs a device. See docs/gpu.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import gpu_cases, gpu_peers, gpu_smoke, gpu_whole
from bench.gpu_cases import Bench
from bench.gpu_table import goals, share_of_floor, table
from bench.measure import RESULTS, circumstances

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.gpu_cases import Result
    from tamscore.backend import Backend

MINUTES = 8.5
TESTS = ("-m", "gpu", "tests/contract", "tests/gpu", "-q", "-p", "no:cacheprovider")
NEEDED = ("array_api_compat", "array_api_strict", "hypothesis", "pytest", "distributed", "xxhash", "pydantic", "typer")


@dataclass(frozen=True)
class Sizes:
    """How much is measured: rows of the block, companies of two markets, lengths of the stream in millions."""

    rows: int = 3_000_000
    companies: int = 3_000_000
    millions: tuple[float, ...] = (10, 30, 100)
    repeats: int = 20
    few: int = 20_000
    ks: tuple[int, ...] = (8, 11, 16, 32, 64, 2_000)
    large: int = 10_000_000


SMALL = Sizes(3_000, 3_000, (0.003, 0.006), 1, 900, (8, 11, 64, 100), 4_000)


@dataclass
class Session:
    """What is measured on which device, the results so far, where they are written, and when time is up."""

    out: Path
    until: float
    sizes: Sizes
    rehearse: bool
    results: list[Result] = field(default_factory=list)

    @cached_property
    def backend(self) -> Backend:
        """The device; in a rehearsal the kernels on the processor, or the pretended GPU if there is no compiler."""
        from tamscore import backend as backends

        if not self.rehearse:
            return backends.load("cuda")
        from tests import emulated
        from tests.fake_gpu import FakeGpu

        return emulated.EmulatedCuda() if emulated.COMPILER else FakeGpu()

    @cached_property
    def bench(self) -> Bench:
        """Rows around 11 centers on the device."""
        rows = gpu_cases.rows_near(gpu_cases.some_centers(11), self.sizes.rows)
        return Bench(self.backend, self.backend.put(rows), self.sizes.repeats)

    def tell(self, result: Result) -> None:
        """Keep a result: one line on the terminal, one in the file, at once."""
        self.results.append(result)
        print(json.dumps(result, ensure_ascii=False), flush=True)
        with self.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result | self.where | circumstances(), ensure_ascii=False) + "\n")

    @cached_property
    def where(self) -> Result:
        """The names of the GPUs, as the driver's own tool has them."""
        try:
            said = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
        except OSError:
            said = ""
        return {"gpus": [line.split(" (")[0] for line in said.splitlines()], "rehearsal": self.rehearse}

    def attempt(self, name: str, work: Callable[[], Iterable[Result]], needs: float = 0.0) -> None:
        """Results of a case; one that fails, or that no time is left for, is told by name, and the next one comes."""
        if not self.rehearse and time.monotonic() + needs > self.until:
            return self.tell({"case": name, "skipped": "no time left"})
        try:
            for result in work():
                self.tell(result)
        except Exception as error:  # noqa: BLE001 - minutes on a device are few: one case must not end the others
            self.tell({"case": name, "failed": f"{type(error).__name__}: {error}"[:500]})
        return None


def smoke(this: Session) -> None:
    """First touch, every kernel against the host on a few rows and on near-ties, and the speed of a copy."""
    this.attempt("machine", lambda: [{"case": "machine", "cores": os.cpu_count(), **this.where}])
    this.attempt("first touch", lambda: [gpu_smoke.first_touch(lambda: this.backend)])
    this.attempt("agreement", lambda: gpu_smoke.agreement(this.backend, this.sizes.few, this.sizes.ks))
    this.attempt("launches", lambda: gpu_smoke.launches(this.backend))
    this.attempt("copy", lambda: [gpu_cases.copy_bandwidth(this.bench)])


def passes(this: Session) -> None:
    """Every pass under every number of centers, against the time that reading each value once takes."""
    this.attempt("copy", lambda: [gpu_cases.copy_bandwidth(this.bench)])
    this.attempt("passes", lambda: gpu_cases.passes(this.bench, this.sizes.ks), needs=60)
    this.attempt("mini-batch epoch", lambda: [gpu_cases.mini_batch_epoch(this.bench, 11)])
    this.attempt("prepare", lambda: [gpu_cases.prepare(this.bench)])
    this.attempt("percentile table", lambda: [gpu_cases.percentile_table(this.bench, 11)])


def peers(this: Session) -> None:
    """Every peer under some numbers of centers; in a rehearsal those that need a device are skipped by name."""
    for name, peer in gpu_peers.PEERS.items():
        for k in (11, 64):
            result: Result = {"case": "peer", "peer": name, "k": k}
            if this.rehearse and name in gpu_peers.DEVICE_ONLY:
                this.tell(result | {"skipped": "needs a device"})
                continue
            this.attempt(f"{name} {k}", partial(measured, this, peer, k, result), needs=30)


def measured(this: Session, peer: Callable[[Bench, int], Result], k: int, result: Result) -> list[Result]:
    """The result of a peer, with what it is about."""
    return [result | peer(this.bench, k)]


def runs(this: Session) -> None:
    """Decoding by each reader that is there, and whole runs: the device cold, the device warm, the processors."""
    work = gpu_whole.whole_runs(this.sizes.companies, rehearse=this.rehearse, until=this.until)
    this.attempt("whole run", lambda: work, needs=120)


def devices(this: Session) -> None:
    """Whole runs with every row in the fit on 1, 2, 4 and 8 of the GPUs that there are."""
    here = 2 if this.rehearse else gpu_whole.devices_here()
    counts = tuple(count for count in (1, 2, 4, 8) if count <= here)
    work = gpu_whole.several_devices(this.sizes.companies, counts, rehearse=this.rehearse, until=this.until)
    this.attempt("several devices", lambda: work, needs=120)


def large(this: Session) -> None:
    """A whole run with every row in the fit and k chosen, on the device and on the processors."""
    work = gpu_whole.every_row(this.sizes.large, rehearse=this.rehearse, until=this.until)
    this.attempt("every row", lambda: work, needs=240)


def stream(this: Session) -> None:
    """A stream of rows that never stay."""
    this.attempt("streamed", lambda: gpu_cases.streamed(this.bench, this.sizes.millions), needs=90)


def tests(this: Session) -> None:
    """The last lines of `pytest -m gpu`: correctness and parity."""
    this.attempt("tests", lambda: [pytest_gpu(max(60.0, this.until - time.monotonic()), collect=this.rehearse)])


def pytest_gpu(seconds: float, *, collect: bool) -> Result:
    """What `pytest -m gpu` comes to; in a rehearsal it only collects."""
    missing = [name for name in NEEDED if not (collect and name == "array_api_compat") and find_spec(name) is None]
    if missing:
        return {"case": "tests", "failed": f"not installed here: {', '.join(missing)}"}
    command = [sys.executable, "-m", "pytest", *TESTS, *(["--collect-only"] if collect else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    last = [line for line in done.stdout.splitlines() if line.strip()][-12:]
    return {"case": "tests", "said": last, **({"failed": f"status {done.returncode}"} if done.returncode else {})}


CALLS: dict[str, Callable[[Session], None]] = {
    call.__name__: call for call in (smoke, passes, peers, runs, large, devices, stream, tests)
}
"""The calls, small to large; each ends by itself within MINUTES."""


def options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="what a GPU host has to show, in calls of under nine minutes")
    parser.add_argument("calls", nargs="*", choices=[*CALLS, []], help=f"which of {', '.join(CALLS)}: all, in order")
    parser.add_argument("--rehearse", action="store_true", help="kernels on the processor, a few rows")
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"begin nothing that ends later: {MINUTES}")
    parser.add_argument("--out", type=Path, help="file of JSON lines: $RESULTS/gpu.jsonl, else bench/results/gpu.jsonl")
    return parser.parse_args(arguments)


def place_of(chosen: argparse.Namespace) -> Path:
    """The file of results: as asked, where RESULTS says, or beside the other results; of a rehearsal a scratch file."""
    if chosen.out:
        return Path(chosen.out)
    if folder := os.environ.get("RESULTS"):
        return Path(folder) / "gpu.jsonl"
    return (Path(tempfile.mkdtemp()) if chosen.rehearse else RESULTS) / "gpu.jsonl"


def main(arguments: list[str] | None = None) -> list[Any]:
    """Make the calls; the results that are wrong."""
    chosen = options(arguments)
    sizes = SMALL if chosen.rehearse else Sizes()
    session = Session(place_of(chosen), time.monotonic() + 60 * chosen.minutes, sizes, chosen.rehearse)
    for name in chosen.calls or CALLS:
        CALLS[name](session)
    share_of_floor(session.results, 4 * gpu_cases.FEATURES * sizes.rows)
    table(session.results)
    goals([json.loads(line) for line in session.out.read_text(encoding="utf-8").splitlines()])
    print(f"\n{session.out}")
    return [result for result in session.results if "failed" in result or result.get("agrees") is False]


if __name__ == "__main__":
    raise SystemExit(bool(main()))
