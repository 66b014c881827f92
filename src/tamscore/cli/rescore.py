"""`score` and `refresh`: the job again, with the model of an earlier run or one that goes on from it."""

from __future__ import annotations

from typing import Annotated

import typer

from tamscore.cli.arguments import EventsAsJson, JobFile, Overrides
from tamscore.cli.run import Accept, IfChanged, carry_out

_RUN_HELP = "An output folder (its current version), one of its versions: scores/3fa9; or one of this output: 3fa9."
_ModelRun = Annotated[
    str | None,
    typer.Option("--model", metavar="RUN", help=f"The run with the model; default: output.path. {_RUN_HELP}"),
]
_StartRun = Annotated[str, typer.Option("--from", metavar="RUN", help=f"The run to start from. {_RUN_HELP}")]


def score(
    job: JobFile,
    model: _ModelRun = None,
    overrides: Overrides = None,
    fresh_cut_lines: Annotated[
        bool, typer.Option("--fresh-cut-lines", help="Compute cut lines and limits from the new sales.")
    ] = False,
    or_run: Annotated[
        bool, typer.Option("--or-run", help="Fit a new model if there is no run yet; for jobs on a schedule.")
    ] = False,
    accept: Accept = False,
    as_json: EventsAsJson = False,
    if_changed: IfChanged = False,
) -> None:
    """Score the market of a job file with the model of an earlier run.

    Scaling, centers, categories, cut lines and limits stay as they were; what has drifted since is reported.
    Exits with 4, and publishes nothing, if the input differs too much from that of the run before.
    """
    options = {"model": model, "own_ladders": fresh_cut_lines, "or_run": or_run, "accept": accept}
    carry_out(job, overrides, "score", as_json=as_json, if_changed=if_changed, **options)


def refresh(
    job: JobFile,
    start: _StartRun,
    overrides: Overrides = None,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept", help="Publish, however much the input differs, and however many accounts would change cluster."
        ),
    ] = False,
    as_json: EventsAsJson = False,
    if_changed: IfChanged = False,
) -> None:
    """Fit a new model from an earlier one; clusters keep their ids.

    Exits with 4, and publishes nothing, if the input differs too much from that of the run before, or more accounts
    would change cluster than the job allows.
    """
    carry_out(job, overrides, "refresh", as_json=as_json, if_changed=if_changed, start=start, accept=accept)
