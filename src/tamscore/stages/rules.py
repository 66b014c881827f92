"""A cluster in at most three conditions: who belongs to it, as a person would say it, and how well that fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CONDITIONS, _BINS, ROWS = 3, 24, 8_000
_YEARS = (1500, 2500)
"""Numbers that may be years are not rounded to two digits."""
_WORTH = 0.005
"""A further condition must add so much to F1."""


@dataclass(frozen=True)
class _BinnedColumn:
    """A column cut into bins: the bin (m,) of every row, -1 where nothing is known, and its edges or its levels."""

    column: str
    bins: Any
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """The number of bins."""
        return len(self.levels) or len(self.edges) + 1


@dataclass(frozen=True)
class Rule:
    """The conditions of a cluster in words, and their F1 on rows that they were not sought on."""

    text: str
    f1: float


@dataclass(frozen=True)
class _Condition:
    """The bins of a column from `low` up to, not including, `high`."""

    choice: _BinnedColumn
    low: int
    high: int

    def holds(self) -> Any:
        """Return which rows (m,) bool meet it."""
        return (self.choice.bins >= self.low) & (self.choice.bins < self.high)

    def words(self) -> str:
        """The condition as a person reads it: `employees 50 to 250`, `revenue from 1e+06`, `industry retail`."""
        name, edges = self.choice.column.replace("_", " "), self.choice.edges
        if self.choice.levels:
            return f"{name} {self.choice.levels[self.low]}"
        below, above = self.low > 0, self.high < self.choice.count
        if below and above:
            return f"{name} {figure(edges[self.low - 1])} to {figure(edges[self.high - 1])}"
        return f"{name} from {figure(edges[self.low - 1])}" if below else f"{name} below {figure(edges[self.high - 1])}"


def figure(value: float) -> str:
    """An edge as a person reads it; years keep their four digits together."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def cut(column: str, values: Any) -> _BinnedColumn:
    """A numeric column (m,) with NaN, cut at quantiles that are rounded to what people can remember."""
    known = values[~np.isnan(values)]
    marks = np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]) if len(known) else ()
    edges = sorted({float(round(mark)) if _YEARS[0] < mark < _YEARS[1] else float(f"{mark:.2g}") for mark in marks})
    bins = np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right"))
    return _BinnedColumn(column, bins, tuple(edges))


def rules_of(choices: Sequence[_BinnedColumn], label: Any, clusters: int) -> list[Rule]:
    """The rule of every cluster: sought on every other row (m,), tried on the rest."""
    sought = np.arange(len(label)) % 2 == 0
    bins = _Bins.of(choices)
    rules = []
    for cluster in range(clusters):
        conditions = _conditions_of(bins, label == cluster, sought)
        meets = np.ones(len(label), bool)
        for condition in conditions:
            meets &= condition.holds()
        text = " and ".join(condition.words() for condition in conditions) or "every account"
        rules.append(Rule(text, f1(meets[~sought], (label == cluster)[~sought])))
    return rules


@dataclass(frozen=True)
class _Bins:
    """The bins of all columns in one row, each column with a first bin for unknown values, so one count covers all.

    `place` (c, m) is that of every row in every column, `starts` (c,) where each column begins; `low` and `high` (r,)
    bound the ranges that a condition may take, column by column.
    """

    choices: Sequence[_BinnedColumn]
    place: Any
    starts: Any
    low: Any
    high: Any

    @classmethod
    def of(cls, choices: Sequence[_BinnedColumn]) -> _Bins:
        """The bins of the columns that rules may name."""
        starts = np.cumsum([0, *(choice.count + 1 for choice in choices[:-1])])
        low, high = np.concatenate(
            [_ranges(choice) + start + 1 for choice, start in zip(choices, starts, strict=True)], axis=1
        )
        return cls(choices, np.stack([choice.bins for choice in choices]) + starts[:, None] + 1, starts, low, high)

    def below(self, rows: Any) -> Any:
        """Return how many of some rows (m,) bool lie before each place, counted from the first."""
        return np.append(
            0, np.cumsum(np.bincount(self.place[:, np.flatnonzero(rows)].ravel(), minlength=self.high[-1]))
        )

    def narrow(self, meets: Any, member: Any, members: int) -> tuple[float, _Condition]:
        """The best F1 of a further condition among rows that meet those so far, and the condition."""
        met, hit = self.below(meets), self.below(meets & member)
        low, high = self.low, self.high
        score = 2 * (hit[high] - hit[low]) / np.maximum(met[high] - met[low] + members, 1)
        best = int(np.argmax(score))
        column = int(np.searchsorted(self.starts, low[best], side="right")) - 1
        first = int(self.starts[column]) + 1
        return float(score[best]), _Condition(self.choices[column], int(low[best]) - first, int(high[best]) - first)


def _ranges(choice: _BinnedColumn) -> Any:
    """The ranges (2, r) of a column's bins: every one that leaves out at least one bin, or the single levels."""
    if choice.levels:
        return np.stack([np.arange(choice.count), np.arange(choice.count) + 1])
    low, high = np.triu_indices(choice.count + 1, 1)
    return np.stack([low, high])[:, high - low < choice.count]


def _conditions_of(bins: _Bins, member: Any, sought: Any) -> list[_Condition]:
    """The conditions that, taken one after the other, raise F1 over the rows sought on the most."""
    meets, best, conditions = sought.copy(), f1(sought[sought], member[sought]), list[_Condition]()
    members = int(np.count_nonzero(member & sought))
    while len(conditions) < _CONDITIONS and members:
        score, condition = bins.narrow(meets, member, members)
        if score < best + _WORTH:
            break
        meets, best = meets & condition.holds(), score
        conditions = [item for item in conditions if item.choice is not condition.choice] + [condition]
    return conditions


def f1(meets: Any, member: Any) -> float:
    """The harmonic mean of precision and recall of rows (m,) that meet a rule; 0 where nobody does."""
    both, either = int(np.sum(meets & member)), int(np.sum(meets)) + int(np.sum(member))
    return 2 * both / max(either, 1)


def choices_of(numeric: Mapping[str, Any], codes: Mapping[str, tuple[Any, tuple[str, ...]]]) -> list[_BinnedColumn]:
    """The columns that rules may name: numbers (m,), and codes (m,) with the levels that they stand for."""
    cuts = [cut(name, values) for name, values in numeric.items()]
    gaps = {name: np.isnan(values).astype(np.int64) for name, values in numeric.items()}
    columns = [column for column in cuts if column.edges]
    columns += [_BinnedColumn(name, at, (), ("known", "unknown")) for name, at in gaps.items() if at.any()]
    return columns + [_BinnedColumn(name, at, (), levels) for name, (at, levels) in codes.items()]
