"""`campaigns`: whom each campaign reaches, and a list of accounts for every channel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Run, place_option
from tamscore.cli.export import Fields, NoGuard
from tamscore.insight.wording import counted

if TYPE_CHECKING:
    from tamscore.insight.campaigns import ChannelList


def campaigns(
    run: Run,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Write a list for every channel to that folder.")
    ] = None,
    form: Annotated[Literal["csv", "parquet"], typer.Option("--format", help="What the lists are.")] = "csv",
    since: Annotated[
        Any,
        place_option("--since", "RUN", "Only accounts whose fields changed since that run, or are new to the channel."),
    ] = None,
    fields: Fields = None,
    no_guard: NoGuard = False,
    as_json: AsJson = False,
) -> None:
    """Show whom campaigns reach, and write a list for every channel.

    Each account stands in the list of its channel with the id of its campaign, which stays the same from run to run.
    """
    from tamscore.insight import campaigns as told
    from tamscore.insight.stored import open_run
    from tamscore.progress import Progress

    scored = open_run(run)
    rows, written = told.campaigns_of_run(scored), []
    if to is not None:
        earlier = None if since is None else open_run(since, beside=scored.directory)
        lists = told.Lists(to, fields.split(",") if fields else (), earlier, f".{form}", not no_guard)
        with terminal.listening(as_json=as_json) as listener:
            written = told.write_lists(scored, lists, Progress(listener))
    if as_json:
        print(json.dumps(told.record(rows, written), indent=1, ensure_ascii=False))
    else:
        terminal.put(lambda width: told.campaigns(rows, width))
        print("".join(f"{line(one)}\n" for one in written), end="")


def line(one: ChannelList) -> str:
    """What became of a channel."""
    left = f", {one.gone:,} have left it" if one.gone else ""
    return f"{one.channel}: {counted(one.accounts, 'account')} in {one.file}{left}"
