"""Which columns of a table fit a terminal, and how wide each of them is: a number is never cut, an id never broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.view.blocks import Column, Table

_LONGEST_WORD = 14
"""A longer word of a text may be cut, with an ellipsis."""
_SHORTEST_NAME = 10
"""A name, and a word of a text where there is no room, keeps so many characters; an ellipsis is one of them."""
_UNWRAPPED = 36
"""A text of at most this width is not wrapped to make room for a column of rank 3, nor for wider gaps."""


def columns_that_fit(block: Table, width: int | None) -> list[int]:
    """Return the places of the columns to show; none if not even those of rank 1 fit: rows become paragraphs.

    Columns leave one by one: rank 3 before rank 2, of the same rank the rightmost first.
    """
    shown = list(range(len(block.columns)))
    if width is None:
        return shown
    least, whole = _least_widths(block), _unwrapped_widths(block, names=False)
    for place in sorted(shown, key=lambda place: (-block.columns[place].rank, -place)):
        rank = block.columns[place].rank
        if together([(whole if rank == 3 else least)[at] for at in shown], 1) <= width:
            return shown
        if rank == 1:
            return []
        shown.remove(place)
    return []


def together(widths: Sequence[int], gap: int) -> int:
    """Return the width of columns side by side."""
    return sum(widths) + gap * (len(widths) - 1)


def _least_widths(block: Table) -> list[int]:
    """Return the least width of every column: the widest number or id, the longest word of a text and of the head."""
    return [
        _least_width(column, cells) for column, cells in zip(block.columns, zip(*block.words, strict=True), strict=True)
    ]


def _least_width(column: Column, cells: Sequence[str]) -> int:
    """Return the least width of one column, given its cells in words."""
    head = _longest_word(column.head)
    if column.is_number or column.unit == "id":
        return max(head, *map(cell_len, cells))
    if column.unit == "name":
        return max(head, min(_SHORTEST_NAME, max(map(cell_len, cells))))
    longest = _SHORTEST_NAME if column.unit == "text" else _LONGEST_WORD
    return max(head, min(longest, max(map(_longest_word, cells))))


def _longest_word(text: str) -> int:
    """Return the width of the longest word of a text."""
    return max(map(cell_len, text.split()), default=0)


def _unwrapped_widths(block: Table, *, names: bool) -> list[int]:
    """Return the width of every column at which short texts, and short names if `names` is set, stay whole."""
    return [
        least if column.is_number or (column.unit == "name" and not names) else max(least, min(full, _UNWRAPPED))
        for column, least, full in zip(block.columns, _least_widths(block), _full_widths(block), strict=True)
    ]


def _full_widths(block: Table) -> list[int]:
    """Return the width of every column at which neither a cell nor the head wraps."""
    columns = zip(block.columns, zip(*block.words, strict=True), strict=True)
    return [max(map(cell_len, (column.head, *cells))) for column, cells in columns]


def widths_of(block: Table, shown: Sequence[int], width: int, gap: int) -> list[int]:
    """Return the width of every column that is shown: its least one, then more where a text or a head wraps.

    Texts share what is spare, those that need least first; names, then the heads of numbers and ids, take what is left.
    """
    least, full = _least_widths(block), _full_widths(block)
    widths = {place: least[place] for place in shown}
    spare = width - together([*widths.values()], gap)
    order = sorted(shown, key=lambda place: (_precedence(block.columns[place]), full[place] - least[place]))
    texts = sum(_precedence(block.columns[place]) == 0 for place in shown)
    for at, place in enumerate(order):
        more = min(full[place] - least[place], max(spare, 0) // max(texts - at, 1))
        widths[place] += more
        spare -= more
    return [widths[place] for place in shown]


def _precedence(column: Column) -> int:
    """Return when a column is given more width than its least: texts 0, names 1, numbers and ids 2."""
    return 2 if column.is_number or column.unit == "id" else 1 if column.unit == "name" else 0


def fits_apart(block: Table, shown: Sequence[int], width: int) -> bool:
    """Return whether the columns fit with two blanks between them and no text wraps or is cut for that."""
    whole = _unwrapped_widths(block, names=True)
    return together([whole[place] for place in shown], 2) <= width
