"""What a chapter is made of: figures, tables, tiles, lists and paragraphs, known to no library that shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from tamscore.insight.wording import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tamscore.report.canvas import Canvas


@dataclass(frozen=True)
class Figure:
    """A picture that draws itself on a canvas, wide or narrow; `alt` says in words what it shows.

    Heights are in units of 72 to the inch, on a canvas 720 wide, or 340 on a narrow one.
    """

    name: str
    title: str
    alt: str
    draw: Callable[[Canvas], None]
    height: int = 260
    narrow_height: int = 280

    kind = "figure"


@dataclass(frozen=True)
class Cell:
    """A text in a table; with a `bar` behind it of that share of the full length, or with the mark of a colour."""

    text: str
    bar: float | None = None
    colour: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells under heads; numbers stand to the right in the columns whose head begins with `>`."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    folded: bool = False

    kind = "table"

    @property
    def columns(self) -> list[tuple[str, bool]]:
        """The text of each head, and whether its column holds numbers."""
        return [(head.lstrip(">"), head.startswith(">")) for head in self.heads]


@dataclass(frozen=True)
class Tile:
    """One large number: what it is, the number, and what to know about it."""

    label: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Tiles:
    """A few large numbers side by side."""

    tiles: tuple[Tile, ...]

    kind = "tiles"


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str

    kind = "text"


@dataclass(frozen=True)
class Points:
    """A list of statements, each with a lead-in that may be empty."""

    points: tuple[tuple[str, str], ...]

    kind = "points"


@dataclass(frozen=True)
class Terms:
    """Names with their values, such as versions."""

    terms: tuple[tuple[str, str], ...]

    kind = "terms"


Block: TypeAlias = Figure | Table | Tiles | Text | Points | Terms


@dataclass(frozen=True)
class Chapter:
    """A chapter: its anchor, its title, what it comes to in one sentence, and its blocks."""

    anchor: str
    title: str
    message: str
    blocks: tuple[Block, ...] = field(default=())


def table(
    caption: str, heads: str, rows: Iterable[Iterable[Cell | str]], note: str = "", *, folded: bool = False
) -> Table:
    """A table with heads parted by `|`; texts become cells."""
    made = tuple(tuple(cell if isinstance(cell, Cell) else Cell(clean(cell)) for cell in row) for row in rows)
    return Table(caption, tuple(heads.split("|")), made, note, folded)
