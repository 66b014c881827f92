"""Starting or joining the workers of a run."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tamscore.engine.device import DeviceChoice
from tamscore.engine.flow import LocalFlow
from tamscore.errors import UsageError

if TYPE_CHECKING:
    from tamscore.config import Engine
    from tamscore.engine.flow import Flow

CPU = DeviceChoice("cpu", "as asked")


def begin(engine: Engine) -> None:
    """Start the worker processes of this machine while this process imports and plans; `connect` works without it.

    Raise RetryableError if the machine lacks a resource for them, UsageError if Dask is not installed.
    """
    _require_dask(engine)
    if engine.kind == "processes":
        from tamscore.engine import startup

        startup.begin(engine)


def _require_dask(engine: Engine) -> None:
    """Raise UsageError if an engine needs Dask and it is not installed."""
    if engine.kind != "local" and find_spec("distributed") is None:
        raise UsageError(
            f"engine.kind = {engine.kind!r} needs the packages dask and distributed, which are not installed; "
            "pip install dask distributed, or set engine.kind = 'local'"
        )


def connect(engine: Engine, device: DeviceChoice = CPU) -> Flow:
    """Return the flow of an engine: `local` threads, `processes` or GPUs of this machine, or a `remote` cluster.

    Raise UsageError if the settings allow no run, RetryableError if processes do not start or answer, DeviceError if a
    worker of a run on GPUs has none.
    """
    if engine.kind == "local":
        return LocalFlow(engine.workers)
    import distributed  # noqa: F401 - brings the defaults that settings are compared with

    from tamscore.engine import dask_settings, gpus, processes, remote

    dask_settings.refuse_code()
    with ExitStack() as started:
        if engine.kind == "processes":
            return processes.start(engine, started)
        if engine.kind == "cuda":
            return gpus.start(engine, started, device)
        return remote.join(engine, started, device)
