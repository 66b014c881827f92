"""`lists`: what each person, and each campaign, works on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Plan, Run, Since, file_option, run_compared_with
from tamscore.cli.run import near
from tamscore.view.words import count_text

_FOLDER = Path("lists")


def lists(
    run: Run,
    to: Annotated[Path | None, file_option("--to", "DIR", "The folder to write them to; default: lists.")] = None,
    since: Since = None,
    plan: Plan = None,
    pages: Annotated[
        bool, typer.Option("--pages/--no-pages", help="Write a page for reading and printing beside each file.")
    ] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files of that name, even if no earlier call wrote them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the list of every person and every campaign.

    Accounts in order of priority: why, potential, whitespace, how likely, next offer, alerts, what changed, hours.
    """
    from tamscore.progress import Progress
    from tamscore.questions.lists import files
    from tamscore.questions.lists.gather import gather
    from tamscore.questions.stored import open_run
    from tamscore.store.handed_out import note

    stored, folder = open_run(run, plan=plan), to or _FOLDER
    with terminal.listening(as_json=as_json) as listener:
        progress = Progress(listener)
        run_lists = gather(stored, run_compared_with(stored, since), progress)
        with progress.stage("write"):
            rows = files.write(stored, run_lists, folder, pages=pages, overwrite=overwrite)
        note(stored.directory, "lists", folder, progress)
    if as_json:
        record = {
            "run": stored.name,
            "plan": files.plan_of(stored),
            "folder": str(folder),
            "covered": run_lists.covered,
        }
        print(json.dumps({**record, "lists": rows}, indent=1, ensure_ascii=False))
    else:
        people = sum(row["list"] == "person" for row in rows)
        text = f"{count_text(people, 'list')} of people with {count_text(run_lists.covered, 'account')}"
        print(f"{near(folder)}  {text}, {count_text(len(rows) - people, 'list')} of campaigns")
