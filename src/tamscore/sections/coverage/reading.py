"""The tables of people and of account owners, read and checked, and the reader of small tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import places_in, strings
from tamscore.errors import InputContractError
from tamscore.scoring.census.partition import unusable_ids
from tamscore.sections.coverage.accounts import LIMITING
from tamscore.sections.coverage.joining import match_accounts, match_persons, unknown_owners
from tamscore.sections.coverage.names import fold, likely
from tamscore.sections.coverage.people import Owners, Person, numbers_of
from tamscore.sections.coverage.table_types import check
from tamscore.store import tables
from tamscore.store.sources.whole import encoding_of, whole_table
from tamscore.substitution import fold_word, plain_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tamscore.sections.coverage.accounts import CoverageAccounts
    from tamscore.sections.coverage.settings import Coverage
    from tamscore.stages.folding import IdForm

HOURS_OF_A_WEEK = 168
OWNERS = ("account_id", "person")
"""The columns that the table of owners needs."""
NUMBERS = ("hours", "expansion", "acquisition", "protection")
LIMITS = ("band", "region", *LIMITING)
"""The columns that limit a plan to accounts that hold one of the names in the cell."""
_PEOPLE = ("person", "role", "hours", "regions", "skills")
"""The columns that a table of people may have."""
_NAMES = ("person", "role", "service_level", "regions", "skills", *LIMITS)
_TYPES = dict.fromkeys(NUMBERS, "float") | {"locked": "bool"}
_CSV_TYPES = {spell(name): kind for name, kind in _TYPES.items() for spell in (str, str.capitalize, str.upper)}
"""The types of columns in CSV files, in any capitals; all other columns are texts."""


def read_people(settings: Coverage) -> list[Person]:
    """Return the people of the table in its order, or as many people as the settings ask for in each role.

    Raise InputContractError if a name stands twice, in any capitals, or hours are negative or missing.
    """
    if settings.people is None:
        _require_distinct(settings.team)
        return [
            Person(f"{role} {i + 1:02d}", role, settings.hours_of_one)
            for role, count in settings.team.items()
            for i in range(count)
        ]
    persons = [_person_of(row, settings) for row in rows_of(settings.people, ("person", "role"), _PEOPLE).values()]
    names = Counter(fold_word(person.name) for person in persons)
    for person in persons:
        if names[fold_word(person.name)] > 1 or not person.hours >= 0:
            problem = "stands twice" if person.hours >= 0 else f"has {person.hours:g} hours, expected 0 or more"
            raise InputContractError(f"{settings.people}: {person.name!r} {problem}")
    return persons


def _require_distinct(team: Mapping[str, int]) -> None:
    """Raise InputContractError if two keys of the team are the same role: their people would share names."""
    first: dict[str, str] = {}
    for role in team:
        if (known := first.setdefault(plain_word(role), role)) != role:
            raise InputContractError(f"coverage.team: {known!r} and {role!r} are the same role; count its people once")


def _person_of(row: dict[str, Any], settings: Coverage) -> Person:
    """Return the person of a row of the table; a row without hours gets the default hours."""
    several = [frozenset(filter(None, (row.get(name) or "").split("|"))) for name in ("regions", "skills")]
    hours = settings.hours_per_person if row.get("hours") is None else float(row["hours"])
    if settings.hours_per == "week" and hours > HOURS_OF_A_WEEK:
        raise InputContractError(
            f"{settings.people}: {row['person']!r} has {hours:g} hours a week, expected at most {HOURS_OF_A_WEEK}; set "
            'coverage.hours_per = "year" if these are hours of a year'
        )
    return Person(row["person"], row["role"], hours * settings.yearly, *several)


@dataclass(frozen=True)
class _OwnerRows:
    """Rows (n,) of the table of owners: normalised ids, names, people by number or -1, and locks."""

    table: pa.Table
    ids: pa.Array
    names: pa.Array
    who: Any
    locked: Any


def owner_rows(path: str, form: IdForm, people: Sequence[Person]) -> _OwnerRows:
    """Return the rows of the table of owners.

    Raise InputContractError if an account has two owners, or a locked row does not name one of the people.

    Rows without an id may occur as often as they like: the match with accounts counts them.
    """
    import pyarrow as pa

    table = read_table(path, OWNERS, (*OWNERS, "locked"))
    ids, names = tables.account_ids(table["account_id"], form), strings(table["person"])
    _require_one_owner(path, ids.filter(pa.array(~unusable_ids(ids))))
    called = pa.array([fold_word(person.name) for person in people], pa.large_string())
    who = places_in(fold(names), called)
    locks = table["locked"].to_pylist() if "locked" in table.column_names else [False] * len(table)
    is_locked = np.array(locks, bool)
    at = np.flatnonzero(is_locked & (who < 0))
    if len(at):
        row = table.slice(int(at[0]), 1).to_pylist()[0]
        problem = "none of the people is called so; correct the name" if row["person"] else "it has no person; name one"
        raise InputContractError(
            f"{path}: row {at[0] + 1:,} ({cells(row)}): locked, but {problem}, or take the lock off"
        )
    return _OwnerRows(table, ids, names, who, is_locked)


def _require_one_owner(path: str, ids: pa.Array) -> None:
    """Raise InputContractError where an account stands more than once among the ids (m,) of a table of owners."""
    import pyarrow.compute as pc

    if pc.count_distinct(ids).as_py() < len(ids):
        twice = next(item["values"] for item in pc.value_counts(ids).to_pylist() if item["counts"] > 1)
        raise InputContractError(
            f"{path}: accounts stand more than once, such as {twice!r}; one owner an account is expected"
        )


def _lost_locks(path: str, rows: _OwnerRows, lost: Any) -> list[str]:
    """Return a notice on locked rows whose accounts were not scored (n,), for example because they left the market."""
    import pyarrow as pa

    gone = rows.ids.filter(pa.array(rows.locked & lost & ~unusable_ids(rows.ids)))
    doubts = []
    if len(gone):
        such = f"such as {gone[0].as_py()!r}; they are passed over"
        doubts.append(f"{path}: {len(gone):,} locked accounts were not scored, {such}")
    if count := int(np.count_nonzero(rows.locked & unusable_ids(rows.ids))):
        doubts.append(f"{path}: rows without an account id are passed over, {count:,} of them locked")
    return doubts


def read_owners(settings: Coverage, accounts: CoverageAccounts, people: Sequence[Person]) -> Owners:
    """Return the owner of each account; rows whose account or person is not known are left out and named in notices.

    Raise InputContractError if an account has two owners, a lock names an unknown person, or the share of rows that
    match an account or a person is below coverage.min_match_share.
    """
    import pyarrow as pa

    person, locked = np.full(len(accounts), -1, numbers_of(people)), np.zeros(len(accounts), bool)
    if (path := settings.owner_table) is None:
        return Owners(person, locked)
    rows = owner_rows(path, accounts.form, people)
    row = places_in(rows.ids, accounts.keys)
    known, share = row >= 0, settings.min_match_share
    person[row[known]], locked[row[known]] = rows.who[known], rows.locked[known]
    matches = (
        match_accounts(path, rows.ids, row, accounts, share),
        match_persons(settings, rows.names, rows.who, people),
    )
    doubts = unknown_owners(path, rows.names.filter(pa.array(known)), rows.who[known] >= 0, people)
    return Owners(person, locked, matches, (*doubts, *_lost_locks(path, rows, ~known)))


def rows_of(path: str, required: Sequence[str], known: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Return the rows of a small table by number, 1 for the first; blank rows are left out.

    Raise InputContractError for a row without a person, role or service level, such as a row of totals.
    """
    numbered = enumerate(read_table(path, required, known).to_pylist(), start=1)
    rows = {number: row for number, row in numbered if any(row[name] for name in required)}
    for number, row in rows.items():
        for name in ("person", "role", "service_level"):
            if name in required and not (row[name] or "").strip():
                raise InputContractError(
                    f"{path}: row {number:,} ({cells(row)}): expected a {name}, got an empty cell; fill it in or "
                    "remove the row"
                )
    return rows


