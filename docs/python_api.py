"""Prints the reference of the Python API from its docstrings: `make docs` puts it into docs/python_api.md."""

from __future__ import annotations

import sys
import textwrap
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import griffe

import tamscore
from tamscore.questions import explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HEAD = """# The Python API

*Made by `docs/python_api.py` from the docstrings. `make references` renews it.*

This page lists every public name of `tamscore`, for Python developers. [From Python](python.md) shows how they work
together. What stands elsewhere in the package may change with any version. `help(tamscore.run)` prints the same.
"""
GROUPS = {
    "Run jobs": ("load_job", "run", "score", "refresh"),
    "Read a finished run": ("open_run", "FinishedRun"),
    "Cluster arrays and frames": ("MiniBatchKMeans",),
    "Potential and whitespace of arrays and frames": ("potential_table", "Ladders", "whitespace", "Money"),
}
RETURNED = {"Read a finished run": ("Explanation", "Step", "Move")}
"""Types that public methods return and that nobody makes, of `tamscore.questions.explain`, by group."""
BAR = "\\|"


@cache
def source_of(module: str) -> Any:
    """Return a module as griffe reads it from its source."""
    file = Path(str(import_module(module).__file__))
    return griffe.visit(module, file, file.read_text(encoding="utf-8"))


def item_of(value: Any) -> Any:
    """Return a function or class as griffe reads it."""
    return source_of(value.__module__)[value.__name__]


def lines() -> Iterator[str]:
    """Yield the page. Raise ValueError if a public name has no place in it, or a parameter no description."""
    errors = [name for name in tamscore.__all__ if isinstance(getattr(tamscore, name), type) and is_error(name)]
    placed = {name for names in GROUPS.values() for name in names}.union(errors, ["__version__"])
    if placed != {*tamscore.__all__}:
        raise ValueError(f"GROUPS: expected every name of tamscore.__all__, got others: {placed ^ {*tamscore.__all__}}")
    yield HEAD
    for title, names in GROUPS.items():
        yield f"## {title}\n"
        for name in names:
            yield from entry(f"tamscore.{name}", item_of(getattr(tamscore, name)))
        for name in RETURNED.get(title, ()):
            yield from entry(name, item_of(getattr(explain, name)))
    yield "## Errors\n"
    yield "Every error has the message and the `exit_code` of the command line. See [exit codes](exit_codes.md).\n"
    rows = ((name, getattr(tamscore, name)) for name in errors)
    ordered = sorted(rows, key=lambda row: (row[1].exit_code, len(row[1].__mro__)))
    meanings = ((name, error, text_of(item_of(error))) for name, error in ordered)
    yield from table(
        ("error", "is a", "exit code", "meaning"),
        ((f"`{name}`", f"`{error.__base__.__name__}`", str(error.exit_code), text) for name, error, text in meanings),
    )
    for name, error in ordered:
        yield from table((f"attribute of `{name}`", "type", "meaning"), attributes(item_of(error)))
    yield "## Version\n\n`tamscore.__version__` is the version as a text."


def is_error(name: str) -> bool:
    """Return whether a public name is an error."""
    return issubclass(getattr(tamscore, name), tamscore.TamscoreError)


def entry(title: str, item: Any, level: str = "###") -> Iterator[str]:
    """Yield one function or class, and the methods of a class."""
    name = title.removeprefix("tamscore.")
    yield f"{level} {name}\n"
    constructed = item.members.get("__init__") if item.is_class else item
    if constructed is not None:
        yield f"```text\n{signature(title, constructed)}\n```\n"
    yield f"{text_of(item)}\n"
    if constructed is not None:
        yield from parameters(name, constructed, item)
    if item.is_class:
        yield from table(("attribute", "type", "meaning"), attributes(item))
    yield from outcome(name, item)
    for method in item.members.values() if item.is_class else ():
        if method.is_function and not method.name.startswith("_"):
            yield from entry(f"{name}.{method.name}", method, "####")


