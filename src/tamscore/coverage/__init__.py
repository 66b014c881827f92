"""Who covers whom: a role and a person for every account of a run, worth as much as the hours allow.

Nothing of it changes a score. The results lie beside the runs, in `OUTPUT/coverage/`.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.coverage import summaries
from tamscore.coverage.accounts import read_accounts
from tamscore.coverage.joining import doubts_of, match_regions
from tamscore.coverage.names import doubts_about_bands, spelled, with_levels, with_roles
from tamscore.coverage.people import read_owners, read_people, read_plans
from tamscore.coverage.placing import place_all, task_of
from tamscore.coverage.plans import DIGITAL
from tamscore.coverage.rules import RuleResult, compare
from tamscore.coverage.touches import read_touches
from tamscore.errors import UsageError
from tamscore.store import commit, records
from tamscore.store.location import location
from tamscore.store.placed import Placed
from tamscore.store.run_directory import COVERAGE, RECORDS, run_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.config import Coverage as Settings
    from tamscore.coverage.placing import Placement, Task
    from tamscore.insight.stored import StoredRun
    from tamscore.progress import Progress
    from tamscore.scoring.joining.match import Match


@dataclass(frozen=True)
class Certificate:
    """How good a coverage is: what it is expected to bring, and what none can exceed.

    Before: `value_of_roles` when roles were chosen, `value_of_naming` when people were named and hours were left over.
    """

    value: float
    value_of_roles: float
    value_of_naming: float
    bound: float
    rounds: int

    @property
    def gap(self) -> float:
        """The part of the bound that is not reached."""
        return self.part(self.bound - self.value)

    @property
    def naming(self) -> float:
        """The part of the bound that was lost when people were named."""
        return self.part(self.value_of_roles - self.value)

    @property
    def gap_before(self) -> float:
        """The part of the bound that was not reached before hours left over were given out again."""
        return self.part(self.bound - self.value_of_naming)

    def part(self, lost: float) -> float:
        """An amount as a part of the bound."""
        return max(lost, 0.0) / abs(self.bound) if self.bound else 0.0


@dataclass(frozen=True)
class Coverage:
    """The coverage of a run: its certificate and the rows of its summaries; `path` holds the tables.

    `unknown` are accounts that have a touch plan of their own and are not in the run; `joins` says how tables met the
    accounts and people, `doubts` names persons, regions, skills and bands that met nothing.
    """

    run: str
    path: str
    accounts: int
    certificate: Certificate
    roles: list[dict[str, Any]]
    people: list[dict[str, Any]]
    bands: list[dict[str, Any]]
    campaigns: list[dict[str, Any]]
    consistency: list[dict[str, Any]]
    moves: list[dict[str, Any]]
    rules: list[RuleResult]
    scenarios: list[dict[str, Any]]
    unknown: tuple[str, ...] = ()
    joins: tuple[Match, ...] = ()
    doubts: tuple[str, ...] = ()


def cover(
    run: StoredRun, settings: Settings, backend: Backend, progress: Progress, scenarios: Sequence[str] = ()
) -> Coverage:
    """The coverage of a finished run, written to `OUTPUT/coverage/`.

    `scenarios` are texts `ROLE=+2, ROLE=-1`: people more or less, whose value is told. Raises InputContractError where
    tables break their contract, or locks and the limit on moves do not fit into the hours.
    """
    with progress.stage("read"):
        accounts = read_accounts(run, settings)
        plans, people = with_roles(read_plans(settings), DIGITAL), with_levels(read_people(settings), accounts)
        known = {plan.role for plan in plans}
        people = [replace(one, role=spelled(one.role, [*known])) for one in people]
        people = people if settings.people else [one for one in people if one.role in known]
        touches = read_touches(settings, accounts, plans)
        task = task_of(accounts, plans, people, DIGITAL, touches)
        owners = read_owners(settings, accounts, people)
        matches = (*match_regions(settings, accounts, people), *owners.joins, *touches.joins)
        doubts = (*owners.doubts, *doubts_of(settings, accounts, people), *doubts_about_bands(plans, accounts))
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


def told_of(
    run: StoredRun,
    settings: Settings,
    task: Task,
    found: Placement,
    rules: list[RuleResult],
    told: list[dict[str, Any]],
) -> Coverage:
    """What there is to say about a placement."""
    return Coverage(
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


def key_of(run: StoredRun, settings: Settings) -> str:
    """The name of a coverage: the run, the settings, and what the tables that they name hold."""
    files = {name: getattr(settings, name) for name in ("people", "plans", "account_plans", "owners")}
    held = [f"{name} {Placed.of(location(path)).xxh3}" for name, path in files.items() if path]
    return run_key(run.name, settings.model_dump_json(exclude=set(files)), *held)


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


def write(result: Coverage, accounts: pa.Table) -> None:
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


def record(result: Coverage) -> dict[str, Any]:
    """The result as JSON holds it."""
    sure = result.certificate
    return {**asdict(result), "certificate": {**asdict(sure), "gap": sure.gap, "gap_before": sure.gap_before}}
