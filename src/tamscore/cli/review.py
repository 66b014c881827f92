"""`explain`, `diff` and `what-if`: questions that a finished run answers from what it has stored."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Place, Plan, Run, file_option, place_argument
from tamscore.errors import UsageError

if TYPE_CHECKING:
    from tamscore.questions.stored import StoredRun
    from tamscore.questions.what_if import Scenario
    from tamscore.store.location import Location


def explain(
    run: Run,
    account_id: Annotated[str, typer.Argument(metavar="ID", help="The account, as its id stands in the input.")],
    against: Annotated[
        str | None, typer.Option("--against", metavar="ID", help="Another account that it is compared with.")
    ] = None,
    plan: Plan = None,
    as_json: AsJson = False,
) -> None:
    """Explain why an account has its potential.

    Its peers, the ladder of their sales, the nearest peers above it, its quadrant, and what would move it a step. With
    --against, how many times the potential of another account it has, and what differs between the two.
    """
    from tamscore.questions import explain, explain_page
    from tamscore.questions.stored import open_run

    if against is not None:
        _compare(open_run(run, plan=plan), account_id, against, as_json=as_json)
        return
    explanation = explain.explain(open_run(run, plan=plan), account_id)
    if as_json:
        print(explain_page.to_json(explanation))
    else:
        terminal.put_chapter(explain_page.chapter(explanation))


def _compare(run: StoredRun, account_id: str, against: str, *, as_json: bool) -> None:
    """Print how two accounts compare."""
    from tamscore.questions import contrast, contrast_page

    result = contrast.contrast(run, account_id, against)
    if as_json:
        print(contrast_page.to_json(result))
    else:
        terminal.put_chapter(contrast_page.chapter(result))


def diff(
    first: Annotated[Place, place_argument("RUN_A", "The earlier run: an output folder or a version.")],
    second: Annotated[
        Place, place_argument("RUN_B", "The later run; a run key, or its beginning, is sought beside RUN_A.")
    ],
    to: Annotated[
        Path | None, file_option("--to", "FILE", "Write every account's change to this Parquet file.")
    ] = None,
    top: Annotated[int, typer.Option("--top", metavar="N", min=0, help="Accounts to list.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two runs, and why.

    Each account's change in potential is split into own sales, cluster move, peers, model and policy, to the cent.
    """
    from tamscore.progress import Progress
    from tamscore.questions import diff_page, diff_table
    from tamscore.questions.stored import open_run

    earlier = open_run(first)
    later = open_run(second, beside=earlier.directory)
    with terminal.listening(as_json=as_json) as listener:
        result = diff_table.compare(earlier, later, Progress(listener), top, to)
    if as_json:
        print(diff_page.to_json(result))
    else:
        terminal.put_chapter(diff_page.chapter(result))


def what_if(
    run: Run,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of [potential] or [quadrant], for every scenario."),
    ] = None,
    scenarios: Annotated[
        list[str] | None,
        typer.Option("--scenario", metavar="TEXT", help="'NAME: KEY=VALUE; KEY=VALUE': one of several to compare."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the results of other cut lines, caps or thresholds.

    Computed from the stored run, with the results of running the job again; nothing is written.
    """
    from tamscore.questions.stored import open_run
    from tamscore.questions.what_if import ask
    from tamscore.questions.what_if_page import chapter, to_json

    answers = ask(open_run(run), _requested_scenarios(tuple(overrides or ()), scenarios or [], run))
    if as_json:
        print(to_json(answers))
    else:
        terminal.put_chapter(chapter(answers))


def _requested_scenarios(shared: tuple[str, ...], texts: list[str], run: Location) -> list[Scenario]:
    """The scenarios of a command line; raise UsageError if it names none."""
    from tamscore.questions.what_if import Scenario, scenario_of

    if texts:
        return [scenario_of(text, shared, number) for number, text in enumerate(texts, start=1)]
    if shared:
        return [Scenario("then", shared)]
    example = f"tamscore what-if {shlex.quote(str(run))} --set potential.top_step=p99"
    raise UsageError(f"--set: expected a setting to try, got nothing; for example: {example}")
