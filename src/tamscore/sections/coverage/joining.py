"""How the tables of a coverage meet accounts and people: counted, doubted by name, refused by the rule of all joins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.census.partition import unusable_ids
from tamscore.scoring.joining import lookup as joins
from tamscore.scoring.joining.lookup import count, explain, joined_parts
from tamscore.scoring.joining.match import PERSON, Match
from tamscore.sections.coverage.names import LISTED, doubts_about, fold, likely, name_list
from tamscore.stages.draw import id_hash
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.sections.coverage.accounts import CoverageAccounts
    from tamscore.sections.coverage.people import Person
    from tamscore.sections.coverage.settings import Coverage

SETTING = "coverage.min_match_share"
_REGION = "a region of the accounts"


def match_accounts(path: str, ids: pa.Array, row: Any, accounts: CoverageAccounts, share: float) -> Match:
    """Return the match of folded ids (m,) that lie in rows (m,) of the accounts, -1 for none.

    Raise InputContractError if fewer than that share of them met one.
    """
    part = count(ids, unusable_ids(ids), row >= 0, id_hash(ids))
    match, sample = joined_parts(path, "account_id", [part])
    known = joins.KnownAccounts(np.empty(0, np.uint64), accounts.form, lambda: [accounts.keys])
    return explain(match, sample, known).require(share, SETTING)


def match_persons(settings: Coverage, names: pa.Array, who: Any, people: Sequence[Person]) -> Match:
    """Return the match of owners' names (m,) with people by number (m,), -1 for none; rows without a name are left out.

    Raise InputContractError if fewer than coverage.min_match_share of them met one.
    """
    import pyarrow as pa

    blank = unusable_ids(names)
    here = names.filter(pa.array(~blank))
    part = count(here, np.zeros(len(here), bool), who[~blank] >= 0, id_hash(fold(here)))
    match, _ = joined_parts(str(settings.owner_table), "person", [part])
    row = None if part.first is None else int(np.flatnonzero(~blank)[part.first[1]]) + 1
    some = f"the people are {name_list([person.name for person in people])}"
    remedy = "write the owners' names alike" if settings.people else "name the table of people in coverage.people"
    match = replace(match, row=row, what=PERSON, cause=f"{some}: {remedy}" if match.is_noticed else "")
    return match.require(settings.min_match_share, SETTING)


def unknown_owners(path: str, names: pa.Array, is_known: Any, people: Sequence[Person]) -> Iterator[str]:
    """Yield the owners of accounts (m,) who are none of the people, by name, those with most accounts first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    strangers = names.filter(pa.array(~is_known & ~unusable_ids(names)))
    counts = {item["values"]: item["counts"] for item in pc.value_counts(strangers).to_pylist()}
    order = sorted(counts, key=lambda name: (-counts[name], name))
    for name in order[:LISTED]:
        hint = likely(name, [person.name for person in people])
        yield f"{path}: {name!r} is none of the people; {counts[name]:,} accounts count as without an owner{hint}"
    if rest := order[LISTED:]:
        more = sum(counts[name] for name in rest)
        yield f"{path}: {len(rest):,} more owners are none of the people, with {more:,} accounts"


def match_regions(settings: Coverage, accounts: CoverageAccounts, people: Sequence[Person]) -> list[Match]:
    """Return the match of the people's regions with those of the accounts; nothing where nobody has a region.

    Raise InputContractError if fewer people than coverage.min_match_share serve a region that accounts have.
    """
    having = [(row, person) for row, person in enumerate(people, start=1) if person.regions]
    if settings.people is None or not having:
        return []
    known = set(accounts.region.levels) - {""}
    strange = [(row, min(person.regions)) for row, person in having if not person.regions & known]
    row, first = strange[0] if strange else (None, None)
    match = Match(settings.people, "regions", len(having), len(having) - len(strange), first=first, row=row)
    match = replace(match, strangers=len({name for _, name in strange}), what=_REGION)
    if match.is_noticed:
        match = replace(match, cause=_region_cause(settings, sorted(known), first or ""))
    return [match.require(settings.min_match_share, SETTING)]


def _region_cause(settings: Coverage, known: Sequence[str], first: str) -> str:
    """Return what may be wrong with regions that no account has."""
    if settings.region is None:
        return "coverage.region names no column of the scores: name the one with the accounts' regions"
    return f"the accounts' column {settings.region!r} has {name_list(known)}{likely(first, known)}"


def doubts_of(settings: Coverage, accounts: CoverageAccounts, people: Sequence[Person]) -> Iterator[str]:
    """Yield what a person should know of regions and skills that do not meet, by name."""
    if settings.people is None:
        return
    if settings.region is not None:
        yield from doubts_about("region", accounts.region, people, settings.people)
    if settings.skill is not None:
        yield from doubts_about("skill", accounts.skill, people, settings.people)
    elif any(person.skills for person in people):
        yield f"{settings.people}: skills count for nothing, since coverage.skill names no column of the scores"
    known = {fold_word(level) for level in accounts.region.levels}
    idle = [
        person.name for person in people if person.regions and not {fold_word(name) for name in person.regions} & known
    ]
    if idle:
        yield f"{settings.people}: {name_list(idle)} can get no account: no account has a region of theirs"
