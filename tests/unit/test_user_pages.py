"""What the pages for users say works: their settings are settings, their commands take what they are given."""

from __future__ import annotations

import re
import shlex
import tomllib
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer

from tamscore import job_file
from tamscore.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / folder / "README.md" for folder in (".", "jobs", "docker")), *(ROOT / "docs").glob("*.md")])
JOB: dict[str, Any] = {
    "input": {"path": "market"},
    "output": {"path": "scores"},
    "columns": {"account_id": "id", "sales": "sales", "market_segment": "industry", "keep": ["country", "web_visits"]},
    "features": {"numeric": {"employees": "standard", "assets": "standard", "subsidiaries": "standard"}},
    "clusters": {"k": 8},
}
SHELL = (">", ">>", "<", "|", "&&", "||")
"""Words that end the arguments of a command."""
COMMANDS: Any = typer.main.get_command(app)


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def commands(page):
    """The arguments of every call of the program on a page."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["tamscore"]:
                yield [*takewhile(lambda word: word not in SHELL, words[1:])]


def name_of(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=name_of)
def test_settings_on_a_page_make_a_job(page):
    for block in blocks(page, "toml"):
        said = tomllib.loads(block)
        base = JOB | ({"input": {}} if "sql" in said.get("input", {}) else {})  # a query takes the place of a path
        if "families" in said:  # they are found by a column that an earlier block of the page names
            base |= {"columns": JOB["columns"] | {"parent_id": "parent_id"}}
        if isinstance(said.get("clusters", {}).get("k"), dict):  # a number for each party type
            base |= {"columns": JOB["columns"] | {"party_type": "party_type"}}
        job_file.parse(base | {name: base.get(name, {}) | section for name, section in said.items()}, name_of(page))


@pytest.mark.parametrize("page", [page for page in PAGES if any(commands(page))], ids=name_of)
def test_commands_on_a_page_are_commands(page):
    """Names, options and the number of arguments; nothing is looked for on the disk and nothing runs."""
    for words in commands(page):
        name, command, rest = COMMANDS.resolve_command(typer.Context(COMMANDS), words)
        command.make_context(name, rest)
