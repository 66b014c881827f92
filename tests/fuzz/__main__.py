"""Fuzzing with a budget: `python -m tests.fuzz --minutes 4` checks as many spoilt files as fit, on all cores.

Cases run in processes of their own, so that a crash or a hang is a find and not the end. Exit code 1 if so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING

from tests.fuzz.supervise import Tally, supervise

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARES = {"parquet": 0.6, "model": 0.2, "job": 0.2}
BATCH = 250


def batches(kind: str, start: int, until: float) -> Iterator[Tally]:
    """What batches of cases of one kind come to, one after the other until the time is up."""
    for number in count(start, BATCH):
        if time.monotonic() >= until:
            return
        yield supervise(kind, number, number + BATCH, deadline=until)


def fuzz(kind: str, start: int, seconds: float, workers: int) -> Tally:
    """What the cases of one kind come to that fit into so many seconds."""
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(workers) as pool:
        lanes = pool.map(lambda lane: list(batches(kind, start + lane * 10**7, until)), range(workers))
        return sum((tally for lane in lanes for tally in lane), Tally())


def main() -> int:
    """Fuzz, print a line of JSON a kind, and tell whether anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--start", type=int, default=0, help="first case; another start, other cases")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    finds = 0
    for kind, share in SHARES.items():
        began = time.monotonic()
        tally = fuzz(kind, asked.start, asked.minutes * 60 * share, asked.workers)
        finds += len(tally.finds)
        line = {"kind": kind, "seconds": round(time.monotonic() - began), **tally.record()}
        sys.stdout.write(f"{json.dumps(line)}\n")
        sys.stdout.flush()
    return int(finds > 0)


if __name__ == "__main__":
    sys.exit(main())
