"""Draws the rooms of the package by their imports: `python docs/architecture.py` writes docs/pictures/architecture.svg.

Rows are the layers that import-linter checks. A line leads from a room to one below that it imports. Lines that follow
from others are left out.
"""

from __future__ import annotations

import tomllib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import grimp

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
WIDTH, ROW, BOX, GAP = 900, 64, 34, 18
INK, LINE, FILL, EDGE = "#1c2b3a", "#8a3b2e", "#fdfcf9", "#c9c3b4"
Edges = dict[str, set[str]]


def layers() -> list[list[str]]:
    """Return the rooms of each layer, from top to bottom."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(one for one in settings["tool"]["importlinter"]["contracts"] if one["id"] == "layers")
    return [[name.strip() for name in row.replace("|", ":").split(":")] for row in contract["layers"]]


def imports(row_of: dict[str, int]) -> tuple[Edges, dict[str, int]]:
    """Return the rooms below that each room imports, and the number of modules of each."""
    graph = grimp.build_graph("tamscore")
    package_of = {module: module.split(".")[1] for module in graph.modules if "." in module}
    edges: Edges = {capacity: set() for capacity in row_of}
    for module, free in package_of.items():
        others = {package_of[other] for other in graph.find_modules_directly_imported_by(module) if other in package_of}
        if free in row_of:
            edges[free] |= {other for other in others if row_of.get(other, -1) > row_of[free]}
    return edges, {capacity: sum(of == capacity for of in package_of.values()) for capacity in row_of}


def reduced(edges: Edges) -> Edges:
    """Return the edges without those that follow from others."""

    def below(capacity: str) -> set[str]:
        return {capacity}.union(*(below(other) for other in edges[capacity]))

    return {
        capacity: {other for other in others if not any(other in below(third) for third in others - {other})}
        for capacity, others in edges.items()
    }


def places(rows: list[list[str]]) -> dict[str, tuple[float, float, float]]:
    """Return the left, the top and the width of each room's box."""
    found = {}
    for number, row in enumerate(rows):
        width = min(250.0, (WIDTH - 40 - GAP * (len(row) - 1)) / len(row))
        left = (WIDTH - width * len(row) - GAP * (len(row) - 1)) / 2
        for place, capacity in enumerate(row):
            found[capacity] = (left + place * (width + GAP), 20.0 + number * ROW, width)
    return found


def lines() -> Iterator[str]:
    """Yield the picture as SVG."""
    rows = layers()
    edges, sizes = imports({capacity: number for number, row in enumerate(rows) for capacity in row})
    at = places(rows)
    height = 20 + len(rows) * ROW
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t d"'
    yield ' font-family="system-ui, sans-serif" font-size="13" text-anchor="middle">'
    yield '<title id="t">The rooms of the package, from the command line down to errors</title>'
    yield '<desc id="d">Each row is a layer. A line leads from a room to a room below that it imports.</desc>'
    yield f'<rect width="{WIDTH}" height="{height}" fill="{FILL}"/>'
    for free, others in sorted(reduced(edges).items()):
        left, top, width = at[free]
        for other in sorted(others):
            to_left, to_top, to_width = at[other]
            x, y, to_x, to_y = left + width / 2, top + BOX, to_left + to_width / 2, to_top
            bend = f"C{x:.0f} {y + 26:.0f} {to_x:.0f} {to_y - 26:.0f} {to_x:.0f} {to_y:.0f}"
            yield f'<path d="M{x:.0f} {y:.0f} {bend}" fill="none" stroke="{LINE}" stroke-opacity=".45"/>'
    for free, (left, top, width) in at.items():
        box = f'x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{BOX}"'
        yield f'<rect {box} rx="4" fill="#fff" stroke="{EDGE}"/>'
        name = f'{escape(free)}<tspan fill="#6b7480"> · {sizes[free]}</tspan>'
        yield f'<text x="{left + width / 2:.0f}" y="{top + 22:.0f}" fill="{INK}">{name}</text>'
    yield "</svg>"


if __name__ == "__main__":
    (ROOT / "docs" / "pictures" / "architecture.svg").write_text("\n".join(lines()) + "\n", encoding="utf-8")
