"""Changes between two runs for a report: sums by cause, and moves of accounts between clusters by reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.errors import UsageError
from tamscore.questions import alerts, diff
from tamscore.questions.causes import CAUSES
from tamscore.questions.diff_before import Before
from tamscore.questions.diff_totals import Totals
from tamscore.scoring.score.parts import KINDS

if TYPE_CHECKING:
    from tamscore.progress import Progress
    from tamscore.questions.diff import Changes, RunComparison
    from tamscore.questions.stored import StoredRun

_REASONS = ("own features", "new model", "both")
"""Reasons why an account is in another cluster: the account has changed, the clusters have, or both."""
_WHITESPACE = 2
_BUYERS = 20
"""Most accounts with a buying alert in a report."""
_CALLED = {
    "own_sales": "own sales",
    "cluster_move": "moved to other peers",
    "level": "own features",
    "peers": "sales of peers",
    "model": "new clusters",
    "policy": "other rules",
}
"""Names of the causes in a report."""


@dataclass(frozen=True)
class Changed:
    """The changes between two runs.

    `moves` are flows (from, to, accounts), the largest first. `reasons` counts the accounts that moved by REASONS,
    None if unknown. `before` and `after` are whitespace by kind, in units of the currency. `against` is the
    name of the first run in texts. `buying` counts the accounts with a buying alert, `buyers` are the first of them.
    """

    first: str
    against: str
    totals: Totals
    same_model: bool
    notices: tuple[str, ...]
    in_both: int
    moves: tuple[tuple[str, str, int], ...]
    reasons: dict[str, int] | None
    before: dict[str, float]
    after: dict[str, float]
    buying: int = 0
    buyers: tuple[dict[str, Any], ...] = ()

    @property
    def moved(self) -> int:
        """Return how many accounts are in another cluster."""
        return sum(count for _, _, count in self.moves)

    def steps(self, kind: str) -> list[tuple[str, float]]:
        """Return the steps from whitespace before to after: causes, new and gone accounts, accounts of another kind."""
        k = KINDS.index(kind)
        parts = {_CALLED[cause]: self.totals.parts[k, i, _WHITESPACE] / 100 for i, cause in enumerate(CAUSES)}
        new, gone = self.totals.new[k, _WHITESPACE] / 100, self.totals.gone[k, _WHITESPACE] / 100
        parts |= {"new accounts": float(new), "gone accounts": -float(gone)}
        rest = self.after[kind] - self.before[kind] - sum(parts.values())
        parts["won from prospects" if kind == "expansion" else "became customers"] = float(rest)
        return [(name, round(float(value), 2)) for name, value in parts.items() if abs(value) >= 0.005]


def changes_between(first: StoredRun, second: StoredRun, against: str, progress: Progress) -> Changed:
    """Return the changes from one run, called `against`, to another; read the accounts of both."""
    with progress.stage("prepare"):
        comparison, totals = diff.compare(first, second), Totals()
        before = Before.of(first, priority=comparison.priority, places=False)
    seen, tally = np.zeros(len(before.accounts), dtype=bool), _MoveCounts.of(comparison)
    with progress.stage("alerts"):
        rises, buying = _rises_of(comparison, before), [alerts.SCHEMA.empty_table()]
    with progress.stage("compare", second.manifest["rows"]["scored"]) as done:
        for part, (changes, newcomers) in enumerate(diff.changes(comparison, before, seen, totals)):
            tally.add(changes)
            buying += [] if rises is None else [rises.rows_of(part, changes)]
            done(len(changes.ids) + newcomers.num_rows)
        diff.gone(before, seen, totals)
    is_comparable = not comparison.notices
    then, now = ({kind: run.manifest["totals"][kind]["whitespace"] for kind in KINDS} for run in (first, second))
    return Changed(
        first.name,
        against,
        totals,
        comparison.same_model,
        comparison.notices,
        int(totals.both[:, 0].sum()),
        tally.moves(),
        dict(zip(_REASONS, tally.reasons.tolist(), strict=True)) if is_comparable else None,
        then,
        now,
        *_buyers_of(pa.concat_tables(buying)),
    )


def _rises_of(comparison: RunComparison, before: Before) -> alerts.Rises | None:
    """Return the rules that find buying alerts; None if the run did not keep its features."""
    try:
        return alerts.Rises.of(comparison, before)
    except UsageError:
        return None


def _buyers_of(result: pa.Table) -> tuple[int, tuple[dict[str, Any], ...]]:
    """Return how many accounts have a buying alert, and the first of them."""
    first = result.sort_by([("at_stake", "descending"), ("account_id", "ascending")]).slice(0, _BUYERS)
    return result.num_rows, tuple(first.to_pylist())


@dataclass
class _MoveCounts:
    """Numbers of accounts by cluster then and now, `flows` (old, new), and by reason of their move, `reasons`.

    `is_changed` (old, old) and `is_other` (old, new) mark pairs of clusters with different ids.
    """

    then: Any
    now: Any
    is_changed: Any
    is_other: Any
    flows: Any
    reasons: Any

    @classmethod
    def of(cls, comparison: RunComparison) -> _MoveCounts:
        """Return counts of 0 for the clusters of two runs."""
        then, now = (np.array(run.clusters) for run in (comparison.first, comparison.second))
        flows, reasons = np.zeros((len(then), len(now)), np.int64), np.zeros(len(_REASONS), np.int64)
        return cls(then, now, then[:, None] != then, then[:, None] != now, flows, reasons)

    def add(self, changes: Changes) -> None:
        """Count the accounts of a part."""
        (before, after), between = changes.clusters, changes.moved
        flat = before * len(self.now) + after
        self.flows += np.bincount(flat, minlength=self.flows.size).reshape(self.flows.shape)
        moved = np.flatnonzero(self.is_other[before, after])
        own = self.is_changed[before[moved], between[moved]]
        model = self.is_other[between[moved], after[moved]]
        for place, here in enumerate((own & ~model, model & ~own, own & model)):
            self.reasons[place] += np.count_nonzero(here)

    def moves(self) -> tuple[tuple[str, str, int], ...]:
        """Return the flows between different clusters, the largest first."""
        pairs = [
            (str(self.then[i]), str(self.now[j]), int(self.flows[i, j])) for i, j in np.argwhere(self.flows).tolist()
        ]
        return tuple(sorted((p for p in pairs if p[0] != p[1]), key=lambda p: (-p[2], p[0], p[1])))
