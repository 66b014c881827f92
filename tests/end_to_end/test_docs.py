"""The documentation holds: its commands work, its links lead somewhere, its reference of the job file is current.

Here commands meet the parser of the command line. `test_pages_run.py` runs them.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from tamscore.cli import app

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")), *DOCS]
REFUSED = typer.BadParameter.__mro__[1]
"""What the parser of the command line raises, whichever library it comes from."""


def commands(text):
    """The commands of tamscore in the shell blocks of a page, each as its arguments."""
    for block in re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[:1] == ["tamscore"]:
                ends = [i for i, word in enumerate(words) if word in {"|", "&&", "||", ";", ">", "2>", "&"}]
                yield words[1 : min(ends, default=len(words))]


def test_there_are_commands_to_check():
    assert sum(len([*commands(page.read_text(encoding="utf-8"))]) for page in PAGES) > 40


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_command_line_knows_every_command_and_its_options(page):
    for words in commands(page.read_text(encoding="utf-8")):
        parse(words)


def test_a_command_that_is_not_there_and_an_option_that_is_not_known_are_reported():
    for words in (["scroe", "job.toml"], ["show", "scores", "--topp", "3"], ["diff", "scores"]):
        with pytest.raises(REFUSED):
            parse(words)


def parse(words):
    """Nothing, where the command line takes the words; REFUSED is raised else."""
    group: Any = typer.main.get_command(app)
    context = typer.Context(group, info_name="tamscore")
    name, command, rest = group.resolve_command(context, list(words))
    command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("name", ["job_file", "command_line", "python_api"])
def test_a_reference_is_current(name):
    call = [sys.executable, str(ROOT / "docs" / f"{name}.py")]
    made = subprocess.run(call, check=True, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    assert (ROOT / "docs" / f"{name}.md").read_bytes() == made.stdout, "make references renews it"


def test_the_page_of_messages_holds_nearly_all_that_the_source_has():
    """A message that changes need not renew the page at once: `make references` does."""
    call = [sys.executable, str(ROOT / "docs" / "messages.py")]
    made = subprocess.run(call, check=True, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    today = {line for line in made.stdout.decode("utf-8").splitlines() if line.startswith("| ")}
    page = set((ROOT / "docs" / "messages.md").read_text(encoding="utf-8").splitlines())
    assert len(today) > 300
    assert len(today & page) > 0.9 * len(today), "make references renews it"


def test_the_page_of_benchmarks_holds_what_the_records_say():
    """Records added since do not count, so a new measurement breaks nothing: `make docs` takes them in."""
    page = ROOT / "docs" / "performance.md"
    call = [sys.executable, str(ROOT / "docs" / "performance.py"), str(page)]
    made = subprocess.run(call, check=True, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    assert page.read_bytes() == made.stdout, "make docs renews it"


IN_THE_PROJECT = re.compile(r"`((?:bench|docs|docker|jobs|locks|src|tests)/[\w./*{},-]+)(?:::?[^`]*)?`")
WRITTEN_LATER = {"bench/results/gpu.jsonl"}
"""Files that a page speaks of and that only a machine with a GPU writes."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page):
    for name in IN_THE_PROJECT.findall(page.read_text(encoding="utf-8")):
        before, _, rest = name.partition("{")
        inner, _, after = rest.partition("}")
        for one in (f"{before}{part}{after}" for part in inner.split(",")) if rest else (name,):
            assert one in WRITTEN_LATER or [*ROOT.glob(one.rstrip("/"))], f"no such file: {one}"


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_page_has_a_place_in_the_site(page):
    assert f": {page.name}\n" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), "give it a line under nav"


def test_the_first_page_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 600


def test_the_pictures_weigh_little():
    assert 10_000 < sum(one.stat().st_size for one in (ROOT / "docs" / "pictures").iterdir()) < 300_000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_of_a_page_are_there(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[\w-]+)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
