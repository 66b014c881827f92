"""Owners as the last coverage of the output says: who had an account keeps it where hours and rules allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import as_dictionary, places_in, strings
from tamscore.sections.coverage.joining import unknown_owners
from tamscore.sections.coverage.names import fold
from tamscore.sections.coverage.people import Former, LastBooks, Owners, numbers_of
from tamscore.stages.folding import fold_ids
from tamscore.store import contents, coverages
from tamscore.store.placed import files_of
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.sections.coverage.accounts import CoverageAccounts, ScoredRun
    from tamscore.sections.coverage.people import Person
    from tamscore.sections.coverage.settings import Coverage
    from tamscore.stages.folding import IdForm
    from tamscore.store.location import Location

_TABLE = "accounts.parquet"
_KEY, _PERSON = "account_id", "person"


def owners_from(run: ScoredRun, settings: Coverage) -> Location | None:
    """Return the coverage whose people own the accounts of a run today; None without one, or if it does not count."""
    return run.coverage_before if settings.keeps_books else None


def read_last_owners(folder: Location, accounts: CoverageAccounts, people: Sequence[Person]) -> Owners:
    """Return who owned each account by a coverage; nobody is locked, and people who are gone are named.

    Raise InputContractError if the coverage was changed.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    record = coverages.record_of(folder)
    ids, names = _covered_accounts(folder, record, accounts.form)
    place = pc.index_in(fold_ids(accounts.ids, accounts.form), value_set=ids.cast(accounts.ids.type))
    rows = np.flatnonzero(np.asarray(place.is_valid()))
    place = place.take(pa.array(rows)).to_numpy()
    called = pa.array([fold_word(person.name) for person in people], pa.large_string())
    levels = names.dictionary.cast(pa.large_string())
    who = np.append(places_in(fold(levels), called), -1)[names.indices.to_numpy()[place]]
    person = np.full(len(accounts), -1, numbers_of(people))
    person[rows] = who
    left = who < 0
    of = names.indices.to_numpy()[place[left]]
    used, number = np.unique(of, return_inverse=True)
    former = Former(rows[left], number, tuple(levels.take(pa.array(used)).to_pylist()))
    text = levels.take(pa.array(of))
    doubts = unknown_owners(f"last coverage {folder.name}", text, np.zeros(len(text), bool), people)
    last = LastBooks(folder.name, str(record["run"]), len(ids) - len(rows))
    return Owners(person, np.zeros(len(accounts), bool), (), tuple(doubts), former, last)


def _covered_accounts(folder: Location, record: dict[str, Any], form: IdForm) -> tuple[pa.Array, pa.DictionaryArray]:
    """Return the ids (n,) as they are compared, and the person (n,) of each, of the accounts that have a person."""
    import pyarrow as pa
    import pyarrow.compute as pc

    file = contents.placed_file(folder / _TABLE, files_of({"files": {}, **record}).get(_TABLE), [_PERSON])
    items = []
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, [_KEY, _PERSON])
        items.append(table.filter(pc.is_valid(table[_PERSON])))
    table = pa.concat_tables(items)
    return fold_ids(strings(table[_KEY]), form), as_dictionary(table[_PERSON])
