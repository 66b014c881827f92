"""What a coverage is asked: the accounts of a run, and the tables of people, plans and owners, read and checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.sections.coverage.door import doubts_about_encoding, doubts_about_hours
from tamscore.sections.coverage.families import Whole, as_units, owners_of_units, touches_of_units, units_of
from tamscore.sections.coverage.held_out import control_notices, with_controls, without_controls
from tamscore.sections.coverage.joining import doubts_of, match_regions
from tamscore.sections.coverage.last_owners import owners_from, read_last_owners
from tamscore.sections.coverage.measured import measure, with_measured
from tamscore.sections.coverage.names import doubts_about_limits, likely, spell, with_levels, with_limits, with_roles
from tamscore.sections.coverage.plan_table import read_plans
from tamscore.sections.coverage.plans import DEFAULT_PLANS, DIGITAL, OF_CHANNEL, PARTNER, for_team, with_partners
from tamscore.sections.coverage.reading import read_owners, read_people
from tamscore.sections.coverage.scored_accounts import read_accounts
from tamscore.sections.coverage.settings import default_team
from tamscore.sections.coverage.suggested import SuggestedRoles
from tamscore.sections.coverage.task import Task, task_of
from tamscore.sections.coverage.touches import read_touches
from tamscore.store.holdouts import Controls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.scoring.joining.match import Match
    from tamscore.sections.coverage.accounts import CoverageAccounts, ScoredRun
    from tamscore.sections.coverage.people import Owners, Person
    from tamscore.sections.coverage.plans import TouchPlan
    from tamscore.sections.coverage.settings import Coverage


_NO_PROMISE = (
    "no account has whitespace or sales: people would bring nothing, and coverage.minimum_treatment is not kept"
)


@dataclass(frozen=True)
class _Question:
    """What is to be covered, who owns it today, and what to know of the tables: as in `CoverageResult`.

    Where families are covered whole, they are the accounts of the task, and `whole` has the accounts themselves.
    """

    task: Task
    owners: Owners
    unknown: tuple[str, ...]
    joins: tuple[Match, ...]
    doubts: tuple[str, ...]
    measured: tuple[dict[str, Any], ...] = ()
    whole: Whole | None = None


def read_question(run: ScoredRun, settings: Coverage, *, keeps_place: bool = False) -> _Question:
    """The question that the settings ask of a finished run; with the place of its rows where it `keeps_place`.

    Raise InputContractError if tables break their contract, UsageError if the run lacks a column.
    """
    accounts = read_accounts(SuggestedRoles(run), settings, keeps_place=keeps_place)
    people = with_levels(read_people(settings), accounts)
    plans = _plans_of(settings, accounts, people)
    people = team_of(settings, people, plans)
    controls = Controls.of(run.directory.output, run.id_form)
    accounts = with_controls(accounts, controls, Controls.mark(run.directory.output, run.id_form))
    every, touches = accounts, read_touches(settings, accounts, plans)
    units = None if accounts.family is None else units_of(accounts, accounts.family)
    if units is not None and accounts.family is not None:
        accounts, touches = as_units(accounts, units, accounts.family.tier), touches_of_units(touches, units)
    wanted = settings.minimum_treatment.items() if _has_promise(accounts) else ()
    minimum: dict[str, str] = {name: level for name, level in wanted}  # noqa: C416 - types
    known = with_measured(plans, measure(run.directory.output, settings))
    open_to = without_controls(known.plans) if len(controls) else known.plans
    task = replace(task_of(accounts, open_to, people, DIGITAL, touches), minimum=minimum)
    books = owners_from(run, settings)
    item = read_owners(settings, every, people) if books is None else read_last_owners(books, every, people)
    owners = item
    if units is not None:
        owners = owners_of_units(item, units, every, people)
    matches = (*match_regions(settings, accounts, people), *owners.joins, *touches.joins)
    doubts = (*owners.doubts, *doubts_of(settings, accounts, people), *doubts_about_limits(_limit(plans), accounts))
    doubts = (*doubts_about_encoding(settings), *doubts_about_hours(settings, people, plans), *doubts)
    doubts = (*doubts, *_idle_partners(task))
    doubts = (*(() if _has_promise(accounts) else (_NO_PROMISE,)), *doubts, *control_notices(task, owners))
    whole = None if units is None else Whole(units, every, item)
    return _Question(task, owners, touches.unknown, matches, doubts, known.rows, whole)


def _has_promise(accounts: CoverageAccounts) -> bool:
    """Return whether any account has something to win or to keep, so that people may bring something."""
    return bool((accounts.promise > 0).any() or (accounts.sales > 0).any())


def _plans_of(settings: Coverage, accounts: CoverageAccounts, people: Sequence[Person]) -> tuple[TouchPlan, ...]:
    """Return the touch plans that hold for these accounts and people, in one spelling of every name."""
    plans = with_limits(with_roles(read_plans(settings), DIGITAL, PARTNER), accounts)
    return for_team(plans, people) if settings.plans is None else with_partners(plans)


def team_of(settings: Coverage, people: Sequence[Person], plans: Sequence[TouchPlan]) -> list[Person]:
    """Return the people with their roles as the plans spell them; of the default team those with a plan.

    Raise InputContractError if somebody else has a role without a plan.
    """
    known = list(dict.fromkeys(plan.role for plan in plans))
    team = [replace(person, role=spell(person.role, known)) for person in people]
    is_default = not settings.people and settings.team == default_team()
    team = [person for person in team if person.role in known] if is_default else team
    _require_plans(team, known)
    return team


def _require_plans(people: Sequence[Person], roles: Sequence[str]) -> None:
    """Raise InputContractError if somebody has a role without a plan that takes hours."""
    with_hours = [role for role in roles if role != DIGITAL]
    if people and not with_hours:
        raise InputContractError(
            f"{people[0].name!r}: role {people[0].role!r} has no touch plan that takes hours, since coverage.plans has "
            "none; add a plan with hours, or leave the people out"
        )
    for person in people:
        if person.role not in with_hours:
            raise InputContractError(
                f"{person.name!r}: role {person.role!r} has no touch plan that takes hours; expected one of "
                f"{', '.join(with_hours)}{likely(person.role, with_hours)}"
            )


def _limit(plans: Sequence[TouchPlan]) -> list[TouchPlan]:
    """The plans with limits of the table alone: without those of default plans and partner managers."""
    return [plan for plan in plans if plan not in DEFAULT_PLANS and plan.limits[-1:] != OF_CHANNEL]


def _idle_partners(task: Task) -> Iterator[str]:
    """Yield that partner managers have nobody to cover, where no account is a channel account."""
    hours = sum(person.hours for person in task.people if person.role == PARTNER)
    open_to = [o for o, plan in enumerate(task.plans) if plan.role == PARTNER]
    if hours > 0 and not any(task.within(o).any() for o in open_to):
        yield f"{hours:,.0f} hours of {PARTNER} are idle: no account is within the limits of its plans"
