"""What is wrong with links between accounts, by id: unknown parents, accounts that own themselves, circles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.view.words import count_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 1000
"""So many of each kind of problem are listed."""
_UNKNOWN, SELF, _CIRCLE, SPLIT = "unknown_parent", "own_parent", "circle", "other_ultimate_parent"
_SENTENCES = {
    _UNKNOWN: "{} with a parent that is no account of the market: not joined to it",
    SELF: "{} named as its own parent: taken as one without a parent",
    _CIRCLE: "{} in circles of parents: the first in the alphabet of each circle is its top",
    SPLIT: "{} with another ultimate parent than that of the parent: not in the parent's family",
}
_SCHEMA = pa.schema(
    {"problem": pa.string(), "account_id": pa.string(), "parent_id": pa.string(), "accounts": pa.int64()}
)


@dataclass(frozen=True)
class FamilyProblem:
    """Problems of one kind: the accounts that have it, and rows (r,) of some of them with what each stands for (r,)."""

    kind: str
    accounts: int
    rows: Any
    stands_for: Any

    @classmethod
    def of(cls, kind: str, rows: Any, stands_for: Any | None = None) -> FamilyProblem:
        """Return the problem with rows (a,), of which the first are listed; each stands for itself where not said."""
        values = np.ones(len(rows), np.int64) if stands_for is None else stands_for
        return cls(kind, int(values.sum()), rows[:_MOST], values[:_MOST])


def circles_of(lead: Any) -> FamilyProblem:
    """Return the circles, given the row (a,) that leads the circle of each account that stands in one."""
    leads, first, size = np.unique(lead, return_index=True, return_counts=True)
    order = np.argsort(first, kind="stable")
    return FamilyProblem.of(_CIRCLE, leads[order], size[order])


def unknown_parents(rows: Any, named_by: Any, hashes: Any) -> FamilyProblem:
    """Return the ids that are no accounts, those that most accounts name first, given a row (u,) that names each."""
    order = np.lexsort((hashes, -named_by))
    return FamilyProblem.of(_UNKNOWN, rows[order], named_by[order])


def problem_table(problems: list[FamilyProblem], accounts: pa.Array, parents: pa.Array) -> pa.Table:
    """Return the problems by id, given the ids (r,) of all their accounts and of the parents that these name."""
    kinds = [problem.kind for problem in problems for _ in problem.rows]
    stands_for = np.concatenate([problem.stands_for for problem in problems]).astype(np.int64)
    columns = (pa.array(kinds, pa.string()), accounts.cast(pa.string()), parents.cast(pa.string()), stands_for)
    return pa.table(dict(zip(_SCHEMA.names, columns, strict=True)), _SCHEMA)


def notices(problems: list[FamilyProblem], table: pa.Table) -> Iterator[str]:
    """Yield a sentence on each kind of problem, with the first id."""
    for problem in problems:
        if problem.accounts:
            first = next(row for row in table.to_pylist() if row["problem"] == problem.kind)
            name = repr(first["parent_id"] if problem.kind == _UNKNOWN else first["account_id"])
            yield (
                f"{_SENTENCES[problem.kind].format(count_text(problem.accounts, 'account'))}; first {name}, see "
                "family_problems"
            )
