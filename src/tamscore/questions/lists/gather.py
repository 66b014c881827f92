"""The accounts of every list in order of priority, with their sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.arrow import as_dictionary, level_codes
from tamscore.engine import heap
from tamscore.errors import UsageError
from tamscore.questions.beside_run import with_marks
from tamscore.questions.campaign_lists import PERSON, CampaignLists
from tamscore.questions.lists import sentences
from tamscore.questions.lists.since import RunBefore, doubts_about_runs
from tamscore.questions.lists.table import OPEN_PRODUCTS
from tamscore.schema import FAMILY, PARTY_TYPES
from tamscore.store.holdouts import MARK_COLUMN, Controls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.progress import Progress
    from tamscore.questions.alerted_run import AlertedRun
    from tamscore.questions.stored import StoredRun

_CAMPAIGN = "campaign_id"
_CUSTOMER_JOBS = ("customer_job", "customer_job_proposition", "customer_job_theme")
_READ = (
    *("account_id", "name", "party_type", "market_segment", "kind", "tier", "priority", "rank", "sales", "potential"),
    *("whitespace", "probability", "p_basis", "expected_value", "quadrant", "play", "next_offer", "account_state"),
    *("churn_alert", "renewal_due", "renews_on", "last_order", "role", "suggested_role", "service_level", PERSON),
    *(*OPEN_PRODUCTS, *_CUSTOMER_JOBS, "buying_roles_missing", "hours", _CAMPAIGN, "campaign_channel"),
    *("campaign_message", MARK_COLUMN, FAMILY, "family_members"),
)
"""The columns of a run that lists use, as far as the run has them."""
_UNPLACED = 2**31 - 1
"""The place of accounts without a priority, after all others."""
_CODES = ((pa.int8(), 2**7), (pa.int16(), 2**15))
"""Types of text codes, and the number of texts that each can hold."""
PART = 65_536
"""Accounts for which sentences are made at a time."""
_TIDY = 4
"""Parts of the run between two releases of unused heap."""


@dataclass(frozen=True)
class WorkList:
    """The list of a person or a campaign: role or channel, hours, and accounts in order.

    The accounts are `rows` (n,) of a `source` that several lists share; their sentences are made on demand.
    """

    kind: Literal["person", "campaign"]
    name: str
    by: str
    source: pa.Table
    rows: Any
    telling: _Telling
    hours: float | None = None

    def __len__(self) -> int:
        """The number of accounts n."""
        return len(self.rows)

    def column(self, name: str) -> pa.ChunkedArray | None:
        """Return a column of the source for its accounts, None if it has none."""
        return self.source[name].take(pa.array(self.rows)) if name in self.source.column_names else None

    def accounts(self, begin: int, end: int) -> pa.Table:
        """Return neighbouring accounts with columns for why, alerts and what changed."""
        return self.telling.with_reasons(self.source.take(pa.array(self.rows[begin:end])))

    def parts(self) -> Iterator[pa.Table]:
        """Yield its accounts in parts that take little memory."""
        for begin in range(0, len(self), PART):
            yield self.accounts(begin, begin + PART)
            if begin % (_TIDY * PART) == 0:
                heap.give_back()


@dataclass(frozen=True)
class RunLists:
    """All lists of a run, persons first; the number of scored accounts, and of accounts with a person."""

    lists: tuple[WorkList, ...]
    scored: int
    covered: int


def gather(run: StoredRun, since: StoredRun | None, progress: Progress) -> RunLists:
    """Return the lists of a run, with changes since an earlier run if given; controls are left out, or marked.

    Raise UsageError if the run has no coverage.
    """
    if PERSON not in run.columns:
        raise UsageError(
            f"{run.directory.path}: the run has no coverage, so no account has a person; run tamscore coverage first"
        )
    run.require((*sentences.OPEN, *sentences.LIKELY, "expected_value", "play", "suggested_role"))
    heap.share()
    run = with_marks(run)
    columns = [name for name in _READ if name in run.columns and (name != "rank" or "priority" not in run.columns)]
    rules = CampaignLists.of(run) if _CAMPAIGN in run.columns else None
    controls = rules.controls if rules else Controls.of(run.directory.output, run.id_form)
    people, campaigns = [], []
    with progress.stage("read", run.manifest["rows"]["scored"]) as done:
        for number, part in enumerate(run.read(columns, coded=True)):
            if number % _TIDY == 0:
                heap.give_back()
            mine = pc.and_(part[PERSON].is_valid(), pa.array(~controls.among(part["account_id"])))
            people.append(_narrow_gather(part.filter(mine)))
            if rules is not None:
                campaigns.append(
                    _narrow_gather(part.filter(pc.and_(part[_CAMPAIGN].is_valid(), pa.array(rules.has(part)))))
                )
            done(part.num_rows)
    if run.roles.plan:
        run.roles.plan.release()
    heap.give_back()
    tell = _Telling.of(run, since, progress)
    with progress.stage("sort"):
        covered = _join(people)
        lists = [*_persons(covered, tell, run)]
        if campaigns:
            lists += _campaign_lists(_join(campaigns), tell)
    heap.give_back()
    return RunLists(tuple(lists), run.manifest["rows"]["scored"], covered.num_rows)


def _join(parts: list[pa.Table]) -> pa.Table:
    """Return the parts of a table as one, column by column to save memory; empties the list of parts."""
    columns = {}
    for name in parts[0].column_names:
        column = _whole([chunk for part in parts for chunk in part[name].chunks], parts[0][name].type)
        parts[:] = [part.drop_columns([name]) for part in parts]
        columns[name] = column
        del column
        heap.give_back()
    parts.clear()
    return pa.table(columns)


def _whole(chunks: list[pa.Array], kind: pa.DataType) -> pa.Array:
    """Return the chunks of a column as one; the type of text codes may differ from chunk to chunk."""
    if not pa.types.is_dictionary(kind):
        return pa.chunked_array(chunks, kind).combine_chunks()
    wide = pa.dictionary(pa.int32(), pa.string())
    return _narrow(as_dictionary(pa.chunked_array([chunk.cast(wide) for chunk in chunks], wide)))


def _narrow_gather(table: pa.Table) -> pa.Table:
    """Return a table whose dictionaries have the smallest code types."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, _narrow(as_dictionary(table.column(place))))
    return table


