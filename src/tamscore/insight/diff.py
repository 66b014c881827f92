"""What changed between two runs, account by account, each change split into its causes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.insight import causes, relabel, worlds
from tamscore.insight.causes import CAUSES, Triple, Worlds
from tamscore.insight.join import AccountIndex
from tamscore.insight.worlds import cents
from tamscore.scoring.score.parts import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.insight.relabel import Labels
    from tamscore.insight.stored import StoredRun

READ = ("account_id", "cluster", "sales", "potential", "whitespace")
LEVEL_GONE = (
    "the first run is at level account, the second is not: what a new model did is told together with that, as policy"
)
UNKNOWN_INPUT = (
    "the model was fitted anew, and the input of the second run is not there any more as it was scored: what peers, "
    "moves between clusters and the new model did is told together, as model"
)


@dataclass(frozen=True)
class Before:
    """The accounts of the first run: 34 bytes each beside their index; amounts float64, `code` uint16 their cluster.

    Typical sales are NaN at level cluster.
    """

    accounts: AccountIndex
    code: Any
    sales: Any
    potential: Any
    whitespace: Any
    typical: Any

    @classmethod
    def of(cls, run: StoredRun) -> Before:
        """All accounts of a run."""
        ids, columns = [], []
        for table in run.read(columns_of(run)):
            ids.append(table["account_id"])
            money = (table[name].to_numpy() for name in READ[2:])
            columns.append((run.codes(table["cluster"]).astype(np.uint16), *money, typical_of(table)))
        accounts = AccountIndex.of(ids, run.id_form)
        return cls(accounts, *(np.concatenate(column) for column in zip(*columns, strict=True)))


def columns_of(run: StoredRun) -> tuple[str, ...]:
    """The columns of a run's scores that a comparison reads."""
    return (*READ, *(name for name in ("typical_sales",) if name in run.columns))


def typical_of(table: pa.Table) -> Any:
    """The typical sales (m,) of accounts, NaN where they have none."""
    there = "typical_sales" in table.column_names
    return table["typical_sales"].to_numpy() if there else np.full(table.num_rows, np.nan)


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side: what accounts are valued on, and how their clusters are found.

    `labels` tell where the first run's model puts the second run's accounts; None where that is their cluster in the
    second run (`same_model`), or has to be taken to be their cluster in the first.
    """

    first: StoredRun
    second: StoredRun
    worlds: Worlds
    same_model: bool
    labels: Labels | None
    notices: tuple[str, ...]

    def moved(self, ids: Any, then: Any, now: Any) -> Any:
        """The clusters (m,) of accounts of both runs under the first run's model, as they are in the second."""
        if self.same_model:
            return now
        if self.labels is None:
            return then
        found = self.labels.of(ids)
        return np.where(found >= 0, found, then)

    def clusters(self, ids: Any, then: Any, now: Any) -> Triple:
        """The clusters (m,) of accounts of both runs."""
        return Triple(then, self.moved(ids, then, now), now)

    def typical(self, ids: Any, then: Any, now: Any) -> Triple:
        """The typical sales (m,) of accounts of both runs; as they were where the first run's model cannot be asked."""
        if self.same_model:
            return Triple(then, now, now)
        if self.labels is None:
            return Triple(then, then, now)
        found = self.labels.typical_of(ids)
        return Triple(then, np.where(np.isnan(found), then, found), now)


def compare(first: StoredRun, second: StoredRun) -> Comparison:
    """Two runs, ready to be compared account by account."""
    before, after = worlds.stored_world(first), worlds.under_rules_of(first, second)
    notices = () if after else (LEVEL_GONE,)
    if after and relabel.same_model(first, second):
        return Comparison(first, second, Worlds(before, after, after), True, None, ())
    if same_accounts(first, second):
        return Comparison(first, second, Worlds(before, before, after), False, None, notices)
    labels = relabel.labels_under(first, second)
    if labels is None:
        return Comparison(first, second, Worlds(before, before, after), False, None, (*notices, UNKNOWN_INPUT))
    peers = worlds.settled_world(relabel.markets_under(first, second, labels), before.boundary)
    return Comparison(first, second, Worlds(before, peers, after), False, labels, notices)


def same_accounts(first: StoredRun, second: StoredRun) -> bool:
    """Whether two runs have scored the same rows of the same bytes: no account has changed, and no peer."""
    digests = {run.manifest["inputs"]["digest"] for run in (first, second)}
    meanings = [(job.columns, job.rows, job.values, job.currency) for job in (first.job, second.job)]
    return len(digests) == 1 and meanings[0] == meanings[1]


