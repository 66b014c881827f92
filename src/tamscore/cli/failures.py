"""How the command line ends when something is in the way: a message, an exit code, no traceback."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import typer

from tamscore import logs, terminal
from tamscore.errors import MemoryLimitError, RetryableError, TamscoreError, first_line
from tamscore.store.temporary import remove_temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_S = 8.0
"""So long may threads and worker processes take to end after a signal."""
AGAIN_S = 0.25
"""So often it is looked whether the end has begun: what is raised while garbage is collected goes nowhere."""
DEBUG = "TAMSCORE_DEBUG"


class Stopped(SystemExit):
    """A signal asked the program to end; the exit code is 128 + its number."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number
        self.name = signal.Signals(number).name


@contextmanager
def told(*, as_json: bool) -> Iterator[None]:
    """Run what is inside; an error becomes a message on standard error and an exit code."""
    try:
        yield
        sys.stdout.flush()
    except (typer.Exit, typer.TyperException, typer.Abort):
        raise
    except TamscoreError as error:
        fail(str(error), exit_code(error), as_json=as_json)
    except MemoryError as error:
        remedy = "set engine.workers lower, or run on a machine with more memory"
        fail(f"out of memory; {remedy}", exit_code(error), as_json=as_json)
    except BrokenPipeError as error:
        abandon_output()
        raise typer.Exit(exit_code(error)) from None
    except KeyboardInterrupt as error:
        raise typer.Exit(exit_code(error)) from None
    except Stopped as stop:
        say(f"stopped by {stop.name}", "stopped", stop.code, as_json=as_json)
        raise
    except OSError as error:
        abandon_output()
        fail(storage_problem(error), exit_code(error), as_json=as_json)
    except Exception as error:  # noqa: BLE001 - the last place where it can be caught
        fail(unexpected(error), exit_code(error), as_json=as_json)


def exit_code(error: BaseException) -> int:
    """The exit code that an error ends the program with."""
    if isinstance(error, TamscoreError):
        return error.exit_code
    if isinstance(error, Stopped):
        return 128 + error.number
    kinds: dict[type[BaseException], int] = {
        MemoryError: MemoryLimitError.exit_code,
        BrokenPipeError: 128 + signal.SIGPIPE,
        KeyboardInterrupt: 128 + signal.SIGINT,
        OSError: RetryableError.exit_code,
    }
    return next((code for kind, code in kinds.items() if isinstance(error, kind)), TamscoreError.exit_code)


def fail(message: str, code: int, *, as_json: bool) -> NoReturn:
    """End with a message and an exit code; with a traceback too where the environment asks for one."""
    if os.environ.get(DEBUG, "0") not in {"", "0"}:
        traceback.print_exc()
    for line in [message] if as_json else message.splitlines():
        say(f"error: {line}", "error", code, as_json=as_json)
    raise typer.Exit(code) from None


def say(text: str, event: str, code: object, *, as_json: bool) -> None:
    """Write to standard error, as long as somebody listens."""
    bare = text.removeprefix("error: ")
    if terminal.LOG_FORMAT.get() == "json":
        line = logs.record("ERROR" if event == "error" else "WARN", event, bare, {"process.exit.code": code})
    else:
        line = terminal.json_line(event, {"text": bare, "exit_code": code}) if as_json else text
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def unexpected(error: Exception) -> str:
    """One line about an error that nobody foresaw."""
    first = first_line(error)
    return f"unexpected {type(error).__name__}: {first}; set {DEBUG}=1 to see where it comes from"


def storage_problem(error: OSError) -> str:
    """One line about a file, disk or network that does not do what it should."""
    if not error.strerror:
        return unexpected(error)
    where = f"{error.filename}: " if error.filename is not None else ""
    return f"{where}{error.strerror.lower()}; set {DEBUG}=1 to see where it comes from"


def leave(end: SystemExit) -> NoReturn:
    """End with an exit code, at once: Python is not taken apart, which would take a tenth of a second.

    Nor would such a Python hear signals any more: another one would kill it. And the threads of a client of object
    stores let go of what they borrowed from Python a moment after their answer has come: with Python gone by then, the
    process aborts, and a run that went well would look as if it had failed.
    """
    if not isinstance(end.code, int) or sys.gettrace() or sys.getprofile():
        raise end  # whoever looks on has something to say at the end
    abandon_output()
    atexit._run_exitfuncs()  # noqa: SLF001 - who has left folders for temporary files behind takes them along
    os._exit(end.code)


def abandon_output() -> None:
    """Send what still waits for standard output nowhere, where it cannot be written: it would fail again at the end."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def stoppable() -> Iterator[None]:
    """Let signals end what is inside through its `finally` blocks; a second one, or no end in time, ends it at once."""
    kept = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number, handler in kept.items():
        if handler is not signal.SIG_IGN:  # nohup and background shells ask that it be ignored
            signal.signal(number, stop)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if not is_due_to_signal(sys.exception()):
            for number, handler in kept.items():
                signal.signal(number, handler)


def stop(number: int, _: FrameType | None) -> NoReturn:
    """Begin to end; from now on another signal ends at once."""
    for other in STOP_SIGNALS:
        signal.signal(other, lambda number, _: leave_at_once(number))
    deadline = threading.Timer(GRACE_S, leave_at_once, (number,))
    deadline.daemon = True
    deadline.start()
    signal.signal(signal.SIGALRM, lambda *_: None if is_due_to_signal(sys.exception()) else raise_stopped(number))
    signal.setitimer(signal.ITIMER_REAL, AGAIN_S, AGAIN_S)
    raise_stopped(number)


def leave_at_once(number: int) -> NoReturn:
    """End without `finally` blocks; only temporary files are taken along."""
    remove_temporary_folder()
    os._exit(128 + number)


def raise_stopped(number: int) -> NoReturn:
    """Raise what ends the program through its `finally` blocks."""
    raise Stopped(number)


def is_due_to_signal(error: BaseException | None) -> bool:
    """Whether the program is on its way out because of a signal, in a `finally` block or in an `except` within one."""
    while error is not None and not isinstance(error, Stopped):
        error = error.__context__
    return error is not None
