"""The accounts to call now: the lists of a run, and the accounts that moved since an earlier run.

An account gets a buying alert if its own features changed so that the *earlier* run's model and ladders give it a
higher step, or a potential that counts as high. Changes of peers, of the model or of rules raise no alert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import float_column
from tamscore.backend import load
from tamscore.errors import UsageError
from tamscore.questions import diff
from tamscore.questions.causes import CAUSES
from tamscore.questions.diff_before import Before
from tamscore.questions.diff_totals import Totals
from tamscore.scoring import potential as policy
from tamscore.scoring.by_cluster import quantile_by_cluster
from tamscore.scoring.context import ladder_rules, quadrant_rules
from tamscore.sections.alerts import churn as alerts
from tamscore.sections.alerts import lists
from tamscore.stages.quadrant import PLAYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.progress import Progress
    from tamscore.questions.diff import Changes, RunComparison
    from tamscore.questions.stored import StoredRun

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("alert", "account_id", "name", "cluster", "reason")),
        *((name, pa.float64()) for name in ("at_stake", "potential_before", "potential_after")),
        ("renews_on", pa.date32()),
    ]
)
"""The columns of the alerts; at stake is the whitespace of a buying alert, else sales lost or to be renewed."""
_REASONS = {"may_leave": "sales fell", "win_back": "buys nothing any more", "renew": "contract ends"}
"""The reason given for accounts on each list of a run."""
_NAMES = {"may_leave": "churn"}
"""The names of alerts that differ from the names of their lists."""
_OWN, _MOVE, _LEVEL = (CAUSES.index(cause) for cause in ("own_sales", "cluster_move", "level"))
_RISE = 1.2
"""Factor of a rise that counts at level account, where there are no shared steps."""


@dataclass(frozen=True)
class RunAlerts:
    """The alerts of a run, most at stake first within their kind, and the run that buying alerts compare with."""

    run: str
    since: str | None
    table: pa.Table
    notices: tuple[str, ...]


def alerts_of(run: StoredRun, since: StoredRun | None, progress: Progress) -> RunAlerts:
    """Return the accounts on the lists of a run, and buying alerts since an earlier run.

    Raise UsageError if the run has neither.
    """
    run.require(("account_state",))
    if since is None and "account_state" not in run.columns:
        raise UsageError(
            f"{run.directory.path}: knows nothing of churn, and no earlier run is named; add --since RUN, or run its "
            "job with [alerts] and [lifetime_value]"
        )
    items, notices = [*_alert_tables(run)], tuple[str, ...]()
    if since is not None:
        with progress.stage("prepare"):
            comparison = diff.compare(since, run)
        notices = comparison.notices
        with progress.stage("compare", run.manifest["rows"]["scored"]) as done:
            for part in buying(comparison):
                items.append(part)
                done(part.num_rows)
    keys = [("alert", "ascending"), ("at_stake", "descending"), ("account_id", "ascending")]
    table = pa.concat_tables([SCHEMA.empty_table(), *items]).sort_by(keys)
    return RunAlerts(run.name, since.name if since else None, table, notices)


def _alert_tables(run: StoredRun) -> Iterator[pa.Table]:
    """Yield the accounts that may leave, that left, and whose contract ends, part by part."""
    if "account_state" not in run.columns:
        return
    wanted = ["account_id", "cluster", "sales", "account_state"]
    optional = ("name", "trailing_sales", "sales_before", "churn_alert", "renewal_due", "renews_on")
    for part in run.read([*wanted, *(name for name in optional if name in run.columns)]):
        for name, reason in _REASONS.items():
            here = np.flatnonzero(lists.on_list(part, name))
            money = lists.at_stake(part, name)[here]
            yield _table_of(part.take(here), _NAMES.get(name, name), [reason] * len(here), at_stake=money)


def buying(comparison: RunComparison) -> Iterator[pa.Table]:
    """Yield the accounts with buying alerts, part by part of the later run."""
    before = Before.of(comparison.first)
    seen, rises = np.zeros(len(before.accounts), dtype=bool), Rises.of(comparison, before)
    for part, (changes, _) in enumerate(diff.changes(comparison, before, seen, Totals())):
        yield rises.rows_of(part, changes)


@dataclass(frozen=True)
class Rises:
    """The tests of which accounts began to move between two runs: limits, and intents `asked` for, part by part.

    `intents` is None if the job has no intent columns.
    """

    comparison: RunComparison
    limits: _HighPotentials
    asked: tuple[str, ...]
    intents: Sequence[Any] | None

    @classmethod
    def of(cls, comparison: RunComparison, before: Before) -> Rises:
        """Return the tests for two runs; raise UsageError if one of them has not kept a column of an intent."""
        settings = comparison.second.job.sections.get("alerts")
        asked = settings.intent if settings else ()
        intents = _intent_changes(comparison, before, asked) if asked else None
        return cls(comparison, _HighPotentials.of(comparison.first), asked, intents)

    def rows_of(self, part: int, changes: Changes) -> pa.Table:
        """Return the accounts of a part of the later run with buying alerts."""
        intent = [] if self.intents is None else [self.intents[part]]
        raised = np.vstack([_own_rise(self.comparison, changes, self.limits), *intent])
        rows = np.flatnonzero(raised.any(axis=0))
        names = ("step", "quadrant", *self.asked)
        reasons = [", ".join(name for name, item in zip(names, raised[:, row], strict=True) if item) for row in rows]
        money = {
            f"potential_{when}": item[rows] / 100
            for when, item in zip(("before", "after"), changes.potential, strict=True)
        }
        clusters = pa.array(self.comparison.second.clusters).take(pa.array(changes.clusters[1][rows]))
        here = {"account_id": changes.ids.take(pa.array(rows)), "cluster": clusters}
        if changes.names is not None:
            here["name"] = changes.names.take(pa.array(rows))
        return _table_of(pa.table(here), "buying", reasons, at_stake=changes.whitespace[1][rows] / 100, **money)


@dataclass(frozen=True)
class _HighPotentials:
    """The limits of high potential in the clusters (K,) of a run, in cents; `high` (K,) bool by cluster.

    If quadrants go by cluster, `high` decides; else it is None.
    """

    potential: Any
    high: Any | None

    @classmethod
    def of(cls, run: StoredRun) -> _HighPotentials:
        """Return the limits in force in a run."""
        bounds, codes = [], []
        for market, party in zip(run.markets(ladder_rules(run.job)), run.model.parties, strict=True):
            limits, by_cluster = policy.limits_of(market, quadrant_rules(run.job), party.limits)
            bounds += [limits.potential * 100] * market.model.k
            codes += [] if by_cluster is None else [PLAYS[code].potential == "high" for code in by_cluster]
        return cls(np.array(bounds), np.array(codes) if codes else None)


def _own_rise(comparison: RunComparison, changes: Changes, limits: _HighPotentials) -> Any:
    """Return which accounts rose a step, and which a quadrant (2, m) bool, because their own features changed.

    At level account, potential must rise by a fifth.
    """
    (then, _), moved = changes.clusters, changes.moved
    low = changes.potential[0] + changes.parts[_OWN]
    high = low + changes.parts[_MOVE] + changes.parts[_LEVEL]
    enough = np.where(comparison.worlds.first.own[moved], high >= _RISE * low, high > low)
    rose = (high > low) & enough & (changes.potential[1] > changes.potential[0])
    if limits.high is not None:
        return np.stack([rose, limits.high[moved] & ~limits.high[then]])
    return np.stack([rose, (low < limits.potential[then]) & (high >= limits.potential[moved])])


def _intent_changes(comparison: RunComparison, before: Before, asked: Sequence[str]) -> list[Any]:
    """Return which accounts of both runs had an unusual rise in which intent feature (intents, m) bool, part by part.

    Raise UsageError if a run has not kept one of the columns.
    """
    for run in (comparison.first, comparison.second):
        if missing := [name for name in asked if name not in run.columns]:
            raise UsageError(f"{run.directory.path}: alerts.intent: the scores have no column {missing[0]!r}; keep it")
    earlier = [np.concatenate([float_column(part[name]) for part in comparison.first.read([name])]) for name in asked]
    changed, labels = [], []
    for part in comparison.second.read(["account_id", "cluster", *asked]):
        rows = before.accounts.rows_of(part["account_id"])
        values = np.flatnonzero(rows >= 0)
        columns = [
            float_column(part[name])[values] - old[rows[values]] for name, old in zip(asked, earlier, strict=True)
        ]
        changed.append(np.array(columns).reshape(len(asked), len(values)))
        labels.append(comparison.second.codes(part["cluster"])[values])
    usual = [_usual_change(changed, labels, place, len(comparison.second.clusters)) for place in range(len(asked))]
    return [
        np.array([alerts.intends(np, *parts) for parts in zip(part, [label] * len(asked), usual, strict=True)]).reshape(
            len(asked), len(label)
        )
        for part, label in zip(changed, labels, strict=True)
    ]


def _usual_change(changed: Sequence[Any], labels: Sequence[Any], place: int, clusters: int) -> Any:
    """Return the change (K,) of an intent feature that nine in ten accounts of each cluster do not exceed."""
    change, label = np.concatenate([part[place] for part in changed]), np.concatenate(labels)
    known = ~np.isnan(change)
    return quantile_by_cluster(load("cpu"), change[known], label[known], clusters, alerts.INTENT_SHARE)


def _table_of(rows: pa.Table, alert: str, reasons: Sequence[str], **money: Any) -> pa.Table:
    """Return accounts as rows of the schema, with nulls in columns that are not given."""
    columns: dict[str, Any] = {"alert": [alert] * rows.num_rows, "reason": reasons, **money}
    for name in ("account_id", "name", "cluster"):
        if name in rows.column_names:
            columns[name] = rows[name].cast(pa.string())
    if "renews_on" in rows.column_names:
        columns["renews_on"] = rows["renews_on"]
    filled = [columns.get(item.name, pa.nulls(rows.num_rows, item.type)) for item in SCHEMA]
    return pa.table(
        [column if isinstance(column, pa.ChunkedArray) else pa.array(column) for column in filled], SCHEMA.names
    ).cast(SCHEMA)
