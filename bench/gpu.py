"""`python -m bench.gpu`: all that a GPU host has to show, in one go and within the minutes that there are.

Correctness and parity (`pytest -m gpu`), then each case with its floor, its peers and its answer, the whole run, and a
stream larger than memory; JSON lines as it goes, a short table last. Data are made on the host. `--rehearse` does the
same with the kernels on the processor and a few rows, and names what needs a device. See docs/gpu.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bench import gpu_cases, gpu_peers
from bench.gpu_cases import Bench
from bench.gpu_whole import whole_runs
from bench.measure import RESULTS, circumstances

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.gpu_cases import Result
    from tamscore.backend import Backend

TESTS = ("-m", "gpu", "tests/contract", "tests/gpu", "-q", "-p", "no:cacheprovider")
NEEDED = ("array_api_compat", "array_api_strict", "hypothesis", "pytest", "distributed", "xxhash", "pydantic", "typer")
GOALS = {("assign", 8): 0.7, ("assign", 11): 0.7, ("lloyd pass", 11): 0.6}
"""Least shares of the read-once floor."""


@dataclass
class Session:
    """The results so far, where they are written, and when time is up."""

    out: Path
    until: float
    results: list[Result] = field(default_factory=list)

    def tell(self, result: Result) -> None:
        """Keep a result: one line on the terminal, one in the file, at once."""
        self.results.append(result)
        print(json.dumps(result, ensure_ascii=False), flush=True)
        with self.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result | circumstances(), ensure_ascii=False) + "\n")

    def attempt(self, name: str, work: Callable[[], Iterable[Result]], needs: float = 0.0) -> None:
        """Results of a case; one that fails, or that no time is left for, is told by name, and the next one comes."""
        if time.monotonic() + needs > self.until:
            return self.tell({"case": name, "skipped": "no time left"})
        try:
            for result in work():
                self.tell(result)
        except Exception as error:  # noqa: BLE001 - minutes on a device are few: one case must not end the others
            self.tell({"case": name, "failed": f"{type(error).__name__}: {error}"[:500]})
        return None


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="all that a GPU host has to show")
    parser.add_argument("--rehearse", action="store_true", help="kernels on the processor, a few rows")
    parser.add_argument("--minutes", type=float, default=25.0, help="begin nothing that ends later")
    parser.add_argument("--rows", type=int, help="rows of the block: 3,000,000")
    parser.add_argument("--market", type=int, help="companies of the whole run: 3,000,000")
    parser.add_argument("--millions", type=float, nargs="*", help="lengths of the stream: 10 30 100")
    parser.add_argument("--out", type=Path, help="file of JSON lines: bench/results/gpu.jsonl")
    parser.add_argument(
        "--install", nargs=2, metavar=("SCRIPT", "WHEELS"), help="install wheels first, then begin anew"
    )
    return parser.parse_args()


def install(script: str, wheels: str) -> None:
    """Install the wheels in a folder of their own, and begin anew in the environment that the script leaves."""
    site = Path(tempfile.gettempdir()) / "tamscore-gpu-site"
    subprocess.run(["bash", script, wheels, str(site)], check=True)
    place = sys.argv.index("--install")
    rest = sys.argv[1:place] + sys.argv[place + 3 :]
    code = '. "$0/env.sh" && exec "$@"'
    again = ["bash", "-c", code, str(site), sys.executable, "-m", "bench.gpu", *rest]
    raise SystemExit(subprocess.run(again, check=False).returncode)


def backend_of(*, rehearse: bool) -> Backend:
    """The device; in a rehearsal the kernels on the processor, or where no compiler is the pretended GPU."""
    from tamscore import backend as backends

    if not rehearse:
        return backends.load("cuda")
    from tests import emulated
    from tests.fake_gpu import FakeGpu

    return emulated.EmulatedCuda() if emulated.COMPILER else FakeGpu()


def tests(seconds: float, *, rehearse: bool) -> Iterable[Result]:
    """The last lines of `pytest -m gpu`: correctness and parity."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        yield {"case": "tests", "failed": f"not installed here: {', '.join(missing)}"}
        return
    chosen = [*TESTS, "--collect-only"] if rehearse else list(TESTS)
    command = [sys.executable, "-m", "pytest", *chosen]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    last = [line for line in done.stdout.splitlines() if line.strip()][-12:]
    yield {"case": "tests", "status": done.returncode, "said": last}


