"""Every call of a GPU library in the package, read from its source: what is called, and with which arguments."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import tamscore

PACKAGE = Path(tamscore.__file__).parent
GPU_LIBRARIES = ("cudf", "cuml", "cupy", "cupyx", "pylibcudf", "rmm", "dask_cuda", "array_api_compat")
NAMESPACES = {"cp": "cupy", "self.cp": "cupy", "self.device.cp": "cupy", "preprocessing": "cuml.preprocessing"}
"""What CuPy and cuML are called where they come as values."""
STANDARD = ("xp", "backend.xp", "self.xp", "self.backend.xp", "this.backend.xp", "self._backend.xp")
"""What the array-API namespace is called: on a GPU it is array_api_compat.cupy."""
OWN = ("clip",)
"""Functions of that namespace that are CuPy's own, see `tamscore.backend.namespace`."""


@dataclass(frozen=True, order=True)
class Call:
    """One call: the full name of what is called, its positional arguments, the names of the others, where it stands."""

    name: str
    positional: int
    keywords: tuple[str, ...]
    where: str


def calls() -> list[Call]:
    """All calls of GPU libraries in the package; names that are only looked up come with -1 arguments."""
    found: set[Call] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= of_module(tree, str(path.relative_to(PACKAGE)), imported(tree))
    return sorted(found)


def of_module(tree: ast.Module, where: str, known: dict[str, str]) -> set[Call]:
    """The calls and lookups of one module; a name that is called is no lookup besides."""
    found: set[Call] = set()
    called: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := full_name(node.func, known)):
            called.add(id(node.func))
            keywords = tuple(sorted(keyword.arg for keyword in node.keywords if keyword.arg))
            starred = any(isinstance(argument, ast.Starred) for argument in node.args)
            found.add(Call(name, -1 if starred else len(node.args), keywords, f"{where}:{node.lineno}"))
        elif isinstance(node, ast.Name | ast.Attribute) and id(node) not in called and (name := full_name(node, known)):
            found.add(Call(name, -1, (), f"{where}:{node.lineno}"))
    return found


def imported(tree: ast.Module) -> dict[str, str]:
    """What local names mean: names of GPU libraries that a module imports, and those that are handed in."""
    known = {**NAMESPACES, **dict.fromkeys(STANDARD, "array_api_compat.cupy")}
    known |= {f"{xp}.{name}": f"cupy.{name}" for xp in STANDARD for name in OWN}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in GPU_LIBRARIES:
                    root = alias.name.split(".")[0]
                    known[alias.asname or root] = alias.name if alias.asname else root
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in GPU_LIBRARIES:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return known


def full_name(node: ast.AST, known: dict[str, str]) -> str | None:
    """The full name of an expression that starts from a GPU library, None for any other."""
    if not is_path(node):
        return None
    parts = ast.unparse(node).split(".")
    for end in range(len(parts), 0, -1):
        if (root := known.get(".".join(parts[:end]))) is not None:
            return ".".join((root, *parts[end:]))
    return None


def is_path(node: ast.AST) -> bool:
    """Whether an expression is nothing but names and dots."""
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and is_path(node.value))


def methods() -> dict[str, set[str]]:
    """Methods called on values in the modules that hold GPU objects, by name, with the keywords they are given."""
    found: dict[str, set[str]] = {}
    for module in ("cuda.py", "cuda_device.py", "launch.py", "lean.py", "rapids.py", "rmm_pool.py"):
        tree = ast.parse((PACKAGE / "backend" / module).read_text(encoding="utf-8"))
        known = imported(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if not full_name(node.func, known) and ast.unparse(node.func.value) != "np":
                keywords = found.setdefault(node.func.attr, set())
                keywords |= {keyword.arg for keyword in node.keywords if keyword.arg}
    return found
