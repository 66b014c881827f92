"""The first minute on a device: does it start, do the kernels compile, and do they agree with the host to the bit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.gpu_cases import near_ties, rows_near, some_centers
from tamscore.backend import kernels
from tamscore.backend.host import HostBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.gpu_cases import Result
    from tamscore.backend import Backend

HOST = HostBackend()


def first_touch(backend: Callable[[], Backend]) -> Result:
    """Seconds until the first array lies on the device: imports and the context."""
    started = time.perf_counter()
    device = backend()
    device.get(device.put(np.zeros(1)))
    device.sync()
    return {"case": "first touch", "seconds": time.perf_counter() - started, "memory": device.memory()}


def agreement(backend: Backend, rows: int, ks: tuple[int, ...]) -> Iterator[Result]:
    """Whether labels, sums, counts and distances are those of the host, for rows around k centers and near-ties."""
    for k in ks:
        centers = some_centers(k)
        for name, block in (("rows", rows_near(centers, rows)), ("near-ties", near_ties(centers, rows))):
            started = time.perf_counter()
            wrong = differing(backend, block, centers)
            seconds = time.perf_counter() - started
            result = {"case": f"agreement, {name}", "k": k, "agrees": not wrong, "seconds": seconds}
            yield result | ({"wrong": wrong} if wrong else {})


def launches(backend: Backend) -> Iterator[Result]:
    """Which kernel was started for each name, and of how many blocks: what the limits of the device have chosen."""
    own = getattr(getattr(backend, "device", None), "kernels", None)
    for (_, name), launch in own.launches.items() if own else ():
        yield {"case": "launch", "kernel": name, "tile": launch.name, "rows": launch.rows, "blocks": launch.blocks}


def differing(backend: Backend, block: Any, centers: Any) -> list[str]:
    """The answers to a host block (d, m) and centers (k, d) in which a device differs from the host."""
    theirs, ours = answers(HOST, block, centers), answers(backend, block, centers)
    return [name for name in theirs if not np.array_equal(theirs[name], ours[name])]


def answers(backend: Backend, block: Any, centers: Any) -> dict[str, Any]:
    """What a device says of a host block (d, m) and centers (k, d), each as a host array."""
    here, at, get = backend.put(block), backend.put(centers), backend.get
    norms = kernels.sq_norms(backend.xp, here)
    sides, near = backend.sides(here, norms, at), backend.nearest(here, at)
    return {
        "label": get(backend.label(here, norms, at)),
        "sides": get(sides.label),
        "sums": get(sides.sums),
        "counts": get(sides.counts),
        "nearest": get(near.label),
        "distance": get(near.sq_distance),
        "second distance": get(near.second_sq_distance),
        "segment sum": get(backend.segment_sum(here, near.label, len(centers))),
    }