@dataclass
class Totals:
    """Sums over accounts by kind in the second run, in the order of KINDS; money in cents.

    `parts` (kinds, causes, 3): accounts that a cause touched, change of potential, change of whitespace. `kept`, `new`
    and `gone` (kinds, 3): accounts, potential, whitespace; of those kept the changes of both. `turned` (kinds,): kept
    accounts that were of the other kind before.
    """

    parts: Any = field(default_factory=lambda: np.zeros((len(KINDS), len(CAUSES), 3), np.int64))
    kept: Any = field(default_factory=lambda: np.zeros((len(KINDS), 3), np.int64))
    new: Any = field(default_factory=lambda: np.zeros((len(KINDS), 3), np.int64))
    gone: Any = field(default_factory=lambda: np.zeros((len(KINDS), 3), np.int64))
    turned: Any = field(default_factory=lambda: np.zeros(len(KINDS), np.int64))


@dataclass
class Changes:
    """The changes of some accounts, as rows: ids, clusters, and money (m,) in cents; one column of parts per cause.

    `whitespace_own` is what own sales did to whitespace; all other causes do to it what they do to potential.
    """

    ids: pa.ChunkedArray
    names: pa.ChunkedArray | None
    clusters: tuple[Any, Any]
    sales: tuple[Any, Any]
    potential: tuple[Any, Any]
    whitespace: tuple[Any, Any]
    parts: Any

    @property
    def whitespace_parts(self) -> Any:
        """What each cause did to whitespace (causes, m) in cents."""
        found = self.parts.copy()
        found[0] = self.whitespace[1] - self.whitespace[0] - self.parts[1:].sum(axis=0)
        return found


def changes(comparison: Comparison, before: Before, seen: Any, totals: Totals) -> Iterator[tuple[Changes, pa.Table]]:
    """The changes of the accounts that are in both runs, with the new ones, part by part of the second run.

    Marks the accounts of the first run that were `seen` (n,) bool, and adds everything to the totals.
    """
    second = comparison.second
    named = [name for name in ("name",) if name in second.columns]
    for table in second.read([*columns_of(second), *named]):
        rows = before.accounts.rows_of(table["account_id"])
        kept = np.flatnonzero(rows >= 0)
        seen[rows[kept]] = True
        fresh = table.take(np.flatnonzero(rows < 0))
        add_accounts(totals.new, fresh["sales"].to_numpy(), fresh["potential"], fresh["whitespace"])
        yield change_of(comparison, before, table.take(kept), rows[kept], totals), fresh


def change_of(comparison: Comparison, before: Before, table: pa.Table, rows: Any, totals: Totals) -> Changes:
    """The changes of accounts of the second run from what they were as accounts `rows` (m,) of the first."""
    then, now = before.code[rows].astype(np.int64), comparison.second.codes(table["cluster"])
    ids = table["account_id"]
    codes, typical = (
        comparison.clusters(ids, then, now),
        comparison.typical(ids, before.typical[rows], typical_of(table)),
    )
    sales = table["sales"].to_numpy()
    potential = cents(before.potential[rows]), cents(table["potential"].to_numpy())
    found = Changes(
        ids,
        table["name"] if "name" in table.column_names else None,
        (then, now),
        (cents(before.sales[rows]), cents(sales)),
        potential,
        (cents(before.whitespace[rows]), cents(table["whitespace"].to_numpy())),
        causes.parts(comparison.worlds, *potential, sales, codes, typical),
    )
    add_changes(totals, found, before.sales[rows] > 0, sales > 0)
    return found


def add_accounts(sums: Any, sales: Any, potential: Any, whitespace: Any) -> None:
    """Add accounts to sums (kinds, 3) of accounts, potential and whitespace."""
    for kind in range(len(KINDS)):
        here = (sales > 0) == bool(kind)
        money = [cents(np.asarray(column))[here].sum() for column in (potential, whitespace)]
        sums[kind] += [np.count_nonzero(here), *money]


def add_changes(totals: Totals, found: Changes, bought: Any, buys: Any) -> None:
    """Add changes to the totals, by whether the accounts (m,) bought in the first run and buy in the second."""
    open_parts = found.whitespace_parts
    for kind in range(len(KINDS)):
        here = buys == bool(kind)
        change = [np.sum((after - before)[here]) for before, after in (found.potential, found.whitespace)]
        totals.kept[kind] += [np.count_nonzero(here), *change]
        totals.turned[kind] += np.count_nonzero(here & (bought != buys))
        touched = np.count_nonzero((found.parts != 0)[:, here] | (open_parts != 0)[:, here], axis=1)
        sums = [part[:, here].sum(axis=1) for part in (found.parts, open_parts)]
        totals.parts[kind] += np.stack([touched, *sums], axis=1)


def gone(before: Before, seen: Any, totals: Totals) -> Any:
    """The accounts (g,) of the first run that are not in the second; they are added to the totals."""
    rows = np.flatnonzero(~seen)
    add_accounts(totals.gone, before.sales[rows], before.potential[rows], before.whitespace[rows])
    return rows
