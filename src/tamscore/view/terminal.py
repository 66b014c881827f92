"""Blocks on a terminal: columns are chosen before they are drawn, so that no number is ever cut."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table as Drawn
from rich.text import Text as Words

from tamscore.view import blocks
from tamscore.view.fitting import columns_that_fit, fits_apart, together, widths_of
from tamscore.view.words import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from tamscore.view.blocks import Block, Chapter

_ROOMY = 96
"""From this width on columns stand two blanks apart."""
_BAR = 10
"""The length in characters of the longest bar."""
_LOOKS = {
    "good": "green",
    "fair": "yellow",
    "poor": "red",
    "grey": "bright_black",
    "blue": "blue",
    "yellow": "yellow",
    "orange": "dark_orange",
    "teal": "cyan",
}
"""Marks, and their colours."""


def stack(blocks: Iterable[Block], width: int | None) -> Group:
    """Return blocks for a terminal of that width; None for files and programs: no lines, bars, colours, limits."""
    return Group(*(to_terminal(block, width) for block in blocks))


def titled_chapter(chapter: Chapter, width: int | None) -> Group:
    """Return one chapter under its title and what it comes to, where it has them."""
    heads = ((chapter.title, "bold"), (chapter.message, ""))
    return Group(*(Words(clean(text), look) for text, look in heads if text), stack(chapter.blocks, width))


@singledispatch
def to_terminal(block: Block, width: int | None) -> RenderableType:
    """Return a block as rich draws it; raises TypeError for a kind that there is no form for."""
    del width
    raise TypeError(f"to_terminal: no form for {type(block).__name__}")


@to_terminal.register(blocks.Table)
def _(block: blocks.Table, width: int | None) -> RenderableType:
    if not block.rows:
        return Group()
    shown = columns_that_fit(block, width)
    parts: list[RenderableType] = [_heading(block.caption, block.note)] if block.caption else []
    parts.append(_grid(block, shown, width) if shown else _paragraphs(block))
    first = [place for place, column in enumerate(block.columns) if column.rank == 1]
    left = [column.head for place, column in enumerate(block.columns) if place not in (shown or first)]
    if left:
        parts.append(Words(f"not shown: {', '.join(map(clean, left))}; widen the terminal or use --json", "dim"))
    return Group(*parts)


@to_terminal.register(blocks.Figure)
def _(block: blocks.Figure, width: int | None) -> RenderableType:
    return Words(f"{block.title}: {block.alt}", "dim") if block.table is None else to_terminal(block.table, width)


@to_terminal.register(blocks.Tiles)
def _(block: blocks.Tiles, width: int | None) -> RenderableType:
    del width
    lines = Drawn.grid(padding=(0, 2, 0, 0))
    lines.add_column(style="bold")
    lines.add_column(no_wrap=True, overflow="fold")
    lines.add_column(style="dim", overflow="fold")
    for tile in block.tiles:
        lines.add_row(*(Words(clean(text)) for text in (tile.label, tile.value, tile.detail)))
    return Group(Words(""), lines)


@to_terminal.register(blocks.Text)
def _(block: blocks.Text, width: int | None) -> RenderableType:
    del width
    return Words(clean(block.text))


@to_terminal.register(blocks.Points)
def _(block: blocks.Points, width: int | None) -> RenderableType:
    del width
    lines = Drawn.grid(padding=(0, 1, 0, 0))
    for point in block.points:
        lines.add_row("-", Words.assemble((clean(point.lead), "bold"), " " if point.lead else "", clean(point.text)))
    return Group(_heading(block.caption, ""), lines) if block.caption else lines


@to_terminal.register(blocks.Terms)
def _(block: blocks.Terms, width: int | None) -> RenderableType:
    del width
    lines = Drawn.grid(padding=(0, 2, 0, 0))
    lines.add_column(style="bold", no_wrap=True)
    lines.add_column(overflow="fold")
    for name, value in block.terms:
        lines.add_row(Words(clean(name)), Words(clean(value)))
    return lines


def _heading(title: str, note: str) -> RenderableType:
    """Return a title with what to know about it."""
    return Group(Words(""), Words.assemble((clean(title).upper(), "bold"), (f"  {clean(note)}" if note else "", "dim")))


def _grid(block: blocks.Table, shown: Sequence[int], width: int | None) -> Drawn:
    """Return the rows under the heads of the columns that are shown."""
    gap = 2 if width is None or (width >= _ROOMY and fits_apart(block, shown, width)) else 1
    look = None if width is None else box.SIMPLE_HEAD
    drawn = Drawn(box=look, padding=(0, gap if look is None else gap - 1, 0, 0), pad_edge=False, show_edge=False)
    widths: list[int | None] = [None] * len(shown)
    if width is not None:
        widths[:] = widths_of(block, shown, width, gap)
    bars = _bar_places(block, shown, widths, width, gap)
    for place, wide in zip(shown, widths, strict=True):
        column = block.columns[place]
        drawn.add_column(
            Words(clean(column.head)), justify="right" if column.is_number else "left", width=wide,
            no_wrap=width is None or column.unit == "name", overflow="ellipsis" if column.unit == "name" else "fold",
        )  # fmt: skip
        if place in bars:
            drawn.add_column("", width=_BAR)
    words = iter(block.words)
    for group in block.groups:
        for row, texts in zip(group, words, strict=False):
            drawn.add_row(*_cells_of(row, texts, shown, bars, coloured=width is not None))
        drawn.add_section()
    return drawn


def _bar_places(
    block: blocks.Table, shown: Sequence[int], widths: Sequence[int | None], width: int | None, gap: int
) -> set[int]:
    """Return the columns that have bars behind their numbers, where a terminal has room for them."""
    if width is None:
        return set()
    with_bars = [place for place in shown if any(row[place].bar is not None for row in block.rows)]
    taken = together([wide or 0 for wide in widths], gap) + len(with_bars) * (_BAR + gap)
    return set(with_bars) if taken <= width else set()


def _cells_of(
    row: blocks.Row, texts: Sequence[str], shown: Sequence[int], bars: set[int], *, coloured: bool
) -> list[Words]:
    """Return the cells of a row as they are drawn."""
    cells = []
    for place in shown:
        cells.append(Words(texts[place], _LOOKS.get(row[place].mark, "") if coloured else ""))
        if place in bars:
            bar = row[place].bar
            cells.append(Words("" if bar is None else "█" * max(round(_BAR * bar), 1)))
    return cells


def _paragraphs(block: blocks.Table) -> RenderableType:
    """Return a paragraph a row: the heads of the columns of rank 1 with their values."""
    lines: list[RenderableType] = []
    for texts in block.words:
        pairs = zip(block.columns, texts, strict=True)
        lines += [Words(f"{column.head} {text}".strip(), overflow="fold") for column, text in pairs if column.rank == 1]
        lines.append(Words(""))
    return Group(*lines[:-1])
