"""Joining the workers of a cluster that another party runs."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import closing, suppress
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from tamscore.engine import dask_settings, gpus
from tamscore.engine.cluster import DaskFlow
from tamscore.engine.connection import Connection
from tamscore.engine.processes import quietly
from tamscore.engine.versions import require_same, versions
from tamscore.errors import RetryableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from tamscore.config import Engine
    from tamscore.engine.device import DeviceChoice

_GPU_READY_S = 60.0
"""Seconds that a worker may take to import RAPIDS and prepare its GPU."""
_RETRY_S = 0.5
"""Seconds between two attempts to reach a scheduler."""
_ALERT_S = 1.0
"""Seconds after the handshake within which a server that refuses our certificate reports that."""


def join(engine: Engine, started: ExitStack, device: DeviceChoice) -> DaskFlow:
    """Return the flow of a cluster that another party runs: it is joined, and never stopped."""
    import dask
    from distributed import Client

    address = engine.scheduler or ""
    started.enter_context(dask.config.set(dask_settings.joining(engine)))
    security = _security(address)
    _reach(address, security, engine.connect_timeout)
    try:
        asyncio.run(asyncio.wait_for(_shakes_hands(address, security), engine.connect_timeout))
        client: Any = Client(address, timeout=engine.connect_timeout, security=security, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise RetryableError(
            f"engine.scheduler: something answers at {address!r}, but not as a Dask scheduler within "
            f"{engine.connect_timeout:g} s; look at the port, and whether it is tcp:// or tls://"
        ) from error
    started.callback(quietly, client.close)
    workers, memories = _workers(Connection(client), engine, gpu=device.name == "cuda")
    return DaskFlow(client, workers, started.pop_all().close, engine.stall_timeout, memories=memories)


def _workers(connection: Connection, engine: Engine, *, gpu: bool) -> tuple[int, int]:
    """Return the threads of all workers together, and the number of memories; refuse workers that do not fit.

    Raise RetryableError if there are none or they do not answer, UsageError for other versions, DeviceError for a
    worker without a GPU of its own.
    """
    client, wait = connection.client, engine.connect_timeout
    threads = sum(_asked(connection, lambda: client.scheduler.ncores(workers=None), wait).values())
    if threads == 0:
        raise RetryableError(
            f"engine.scheduler: the cluster at {connection.address!r} has no workers; start some, then run again"
        )
    run = partial(client.run, on_error="return", asynchronous=True)
    result = _asked(connection, lambda: run(versions, gpu=gpu), wait)
    require_same(versions(gpu=gpu), {f"worker {where}": there for where, there in result.items()})
    if not gpu:
        return threads, len({where.rpartition(":")[0] for where in result})
    gpus.require_workers(_asked(connection, lambda: run(gpus.gpu_of_worker), max(wait, _GPU_READY_S)))
    return threads, len(result)


def _security(address: str) -> Any:
    """Return Dask's settings of encryption; raise UsageError if certificates are needed and missing."""
    from distributed import Security

    if not address.startswith("tls://"):
        return Security(require_encryption=False)
    security: Any = Security(require_encryption=True)
    names = {"CA_FILE": security.tls_ca_file, "CLIENT__CERT": security.tls_client_cert}
    if missing := [f"DASK_DISTRIBUTED__COMM__TLS__{name}" for name, value in names.items() if not value]:
        raise UsageError(
            f"engine.scheduler: {address!r} needs certificates; set {' and '.join(missing)}, or distributed.comm.tls "
            "in the Dask configuration"
        )
    try:
        security.get_connection_args("client")
    except OSError as error:
        raise UsageError(f"engine.scheduler: the certificates for {address!r} cannot be used ({error})") from error
    return security


def _reach(address: str, security: Any, timeout: float) -> None:
    """Wait until a scheduler listens at the address; raise RetryableError with the obstacle if none does in time."""
    host, _, port = address.partition("://")[2].rpartition(":")
    place, until = (host.strip("[]"), int(port)), monotonic() + timeout
    while True:
        try:
            with closing(socket.create_connection(place, timeout=max(0.1, until - monotonic()))) as connection:
                _require_encryption(connection, security, address)
                return
        except OSError as error:
            if monotonic() + _RETRY_S >= until:
                raise RetryableError(
                    f"engine.scheduler: no Dask scheduler answers at {address!r}: {_what(error, place[0])}, "
                    f"tried for {timeout:g} s"
                ) from error
        sleep(_RETRY_S)


def _require_encryption(connection: socket.socket, security: Any, address: str) -> None:
    """Raise UsageError unless the other side has a certificate that we trust, and trusts ours."""
    context = security.get_connection_args("client")["ssl_context"]
    if context is None:
        return
    try:
        with context.wrap_socket(connection) as encrypted, suppress(TimeoutError):
            encrypted.settimeout(_ALERT_S)
            encrypted.recv(1)
    except ssl.SSLError as error:
        reason = error.reason or str(error)
        if isinstance(error, ssl.SSLCertVerificationError) or "ALERT" in reason:
            raise UsageError(
                f"engine.scheduler: {address!r} and this process do not trust each other ({reason}); both need "
                "certificates of one authority: see distributed.comm.tls in the Dask configuration"
            ) from error
        raise UsageError(f"engine.scheduler: {address!r} does not speak TLS ({reason}); is it tcp://?") from error


async def _shakes_hands(address: str, security: Any) -> None:
    """Raise an error unless a Dask scheduler completes the handshake, for which Dask's client would wait forever."""
    from distributed.comm.core import connect as open_comm

    comm = await open_comm(address, **security.get_connection_args("client"))
    comm.abort()


def _what(error: OSError, host: str) -> str:
    """Return the obstacle to a connection."""
    if isinstance(error, socket.gaierror):
        return f"the host name {host!r} is not known"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens at this port"
    return "no answer" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()


def _asked(connection: Connection, question: Callable[[], Any], timeout: float) -> Any:
    """Return the answer of the cluster; raise RetryableError if it takes too long, or the scheduler is lost."""

    async def answer() -> Any:
        return await asyncio.wait_for(question(), timeout)

    with connection.guard("engine.scheduler"):
        try:
            return asyncio.run_coroutine_threadsafe(answer(), connection.client.loop.asyncio_loop).result()
        except (OSError, TimeoutError) as error:
            raise RetryableError(
                f"engine.scheduler: the cluster at {connection.address!r} does not answer within {timeout:g} s; "
                "see that its workers run, then run again"
            ) from error