def peers(bench: Bench, ks: tuple[int, ...], *, rehearse: bool) -> Iterable[Result]:
    """Every peer under every number of centers; in a rehearsal those that need a device are skipped by name."""
    for name, peer in gpu_peers.PEERS.items():
        for k in ks:
            result = {"case": "peer", "peer": name, "k": k}
            if rehearse and name in gpu_peers.DEVICE_ONLY:
                yield result | {"skipped": "needs a device"}
                continue
            try:
                yield result | peer(bench, k)
            except Exception as error:  # noqa: BLE001 - as in `attempt`
                yield result | {"failed": f"{type(error).__name__}: {error}"[:300]}


def share_of_floor(results: list[Result], floor_bytes: int) -> None:
    """Add to each pass the share of the read-once floor that it reaches, at the bandwidth that was measured."""
    copies = [result["bytes_per_second"] for result in results if result["case"] == "copy" and "skipped" not in result]
    for result in results:
        if copies and result["case"] in ("assign", "lloyd pass", "distances") and "seconds" in result:
            result["share_of_floor"] = floor_bytes / copies[-1] / result["seconds"]


def table(results: list[Result]) -> None:
    """What came out, one line a case."""
    theirs = {result["k"]: result for result in results if result.get("peer") == "cuML KMeans" and "seconds" in result}
    print(f"\n{'case':42}{'seconds':>12}{'of floor':>10}{'cuML':>8}  answer")
    for result in results:
        name = " ".join(str(result[key]) for key in ("case", "peer", "device", "k", "rows") if key in result)
        seconds = f"{result['seconds']:.6f}" if "seconds" in result else ""
        share = f"{result['share_of_floor']:.0%}" if "share_of_floor" in result else ""
        ratio = theirs.get(result.get("k"), {}).get("seconds") if result["case"] == "lloyd pass" else None
        times = f"{ratio / result['seconds']:.1f}x" if ratio else ""
        goal = GOALS.get((result["case"], result.get("k", 0)))
        answer = next(
            (result[key] for key in ("inertia", "checksum", "skipped", "failed", "said") if key in result), ""
        )
        reached = "" if goal is None or not share else f" (goal {goal:.0%})"
        print(f"{name[:41]:42}{seconds:>12}{share:>10}{times:>8}  {str(answer)[-60:]}{reached}")


def main() -> None:
    """Everything, in the order in which it matters if time runs out."""
    chosen = options()
    if chosen.install:
        install(*chosen.install)
    small = chosen.rehearse
    out = chosen.out or (Path(tempfile.mkdtemp()) / "rehearsal.jsonl" if small else RESULTS / "gpu.jsonl")
    session = Session(out, time.monotonic() + 60 * chosen.minutes)
    with suppress(OSError):
        said = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout.strip()
        session.tell({"case": "machine", "gpus": said, "cores": os.cpu_count()})
    session.attempt("tests", lambda: tests(480.0, rehearse=small))
    backend = backend_of(rehearse=small)
    rows = chosen.rows or (3_000 if small else 3_000_000)
    bench = Bench(backend, backend.put(gpu_cases.rows_near(gpu_cases.some_centers(11), rows)), 1 if small else 20)
    ks = (8, 11, 64)
    session.attempt("copy", lambda: [gpu_cases.copy_bandwidth(bench)])
    session.attempt("passes", lambda: gpu_cases.passes(bench, (*ks, 100 if small else 2_000)))
    session.attempt("peers", lambda: peers(bench, (11, 64), rehearse=small), needs=60)
    share_of_floor(session.results, bench.floor_bytes)
    session.attempt("mini-batch epoch", lambda: [gpu_cases.mini_batch_epoch(bench, 11)])
    session.attempt("prepare", lambda: [gpu_cases.prepare(bench)])
    session.attempt("percentile table", lambda: [gpu_cases.percentile_table(bench, 11)])
    companies = chosen.market or (3_000 if small else 3_000_000)
    session.attempt("whole run", lambda: whole_runs(bench, companies, rehearse=small), needs=0 if small else 240)
    millions = tuple(chosen.millions or ((0.003, 0.006) if small else (10, 30, 100)))
    session.attempt("streamed", lambda: gpu_cases.streamed(bench, millions), needs=0 if small else 90)
    table(session.results)
    print(f"\n{out}")


if __name__ == "__main__":
    main()
