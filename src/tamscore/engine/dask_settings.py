"""The settings of Dask: all that matter are set here, and settings that run code are refused."""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamscore.engine.fork_server import ENVIRONMENT
from tamscore.errors import RetryableError, UsageError

if TYPE_CHECKING:
    from tamscore.config import Engine

_RUN_CODE = (
    *(f"distributed.{role}.preload" for role in ("scheduler", "worker", "nanny", "client")),
    *(f"distributed.{role}.preload-argv" for role in ("scheduler", "worker", "nanny", "client")),
    *(f"distributed.{role}.http.routes" for role in ("scheduler", "worker")),
    "distributed.client.security-loader",
    "distributed.nanny.environ",
    "distributed.nanny.pre-spawn-environ",
    "distributed.scheduler.active-memory-manager.policies",
    "distributed.admin.pdb-on-err",
)
"""Settings that make Dask import or run code of others, or change what its processes load."""
_ALLOWED_FAILURES = 3
WORKER_TTL_S = 60.0
LEAST_SCRATCH = 256 * 2**20
"""Least free space of the scratch folder in bytes; with less, no run begins."""
_SPILL_SHARE = 0.8
"""Share of the free scratch space that the workers may fill."""


def refuse_code() -> None:
    """Raise UsageError if a setting of Dask runs code of others; the message names the setting."""
    from dask import config

    usual: dict[str, Any] = config.merge(*config.defaults)
    inherited = config.collect_env(os.environ)
    for key in _RUN_CODE:
        default = config.get(key, None, config=usual)
        if all(_is_harmless(config.get(key, None, config=given), default) for given in (inherited, config.config)):
            continue
        variables = [name for name in os.environ if _variable_means(name, key)]
        source = f"the environment variable {variables[0]}" if variables else "the Dask configuration"
        raise UsageError(
            f"{source} sets {key}, which runs code of others or changes what Dask serves; remove it: "
            "no run of tamscore takes such a setting"
        )


def _is_harmless(value: Any, default: Any) -> bool:
    """Return whether a setting is absent, default, our own, or a list of Dask's own modules (which Dask extends)."""
    own_modules = isinstance(value, list) and all(str(item).startswith("distributed.http.") for item in value)
    return own_modules or not value or value in (default, ENVIRONMENT)


def _variable_means(name: str, key: str) -> bool:
    """Return whether an environment variable sets a key of the Dask configuration, or one inside it."""
    if not name.startswith("DASK_"):
        return False
    meant = name.removeprefix("DASK_").lower().replace("__", ".").replace("_", "-")
    return meant == key or meant.startswith(f"{key}.")


def own(engine: Engine, max_spill: int) -> dict[str, Any]:
    """Return the settings of worker processes that a run starts; for `distributed` only its defaults count besides."""
    from dask import config

    settings: dict[str, Any] = config.merge(*copy.deepcopy(config.defaults))
    chosen = {
        "distributed.scheduler.allowed-failures": _ALLOWED_FAILURES,
        "distributed.scheduler.worker-ttl": f"{WORKER_TTL_S} s",
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.scheduler.work-stealing": False,  # work goes to the blocks that a worker keeps; the blocks stay
        "distributed.deploy.lost-worker-timeout": "1 day",  # else a nanny is dismissed while it restarts its worker
        "distributed.worker.memory.max-spill": max_spill,
        "distributed.worker.profile.enabled": False,
        "distributed.scheduler.http.routes": [],  # these pages have no readers
        "distributed.worker.http.routes": [],
        "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
        "distributed.diagnostics.nvml": False,
        "distributed.admin.system-monitor.interval": "5 s",  # its figures have no readers
        "distributed.admin.system-monitor.disk": False,
        "distributed.admin.tick.interval": "500 ms",
        "distributed.worker.memory.monitor-interval": "200 ms",
        "distributed.admin.large-graph-warning-threshold": "1 GiB",
        "distributed.comm.timeouts.connect": f"{engine.connect_timeout} s",
    }
    config.set(chosen, config=settings)
    return {"distributed": settings["distributed"], "scheduler-address": None}


def joining(engine: Engine) -> dict[str, Any]:
    """Return the settings of this process when it joins a cluster; certificates come from Dask's own settings."""
    return {
        "distributed.comm.timeouts.connect": f"{engine.connect_timeout} s",
        "distributed.admin.large-graph-warning-threshold": "1 GiB",
        "scheduler-address": None,
    }


def scratch_folder(engine: Engine) -> Path:
    """Return the folder for what workers spill: that of the job, else Dask's, else the system's temporary folder.

    Raise UsageError if it is not writable, RetryableError if it is nearly full.
    """
    from dask import config

    folder = Path(engine.scratch or config.get("temporary-directory", None) or tempfile.gettempdir())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"engine.scratch: {str(folder)!r} cannot be written to ({error.strerror}); "
            "name a writable folder, or fix access"
        ) from error
    free = shutil.disk_usage(folder).free
    if free < LEAST_SCRATCH:
        raise RetryableError(
            f"engine.scratch: {str(folder)!r} has {free / 2**20:,.0f} MiB of free space, at least "
            f"{LEAST_SCRATCH / 2**20:,.0f} are needed; free some, or name another folder"
        )
    return folder


def max_spill(scratch: Path, workers: int) -> int:
    """Return how many bytes each worker may write to the scratch folder."""
    return int(_SPILL_SHARE * shutil.disk_usage(scratch).free / workers)