def cells(row: dict[str, Any]) -> str:
    """Return the cells of a row that are not empty, for a message."""
    return ", ".join(str(value) for value in row.values() if value is not None)


def _with_names(table: pa.Table) -> pa.Table:
    """Return the table with its known columns renamed to lower case without blanks; other columns keep their names."""
    known = {plain_word(name): name for name in ("account_id", "locked", *NUMBERS, *_NAMES)}
    names = [known.get(plain_word(name), name) for name in table.column_names]
    return table.rename_columns(
        [new if names.count(new) == 1 else old for new, old in zip(names, table.column_names, strict=True)]
    )


def read_table(path: str, required: Sequence[str], known: Sequence[str]) -> pa.Table:
    """Return a table of one file, texts as texts; columns that are not `known` are ignored.

    Raise InputContractError if the file cannot be read, lacks a column, or has a column whose name is nearly a known
    one.
    """
    table = _with_names(whole_table(path, _CSV_TYPES, encoding_of(path)))
    there = table.column_names
    for name in there:
        if name not in known and (meant := likely(name, [text for text in known if text not in there])):
            raise InputContractError(f"{path}: column {name!r} is not read{meant} rename it, or leave it out")
    if missing := [name for name in required if name not in there]:
        raise InputContractError(f"{path}: expected columns {', '.join(required)}, missing {', '.join(missing)}")
    return check(table, path, NUMBERS, _NAMES)
