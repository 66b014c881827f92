"""Which columns of a table fit a terminal, and how wide each of them is: a number is never cut, an id never broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.view.blocks import Column, Table

LONGEST_WORD = 14
"""A longer word of a text may be cut, with an ellipsis."""


def columns_that_fit(block: Table, width: int | None) -> list[int]:
    """Return the places of the columns to show; none where not even those of rank 1 fit: rows become paragraphs."""
    every = list(range(len(block.columns)))
    if width is None:
        return every
    least = least_widths(block)
    ranked = ([place for place in every if block.columns[place].rank <= rank] for rank in (3, 2, 1))
    return next((shown for shown in ranked if together([least[place] for place in shown], 1) <= width), [])


def together(widths: Sequence[int], gap: int) -> int:
    """Return the width of columns side by side."""
    return sum(widths) + gap * (len(widths) - 1)


def least_widths(block: Table) -> list[int]:
    """Return the least width of every column: the widest number or id, the longest word of a text and of the head."""
    return [
        least_width(column, cells)
        for column, cells in zip(block.columns, zip(*block.words(), strict=True), strict=True)
    ]


def least_width(column: Column, cells: Sequence[str]) -> int:
    """Return the least width of one column, given its cells in words."""
    head = longest_word(column.head)
    if column.is_number or column.unit == "id":
        return max(head, *map(cell_len, cells))
    return max(head, min(LONGEST_WORD, max(map(longest_word, cells))))


def longest_word(text: str) -> int:
    """Return the width of the longest word of a text."""
    return max(map(cell_len, text.split()), default=0)


def widths_of(block: Table, shown: Sequence[int], width: int, gap: int) -> list[int]:
    """Return the width of every column that is shown: its least one, then more where a text or a head wraps."""
    words, least = block.words(), least_widths(block)
    widths = [least[place] for place in shown]
    spare = width - together(widths, gap)
    full = [max(cell_len(block.columns[place].head), *(cell_len(row[place]) for row in words)) for place in shown]
    texts_first = sorted(range(len(shown)), key=lambda at: (block.columns[shown[at]].is_number, full[at] - widths[at]))
    texts = sum(not block.columns[place].is_number for place in shown)
    for left, at in zip((max(texts - at, 1) for at in range(len(shown))), texts_first, strict=True):
        more = min(full[at] - widths[at], spare if block.columns[shown[at]].is_number else max(spare // left, 0))
        widths[at] += more
        spare -= more
    return widths


def fits_apart(block: Table, shown: Sequence[int], width: int) -> bool:
    """Return whether the columns fit with two blanks between them."""
    least = least_widths(block)
    return together([least[place] for place in shown], 2) <= width
