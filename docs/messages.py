"""Prints the error messages in the source, by exit code: `make docs` puts them into docs/messages.md.

A message says where, what was expected and what came, then what to do. What differs from case to case is shown as `…`.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tamscore import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(errors.__file__).parent
HEAD = """# Error messages

*Made by `docs/messages.py` from the source. `make docs` renews it.*

This page lists the messages that end a command, by exit code, with what to do. It is for people who search for a
message that they have seen. `…` stands for what differs from case to case, such as a file, a column or a value. If the
second column is empty, the message says what was expected: give that.

`tamscore check` lists problems of a job file, each with its key, what was expected and what was found. They are not on
this page. [Exit codes](exit_codes.md) says what to do in general.
"""
TITLES = {
    2: "2: usage or job file",
    3: "3: input contract",
    4: "4: a person must accept",
    5: "5: try again later",
    6: "6: out of memory",
    7: "7: device",
}
CODES = {
    name: kind.exit_code
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.TamscoreError)
}
LEAST = 12
"""Letters that a message must have of its own to be worth a line."""


def lines() -> Iterator[str]:
    """Yield the page."""
    known = messages()
    yield HEAD
    for code, title in TITLES.items():
        yield f"## {title}\n"
        yield "| message | what to do |\n| --- | --- |"
        yield from (f"| {as_cell(cause)} | {as_cell(remedy)} |" for cause, remedy in known.get(code, []))
        yield ""


def messages() -> dict[int, list[tuple[str, str]]]:
    """Return the messages and their remedies by exit code, in order of the alphabet."""
    found: dict[int, set[tuple[str, str]]] = {}
    for module in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CODES and node.args:
                text = template(node.args[0])
                if len(re.sub(r"[^a-z]", "", text)) >= LEAST:
                    found.setdefault(CODES[node.func.id], set()).add(parts(text))
    return {
        code: sorted(texts, key=lambda pair: (pair[0].lstrip("…: '").lower(), pair)) for code, texts in found.items()
    }


def template(node: ast.expr) -> str:
    """Return the text of a message, with … for what differs; an empty one if there is no text in the source."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        fixed = node.value
        return str(fixed.value) if isinstance(fixed, ast.Constant) else "…"
    if isinstance(node, ast.BinOp):
        return f"{template(node.left)}{template(node.right)}"
    return ""


def parts(text: str) -> tuple[str, str]:
    """Return a message as what is wrong and what to do: the last part behind a semicolon."""
    text = re.sub(r"(?:…[ ,]*)+…", "…", " ".join(text.split()))
    cause, mark, remedy = text.rpartition("; ")
    return (cause, remedy) if mark else (text, "")


def as_cell(text: str) -> str:
    """Return a text that fits a cell of a table."""
    for plain, safe in (("|", "\\|"), ("<", "&lt;"), ("*", "\\*"), ("_", "\\_"), ("[", "\\["), ("`", "\\`")):
        text = text.replace(plain, safe)
    return text


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()).rstrip() + "\n")
