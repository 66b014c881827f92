"""The start of worker processes: enough resources, a time limit, and a message about what is short."""

from __future__ import annotations

import errno
import logging
import os
import resource
import threading
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tamscore.engine import fork_server
from tamscore.errors import RetryableError, TamscoreError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tamscore.config import Engine

START_S = 180.0
"""Seconds after which workers count as not started: on a busy machine ten workers took half a minute."""
FILES, FILES_PER_WORKER = 32, 12
"""Files that this process opens while workers start, and in addition for each worker (measured: up to 29 and 12)."""
THREAD = "tamscore start"
RECORDS = 20
"""Most log records of libraries that are stored during the start."""
_LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")
"""Loggers with handlers of Dask, and the one that warns about failed tasks."""
_SHORT_OF = {
    errno.EMFILE: "open files (`ulimit -n`)",
    errno.ENFILE: "open files of the whole system (fs.file-max)",
    errno.EAGAIN: "processes and threads (`ulimit -u`, or the pids limit of a container)",
    errno.ENOMEM: "memory",
    errno.ENOSPC: "space in the folder for temporary files or in /dev/shm",
    errno.EDQUOT: "space in the folder for temporary files or in /dev/shm",
    errno.EADDRINUSE: "free ports (net.ipv4.ip_local_port_range)",
    errno.EADDRNOTAVAIL: "free ports (net.ipv4.ip_local_port_range)",
}
"""The resource that the machine lacks, by the number of the error."""


def begin(engine: Engine) -> None:
    """Start the process that workers are forked from, unless it runs; raise RetryableError if the machine is short."""
    require_files(engine.kind, requested_workers(engine))
    with explain_startup(engine.kind):
        fork_server.begin()


def requested_workers(engine: Engine) -> int:
    """Return the number of workers of an engine, by default one for each processor of this process."""
    return engine.workers or len(os.sched_getaffinity(0))


def require_files(kind: str, workers: int) -> None:
    """Raise RetryableError if this process may not open as many files as `workers` workers need."""
    needed, limit = FILES + FILES_PER_WORKER * workers, resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise RetryableError(
            f"engine.kind = {kind!r}: {workers} workers need {needed} open files in this process, and the limit is "
            f"{limit}; raise it (`ulimit -n {needed}`), or set engine.workers lower"
        )


def within(seconds: float, make: Callable[[], Any], undo: Callable[[Any], None]) -> Any:
    """Return the result of `make`, or raise its error; raise TimeoutError if it takes longer than `seconds`.

    After that, `make` continues in a thread that does not keep this process from ending; its result is undone.
    """
    ended: Future[Any] = Future()

    def run() -> None:
        result, error = None, None
        try:
            result = make()
        except BaseException as raised:  # noqa: BLE001 - raised where it is waited for
            error = raised
        if ended.set_running_or_notify_cancel():
            ended.set_exception(error) if error else ended.set_result(result)
        elif error is None:
            undo(result)

    threading.Thread(target=run, name=THREAD, daemon=True).start()
    try:
        return ended.result(seconds)
    except TimeoutError:
        if not ended.cancel():  # it has just ended, or the error is its own
            return ended.result()
        raise TimeoutError(f"not there within {seconds:g} s") from None
    finally:
        ended.cancel()  # where a signal ends the wait


@contextmanager
def explain_startup(kind: str) -> Iterator[None]:
    """Start workers inside the block; raise RetryableError about what is short, in place of Dask's errors and logs.

    Dask's warnings are printed only if the workers start, and at most a few of them.
    """
    with held_back() as records:
        try:
            yield
        except TamscoreError:
            raise
        except Exception as error:
            causes = [error, *(record.exc_info[1] for record in records if record.exc_info and record.exc_info[1])]
            short = next(filter(None, map(_what_is_short, causes)), None)
            if short is None and not isinstance(error, OSError | RuntimeError):
                raise
            raise RetryableError(_message(kind, error, short)) from error


def _message(kind: str, error: BaseException, short: str | None) -> str:
    """Return the message about workers that do not start, with what the machine is short of if known."""
    begin = f"engine.kind = {kind!r}: the workers do not start"
    if short:
        remedy = "raise that limit, or set engine.workers lower, then run again"
        return f"{begin}: the machine is short of {short}; {remedy}"
    below = _innermost(error)
    detail = first_line(error) if below is error else f"{first_line(error).rstrip('.')}: {first_line(below)}"
    return (
        f"{begin} ({detail}); look at what they wrote above and at the limits of this machine (`ulimit -a`, memory), "
        "or set engine.kind = 'local', then run again"
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _innermost(error: BaseException) -> BaseException:
    """Return the first error of a chain."""
    *_, last = _chain(error)
    return last


def _what_is_short(error: BaseException) -> str | None:
    """Return what the machine is short of by an error or its causes, None if they do not show it."""
    for item in _chain(error):
        if isinstance(item, OSError) and item.errno in _SHORT_OF:
            return _SHORT_OF[item.errno]
        if isinstance(item, RuntimeError) and "can't start new thread" in str(item):
            return _SHORT_OF[errno.EAGAIN]
        if isinstance(item, MemoryError):
            return _SHORT_OF[errno.ENOMEM]
    return None


class _Held(logging.Handler):
    """Stores the first warnings and errors, as a handler and as a filter of other handlers, and prints none."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Store a record."""
        if len(self.records) < RECORDS:
            self.records.append(record)

    def filter(self, record: logging.LogRecord) -> bool:
        """Store a record if it is a warning; return False, so that it is not printed."""
        if record.levelno >= self.level:
            self.emit(record)
        return False


@contextmanager
def held_back() -> Iterator[list[logging.LogRecord]]:
    """Hold back what libraries log during the block; print it afterwards if the block succeeds."""
    held = _Held()
    with ExitStack() as undone:
        for name in _LOGGERS:
            _buffer_logs(logging.getLogger(name), held, undone)
        yield held.records
    for record in held.records:
        logging.getLogger(record.name).handle(record)


def _buffer_logs(logger: logging.Logger, held: _Held, undone: ExitStack) -> None:
    """Send what a logger would print to `held` until `undone` is closed; its handlers stay, with their levels."""
    if logger.handlers:
        for handler in logger.handlers:
            handler.addFilter(held.filter)
            undone.callback(handler.removeFilter, held.filter)
    else:
        undone.callback(setattr, logger, "propagate", logger.propagate)
        logger.propagate = False
        logger.addHandler(held)
        undone.callback(logger.removeHandler, held)
