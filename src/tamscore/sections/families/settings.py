"""The keys of [families], and the rule that ties them to the columns of parents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.config.problems import NOTHING, Problem
from tamscore.config.section import SectionSettings
from tamscore.config.values import Share  # noqa: TC001 - read at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns


class Families(SectionSettings):
    """Which accounts belong together, by columns.parent_id."""

    min_match_share: Share = 0.5
    """Least share of the ids in columns.parent_id that must be those of accounts; below it the run stops."""


def parents_are_read(columns: Columns, families: Families | None) -> Iterator[Problem]:
    """Yield a column of parents that nothing reads, and a section without one."""
    named = {"parent_id": columns.parent_id, "ultimate_parent_id": columns.ultimate_parent_id}
    for key, column in named.items():
        if column is not None and families is None:
            hint = "add a section [families], or remove the key"
            yield Problem(("columns", key), "no column without [families]", column, hint)
    if families is not None and not any(named.values()):
        hint = "name the column of the market, or remove [families]"
        yield Problem(("columns", "parent_id"), "a column for [families]", NOTHING, hint)
