"""`score` and `refresh`: the job again, with the model of an earlier run or one that goes on from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tamscore import terminal
from tamscore.cli.arguments import EventsAsJson, JobFile, Overrides
from tamscore.cli.work import IfChanged, carry_out
from tamscore.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Sequence

RUN_HELP = "An output folder (its current version), one of its versions: scores/3fa9; or one of this output: 3fa9."
ModelRun = Annotated[str, typer.Option("--model", metavar="RUN", help=f"The run that has the model. {RUN_HELP}")]
StartRun = Annotated[str, typer.Option("--from", metavar="RUN", help=f"The run to go on from. {RUN_HELP}")]


def score(
    job: JobFile,
    model: ModelRun,
    overrides: Overrides = None,
    fresh_cut_lines: Annotated[
        bool, typer.Option("--fresh-cut-lines", help="Take cut lines and limits from the sales of today instead.")
    ] = False,
    as_json: EventsAsJson = False,
    if_changed: IfChanged = False,
) -> None:
    """Score the market of a job file with the model of an earlier run.

    Scaling, centers, categories, cut lines and limits stay as they were; what has drifted since is reported.
    """
    options = {"model": model, "own_ladders": fresh_cut_lines}
    carry_out(job, overrides, "score", as_json=as_json, if_changed=if_changed, **options)


def refresh(
    job: JobFile,
    start: StartRun,
    overrides: Overrides = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Publish, however many accounts would change cluster.")
    ] = False,
    as_json: EventsAsJson = False,
    if_changed: IfChanged = False,
) -> None:
    """Fit the model anew from an earlier one; clusters keep their ids.

    Exits with 4, and publishes nothing, where more accounts would change cluster than the job allows.
    """
    try:
        carry_out(job, overrides, "refresh", as_json=as_json, if_changed=if_changed, start=start, accept=accept)
    except GateError as gate:
        tell_plan(gate.plan, as_json=as_json)
        raise


def tell_plan(plan: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Print what a refresh would do to the clusters."""
    from tamscore.insight.show_changes import events_table

    if as_json:
        print(json.dumps({"done": False, "plan": plan}, ensure_ascii=False))
    else:
        terminal.put(lambda width: events_table(plan, width))
