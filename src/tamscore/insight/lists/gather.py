"""The accounts of every list, in order of priority, with what is said of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.arrow import level_codes
from tamscore.errors import UsageError
from tamscore.insight.campaign_lists import PERSON, CampaignLists
from tamscore.insight.lists import sentences
from tamscore.insight.lists.since import RunBefore
from tamscore.schema import PARTY_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.insight.alerted_run import AlertedRun
    from tamscore.insight.stored import StoredRun
    from tamscore.progress import Progress

CAMPAIGN = "campaign_id"
READ = (
    *("account_id", "name", "party_type", "market_segment", "kind", "tier", "priority", "rank", "sales", "potential"),
    *("whitespace", "probability", "p_basis", "expected_value", "quadrant", "play", "next_offer", "account_state"),
    *("churn_alert", "renewal_due", "renews_on", "last_order", "role", "suggested_role", "service_level", PERSON),
    *("hours", CAMPAIGN, "campaign_channel", "campaign_message"),
)
"""The columns of a run that lists are made of, those that it has."""


@dataclass(frozen=True)
class WorkList:
    """The list of a person or a campaign: its accounts in order, the role or the channel, and the hours there are."""

    kind: Literal["person", "campaign"]
    name: str
    by: str
    accounts: pa.Table
    hours: float | None = None


@dataclass(frozen=True)
class Gathered:
    """All lists of a run, persons first; and how many accounts it has, with a person and in lists of campaigns."""

    lists: tuple[WorkList, ...]
    scored: int
    covered: int


def gather(run: StoredRun, since: StoredRun | None, progress: Progress) -> Gathered:
    """Return the lists of a run, told against an earlier one where there is one.

    Raise UsageError if nobody knows who covers its accounts.
    """
    if PERSON not in run.columns:
        raise UsageError(f"{run.directory.path}: nobody knows who covers its accounts; run tamscore coverage first")
    run.require((*sentences.OPEN, *sentences.LIKELY, "expected_value", "play", "suggested_role"))
    columns = [name for name in READ if name in run.columns]
    rules = CampaignLists.of(run) if CAMPAIGN in run.columns else None
    people, campaigns = [], []
    with progress.stage("read", run.manifest["rows"]["scored"]) as done:
        for part in run.read(columns):
            people.append(part.filter(part[PERSON].is_valid()))
            if rules is not None:
                campaigns.append(part.filter(pc.and_(part[CAMPAIGN].is_valid(), pa.array(rules.has(part)))))
            done(part.num_rows)
    covered = pa.concat_tables(people).combine_chunks()
    tell = Telling.of(run, since, progress)
    with progress.stage("sort"):
        lists = [*persons(tell.told(covered), run)]
        if campaigns:
            lists += campaign_lists(tell.told(pa.concat_tables(campaigns).combine_chunks()))
    return Gathered(tuple(lists), run.manifest["rows"]["scored"], covered.num_rows)


@dataclass(frozen=True)
class Telling:
    """What accounts are held against: the run before, and the accounts that moved since, with the reason."""

    before: RunBefore | None = None
    alerted: AlertedRun | None = None

    @classmethod
    def of(cls, run: StoredRun, since: StoredRun | None, progress: Progress) -> Telling:
        """Return what there is to tell since an earlier run."""
        if since is None:
            return cls()
        from tamscore.insight.alerted_run import alerted_since

        with progress.stage("compare"):
            return cls(RunBefore.of(since), alerted_since(run, since))

    def told(self, accounts: pa.Table) -> pa.Table:
        """Return accounts in order of priority, with columns for why, alerts and what changed."""
        accounts = accounts.take(order_of(accounts))
        buying = self.alerted and self.alerted.reasons_of(accounts["account_id"])
        told = {"why": sentences.why_called(accounts), "alerts": sentences.urgent(accounts, buying)}
        if self.before is not None:
            told["changed"] = self.before.changed(accounts)
        for name, column in told.items():
            accounts = accounts.append_column(name, column)
        return accounts


def order_of(accounts: pa.Table) -> Any:
    """Return the order (m,) of accounts: end users before channel partners, each by priority, then by id."""
    place = "priority" if "priority" in accounts.column_names else "rank"
    party = pa.array(level_codes(accounts["party_type"], PARTY_TYPES))
    keyed = pa.table({"party": party, "place": accounts[place], "id": accounts["account_id"]})
    return pc.sort_indices(keyed, [(name, "ascending") for name in keyed.column_names])


def groups_of(accounts: pa.Table, column: str) -> dict[str, pa.Table]:
    """Return the accounts of each text of a column, in their order, by text in order of name."""
    encoded = accounts[column].combine_chunks().dictionary_encode()
    code, names = encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()
    rows = np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code, minlength=len(names))))
    return dict(sorted((name, accounts.take(here)) for name, here in zip(names, rows[: len(names)], strict=True)))


def persons(accounts: pa.Table, run: StoredRun) -> Sequence[WorkList]:
    """Return the list of every person in the order of the coverage, empty ones too; by name where none is stored."""
    found = groups_of(accounts, PERSON)
    known = run.roles.plan.record["people"] if run.roles.plan else ()
    lists = [
        WorkList("person", row["person"], row["role"], found.pop(row["person"], accounts.slice(0, 0)), row["hours"])
        for row in known
    ]
    return [*lists, *(WorkList("person", name, one["role"][0].as_py(), one) for name, one in found.items())]


def campaign_lists(accounts: pa.Table) -> Sequence[WorkList]:
    """Return the list of every campaign, by id."""
    found = groups_of(accounts, CAMPAIGN)
    return [WorkList("campaign", name, one["campaign_channel"][0].as_py(), one) for name, one in found.items()]
