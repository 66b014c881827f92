"""What a page is made of: tables, figures, tiles, lists and paragraphs, known to no library that shows them.

A cell holds a value and its column says what it is; words are made when a renderer puts them down. Blocks carry no
colours and no markup, only what is good, fair or poor: each renderer has its own looks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from tamscore.view.words import TEXTS, Unit, value_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tamscore.view.canvas import Canvas

_Rank: TypeAlias = Literal[1, 2, 3]


@dataclass(frozen=True)
class Column:
    """A column: its head, what its values are, and its rank: 1 always stands, 3 is the first to go for want of room."""

    head: str
    unit: Unit = "text"
    rank: _Rank = 1

    @property
    def is_number(self) -> bool:
        """Return whether its values stand to the right and are never broken."""
        return self.unit not in TEXTS

    @classmethod
    def parse(cls, text: str) -> Column:
        """Return the column that `head:unit/rank` describes; unit and rank may be left out, `>` is short for a number.

        Raise ValueError for a unit or a rank that there is not.
        """
        rest, _, rank = text.rpartition("/") if text[-2:-1] == "/" else (text, "", "1")
        head, _, unit = rest.partition(":")
        unit = unit or ("number" if head.startswith(">") else "text")
        if unit not in get_args(Unit) or rank not in {"1", "2", "3"}:
            raise ValueError(f"column {text!r}: expected head:unit/rank with one of {', '.join(get_args(Unit))}")
        return cls(head.removeprefix(">"), unit, int(rank))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Cell:
    """A value in a table; with a `bar` behind it of that share of the full length, or with a `mark` such as good.

    On a page it leads to `link`: a file that lies beside the page, or `#` and an anchor of the page.
    """

    value: Any
    bar: float | None = None
    mark: str = ""
    link: str = ""


Row: TypeAlias = tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells under columns, in groups that are set apart; `link` is the anchor of the chapter that has more."""

    caption: str
    columns: tuple[Column, ...]
    groups: tuple[tuple[Row, ...], ...]
    note: str = ""
    folded: bool = False
    link: str = ""

    kind = "table"

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all groups."""
        return tuple(row for group in self.groups for row in group)

    @cached_property
    def words(self) -> list[list[str]]:
        """Every cell in words, row by row; made once, since every width asks for it."""
        pairs = (zip(row, self.columns, strict=True) for row in self.rows)
        return [[value_text(cell.value, column.unit) for cell, column in row] for row in pairs]


@dataclass(frozen=True)
class Figure:
    """A picture that draws itself on a canvas, wide or narrow; `alt` says in words what it shows, `table` in numbers.

    Heights are in units of 72 to the inch, on a canvas 720 wide, or 340 on a narrow one. `reading` is one sentence that
    says what to see in it. Where there are no pictures, the table stands in its place.
    """

    name: str
    title: str
    alt: str
    draw: Callable[[Canvas], None]
    height: int = 260
    narrow_height: int = 280
    table: Table | None = None
    reading: str = ""

    kind = "figure"


@dataclass(frozen=True)
class Tile:
    """One large number: what it is, the number, what to know about it, and the anchor of the chapter that has more."""

    label: str
    value: str
    detail: str = ""
    link: str = ""


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
class Point:
    """A statement with a lead-in that may be empty; the anchor of the chapter that has more, and one of its own."""

    lead: str
    text: str
    link: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class Points:
    """A list of statements; without a caption it needs no heading."""

    points: tuple[Point, ...]
    caption: str = ""

    kind = "points"


@dataclass(frozen=True)
class Terms:
    """Names with their values, such as versions."""

    terms: tuple[tuple[str, str], ...]

    kind = "terms"


Block: TypeAlias = Figure | Table | Tiles | Text | Points | Terms


@dataclass(frozen=True)
class Chapter:
    """A chapter: its anchor, its title, what it comes to in one sentence, its blocks, and whether it is an appendix."""

    anchor: str
    title: str
    message: str
    blocks: tuple[Block, ...] = field(default=())
    is_appendix: bool = False


def table(caption: str, columns: str, rows: Iterable[Iterable[Any]], note: str = "", *, folded: bool = False) -> Table:
    """Return a table of one group; its columns are parted by `|`, see `Column.parse`, and values become cells."""
    return group(caption, columns, [rows], note, folded=folded)


def group(
    caption: str,
    columns: str,
    groups: Iterable[Iterable[Iterable[Any]]],
    note: str = "",
    *,
    folded: bool = False,
    link: str = "",
) -> Table:
    """Return a table whose rows stand in groups, else as `table`."""
    made = (tuple(tuple(map(_cell_of, row)) for row in rows) for rows in groups)
    return Table(caption, tuple(map(Column.parse, columns.split("|"))), tuple(made), note, folded, link)


def without_empty(block: Table) -> Table:
    """Return a table without the columns that hold nothing in any row."""
    places = [at for at in range(len(block.columns)) if any(row[at].value not in {None, ""} for row in block.rows)]
    groups = tuple(tuple(tuple(row[at] for at in places) for row in rows) for rows in block.groups)
    return replace(block, columns=tuple(block.columns[at] for at in places), groups=groups)


def _cell_of(value: Any) -> Cell:
    """Return the cell of a value; a cell as it is."""
    return value if isinstance(value, Cell) else Cell(value)