def signature(title: str, function: Any) -> str:
    """Return the call of a function with the defaults of its parameters, in lines of at most 100 characters."""
    parts = []
    for parameter in arguments(function):
        if parameter.kind is griffe.ParameterKind.keyword_only and "*" not in parts:
            parts.append("*")
        parts.append(parameter.name if parameter.default is None else f"{parameter.name}={parameter.default}")
    whole, inner = f"{title}({', '.join(parts)})", textwrap.indent(textwrap.fill(", ".join(parts), 90), "    ")
    return whole if len(whole) <= 100 else f"{title}(\n{inner}\n)"


def arguments(function: Any) -> list[Any]:
    """Return the parameters that a caller gives."""
    return [parameter for parameter in function.parameters if parameter.name != "self"]


def sections(item: Any) -> dict[str, Any]:
    """Return the sections of a docstring, by kind. Its types stay as they are worded, as it is parsed by itself."""
    found: dict[str, Any] = {}
    for section in griffe.Docstring(item.docstring.value).parse("numpy", warnings=False):
        kind = section.kind.value
        value = section.value.description if kind == "admonition" else section.value
        found[kind] = value
    return found


def text_of(item: Any) -> str:
    """Return what a docstring says before its sections, and its notes."""
    parts = sections(item)
    return "\n\n".join(unwrapped(parts[kind]) for kind in ("text", "admonition") if kind in parts)


def unwrapped(text: str) -> str:
    """Return a text with one line for each paragraph."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def parameters(name: str, function: Any, documented: Any) -> Iterator[str]:
    """Yield the table of the parameters of a function. Raise ValueError unless each is documented, in order."""
    given, known = arguments(function), sections(documented).get("parameters", [])
    if [parameter.name for parameter in given] != [parameter.name for parameter in known]:
        raise ValueError(f"{name}: expected every parameter in the docstring, in the order of the signature")
    yield from table(
        ("parameter", "type", "default", "meaning"),
        (
            (
                f"`{one.name}`",
                one.annotation.removesuffix(", optional"),
                f"`{of.default}`" if of.default else "required",
                one.description,
            )
            for of, one in zip(given, known, strict=True)
        ),
    )


def attributes(item: Any) -> Iterator[tuple[str, str, str]]:
    """Yield name, type and meaning of each attribute of a class, its properties last."""
    for one in sections(item).get("attributes", []):
        yield f"`{one.name}`", one.annotation, one.description
    for member in item.members.values():
        if "property" in member.labels and not member.name.startswith("_"):
            raised = (f"Raises `{one.annotation}`: {one.description}" for one in sections(member).get("raises", ()))
            type_name = "array" if str(member.annotation) == "Any" else str(member.annotation)
            yield f"`{member.name}`", type_name, " ".join([text_of(member), *raised])


def outcome(name: str, item: Any) -> Iterator[str]:
    """Yield what comes back, what is raised, and the example. Raise ValueError if a function does not say the first."""
    parts = sections(item)
    if item.is_function and "returns" not in parts:
        raise ValueError(f"{name}: expected a section Returns in the docstring")
    for title, key in (("returns", "returns"), ("raises", "raises"), ("warns", "warns")):
        rows = [(f"`{one.annotation}`", one.description) for one in parts.get(key, ())]
        yield from table((title, "what it is" if key == "returns" else "when"), rows)
    for _, example in parts.get("examples", ()):
        yield f"```pycon\n{example}\n```\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table; nothing without rows."""
    cells = [[" ".join(cell.split()).replace("|", BAR) for cell in row] for row in rows]
    if cells:
        yield f"| {' | '.join(head)} |\n| {' | '.join(['---'] * len(head))} |"
        yield from (f"| {' | '.join(row)} |" for row in cells)
        yield ""


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()).rstrip() + "\n")
