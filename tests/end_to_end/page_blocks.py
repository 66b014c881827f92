"""The blocks of code of every page, and the commands of those of a shell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "jobs/README", "docker/README")),
    *sorted((ROOT / "docs").glob("*.md")),
]
SHELL = {"sh", "bash", "console", "shell"}
SHOWN = {"", "text", "pycon"}
"""Languages of blocks that show what a program prints; `pycon` are examples of docstrings, which doctest runs."""
_HEADING_OR_BLOCK = re.compile(r"^(#+ [^\n]*)$|^( *)```([\w-]*)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code: its page from the top of the project, the chapter that it stands in, language and text."""

    page: str
    chapter: str
    language: str
    text: str


def blocks_of(page: str) -> Iterator[Block]:
    """Yield the blocks of a page in order."""
    chapter = ""
    for found in _HEADING_OR_BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")):
        heading, indent, language, text = found.groups()
        if heading:
            chapter = heading.lstrip("# ")
        else:
            yield Block(page, chapter, language, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE))


def commands_of(block: Block) -> Iterator[str]:
    """Yield the commands of a block of a shell, each with its continued lines and its here-document."""
    lines = iter(block.text.replace("\\\n", " ").splitlines())
    for line in lines:
        if block.language == "console" and not line.startswith("$ "):
            continue
        command = line.removeprefix("$ ").strip()
        if end := re.search(r"<<-?'?(\w+)'?", command):
            command = "\n".join([command, *iter(lines.__next__, end.group(1)), end.group(1)])
        if command and not command.startswith("#"):
            yield command


def every_block() -> Iterator[Block]:
    """Yield the blocks of all pages that are not what a program prints."""
    for page in PAGES:
        yield from (block for block in blocks_of(name_of(page)) if block.language not in SHOWN)


def name_of(page: Path) -> str:
    """Return the name of a page from the top of the project."""
    return page.relative_to(ROOT).as_posix()