def _narrow(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """Return a column of texts with the smallest code type that can hold its texts and one more."""
    codes = next((kind for kind, most in _CODES if len(column.dictionary) < most), pa.int32())
    return pa.DictionaryArray.from_arrays(column.indices.cast(codes), column.dictionary)


@dataclass(frozen=True)
class _Telling:
    """The comparison of accounts: with the run before, and with the buying alerts since."""

    before: RunBefore | None = None
    alerted: AlertedRun | None = None

    @classmethod
    def of(cls, run: StoredRun, since: StoredRun | None, progress: Progress) -> _Telling:
        """Return the comparison with an earlier run; an empty one if the two runs share no account."""
        if since is None:
            return cls()
        from tamscore.questions.alerted_run import alerted_since

        with progress.stage("compare"):
            before = RunBefore.of(since)
            known = before.known_of(run)
            for text in doubts_about_runs(run, since, known):
                progress.notice(text)
            return cls(before, alerted_since(run, since)) if known else cls()

    def with_reasons(self, accounts: pa.Table) -> pa.Table:
        """Return accounts with columns for why, alerts and what changed."""
        buying = self.alerted and self.alerted.reasons_of(accounts["account_id"])
        record = {"why": sentences.priority_sentences(accounts), "alerts": sentences.urgent(accounts, buying)}
        if self.before is not None:
            record["changed"] = self.before.change_texts(accounts)
        for name, column in record.items():
            accounts = accounts.append_column(name, column)
        return accounts


def _order_of(accounts: pa.Table) -> Any:
    """Return the order (m,) of accounts: end users before channel partners, each by priority, then by id.

    Accounts of a family follow the first of them.
    """
    place = "priority" if "priority" in accounts.column_names else "rank"
    party, places = level_codes(accounts["party_type"], PARTY_TYPES), accounts[place].fill_null(_UNPLACED).to_numpy()
    key = party * (_UNPLACED + 1) + places
    order = np.argsort(key, kind="stable")
    if np.any(np.diff(key[order]) == 0):
        keyed = pa.table({"party": pa.array(party), "place": accounts[place], "id": accounts["account_id"]})
        order = pc.sort_indices(keyed, [(name, "ascending") for name in keyed.column_names]).to_numpy()
    return _with_families(order, accounts[FAMILY]) if FAMILY in accounts.column_names else order


def _with_families(order: Any, family: pa.ChunkedArray) -> Any:
    """Return the order (m,) of accounts with those of a family (m,) after the first of them."""
    code = as_dictionary(family).indices.to_numpy()[order]
    first = np.full(int(code.max(initial=-1)) + 1, len(order))
    np.minimum.at(first, code, np.arange(len(order)))
    return order[np.argsort(first[code], kind="stable")]


def groups_of(accounts: pa.Table, column: str) -> dict[str, Any]:
    """Return the accounts (n,) of each text of a column, in order of priority; texts in order of name."""
    encoded = as_dictionary(accounts[column])
    code, names = encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()
    order = _order_of(accounts).astype(np.uint32)
    code = code[order]
    rows = np.split(order[np.argsort(code, kind="stable")], np.cumsum(np.bincount(code, minlength=len(names))))
    return dict(sorted((name, here) for name, here in zip(names, rows[: len(names)], strict=True) if len(here)))


def _persons(accounts: pa.Table, tell: _Telling, run: StoredRun) -> Sequence[WorkList]:
    """Return every person's list in the order of the coverage, even if empty; by name without a stored coverage."""
    groups, nobody = groups_of(accounts, PERSON), np.zeros(0, np.uint32)
    known = run.roles.plan.record["people"] if run.roles.plan else ()
    lists = [
        WorkList("person", row["person"], row["role"], accounts, groups.pop(row["person"], nobody), tell, row["hours"])
        for row in known
    ]
    others = [(name, accounts["role"][int(rows[0])].as_py(), rows) for name, rows in groups.items()]
    return [*lists, *(WorkList("person", name, role, accounts, rows, tell) for name, role, rows in others)]


def _campaign_lists(accounts: pa.Table, tell: _Telling) -> Sequence[WorkList]:
    """Return the list of every campaign, by id."""
    channel = accounts["campaign_channel"]
    return [
        WorkList("campaign", name, channel[int(rows[0])].as_py(), accounts, rows, tell)
        for name, rows in groups_of(accounts, _CAMPAIGN).items()
    ]
