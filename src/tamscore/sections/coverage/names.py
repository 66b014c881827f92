"""Names that two tables share: persons, roles, regions, skills, bands; compared folded, with doubts by name."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.config.problems import is_one_edit_apart
from tamscore.substitution import fold_word, plain_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from tamscore.sections.coverage.accounts import CoverageAccounts
    from tamscore.sections.coverage.people import Person
    from tamscore.sections.coverage.plans import TouchPlan
    from tamscore.sections.coverage.texts import Texts

_SEPARATORS = (r"\|", ";", r"[\r\n]", ",", "/")
"""Separators of several names in one cell; a later one is tried if an earlier one gives no known name."""
_KEYS = {
    "region": "name the column with regions in coverage.region",
    "band": "size bands need campaigns.size",
    "market_segment": "name the column with segments in columns.market_segment",
}
"""Remedies if accounts have no names in a column that limits plans."""
LISTED = 5
"""Most names listed in one message."""


def fold(column: pa.Array, fold: Callable[[str], str] = fold_word) -> pa.Array:
    """Return the names (m,) of a string array folded; '' for null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = pc.fill_null(column, "").dictionary_encode()
    levels = pa.array([fold(level) for level in coded.dictionary.to_pylist()], pa.large_string())
    return levels.take(coded.indices)


def likely(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" with the most similar known names, '' if none is similar."""
    spelling, wrong = {fold_word(text): text for text in known if text}, fold_word(name)
    close = [text for text in spelling if is_one_edit_apart(wrong, text)] or get_close_matches(wrong, spelling)
    return f"; did you mean {' or '.join(repr(spelling[text]) for text in close)}?" if close else ""


def spell(text: str, known: Sequence[str]) -> str:
    """Return the known spelling of a role, that is its first spelling among the known ones, else the role itself.

    `Account Manager` and `account-manager` are `account_manager`, in every table and in `team`.
    """
    return next((name for name in known if plain_word(name) == plain_word(text)), text)


def _levels_of(name: str, texts: Texts) -> list[str]:
    """Return the levels of a column that are the same name."""
    return [level for level in texts.levels if fold_word(level) == fold_word(name)]


def split(cell: str, known: Mapping[str, Any], separators: Sequence[str] = _SEPARATORS) -> list[str]:
    """Return the names in a cell of several; a name that is `known` (folded) stays whole, even if it has a separator.

    If splitting gives no known name, the cell stays whole, too, except for "|", which always separates.
    """
    if not separators or fold_word(cell) in known:
        return [cell.strip()] if cell.strip() else []
    pieces = [piece for part in re.split(separators[0], cell) for piece in split(part, known, separators[1:])]
    always = separators[0] == _SEPARATORS[0]
    return pieces if always or any(fold_word(piece) in known for piece in pieces) else [cell.strip()]


def pieces(cell: str) -> frozenset[str]:
    """Return the parts of a cell of several names, folded, split at every separator."""
    return frozenset(filter(None, map(fold_word, re.split("|".join(_SEPARATORS), cell))))


def with_levels(people: Sequence[Person], accounts: CoverageAccounts) -> list[Person]:
    """Return the people with their regions and skills as the accounts spell them; unknown ones stay as they are."""
    return [
        replace(
            person,
            regions=resolve(person.regions, accounts.region),
            skills=resolve(person.skills, accounts.skill),
        )
        for person in people
    ]


def resolve(cells: Iterable[str], texts: Texts) -> frozenset[str]:
    """Return the names in cells of several names, each in all spellings that the accounts have."""
    known = {fold_word(level): level for level in texts.levels}
    names = [name for cell in cells for name in split(cell, known)]
    return frozenset(level for name in names for level in _levels_of(name, texts) or [name])


def with_roles(plans: Sequence[TouchPlan], *known: str) -> tuple[TouchPlan, ...]:
    """Return the plans with one spelling of every role: that of the known ones, else the first without its blanks."""
    roles = [*known, *(plan.role.strip() for plan in plans)]
    return tuple(replace(plan, role=spell(plan.role, roles)) for plan in plans)


def name_list(names: Sequence[str]) -> str:
    """Return the first few names, and the number of further ones."""
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return f"{', '.join(map(repr, names[:LISTED]))}{more}"


def doubts_about(column: str, texts: Texts, people: Sequence[Person], path: str) -> Iterator[str]:
    """Yield the names that people serve but no account has, and those that accounts have but no person serves.

    `column` is "region" or "skill", `path` the table of people.
    """
    served: dict[str, list[str]] = {}
    for person in people:
        for name in sorted(getattr(person, f"{column}s")):
            served.setdefault(name, []).append(person.name)
    strange = [name for name in served if name not in texts.levels]
    for name in strange[:LISTED]:
        yield f"{path}: no account has the {column} {name!r} of {name_list(served[name])}{likely(name, texts.levels)}"
    if len(strange) > LISTED:
        yield f"{path}: no account has {len(strange) - LISTED:,} more of its {column}s"
    counts = np.bincount(texts.code, minlength=len(texts.levels))
    alone = [(int(counts[code]), level) for code, level in enumerate(texts.levels) if _is_alone(level, column, people)]
    for count, level in sorted(alone, key=lambda pair: (-pair[0], pair[1]))[:LISTED]:
        of = f"of {column} {level!r}" if level else f"without a {column}"
        yield f"nobody serves the {count:,} accounts {of}{likely(level, strange) if level else ''}"
    if len(alone) > LISTED:
        yield f"nobody serves the accounts of {len(alone) - LISTED:,} more {column}s"


def with_limits(plans: Sequence[TouchPlan], accounts: CoverageAccounts) -> tuple[TouchPlan, ...]:
    """Return the plans with the names that limit them as the accounts spell them; unknown ones stay as they are."""
    return tuple(
        replace(
            plan,
            limits=tuple((column, resolve(cells, accounts.column(column))) for column, cells in plan.limits),
        )
        for plan in plans
    )


def doubts_about_limits(plans: Sequence[TouchPlan], accounts: CoverageAccounts) -> Iterator[str]:
    """Yield the names that plans are limited to but no account has, by column."""
    asked = {(column, name) for plan in plans for column, names in plan.limits for name in names}
    for column, name in sorted(asked):
        texts = accounts.column(column)
        if not _levels_of(name, texts):
            known = [level for level in texts.levels if level]
            none = f"which have none; {_KEYS.get(column, 'the run has no such column')}"
            has = f"which are of {name_list(known)}{likely(name, known)}" if known else none
            yield f"touch plans of {column} {name!r} suit no account, {has}"


def _is_alone(level: str, column: str, people: Sequence[Person]) -> bool:
    """Return whether no person serves accounts of a region, or has the skill that accounts need."""
    if column == "region":
        return not any(not person.regions or level in person.regions for person in people)
    return bool(level) and not any(level in person.skills for person in people)
