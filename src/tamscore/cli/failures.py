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
from tamscore.cli.streams import lost_output
from tamscore.errors import (
    LASTING,
    MemoryLimitError,
    NothingToDo,
    RetryableError,
    TamscoreError,
    UsageError,
    first_line,
    unreadable,
)
from tamscore.store.temporary import remove_temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE_S = 8.0
"""So long may threads and worker processes take to end after a signal."""
_AGAIN_S = 0.25
"""So often it is looked whether the end has begun: what is raised while garbage is collected goes nowhere."""
_DEBUG = "TAMSCORE_DEBUG"


class Stopped(SystemExit):
    """A signal asked the program to end; the exit code is 128 + its number."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number
        self.name = signal.Signals(number).name


@contextmanager
def report_errors(*, as_json: bool, answers: bool = False) -> Iterator[None]:
    """Run what is inside; an error becomes a message on standard error and an exit code.

    Where standard output cannot be written, the work goes on; a command that only `answers` has failed then.
    """
    try:
        yield
    except (typer.Exit, typer.TyperException, typer.Abort) as end:
        _pass_on(end, as_json=as_json, answers=answers)
        raise
    except TamscoreError as error:
        _fail(str(error), exit_code(error), as_json=as_json)
    except MemoryError as error:
        remedy = "set engine.workers lower, or run on a machine with more memory"
        _fail(f"out of memory; {remedy}", exit_code(error), as_json=as_json)
    except KeyboardInterrupt as error:
        raise typer.Exit(exit_code(error)) from None
    except Stopped as stop:
        _write_error(f"stopped by {stop.name}", "stopped", stop.code, as_json=as_json)
        raise
    except OSError as error:
        _fail(_storage_problem(error), exit_code(error), as_json=as_json)
    except UnicodeEncodeError as error:
        _fail(_not_utf8(str(error.object)), UsageError.exit_code, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - the last place where it can be caught
        _fail(_unexpected_line(error), exit_code(error), as_json=as_json)
    else:
        _require_output(as_json=as_json, answers=answers)


def _pass_on(end: Exception, *, as_json: bool, answers: bool) -> None:
    """Say what there is to say before the command line ends in its own way."""
    if isinstance(end, typer.Exit):
        _require_output(as_json=as_json, answers=answers and end.exit_code in {0, NothingToDo.exit_code})
    elif isinstance(end, typer.TyperException) and terminal.LOG_FORMAT.get() == "json":
        _fail(_usage_problem(end), _usage_code(end), as_json=as_json)


def _require_output(*, as_json: bool, answers: bool) -> None:
    """Say that standard output could not be written; exits with 5 if that was all there is to have."""
    if why := lost_output():
        code = RetryableError.exit_code if answers else 0
        remedy = "make room and ask again" if answers else "files that it wrote are in place"
        _write_error(
            f"standard output: {why}; what the command printed is lost, {remedy}", "output", code, as_json=as_json
        )
        if answers:
            raise typer.Exit(code)


def _usage_problem(error: Exception) -> str:
    """Return what is wrong with the arguments, or the help that was meant."""
    return str(getattr(error, "format_message", error.__str__)())


def _usage_code(error: Exception) -> int:
    """The exit code for wrong arguments."""
    return int(getattr(error, "exit_code", UsageError.exit_code))


def exit_code(error: BaseException) -> int:
    """The exit code that an error ends the program with."""
    if isinstance(error, TamscoreError):
        return error.exit_code
    if isinstance(error, Stopped):
        return 128 + error.number
    kinds: dict[type[BaseException], int] = {
        MemoryError: MemoryLimitError.exit_code,
        KeyboardInterrupt: 128 + signal.SIGINT,
        OSError: RetryableError.exit_code,
    }
    if isinstance(error, OSError) and error.errno in LASTING:
        return UsageError.exit_code
    return next((code for kind, code in kinds.items() if isinstance(error, kind)), TamscoreError.exit_code)


def _fail(message: str, code: int, *, as_json: bool) -> NoReturn:
    """End with a message and an exit code; with a traceback too where the environment asks for one."""
    trace = traceback.format_exc() if os.environ.get(_DEBUG, "0") not in {"", "0"} else ""
    if trace and terminal.LOG_FORMAT.get() == "text":
        print(trace, end="", file=sys.stderr)
    whole = as_json or terminal.LOG_FORMAT.get() == "json"
    for line in [message] if whole else message.splitlines():
        _write_error(f"error: {line}", "error", code, as_json=as_json, trace=trace)
    raise typer.Exit(code) from None


def _write_error(text: str, event: str, code: object, *, as_json: bool, trace: str = "") -> None:
    """Write to standard error, as long as somebody listens."""
    bare = text.removeprefix("error: ")
    if terminal.LOG_FORMAT.get() == "json":
        attributes = {"process.exit.code": code} | ({logs.TRACE: trace} if trace else {})
        line = logs.record("ERROR" if event == "error" else "WARN", event, bare, attributes)
    else:
        line = terminal.json_line(event, {"text": bare, "exit_code": code}) if as_json else text
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def require_utf8(arguments: Iterable[str]) -> None:
    """Raise UsageError that names the first argument whose bytes are not UTF-8."""
    for text in arguments:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UsageError(_not_utf8(text)) from None


def _not_utf8(text: str) -> str:
    """Return what to do about a name or an argument that files and tables cannot hold."""
    remedy = "rename the file or folder, or set a UTF-8 locale (LC_ALL=C.UTF-8)"
    return f"expected text in UTF-8, got {text!a}; {remedy}"


def _unexpected_line(error: Exception) -> str:
    """One line about an error that nobody foresaw."""
    first = first_line(error)
    return f"unexpected {type(error).__name__}: {first}; set {_DEBUG}=1 to see where it comes from"


def _storage_problem(error: OSError) -> str:
    """One line about a file, disk or network that does not do what it should, and what to do."""
    if not error.strerror:
        return _unexpected_line(error)
    return str(unreadable(error.filename if error.filename is not None else "storage", error))


def leave(end: SystemExit) -> NoReturn:
    """End with an exit code, at once: Python is not taken apart, which would take a tenth of a second.

    Nor would such a Python hear signals any more: another one would kill it. And the threads of a client of object
    stores let go of what they borrowed from Python a moment after their answer has come: with Python gone by then, the
    process aborts, and a run that went well would look as if it had failed.
    """
    if not isinstance(end.code, int) or sys.gettrace() or sys.getprofile():
        raise end  # whoever looks on has something to say at the end
    sys.stdout.flush()
    atexit._run_exitfuncs()  # noqa: SLF001 - who has left folders for temporary files behind takes them along
    os._exit(end.code)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let signals end what is inside through its `finally` blocks; a second one, or no end in time, ends it at once."""
    record = {number: signal.getsignal(number) for number in _STOP_SIGNALS}
    for number, handler in record.items():
        if handler is not signal.SIG_IGN:  # nohup and background shells ask that it be ignored
            signal.signal(number, _stop)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if not _is_due_to_signal(sys.exception()):
            for number, handler in record.items():
                signal.signal(number, handler)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    """Begin to end; from now on another signal ends at once."""
    for other in _STOP_SIGNALS:
        signal.signal(other, lambda number, _: _leave_at_once(number))
    deadline = threading.Timer(_GRACE_S, _leave_at_once, (number,))
    deadline.daemon = True
    deadline.start()
    signal.signal(signal.SIGALRM, lambda *_: None if _is_due_to_signal(sys.exception()) else _raise_stopped(number))
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_S, _AGAIN_S)
    _raise_stopped(number)


def _leave_at_once(number: int) -> NoReturn:
    """End without `finally` blocks; only temporary files are taken along."""
    remove_temporary_folder()
    os._exit(128 + number)


def _raise_stopped(number: int) -> NoReturn:
    """Raise what ends the program through its `finally` blocks."""
    raise Stopped(number)


def _is_due_to_signal(error: BaseException | None) -> bool:
    """Whether the program is on its way out because of a signal, in a `finally` block or in an `except` within one."""
    while error is not None and not isinstance(error, Stopped):
        error = error.__context__
    return error is not None
