"""Names are public where somebody else uses them: an underscore is on the rest, and no two classes share a name."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tamscore

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(tamscore.__file__).parent
ROOT = Path(__file__).parents[2]
BY_TEXT = {"main", "MISSING", "TableFiles"}
"""Names that a text asks for: the entry point, what a missing chapter says, a class that a library loads."""
ANY = "any module"
AS_VALUES = ("tamscore.report.chapters", "tamscore.store.disk", "tamscore.store.objects")
"""Modules that are handed about as values: their names are asked of a variable."""
MOST_UNUSED = 0.05
LEAST_DOCUMENTED = 0.94
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def module_of(path: Path) -> str:
    """Return the dotted name of a module of the package; the path itself of another file."""
    if not path.is_relative_to(PACKAGE):
        return str(path)
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def trees() -> dict[str, ast.Module]:
    """Return the parsed text of every file that may use a name of the package, by module."""
    others = (path for name in ("tests", "bench", "docs") for path in (ROOT / name).rglob("*.py"))
    paths = [*PACKAGE.rglob("*.py"), *others]
    return {module_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def defined_names(tree: ast.Module) -> set[str]:
    """Return the names that a module defines for everybody; the settings of the job file are named by its schema."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, FUNCTIONS) or (isinstance(node, ast.ClassDef) and not is_settings(node)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")} - BY_TEXT


def is_settings(node: ast.ClassDef) -> bool:
    """Return whether a class is a model of pydantic or an error, whose names people read."""
    bases = {ast.unparse(base).split("[")[0] for base in node.bases}
    return any(base.endswith(("Settings", "Model", "ModelText", "Error")) for base in bases)


def used_names(module: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield module and name of everything that a file uses of the package, with what it lists in `__all__`."""
    aliases = dict(imported_names(tree))
    yield from (tuple(home.rsplit(".", 1)) for home in aliases.values() if "." in home)  # type: ignore[misc]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield from named_in(node.value, node.attr, aliases)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "tamscore" in node.value:
            yield from named_in_text(node.value)
        elif isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
            yield from named_in(node.args[0], str(node.args[1].value), aliases)  # setattr(module, "name", ...)
    if module.startswith("tamscore"):
        yield from ((module, name) for name in listed_names(tree) or ())


def imported_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each name that a file imports with its full name; one of the package itself where it is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tamscore"):
            yield from ((name.asname or name.name, f"{node.module}.{name.name}") for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (
                (name.asname, name.name) if name.asname else (name.name.split(".")[0],) * 2 for name in node.names
            )


def named_in(home: ast.expr, name: str, aliases: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield a name that is asked of a module, or of whatever stands for one that is handed about as a value."""
    first, *rest = ast.unparse(home).split(".")
    if first in aliases:
        yield ".".join([aliases[first], *rest]), name
    else:
        yield ANY, name


def named_in_text(text: str) -> Iterator[tuple[str, str]]:
    """Yield what a text names: `tamscore.module.name`, or an import in a program."""
    for name in re.findall(r"tamscore(?:\.\w+)+", text):
        yield name.rpartition(".")[0], name.rpartition(".")[2]
    for home, names in re.findall(r"from (tamscore[\w.]*) import ([\w, ]+)", text):
        yield from ((home, name.strip().split(" ")[0]) for name in names.split(","))


def listed_names(tree: ast.Module) -> list[str] | None:
    """Return the names of `__all__`; None without one."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return None


@pytest.fixture(scope="module")
def modules() -> dict[str, ast.Module]:
    return trees()


def test_nearly_every_public_name_is_used_by_another_file(modules):
    used: dict[str, set[str]] = {}
    for user, tree in modules.items():
        for home, name in used_names(user, tree):
            if home != user or name in (listed_names(tree) or ()):
                used.setdefault(home, set()).add(name)
    unused = {}
    for module, tree in modules.items():
        if module.startswith("tamscore") and (public := defined_names(tree)):
            asked = used.get(module, set()) | (used[ANY] if module.startswith(AS_VALUES) else set())
            alone = public - asked
            if len(alone) > MOST_UNUSED * len(public):
                unused[module] = sorted(alone)
    assert not unused, "give these names an underscore, or use them elsewhere"


def test_no_two_classes_share_a_name(modules):
    names = Counter(
        node.name
        for module, tree in modules.items()
        if module.startswith("tamscore")
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=module_of)
def test_a_package_says_what_it_is_for_and_what_of_it_is_public(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "begin with a docstring that says what the package is for"
    listed = listed_names(tree)
    if defined := defined_names(tree):
        assert listed is not None, f"list what is public in __all__, such as {min(defined)}"
        assert defined <= {*listed}, "name in __all__ what the package defines for others"
    if listed is not None:
        assert sorted(listed) == sorted({*listed}), "name each once"


def test_no_docstring_begins_with_nothing(modules):
    begins = [
        f"{module}.{node.name}"
        for module, tree in modules.items()
        if module.startswith("tamscore")
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS) and (ast.get_docstring(node) or "").startswith("Nothing,")
    ]
    assert begins == [], "say `Raise ... if ...` or `Do nothing: ...`"


def test_nearly_everything_has_a_docstring_private_names_too(modules):
    """Modules, classes, functions and methods count; magic methods and what lies inside a function do not."""
    documented = [
        (f"{module}.{getattr(node, 'name', '')}", ast.get_docstring(node) is not None)
        for module, tree in modules.items()
        if module.startswith("tamscore")
        for node in defined_nodes(tree)
    ]
    missing = sorted(name for name, has_text in documented if not has_text)
    assert 1 - len(missing) / len(documented) >= LEAST_DOCUMENTED, missing


def defined_nodes(node: ast.AST) -> Iterator[Any]:
    """Yield a module, and the classes and functions in it, but for magic methods and what lies inside a function."""
    if isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS)) and not getattr(node, "name", "").startswith("__"):
        yield node
    if not isinstance(node, FUNCTIONS):
        for child in ast.iter_child_nodes(node):
            yield from defined_nodes(child)
