"""Families join the scores: whose family an account is of, how many accounts that has, and its tier."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.schema import FAMILY, FAMILY_TIER, Reason
from tamscore.scoring.context import priority_rules
from tamscore.scoring.score.sections import Findings
from tamscore.sections.families import problems, rollup
from tamscore.sections.families.early import EARLY
from tamscore.sections.families.resolution import Strangers, resolve
from tamscore.sections.families.texts import alphabetical, ids_at
from tamscore.stages.draw import id_hash
from tamscore.stages.priority import TIERS, TierRules, in_order, tier_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.priority import PartPriority
    from tamscore.scoring.score.sections import ScoredRows
    from tamscore.sections.families.early import Early
    from tamscore.sections.families.resolution import Resolved
    from tamscore.sections.families.rollup import Sums

_SEVERAL = 2
"""From so many accounts on a family has a row of its own in the table of families."""


@dataclass(frozen=True)
class _FamiliesState:
    """The state: the family of each row of each partition (m,) int32, by number.

    Of every family its id with the hash (f,) uint64 of that, accounts (f,) int32, depth (f,) int32. Once all accounts
    have their places: its tier (f,) int8 in TIERS, and the `order` (f,) of families by expected value, the highest
    first. `record` and `tables` are what is known before.
    """

    family: tuple[Any, ...]
    ids: pa.Array
    hashes: Any
    members: Any
    depth: Any
    rules: TierRules
    tier: Any = None
    order: Any = None
    record: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def place(self, priorities: Sequence[PartPriority]) -> _FamiliesState:
        """Return the state with the tiers of families, given the priorities of the rows of all partitions."""
        expected = np.zeros(len(self.ids))
        for family, priority in zip(self.family, priorities, strict=True):
            known = ~np.isnan(priority.expected)
            money = rollup.cents(np.round(priority.expected[known], 2))
            expected += np.bincount(family[known], money, len(expected))
        order = in_order([-expected, self.hashes])
        return replace(self, tier=tier_codes(order, expected / 100.0, self.rules), order=order)

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Return id, accounts and tier of the families of the scored rows."""
        del backend
        family = self.family[rows.part.partition.index][rows.at]
        there = np.zeros(len(self.ids), bool)
        there[family] = True
        ids = self.ids.take(pa.array(np.flatnonzero(there))).cast(pa.string())
        place = np.cumsum(there, dtype=np.int32) - 1
        return {
            FAMILY: pa.DictionaryArray.from_arrays(pa.array(place[family]), ids),
            "family_members": pa.array(self.members[family]),
            FAMILY_TIER: pa.DictionaryArray.from_arrays(pa.array(self.tier[family]), pa.array(TIERS)),
        }

    def count(self, scored: pa.Table) -> Sums:
        """Return what the families in a part come to."""
        return rollup.sums_of(scored)

    def findings(self, counts: Sequence[Sums]) -> Findings:
        """Return the table of families with several accounts, and what these and all others come to."""
        sums = dict(zip(rollup.MEASURES, rollup.added_up(counts, self.hashes), strict=True))
        several = self.members >= _SEVERAL
        order = self.order[several[self.order]]
        ids = self.ids.take(pa.array(order))
        columns = {name: values[order] for name, values in sums.items()}
        columns |= {name: columns[name] / 100.0 for name in rollup.MONEY}
        tier = pa.DictionaryArray.from_arrays(pa.array(self.tier[order]), pa.array(TIERS))
        table = pa.table({FAMILY: ids, "tier": tier, **columns, "depth": self.depth[order]})
        record = {
            **self.record,
            "largest": int(self.members.max(initial=0)),
            "deepest": int(self.depth.max(initial=0)),
            "families": _totals(sums, several),
            "single": _totals(sums, ~several),
            "tiers": {name: int(np.count_nonzero(several & (self.tier == at))) for at, name in enumerate(TIERS)},
        }
        tables = {"families": table, **self.tables}
        return Findings(
            record, tables, frozenset(rollup.MONEY), notices=self.notices, without_csv=frozenset({"families"})
        )


