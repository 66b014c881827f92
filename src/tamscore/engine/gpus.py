"""Worker processes of our own, one for each GPU of this machine, and what is asked of workers that others started.

Nothing here imports RAPIDS into this process: a client that did would put every worker on the first GPU.
"""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tamscore.engine import processes
from tamscore.errors import DeviceError, first_line

if TYPE_CHECKING:
    from contextlib import ExitStack

    from tamscore.config import Engine
    from tamscore.engine.cluster import DaskFlow
    from tamscore.engine.device import DeviceChoice

THREADS = 4
"""So many partitions are under way on a GPU: while it computes for one, texts of another are read and written."""
_PRE_IMPORT = ("tamscore.backend.cuda", "cupy", "array_api_compat.cupy")
_RELEASE_THRESHOLD = 0.5
"""So much of its memory a worker's pool keeps when it has nothing to hold."""


def start(engine: Engine, started: ExitStack, device: DeviceChoice) -> DaskFlow:
    """A flow on a cluster of our own, one process for each of the first `engine.workers` of the GPUs, or of all.

    Raise DeviceError if there are fewer, or they are not available.
    """
    gpus = len(device.gpus)
    workers = engine.workers or gpus
    if workers > gpus:
        raise DeviceError(
            f"engine.workers: expected at most {gpus}, the GPUs that passed a test kernel, got {workers}; "
            "each GPU gets one worker"
        )
    settings = processes.settings_of(engine, started, workers)
    return processes.start_attended(
        engine, started, lambda: cluster(settings, full=device.is_fed_by_rapids), workers, THREADS, memories=workers
    )


def cluster(settings: dict[str, Any], *, full: bool) -> Any:
    """The cluster, with the pool of RAPIDS under the `full` reader.

    It neither moves rows off a GPU by itself nor looks for faster networks than TCP.
    """
    if find_spec("dask_cuda") is None:
        raise DeviceError(
            "engine.kind = 'cuda': Dask-CUDA is not installed, which starts the workers; install one of the extras "
            "rapids-cu12 and rapids-cu13 of tamscore, or set engine.kind = 'local'"
        )
    pool = {"rmm_async": True, "rmm_release_threshold": _RELEASE_THRESHOLD} if full else {}
    try:
        from dask_cuda import LocalCUDACluster

        return LocalCUDACluster(
            threads_per_worker=THREADS,
            protocol="tcp",
            device_memory_limit=None,
            pre_import=",".join((*_PRE_IMPORT, "cudf") if full else _PRE_IMPORT),
            **pool,
            **settings,
        )
    except (OSError, TimeoutError):
        raise
    except Exception as error:
        first = first_line(error)
        raise DeviceError(
            f"engine.kind = 'cuda': the workers do not start on the GPUs: {type(error).__name__}: {first}; look at "
            "nvidia-smi and CUDA_VISIBLE_DEVICES, or set engine.kind = 'local'"
        ) from error


def gpu_of_worker() -> str:
    """The UUID of the GPU of a worker, or of its slice of one, made ready; after a dash the problem, if it has none."""
    try:
        from tamscore.backend.cuda_device import gpu_of_process

        return gpu_of_process()
    except Exception as error:  # noqa: BLE001 - whatever it is, the worker is of no use to this run
        return f"- {error}"


def require_workers(addresses: dict[str, str]) -> None:
    """Raise DeviceError unless every worker has a GPU of its own; it names the first that has not."""
    for worker, text in addresses.items():
        if text.startswith("- "):
            raise DeviceError(
                f"device = 'cuda': worker {worker} has no GPU that works: {text[2:]}; start workers with "
                "`dask cuda worker`, or set device = 'cpu'"
            )
    at = {worker: (worker.rpartition(":")[0], address) for worker, address in addresses.items()}
    shared = Counter(at.values())
    for worker, place in at.items():
        if shared[place] > 1:
            raise DeviceError(
                f"device = 'cuda': worker {worker} shares GPU {place[1]} with {shared[place] - 1} more; start workers "
                "with `dask cuda worker`, which gives each a GPU of its own"
            )
