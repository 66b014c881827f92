"""Names use the words of the field: none of the words that the package was once written with is left."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
OLD_WORDS = {"hindsight", "ground", "glimpse", "kept", "told", "room", "rooms", "remarks", "outcome", "admission"}
OLD_WORDS |= {"insight", "watch", "extras", "past", "origin"}
OLD_CLASSES = {"Fresh", "Frozen", "Warm", "Fitted"}
STORED = {
    "told_apart": "a key of [leakage] in the job file",
    "told_apart_given": "a column of the table of features",
    "kept": "a key of `prune --json`, and a column of the table of candidates",
    "extras": "a key of the manifest and of `show --json`",
    "_EXTRAS": "the extras of a Python package",
    "EXTRAS": "the extras of a Python package",
    "outcome": "what an experiment measures",
}
"""Names that stay, and why."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def bound_names(tree: ast.Module) -> Iterator[str]:
    """Yield every name that a file gives to something; those of tests are sentences."""
    for node in ast.walk(tree):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def is_old(name: str) -> bool:
    """Return whether a name has a word of the old ones; `test_…` may hold a word as English has it."""
    return name in OLD_CLASSES or (
        not name.startswith("test_") and not OLD_WORDS.isdisjoint(re.split("_", name.strip("_").lower()))
    )


@pytest.mark.parametrize("folder", ["src", "tests", "docs", "bench", "jobs"])
def test_no_name_has_a_word_that_the_field_does_not_use(folder):
    old = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in {path.stem, *bound_names(ast.parse(path.read_text(encoding="utf-8")))}
        if is_old(name) and name not in STORED
    }
    assert not old, "name these by the field's words, see docs/glossary.md"


def test_an_old_word_in_a_name_is_seen():
    tree = ast.parse("def _told_of(room): self.kept = 1\nclass Frozen: test_is_told = 2")
    assert {name for name in bound_names(tree) if is_old(name)} == {"_told_of", "room", "kept", "Frozen"}
