"""Prints the reference of the command line from the commands: `make docs` puts it into docs/command_line.md."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from tamscore.cli import COMMANDS, EXIT_CODES, app
from tamscore.cli.examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

BAR = "\\|"
OF_THE_SHELL = {"help", "install_completion", "show_completion"}
HEAD = """# The command line

*Made by `docs/command_line.py` from the commands themselves. `make docs` renews it.*

This page lists every command with its arguments and options. `tamscore COMMAND --help` prints the same.
"""


def lines() -> Iterator[str]:
    """Yield the page."""
    group: Any = typer.main.get_command(app)
    yield HEAD
    yield from table("option of every command", group.params, typer.Context(group))
    yield f"{' '.join(EXIT_CODES.split())} See [exit codes](exit_codes.md).\n"
    for title, names in COMMANDS.items():
        yield f"## {title}\n"
        for name in names:
            yield from command(name, group.commands[name])


def command(name: str, one: Any) -> Iterator[str]:
    """Yield one command: what it does, an example, its arguments and its options."""
    example, page = EXAMPLES[name]
    yield f"### {name}\n"
    yield f"{as_text(one.help)}\n"
    yield f"```sh\n{example}\n```\n"
    yield f"Page: [{page}]({page}.md)\n"
    for kind in ("argument", "option"):
        yield from table(kind, [each for each in one.params if each.param_type_name == kind], typer.Context(one))


def table(head: str, parameters: list[Any], context: Any) -> Iterator[str]:
    """Yield a table of arguments or options, as the help words them; nothing if there are none."""
    records = [parameter.get_help_record(context) for parameter in parameters if parameter.name not in OF_THE_SHELL]
    rows = [record for record in records if record is not None]
    if rows:
        yield f"| {head} | meaning |\n| --- | --- |"
        yield from (f"| `{spelling.replace('|', BAR)}` | {as_text(text)} |" for spelling, text in rows)
        yield ""


def as_text(text: str) -> str:
    """Return a text of several lines as one, fit for a cell."""
    return " ".join(text.replace("\b", "").split()).replace("<", "&lt;").replace("|", BAR)


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()).rstrip() + "\n")
