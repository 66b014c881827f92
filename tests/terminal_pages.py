"""Pages as a terminal shows them, and what holds for every one of them."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console

from tamscore.view.blocks import Figure, Table, Terms
from tamscore.view.fitting import columns_that_fit
from tamscore.view.terminal import stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.view.blocks import Chapter

WIDTHS = (60, 80, 100, 120, 200)


def printed(chapters: Sequence[Chapter], width: int) -> str:
    """Return the page of some chapters on a terminal of that width."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(stack([block for chapter in chapters for block in chapter.blocks], width))
    return console.export_text()


def tables_of(chapters: Sequence[Chapter]) -> Iterator[Table]:
    """Yield the tables of some chapters with those of figures."""
    for block in (block for chapter in chapters for block in chapter.blocks):
        table = block.table if isinstance(block, Figure) else block
        if isinstance(table, Table):
            yield table


def require_whole(chapters: Sequence[Chapter], width: int) -> None:
    """Raise AssertionError if a number or id is cut, a line too wide, or a column left out without a word."""
    text = printed(chapters, width)
    assert max(map(len, text.splitlines())) <= width
    there, flat = Counter(text.split()), " ".join(text.split())
    expected: Counter[str] = Counter()
    for table in tables_of(chapters):
        shown = columns_that_fit(table, width) or [at for at, one in enumerate(table.columns) if one.rank == 1]
        left = [column.head for at, column in enumerate(table.columns) if at not in shown]
        if left and columns_that_fit(table, width):
            assert f"not shown: {', '.join(left)}; widen the terminal or use --json" in flat
        for row in table.words:
            for at in shown:
                assert table.columns[at].unit != "id" or row[at] in text
                expected[row[at]] += table.columns[at].is_number
    assert sum(expected.values()) > 0
    assert +expected - there == Counter()
    terms = [
        value
        for chapter in chapters
        for block in chapter.blocks
        if isinstance(block, Terms)
        for _, value in block.terms
    ]
    assert all(word in there for value in terms for word in value.split() if word[0].isdigit() and "/" not in word)
