"""Options that messages name are options of the command line: a renamed one leaves no message behind."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tamscore.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[2] / "src"
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
OF_LIBRARY = {"--help"}
"""Options that the library of the command line adds."""


def known_options() -> set[str]:
    """Return every option of every command."""
    group: Any = typer.main.get_command(app)
    commands = (group, *group.commands.values())
    return {text for command in commands for item in command.params for text in (*item.opts, *item.secondary_opts)}


def named_options(text: str) -> Iterator[str]:
    """Yield the options that the strings of a module name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from OPTION.findall(node.value)


def test_options_that_messages_name_are_there():
    known = known_options() | OF_LIBRARY
    named = {path: {*named_options(path.read_text(encoding="utf-8"))} for path in SOURCE.rglob("*.py")}
    assert len(set().union(*named.values())) > 30
    assert {path.name: sorted(names - known) for path, names in named.items() if names - known} == {}


def test_an_option_that_is_not_there_is_noticed():
    assert [*named_options('x = "score with --own-ladders"; y = f"--set {x}"')] == ["--own-ladders", "--set"]
    assert "--own-ladders" not in known_options()
    assert "--fresh-cut-lines" in known_options()
