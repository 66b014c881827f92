"""`campaigns`: whom each campaign reaches, and a list of accounts for every channel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Overwrite, Plan, Run, file_option, place_option
from tamscore.cli.export import Bom, Fields, NoGuard, Null, asked_for, cleared_lines
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from tamscore.questions.campaigns import ChannelList
    from tamscore.questions.export_file import Target


def campaigns(  # noqa: PLR0913, PLR0917 - every option of the command
    run: Run,
    to: Annotated[Path | None, file_option("--to", "DIR", "Write a list for every channel to that folder.")] = None,
    form: Annotated[Literal["csv", "parquet"], typer.Option("--format", help="Format of the lists.")] = "csv",
    since: Annotated[
        Any,
        place_option("--since", "RUN", "Only accounts whose fields changed since that run, or are new to the channel."),
    ] = None,
    fields: Fields = None,
    no_guard: NoGuard = False,
    null: Null = None,
    bom: Bom = False,
    plan: Plan = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Show the accounts of campaigns, and write a list for every channel.

    Each account stands in the list of its channel with the id of its campaign, which stays the same from run to run.
    """
    from tamscore.progress import Progress
    from tamscore.questions import campaigns as record
    from tamscore.questions.beside_run import with_columns
    from tamscore.questions.export_file import Target
    from tamscore.questions.stored import open_run
    from tamscore.sections.campaigns.view import chapter

    asked = asked_for(fields)
    scored = with_columns(open_run(run, plan=plan), asked, since=since)
    rows, written = record.reached_by_campaigns(scored), []
    target = Target((to or Path()) / f"list.{form}", not no_guard, null, bom)
    if to is not None:
        earlier = None if since is None else with_columns(open_run(since, beside=scored.directory), asked, scored)
        lists = record.Lists(to, fields.split(",") if fields else (), earlier, target)
        with terminal.listening(as_json=as_json) as listener:
            written = record.write_lists(scored, lists, Progress(listener), overwrite=overwrite)
    if as_json:
        print(json.dumps(record.record(rows, written), indent=1, ensure_ascii=False))
    else:
        terminal.put_chapter(chapter(rows))
        print("".join(f"{text}\n" for channel_list in written for text in _lines(channel_list, target)), end="")


def _lines(channel_list: ChannelList, target: Target) -> list[str]:
    """Return what became of a channel."""
    left = f", {channel_list.gone:,} have left it" if channel_list.gone else ""
    name = f"{channel_list.channel}: {count_text(channel_list.accounts, 'account')} in {channel_list.file}{left}"
    return [
        name,
        *(
            f"{channel_list.channel}: {text}"
            for text in cleared_lines(channel_list.cleared, channel_list.emptied, target)
        ),
    ]