def _totals(sums: dict[str, Any], here: Any) -> dict[str, Any]:
    """Return how many families there are where a mask (f,) is true, and what their accounts come to."""
    record = {name: int(values[here].sum()) for name, values in sums.items()}
    return {"count": int(np.count_nonzero(here)), **record, **{name: record[name] / 100 for name in rollup.MONEY}}


def prepare(market: Market) -> _FamiliesState:
    """Return the families of the market."""
    run, early = market.run, market.run.early.pop(EARLY)
    with run.progress.stage("families"):
        scored = np.concatenate([rows.reason == Reason.SCORED for rows in market.assigned])
        result = _resolve_column(run, early, scored)
        return _state_of(run, early, result, scored)


def _resolve_column(run: Run, early: Early, scored: Any) -> Resolved:
    """Return who stands at the top of each row's family, given which rows (n,) are scored."""
    account_id = run.columns.account_id
    return resolve(
        early.rows, early.parent, early.ultimate, scored, lambda rows: alphabetical(ids_at(run, account_id, rows))
    )


def _state_of(run: Run, early: Early, result: Resolved, scored: Any) -> _FamiliesState:
    """Return the state, with the ids of families and of accounts that something is wrong with."""
    members = np.bincount(result.family[scored])
    depth = np.zeros(len(members), np.int32)
    np.maximum.at(depth, result.family[scored], result.depth[scored])
    listed = _problems_of(early, result)
    ids, accounts = _ids_of_accounts(run, result, scored, _joined_rows(listed))
    table = _named_problems(run, listed, accounts)
    ids = _with_given_ids(run, result, ids)
    ends = np.cumsum([partition.rows for partition in run.plan.partitions])[:-1]
    return _FamiliesState(
        tuple(np.split(result.family, ends)),
        ids,
        id_hash(ids),
        members.astype(np.int32),
        depth,
        priority_rules(run.job).tiers,
        record={"problems": {problem.kind: problem.accounts for problem in listed}},
        tables={"family_problems": table},
        notices=tuple(problems.notices(listed, table)),
    )


def _ids_of_accounts(run: Run, result: Resolved, scored: Any, rows: Any) -> tuple[pa.Array, pa.Array]:
    """Return the ids (f,) of the tops of families, and those of some rows (r,); the column is read once.

    Of a top that is scored it is as the input has it, else as ids are compared.
    """
    written = np.append(scored[result.top_row], np.zeros(len(rows), bool))
    ids = ids_at(run, run.job.columns.account_id, np.append(result.top_row, rows), written)
    return ids.slice(0, len(result.top_row)), ids.slice(len(result.top_row))


def _with_given_ids(run: Run, result: Resolved, ids: pa.Array) -> pa.Array:
    """Return the ids (f,) of families: that of the top, or the ultimate parent that is given where it has no row."""
    import pyarrow.compute as pc

    if not result.is_named.any():
        return ids
    given = ids_at(run, str(run.job.columns.ultimate_parent_id), result.top_row[result.is_named])
    return pc.replace_with_mask(ids, pa.array(result.is_named), given)


def _problems_of(early: Early, result: Resolved) -> list[problems.FamilyProblem]:
    """Return what is wrong with links, kind by kind."""
    unknown = Strangers.of(early.parent, early.rows)
    return [
        problems.unknown_parents(unknown.rows, unknown.named_by, unknown.hashes),
        problems.FamilyProblem.of(problems.SELF, result.own_parent),
        problems.circles_of(result.lead),
        problems.FamilyProblem.of(problems.SPLIT, result.split),
    ]


def _joined_rows(listed: list[problems.FamilyProblem]) -> Any:
    """Return the rows (r,) of all problems, one kind after the other."""
    return np.concatenate([problem.rows for problem in listed])


def _named_problems(run: Run, listed: list[problems.FamilyProblem], accounts: pa.Array) -> pa.Table:
    """Return the table of problems, given the ids (r,) of their accounts, with the parents that these name."""
    columns = run.job.columns
    parent = columns.parent_id or str(columns.ultimate_parent_id)
    return problems.problem_table(listed, accounts, ids_at(run, parent, _joined_rows(listed)))
