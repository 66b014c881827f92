"""`backtest`: what came of earlier scores."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tamscore import terminal
from tamscore.cli.arguments import EventsAsJson, JobFile, Overrides
from tamscore.errors import JobFileError

_Realised = Annotated[
    str | None,
    typer.Option("--realised", metavar="COLUMN", help="Sales of the next window; short for backtest.realised."),
]
_Table = Annotated[
    str | None,
    typer.Option("--table", metavar="PATH", help="The table that holds them, joined by id; short for backtest.table."),
]


def backtest(
    job: JobFile,
    realised: _Realised = None,
    table: _Table = None,
    overrides: Overrides = None,
    as_json: EventsAsJson = False,
) -> None:
    """Compare scores with later sales.

    Shows deciles of whitespace against growth, beside a random ranking, and what other methods would have predicted
    better.
    """
    from tamscore import backend, job_file, pipeline
    from tamscore.progress import Progress
    from tamscore.sections.backtest.comparison import backtest as look_back
    from tamscore.sections.backtest.joining import require_early
    from tamscore.sections.backtest.result import record
    from tamscore.sections.backtest.settings import Backtest
    from tamscore.sections.backtest.view import answer

    short = {"backtest.realised": realised, "backtest.table": table}
    given = [f"{key}={json.dumps(value)}" for key, value in short.items() if value is not None]
    loaded = job_file.load(job, [*(overrides or ()), *given])
    if loaded.section(Backtest).realised is None:
        raise JobFileError(
            f"{job}: backtest.realised: expected the column with the sales of the next window, got nothing"
        )
    with terminal.listening(as_json=as_json) as listener:
        progress = Progress(listener)
        require_early(loaded, progress)
        directory = pipeline.run(loaded, progress, yields=True)
        result = look_back(loaded, directory, progress, backend.load("cpu"))
    if as_json:
        print(json.dumps(record(result), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        terminal.put_chapter(answer(result))
