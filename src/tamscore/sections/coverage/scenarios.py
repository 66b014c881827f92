"""Scenarios: what people more or fewer are worth, side by side, over a full year and over the first one."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import UsageError
from tamscore.sections.coverage.names import likely, spell
from tamscore.sections.coverage.plans import DIGITAL
from tamscore.sections.coverage.shortfall import changed_hours, served_with, worth_of
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.sections.coverage.placing import Placement
    from tamscore.sections.coverage.settings import Coverage
    from tamscore.sections.coverage.task import Task

_CHANGE = re.compile(r"[+-]\d{1,6}(\.\d{1,4})?")
_MONTHS = 12
_SLACK = 1e-9
"""By how much parts of people that are added up may differ from whole ones."""


@dataclass(frozen=True)
class _HoursScenario:
    """A scenario: its text, and the hours (r,) that each role has more or less in a full year and in the first one."""

    text: str
    hours: Any
    first_year: Any


def scenario_of(text: str, task: Task, settings: Coverage) -> _HoursScenario:
    """The scenario that a text such as `hunter=+2, Ann=-0.5` states: so many people of a role, or parts of a person.

    Raise UsageError if it states something else, or takes away more people than there are.
    """
    hours, first = np.zeros(len(task.roles)), np.zeros(len(task.roles))
    parts: dict[str, float] = defaultdict(float)
    people = np.zeros(len(task.roles))
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.rpartition("="))
        role, value = _whose(name, task, settings)
        if role is not None and _CHANGE.fullmatch(f"+{number}"):
            raise UsageError(
                f"--scenario: {part.strip()!r}: a number without a sign is ambiguous; write "
                f"{name}=+{number} for so many more, {name}=-{number} for so many fewer"
            )
        if role is None or not _CHANGE.fullmatch(number):
            raise UsageError(f"--scenario: {part.strip()!r}: {_expect(task, name if role is None else None)}")
        more = float(number) * value
        parts[fold_word(name)] += float(number)
        if parts[fold_word(name)] < -1 and _is_person(name, task):
            raise UsageError(f"--scenario: {part.strip()!r}: there is one {name!r}, expected -1 at the least")
        people[role] += float(number)
        hours[role] += more
        first[role] += more * (_in_first_year(settings.ramp) if more > 0 else 1.0)
    _require_people(text, task, people)
    return _HoursScenario(text, hours, first)


def _require_people(text: str, task: Task, change: Any) -> None:
    """Raise UsageError if a scenario takes more people (r,) from a role than it has."""
    there = np.bincount(task.role_of_person, minlength=len(task.roles))
    for role in np.flatnonzero(there + change < -_SLACK).tolist():
        has = f"{there[role]} people" if there[role] != 1 else "one person"
        raise UsageError(
            f"--scenario: {text!r}: takes {-change[role]:g} people from role {task.roles[role]!r}, which has {has}"
        )


def _expect(task: Task, unknown: str | None) -> str:
    """Return what a scenario may state, with names like an unknown one."""
    roles = [role for role in task.roles if role != DIGITAL]
    if not roles:
        return "expected people of a role, but no touch plan takes hours"
    hint = likely(unknown, [*roles, *(person.name for person in task.people)]) if unknown is not None else ""
    return f"expected ROLE=+2, PERSON=-0.5 or the like, of the roles {', '.join(roles)} and the people{hint}"


def _whose(name: str, task: Task, settings: Coverage) -> tuple[int | None, float]:
    """The role by number that a name of a role or person stands for, None for neither, and the hours of a person."""
    role = spell(name, task.roles)
    if role in task.roles and role != DIGITAL:
        return task.roles.index(role), settings.hours_of_one
    for person in task.people:
        if fold_word(person.name) == fold_word(name):
            return task.roles.index(person.role), person.hours
    return None, 0.0


def _is_person(name: str, task: Task) -> bool:
    """Return whether a name is that of a person, and of no role."""
    return spell(name, task.roles) not in task.roles and bool(fold_word(name))


def _in_first_year(ramp: Sequence[float]) -> float:
    """The part of a year's hours that somebody new has, given the parts of the first months."""
    return (sum(ramp) + _MONTHS - len(ramp)) / _MONTHS


def scenario_rows(task: Task, placement: Placement, scenarios: Sequence[_HoursScenario]) -> list[dict[str, Any]]:
    """One row per scenario: hours and value more or less in a full year, value in the first one, accounts reached.

    No role loses more hours than it has.
    `reached` counts accounts that get the service level that they are owed; None where no account is owed one.
    """
    return [
        {"scenario": scenario.text, "hours": round(float(np.maximum(scenario.hours, -task.limits).sum()), 2)}
        | {"change": round(worth_of(task, placement, scenario.hours), 2)}
        | {"first_year": round(worth_of(task, placement, scenario.first_year), 2)}
        | {"reached": _reach(task, placement, scenario.hours)}
        for scenario in scenarios
    ]


def _reach(task: Task, placement: Placement, hours: Any) -> int | None:
    """Return how many accounts get what they are owed with hours (r,) more or less."""
    if not len(placement.owed):
        return None
    return int(served_with(task, placement, placement.owed, changed_hours(task, hours)).sum())
