"""Progress of a command: a bar on a terminal, event lines elsewhere, JSON lines for machines."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, TextIO

from tamscore import logs
from tamscore.progress import Listener, unit_of
from tamscore.view.words import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, RenderableType
    from rich.progress import Progress as RichProgress
    from rich.progress import Task, TaskID

    from tamscore.progress import StageTime
    from tamscore.view.blocks import Chapter

LOG_FORMAT: ContextVar[Literal["text", "json"]] = ContextVar("log_format", default="text")
"""Format of standard error: text for people, or log records for machines."""
HOW_MUCH: ContextVar[Literal["quiet", "usual", "verbose"]] = ContextVar("how_much", default="usual")
"""Whether progress is shown, and in bars on a terminal."""
_PLAIN_WIDTH = 400
"""Width of tables without a terminal, so that each row stays on one line."""


@contextmanager
def listening(*, as_json: bool = False, stream: TextIO | None = None) -> Iterator[Listener]:
    """Yield the listener: log records or JSON lines if chosen, a bar on a terminal, else event lines."""
    stream = stream or sys.stderr
    if HOW_MUCH.get() == "quiet":
        yield Listener()
    elif LOG_FORMAT.get() == "json":
        yield logs.Records(stream)
    elif as_json:
        yield _Events(stream, json_line)
    elif _is_screen(stream) and HOW_MUCH.get() == "usual":
        with _Bar(stream) as bar:
            yield bar
    else:
        yield _Events(stream, event_line)


def _is_screen(stream: TextIO) -> bool:
    """Return whether the stream is a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}


def console(stream: TextIO | None = None) -> Console:
    """Return a console that prints texts unchanged; without a terminal it has no colour and one line a row."""
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> NoReturn:
            """Leave it to the command line, which ends without a message."""
            raise BrokenPipeError

    stream = stream or sys.stdout
    width = None if stream.isatty() else _PLAIN_WIDTH
    return Quiet(file=stream, width=width, markup=False, emoji=False, highlight=False)


def print_page(page: Callable[[int | None], RenderableType]) -> None:
    """Print a page to standard output: drawn for the width of the terminal, or plainly (None) without one."""
    out = console()
    if out.is_terminal:
        out.print(page(out.width))
        return
    with out.capture() as captured:  # without the spaces that pad lines
        out.print(page(None))
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def put_chapter(chapter: Chapter) -> None:
    """Print a chapter to standard output under its title."""
    from tamscore.view.terminal import titled_chapter

    print_page(lambda width: titled_chapter(chapter, width))


@contextmanager
def logging_as(log_format: Literal["text", "json"]) -> Iterator[None]:
    """Use a log format inside the block."""
    before = LOG_FORMAT.set(log_format)
    try:
        with logs.capture_library_logs() if log_format == "json" else nullcontext():
            yield
    finally:
        LOG_FORMAT.reset(before)


class _Events(Listener):
    """One line for each stage that ends and for each notice."""

    def __init__(self, stream: TextIO, shape: Callable[[str, dict[str, Any]], str]) -> None:
        self._stream, self._shape = stream, shape

    def end(self, spent: StageTime) -> None:
        """Report the time of a stage and its amount of work."""
        times = {"seconds": round(spent.seconds, 3), "cpu_seconds": round(spent.cpu_seconds, 3)}
        counted = {unit_of(spent.stage).replace(" ", "_"): spent.done} if spent.done else {}
        self.write_event("stage", name=spent.stage, **times, **counted)

    def notice(self, text: str) -> None:
        """Report a notice."""
        self.write_event("notice", text=text)

    def write_event(self, event: str, **fields: Any) -> None:
        """Write one event."""
        print(self._shape(event, fields), file=self._stream, flush=True)


def event_line(event: str, fields: dict[str, Any]) -> str:
    """Return an event as `event key=value …`; texts with more than one word are quoted."""
    return " ".join([event, *(f"{key}={_word(value)}" for key, value in fields.items())])


def _word(value: object) -> str:
    """Return a value as one word of an event line."""
    text = str(value)
    bare = text and text.isprintable() and not set(text) & set(" \"'=\\")
    return text if bare else json.dumps(text, ensure_ascii=False)


def json_line(event: str, fields: dict[str, Any]) -> str:
    """Return an event as a JSON object on one line."""
    return json.dumps({"event": event, **fields}, ensure_ascii=False)


class _Bar(Listener):
    """A bar for each stage, one below the other; notices appear above them."""

    def __init__(self, stream: TextIO) -> None:
        self._console = console(stream)
        self._progress = _bars(self._console)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Show the bar from now on."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bars on screen and show the cursor again."""
        self._progress.stop()

    def begin(self, stage: str, total: int | None) -> None:
        """Add a bar."""
        self._tasks[stage] = self._progress.add_task(stage, total=total)

    def advance(self, stage: str, by: int) -> None:
        """Advance the bar."""
        self._progress.advance(self._tasks[stage], by)

    def end(self, spent: StageTime) -> None:
        """Fill the bar and stop its clock, which does not stop by itself."""
        task = self._progress.tasks[self._progress.task_ids.index(self._tasks[spent.stage])]
        if task.total is None:
            self._progress.update(task.id, total=1, completed=1)
        self._progress.stop_task(task.id)

    def notice(self, text: str) -> None:
        """Print a notice above the bars."""
        self._console.print(clean(text))


def _bars(console: Console) -> RichProgress:
    """Return the progress display: name, bar, done of total, speed, time."""
    from rich import progress
    from rich.text import Text

    class Done(progress.ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(_amount(task), justify="right")

    class Speed(progress.ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(_speed(task), justify="right")

    columns = (progress.TextColumn("{task.description:<9}"), progress.BarColumn(24), Done(), Speed())
    return progress.Progress(*columns, progress.TimeElapsedColumn(), console=console, refresh_per_second=5)


def _amount(task: Task) -> str:
    """Return how much of a stage is done, of its total."""
    unit = unit_of(task.description)
    from rich.filesize import decimal

    if task.total is None or (task.total == 1 and unit == "rows"):
        return ""
    if unit == "bytes":
        return f"{decimal(int(task.completed))}/{decimal(int(task.total))}"
    return f"{task.completed:,.0f}/{task.total:,.0f} {unit}"


def _speed(task: Task) -> str:
    """Return the speed of a stage: the latest while it runs, the average when it has ended."""
    from rich.filesize import decimal

    over = task.completed / task.elapsed if task.finished and task.elapsed else None
    rate, unit = over or task.speed, unit_of(task.description)
    if not rate or unit == "party types" or not _amount(task):
        return ""
    return f"{decimal(int(rate))}/s" if unit == "bytes" else f"{rate:,.0f} {unit}/s"
