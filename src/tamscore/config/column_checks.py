"""The rules that tie keys of `[columns]` together, and lists of columns with what they may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.config.problems import Problem, nearest
from tamscore.schema import COVERAGE_COLUMNS, REASON_COLUMN, SCORE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from tamscore.config.job import Columns, Output, Rows
    from tamscore.config.method import Features

ROLES = (
    *("account_id", "sales", "party_type", "market_segment", "revenue", "name", "renewal_date"),
    *("parent_id", "ultimate_parent_id", "currency"),
)


def roles_are_distinct(columns: Columns) -> Iterator[Problem]:
    """Yield the roles that share a column with an earlier role."""
    taken: dict[str, str] = {}
    for role in ROLES:
        column = getattr(columns, role)
        if column in taken:
            yield Problem(("columns", role), "a column of its own", column, f"columns.{taken[column]} names it too")
        elif column is not None:
            taken[column] = role


def columns_are_listed_once(columns: Columns, rows: Rows, features: Features) -> Iterator[Problem]:
    """Yield the columns that a list names again."""
    lists = {
        ("columns", "keep"): columns.keep,
        ("rows", "non_negative"): rows.non_negative,
        ("features", "categorical"): features.categorical,
        ("features", "allow"): features.allow,
    }
    for place, listed in lists.items():
        for position, column in enumerate(listed):
            if column in listed[:position]:
                yield Problem((*place, position), "every column once", column, "remove the second")


def passed_columns_have_names_of_their_own(columns: Columns) -> Iterator[Problem]:
    """Yield the kept columns that share their name with a column of the scores or of the rejected rows."""
    for position, column in enumerate(columns.keep):
        if column in {*SCORE_COLUMNS, *COVERAGE_COLUMNS, REASON_COLUMN}:
            hint = "the output has a column of that name; rename it in the input"
            yield Problem(("columns", "keep", position), "a name of its own", column, hint)


def passed_columns_are_not_those_of(name: str, added: Collection[str]) -> Callable[..., Iterator[Problem]]:
    """Return the rule that kept columns share no name with columns that an optional section of the job adds."""

    def rule(columns: Columns, section: object) -> Iterator[Problem]:
        for position, column in enumerate(columns.keep):
            if section is not None and column in added:
                hint = f"[{name}] adds a column of that name; rename it in the input"
                yield Problem(("columns", "keep", position), "a name of its own", column, hint)

    return rule


def written_columns_are_scored(added: Mapping[str, Collection[str]]) -> Callable[..., Iterator[Problem]]:
    """Return the rule that `output.columns` lists columns of the scores; `added` are those of sections by name."""

    def rule(output: Output, columns: Columns, *sections: object) -> Iterator[Problem]:
        if isinstance(output.columns, str):
            return
        absent = {
            column: name
            for (name, names), section in zip(added.items(), sections, strict=True)
            for column in names
            if section is None
        }
        every = [name for names in added.values() for name in names if name not in absent]
        known = dict.fromkeys((*SCORE_COLUMNS, *COVERAGE_COLUMNS[:-1], *columns.keep, *every))
        for position, column in enumerate(output.columns):
            if column not in known:
                hint = f"add [{absent[column]}]" if column in absent else nearest(column, known)
                yield Problem(("output", "columns", position), "a column of the scores", column, hint)

    return rule
