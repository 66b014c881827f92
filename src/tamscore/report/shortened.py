"""Long tables as the report shows them: the first rows of every group."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tamscore.view.words import count_text

if TYPE_CHECKING:
    from tamscore.view.blocks import Table

_LISTED = 60
"""So many rows of a group stand in a table of the report; all stand in the tables of the run."""


def shorten(block: Table, stored: str) -> Table:
    """Return a table with its first rows; its note says how many more stand in which stored table."""
    groups = tuple(group[:_LISTED] for group in block.groups)
    left = len(block.rows) - sum(map(len, groups))
    more = f"{count_text(left, 'more row')} in tables/{stored}.csv" if left else ""
    return replace(block, groups=groups, note="; ".join(filter(None, (block.note, more))))
