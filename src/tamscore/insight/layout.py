"""How pages are laid out: titled sections, and tables that suit the width of a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from tamscore.view.words import clean

if TYPE_CHECKING:
    from rich.console import JustifyMethod, RenderableType

ROOMY = 96
"""From this width on tables are spaced out."""


def section(title: str, body: RenderableType, note: str = "") -> list[RenderableType]:
    """A titled part of the page."""
    return [Text(""), Text.assemble((title.upper(), "bold"), (f"  {note}" if note else "", "dim")), body]


def new_table(heads: str, width: int | None) -> Table:
    """An empty table; in its heads `>` stands before numbers, which go to the right, `~` before texts that wrap."""
    gap = 1 if width is None or width >= ROOMY else 0
    table = Table(
        box=None if width is None else box.SIMPLE_HEAD, padding=(0, gap, 0, 0), pad_edge=False, show_edge=False
    )
    for head in heads.split("|"):
        justify: JustifyMethod = "right" if head.startswith(">") else "left"
        table.add_column(head.lstrip(">~"), justify=justify, no_wrap=not head.startswith("~"), overflow="fold")
    return table


def add(table: Table, *cells: Any) -> None:
    """Add a row of texts, taken as they are."""
    table.add_row(*(Text(clean(cell)) for cell in cells))
