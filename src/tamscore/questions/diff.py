"""Changes between two runs, account by account, each split into its causes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import level_codes, plain_table
from tamscore.questions import causes, diff_priority, relabel, worlds
from tamscore.questions.causes import Triple, Worlds
from tamscore.questions.diff_before import columns_of, typical_of
from tamscore.questions.diff_priority import PriorityStanding
from tamscore.questions.diff_totals import add_accounts, add_changes, add_priority
from tamscore.questions.join import MatchedPart, SoughtAccounts
from tamscore.questions.worlds import cents

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.questions.diff_before import Before
    from tamscore.questions.diff_priority import PriorityChange
    from tamscore.questions.diff_totals import Totals
    from tamscore.questions.relabel import AccountLabels
    from tamscore.questions.stored import StoredRun

_LEVEL_GONE = (
    "the first run is at level account, the second is not: the effect of a new model is reported with that, as policy"
)
_UNKNOWN_INPUT = (
    "the model was fitted again, and the input of the second run has changed or is gone since: the effects of peers, "
    "moves between clusters and the new model are reported together, as model"
)


@dataclass(frozen=True)
class RunComparison:
    """Two runs to compare: the ladders that value their accounts, and the models that find their clusters.

    `labels` are the clusters of the second run's accounts under the first run's model. They are None if these are the
    clusters of the second run (`same_model`), or if those of the first run stand in for them.
    """

    first: StoredRun
    second: StoredRun
    worlds: Worlds
    same_model: bool
    labels: AccountLabels | None
    notices: tuple[str, ...]

    @property
    def priority(self) -> bool:
        """Return whether both runs have the columns of priority."""
        return bool(diff_priority.columns_of(self.first) and diff_priority.columns_of(self.second))

    def under_first(self, place: int, accounts: SoughtAccounts) -> tuple[Any, Any] | None:
        """Return clusters (m,) and typical sales (m,) of a part of the second run under the first run's model.

        Unknown clusters are -1 and unknown typical sales NaN. Return None if the model is not available or not needed.
        """
        return None if self.labels is None else self.labels.of_part(place, accounts)

    def clusters(self, then: Any, now: Any, asked: Any | None) -> Triple:
        """Return the clusters (m,) of accounts of both runs, given their clusters under the first run's model."""
        if self.same_model:
            return Triple(then, now, now)
        return Triple(then, then if asked is None else np.where(asked >= 0, asked, then), now)

    def typical(self, then: Any, now: Any, asked: Any | None, turned: Any) -> Triple:
        """Return the typical sales (m,) of accounts of both runs; the first run's if its model is not available.

        An account that has `turned` (m,) bool, since it was won or lost, gets its typical sales from another of the
        level's models. That follows from its own sales, not from its features.
        """
        under_first = then if asked is None else np.where(np.isnan(asked), then, asked)
        moved = now if self.same_model else under_first
        return Triple(np.where(turned, moved, then), moved, now)


def compare(first: StoredRun, second: StoredRun) -> RunComparison:
    """Return two runs, ready for a comparison account by account."""
    before, after = worlds.stored_world(first), worlds.under_rules_of(first, second)
    notices = () if after else (_LEVEL_GONE,)
    if after and relabel.same_model(first, second):
        return RunComparison(first, second, Worlds(before, after, after), True, None, ())
    if _have_same_accounts(first, second):
        return RunComparison(first, second, Worlds(before, before, after), False, None, notices)
    labels = relabel.labels_under(first, second)
    if labels is None:
        return RunComparison(first, second, Worlds(before, before, after), False, None, (*notices, _UNKNOWN_INPUT))
    peers = worlds.settled_world(relabel.markets_under(first, second, labels), before.boundary)
    return RunComparison(first, second, Worlds(before, peers, after), False, labels, notices)


def _have_same_accounts(first: StoredRun, second: StoredRun) -> bool:
    """Return whether two runs have scored the same rows of the same files, so that no account and no peer changed."""
    digests = {run.manifest["inputs"]["digest"] for run in (first, second)}
    meanings = [(job.columns, job.rows, job.values, job.currency) for job in (first.job, second.job)]
    return len(digests) == 1 and meanings[0] == meanings[1]


