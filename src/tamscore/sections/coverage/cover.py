"""From a finished run to who covers whom; no score changes. The results lie beside the runs, in `OUTPUT/coverage/`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import UsageError
from tamscore.sections.coverage import summaries
from tamscore.sections.coverage.accounts import read_accounts
from tamscore.sections.coverage.joining import doubts_of, match_regions
from tamscore.sections.coverage.names import doubts_about_limits, spelled, with_levels, with_limits, with_roles
from tamscore.sections.coverage.placing import place_all
from tamscore.sections.coverage.plans import DIGITAL, for_team, with_partners
from tamscore.sections.coverage.reading import read_owners, read_people, read_plans
from tamscore.sections.coverage.result import Certificate, CoverageResult, record
from tamscore.sections.coverage.rules import compare
from tamscore.sections.coverage.settings import TABLES
from tamscore.sections.coverage.suggested import SuggestedRoles
from tamscore.sections.coverage.task import task_of
from tamscore.sections.coverage.touches import read_touches
from tamscore.store import commit, coverages, records
from tamscore.store.location import location
from tamscore.store.placed import Placed
from tamscore.store.run_directory import COVERAGE, RECORDS, run_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.progress import Progress
    from tamscore.sections.coverage.accounts import Accounts, ScoredRun
    from tamscore.sections.coverage.people import Person
    from tamscore.sections.coverage.placing import Placement
    from tamscore.sections.coverage.plans import TouchPlan
    from tamscore.sections.coverage.rules import RuleResult
    from tamscore.sections.coverage.settings import Coverage
    from tamscore.sections.coverage.task import Task


def cover(
    run: ScoredRun, settings: Coverage, backend: Backend, progress: Progress, scenarios: Sequence[str] = ()
) -> CoverageResult:
    """The coverage of a finished run, written to `OUTPUT/coverage/`.

    `scenarios` are texts `ROLE=+2, ROLE=-1`: people more or less, whose value is told. Raises InputContractError where
    tables break their contract, or locks and the limit on moves do not fit into the hours.
    """
    with progress.stage("read"):
        accounts = read_accounts(SuggestedRoles(run), settings)
        people = with_levels(read_people(settings), accounts)
        plans = plans_of(settings, accounts, people)
        known = {plan.role for plan in plans}
        people = [replace(one, role=spelled(one.role, [*known])) for one in people]
        people = people if settings.people else [one for one in people if one.role in known]
        touches = read_touches(settings, accounts, plans)
        task = task_of(accounts, plans, people, DIGITAL, touches)
        owners = read_owners(settings, accounts, people)
        matches = (*match_regions(settings, accounts, people), *owners.joins, *touches.joins)
        doubts = (*owners.doubts, *doubts_of(settings, accounts, people), *doubts_about_limits(plans, accounts))
        asked = [changes_of(text, task) for text in scenarios]
    with progress.stage("cover"):
        found = place_all(backend, task, owners, settings.max_moves)
    with progress.stage("compare"):
        rules = compare(task, found)
        told = [
            summaries.scenario(task, found, *one, settings.hours_per_person)
            for one in zip(scenarios, asked, strict=True)
        ]
        result = replace(
            told_of(run, settings, task, found, rules, told), unknown=touches.unknown, joins=matches, doubts=doubts
        )
    write(result, summaries.account_table(task, found, people, owners))
    return result


def plans_of(settings: Coverage, accounts: Accounts, people: Sequence[Person]) -> tuple[TouchPlan, ...]:
    """Return the touch plans that hold for these accounts and people, in one spelling of every name."""
    plans = with_limits(with_roles(read_plans(settings), DIGITAL), accounts)
    return for_team(plans, people) if settings.plans is None else with_partners(plans)


def told_of(
    run: ScoredRun,
    settings: Coverage,
    task: Task,
    found: Placement,
    rules: list[RuleResult],
    told: list[dict[str, Any]],
) -> CoverageResult:
    """What there is to say about a placement."""
    return CoverageResult(
        run.name,
        str(run.directory.output / COVERAGE / key_of(run, settings)),
        len(task.accounts),
        Certificate(found.value, found.choice.value, found.before, found.choice.bound, found.choice.rounds),
        summaries.role_rows(task, found, settings.hours_per_person),
        summaries.people_rows(task, found),
        summaries.band_rows(task, found),
        summaries.campaign_rows(task, found),
        summaries.consistency_rows(task, found),
        summaries.move_rows(task, found),
        rules,
        told,
    )


def key_of(run: ScoredRun, settings: Coverage) -> str:
    """The name of a coverage: the run, the settings, and what the tables that they name hold."""
    held = [f"{name} {Placed.of(location(path)).xxh3}" for name, path in settings.tables_named().items()]
    return run_key(run.name, settings.model_dump_json(exclude=set(TABLES)), *held)


def changes_of(text: str, task: Task) -> Any:
    """The people more or less (r,) that a text `ROLE=+2, ROLE=-1` tells of; UsageError where it is another."""
    change = np.zeros(len(task.roles))
    limited = [role for role in task.roles if role != DIGITAL]
    for part in text.split(","):
        role, _, number = (piece.strip() for piece in part.partition("="))
        if role not in limited or not re.fullmatch(r"[+-]?\d{1,6}", number):
            raise UsageError(
                f"--people: {part.strip()!r}: expected ROLE=+2 or ROLE=-1, of the roles {', '.join(limited)}"
            )
        change[task.roles.index(role)] += int(number)
    return change


def write(result: CoverageResult, accounts: pa.Table) -> None:
    """Write the accounts as Parquet, the summaries as Parquet and CSV, and the whole result as JSON."""
    import pyarrow as pa

    folder = location(result.path)
    repeating = ["role", "service_level", "person", "owner"]
    files = {"accounts.parquet": commit.place_parquet(accounts, folder / "accounts.parquet", repeating)}
    every = record(result)
    for name in ("roles", "people", "bands", "campaigns", "consistency", "moves", "rules"):
        if every[name]:
            files |= commit.place_both(pa.Table.from_pylist(every[name]), folder, name)
    records.place({name: part for name, part in every.items() if name != "moves"}, files, folder / RECORDS[COVERAGE])
    coverages.set_last(folder, result.run)
