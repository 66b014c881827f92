"""The accounts that a report names beside the stored lists: those in focus, and the first ones of every person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.arrow import plain_table
from tamscore.store import contents
from tamscore.store.tables import account_ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.progress import Progress
    from tamscore.questions.stored import StoredRun
    from tamscore.stages.folding import IdForm

    _Row = dict[str, Any]

_FOCUS, EACH = 20, 5
"""So many accounts in focus are named, and of every person."""
_ACCOUNT = (
    *("account_id", "name", "party_type", "kind", "priority", "rank", "whitespace", "expected_value", "quadrant"),
    *("play", "propensity"),
)
_PERSON, _BAND = "person", "propensity_band"


@dataclass(frozen=True)
class NamedAccounts:
    """Accounts in focus, the likeliest first, and the first accounts of every person in the order of priority."""

    focus: tuple[_Row, ...] = ()
    people: dict[str, tuple[_Row, ...]] = field(default_factory=dict)


def gather(run: StoredRun, progress: Progress) -> NamedAccounts:
    """Return the accounts that a report names; reads the scores once, if any are covered or in focus."""
    stored = run.roles.file_names
    owners = _owners_of(run)
    of_scores = [_PERSON] if owners is None and _PERSON in run.columns else []
    band = [_BAND] if _BAND in stored else []
    if owners is None and not of_scores and not band:
        return NamedAccounts()
    names = [name for name in (*_ACCOUNT, *band, *of_scores) if name in stored]
    focus, covered = [], []
    with progress.stage("names", run.manifest["rows"]["scored"]) as done:
        for part in run.parts():
            table = contents.whole(part, [stored[name] for name in names]).rename_columns(names)
            if band:
                focus.append(plain_table(table.filter(pc.equal(table[_BAND].cast(pa.string()), "focus"))))
            if owners is not None or of_scores:
                covered.append(_with_person(table, owners, run.id_form))
            done(table.num_rows)
    return NamedAccounts(likeliest(focus), firsts(covered))


def _owners_of(run: StoredRun) -> pa.Table | None:
    """Return the accounts that have a person in the coverage that counts, with that person; None if there is none."""
    plan = run.roles.plan
    if plan is None:
        return None
    table = pa.table({"account_id": plan.ids, _PERSON: plan.table[_PERSON]})
    return table.filter(table[_PERSON].is_valid())


def _with_person(table: pa.Table, owners: pa.Table | None, form: IdForm) -> pa.Table:
    """Return the accounts that a person covers, with that person."""
    if owners is None:
        return plain_table(table.filter(table[_PERSON].is_valid()))
    place = pc.index_in(account_ids(table["account_id"], form), value_set=account_ids(owners["account_id"], form))
    mine = plain_table(table.filter(place.is_valid()))
    return mine.append_column(_PERSON, owners[_PERSON].cast(pa.string()).take(place.drop_null()))


def likeliest(parts: Iterable[pa.Table]) -> tuple[_Row, ...]:
    """Return the first accounts by propensity, then id."""
    items = [part for part in parts if part.num_rows]
    if not items:
        return ()
    every = pa.concat_tables(items)
    return tuple(every.sort_by([("propensity", "descending"), ("account_id", "ascending")])[:_FOCUS].to_pylist())


def firsts(parts: Iterable[pa.Table]) -> dict[str, tuple[_Row, ...]]:
    """Return the first accounts of every person by priority, then id; persons in order of name."""
    items = [part for part in parts if part.num_rows]
    if not items:
        return {}
    every = pa.concat_tables(items)
    place = "priority" if "priority" in every.column_names else "rank"
    every = every.sort_by([(_PERSON, "ascending"), (place, "ascending"), ("account_id", "ascending")])
    code = every[_PERSON].combine_chunks().dictionary_encode().indices.to_numpy()
    begins = np.flatnonzero(np.diff(code, prepend=-1))
    nth = np.arange(len(code)) - np.repeat(begins, np.diff(begins, append=len(code)))
    people: dict[str, list[_Row]] = {}
    for row in every.filter(pa.array(nth < EACH)).to_pylist():
        people.setdefault(row[_PERSON], []).append(row)
    return {name: tuple(rows) for name, rows in people.items()}