@dataclass
class Changes:
    """The changes of some accounts, as rows: ids, clusters, and money (m,) in cents; `parts` has a row per cause.

    `moved` (m,) are the clusters of the accounts, as they are in the second run, under the first run's model. Parts of
    whitespace equal those of potential, except for own sales. `priority` is None if either run has none.
    """

    ids: pa.ChunkedArray
    names: pa.ChunkedArray | None
    clusters: tuple[Any, Any]
    moved: Any
    sales: tuple[Any, Any]
    potential: tuple[Any, Any]
    whitespace: tuple[Any, Any]
    parts: Any
    priority: PriorityChange | None = None

    @property
    def whitespace_parts(self) -> Any:
        """Return the change of whitespace by cause (causes, m) in cents."""
        parts = self.parts.copy()
        parts[0] = self.whitespace[1] - self.whitespace[0] - self.parts[1:].sum(axis=0)
        return parts


def changes(comparison: RunComparison, before: Before, seen: Any, totals: Totals) -> Iterator[tuple[Changes, pa.Table]]:
    """Yield changes of the accounts in both runs, and the new accounts, part by part of the second run.

    Mark the accounts of the first run that were `seen` (n,) bool, and add everything to the totals.
    """
    second, wanted, start = comparison.second, columns_of(comparison.second, priority=before.standing is not None), 0
    named = [name for name in ("name",) if name in second.columns]
    for place, table in enumerate(second.read([*wanted, *named], coded=True)):
        accounts = SoughtAccounts.of(table["account_id"], second.id_form)
        asked = comparison.under_first(place, accounts)
        match = MatchedPart.of(before.accounts, accounts, table, start)
        seen[match.rows], start = True, match.stop
        add_accounts(totals.new, match.new["sales"].to_numpy(), match.new["potential"], match.new["whitespace"])
        here = asked and tuple(column[match.here] for column in asked)
        yield _change_of(comparison, before, match, here, totals), plain_table(match.new)


def _change_of(comparison: RunComparison, before: Before, match: MatchedPart, asked: Any, totals: Totals) -> Changes:
    """Return the changes of the accounts that are in both runs.

    `asked` are their clusters and typical sales under the first run's model, see `RunComparison.under_first`.
    """
    table, rows = match.both, match.rows
    then, now = before.code[rows].astype(np.int64), level_codes(table["cluster"], comparison.second.clusters)
    ids, sales = table["account_id"], table["sales"].to_numpy()
    bought, buys = before.sales[rows] > 0, sales > 0
    clusters, typical = asked or (None, None)
    codes = comparison.clusters(then, now, clusters)
    typicals = comparison.typical(before.typical_of(rows), typical_of(table), typical, bought != buys)
    potential = cents(before.potential[rows]), cents(table["potential"].to_numpy())
    result = Changes(
        ids,
        table["name"] if "name" in table.column_names else None,
        (then, now),
        codes.moved,
        (cents(before.sales[rows]), cents(sales)),
        potential,
        (cents(before.whitespace[rows]), cents(table["whitespace"].to_numpy())),
        causes.parts(comparison.worlds, *potential, sales, codes, typicals),
    )
    add_changes(totals, result, bought, buys)
    if before.standing is not None:
        steps = np.cumsum([result.whitespace[0], *result.whitespace_parts], axis=0)
        now = PriorityStanding.of(table)
        result.priority = diff_priority.change(before.standing.take(rows), now, before.order, steps, bought != buys)
        add_priority(totals, result.priority, buys)
    return result


def gone(before: Before, seen: Any, totals: Totals) -> Any:
    """Return the accounts (g,) of the first run that are not in the second, and add them to the totals."""
    rows = np.flatnonzero(~seen)
    add_accounts(totals.gone, before.sales[rows], before.potential[rows], before.whitespace[rows])
    return rows
