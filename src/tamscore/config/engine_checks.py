"""The rules that tie keys of the section `[engine]` together."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from tamscore.config.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Engine


def scheduler_is_for_remote(engine: Engine) -> Iterator[Problem]:
    """Yield a problem if a scheduler is missing, or given but not used."""
    place = ("engine", "scheduler")
    if engine.kind == "remote" and engine.scheduler is None:
        yield Problem(place, 'tcp://HOST:PORT or tls://HOST:PORT for kind = "remote"')
    if engine.kind != "remote" and engine.scheduler is not None:
        hint = 'set engine.kind = "remote", or remove scheduler'
        yield Problem(place, f'no value for kind = "{engine.kind}"', engine.scheduler, hint)


def scheduler_is_safe(engine: Engine) -> Iterator[Problem]:
    """Yield a problem if data and code would cross the network unencrypted without the job's permission."""
    address = engine.scheduler or ""
    if address.startswith("tcp://") and not engine.allow_insecure_scheduler and not _is_on_loopback(address):
        hint = (
            "over tcp:// anybody on the network can read the data and run code on the workers; "
            "use tls://, or set engine.allow_insecure_scheduler = true"
        )
        yield Problem(("engine", "scheduler"), "tls:// for a scheduler on another machine", address, hint)


def _is_on_loopback(address: str) -> bool:
    """Return whether an address scheme://HOST:PORT stays on this machine; host names are not resolved."""
    host = address.partition("://")[2].rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def workers_are_ours(engine: Engine) -> Iterator[Problem]:
    """Yield the settings of worker processes that are given although the run starts none."""
    for key in ("worker_memory_gib", "scratch"):
        if engine.kind not in ("processes", "cuda") and (value := getattr(engine, key)) is not None:
            hint = f'set engine.kind = "processes", or remove {key}'
            yield Problem(("engine", key), f'no value for kind = "{engine.kind}"', value, hint)


def workers_have_the_device(device: str, engine: Engine) -> Iterator[Problem]:
    """Yield a problem if the workers that the run starts cannot use the requested device."""
    if engine.kind == "cuda" and device == "cpu":
        hint = 'set device = "cuda", or engine.kind = "local" or "processes"'
        yield Problem(("engine", "kind"), 'workers for device = "cpu"', engine.kind, hint)
    if engine.kind == "processes" and device == "cuda":
        hint = 'set engine.kind = "cuda" for one worker on each GPU, or "local"'
        yield Problem(("engine", "kind"), 'workers for device = "cuda"', engine.kind, hint)
