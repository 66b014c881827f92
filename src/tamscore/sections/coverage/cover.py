"""From a finished run to who covers whom; no score changes. The results lie beside the runs, in `OUTPUT/coverage/`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tamscore.engine import heap
from tamscore.sections.coverage import shortfall, summaries
from tamscore.sections.coverage.account_rows import AccountRows
from tamscore.sections.coverage.held import doubts_about_held
from tamscore.sections.coverage.last_owners import owners_from
from tamscore.sections.coverage.measured import measure
from tamscore.sections.coverage.placing import place_all
from tamscore.sections.coverage.question import read_question
from tamscore.sections.coverage.result import Certificate, CoverageResult, record
from tamscore.sections.coverage.rules import compare
from tamscore.sections.coverage.scenarios import scenario_of, scenario_rows
from tamscore.sections.coverage.settings import TABLES
from tamscore.store import commit, coverages, records
from tamscore.store.holdouts import draws_in_force
from tamscore.store.location import location
from tamscore.store.placed import Placed
from tamscore.store.run_directory import COVERAGE, RECORDS, run_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.progress import Progress
    from tamscore.sections.coverage.account_rows import CodedTexts
    from tamscore.sections.coverage.accounts import ScoredRun
    from tamscore.sections.coverage.placing import Placement
    from tamscore.sections.coverage.rules import RuleResult
    from tamscore.sections.coverage.settings import Coverage
    from tamscore.sections.coverage.task import Task

_SUMMARIES = (
    *("roles", "people", "bands", "campaigns", "consistency", "moves", "rules", "minimum", "quadrants", "products"),
)
"""The parts of a result that are tables."""


def cover(
    run: ScoredRun, settings: Coverage, backend: Backend, progress: Progress, scenarios: Sequence[str] = ()
) -> CoverageResult:
    """The coverage of a finished run, written to `OUTPUT/coverage/`.

    `scenarios` are texts `ROLE=+2, PERSON=-0.5`: people more or less, whose value is reported. Raise UsageError for
    another text, InputContractError if tables break their contract, or locks and the limit on moves do not fit into
    the hours.
    """
    result, rows, short = _solve(run, settings, backend, progress, scenarios)
    heap.give_back()
    _write(result, rows, short)
    return result


def cover_rows(
    run: ScoredRun, settings: Coverage, backend: Backend, progress: Progress
) -> tuple[CoverageResult, dict[str, CodedTexts]]:
    """Return the same as `cover`, with role, service level and person of each row of the scores."""
    result, rows, short = _solve(run, settings, backend, progress, (), keeps_place=True)
    heap.give_back()
    _write(result, rows, short)
    return result, rows.encode()


def _solve(
    run: ScoredRun,
    settings: Coverage,
    backend: Backend,
    progress: Progress,
    scenarios: Sequence[str],
    *,
    keeps_place: bool = False,
) -> tuple[CoverageResult, AccountRows, pa.Table]:
    """The coverage of a finished run, its rows of accounts, and those of accounts that are owed more than they get."""
    with progress.stage("read"):
        question = read_question(run, settings, keeps_place=keeps_place)
        task, owners = question.task, question.owners
        asked = [scenario_of(text, task, settings) for text in scenarios]
    with progress.stage("cover"):
        placement = place_all(backend, task, owners, settings.max_moves, settings.balance)
        heap.give_back()
    with progress.stage("compare"):
        rules = compare(task, placement)
        heap.give_back()
        items = scenario_rows(task, placement, asked)
        result = replace(
            _coverage_notices(run, settings, task, placement, rules, items),
            unknown=question.unknown,
            joins=question.joins,
            doubts=(*question.doubts, *doubts_about_held(task, owners, placement)),
            measured=question.measured,
        )
        rows = AccountRows.of(task, placement, owners)
        if (whole := question.whole) is not None:
            rows = rows.of_accounts(whole)
            result = replace(result, families=whole.record)
    return result, rows, shortfall.shortfall_table(task, placement)


def _coverage_notices(
    run: ScoredRun,
    settings: Coverage,
    task: Task,
    placement: Placement,
    rules: list[RuleResult],
    items: list[dict[str, Any]],
) -> CoverageResult:
    """Return what there is to say about a placement."""
    roles = summaries.role_rows(task, placement, settings.hours_of_one)
    heap.give_back()
    sure = Certificate(
        placement.value, placement.choice.value, placement.before, placement.choice.bound, placement.choice.rounds
    )
    if len(placement.owed):
        sure = replace(sure, without_minimum=shortfall.without_it(task, placement))
    groups = summaries.treatment_rows(task, placement)
    return CoverageResult(
        run.name,
        str(run.directory.output / COVERAGE / _key_of(run, settings)),
        len(task.accounts),
        sure,
        roles,
        summaries.people_rows(task, placement, settings.balance),
        groups["bands"],
        groups["campaigns"],
        summaries.consistency_rows(task, placement),
        summaries.move_rows(task, placement),
        rules,
        items,
        shortfall.minimum_rows(task, placement, roles),
        tuple(shortfall.lacking(task, placement)),
        groups["quadrants"],
        owners=summaries.owner_record(placement),
        products=groups["products"],
    )


def _key_of(run: ScoredRun, settings: Coverage) -> str:
    """The name of a coverage: the run, the settings, what their tables and holdouts say, and the last coverage."""
    held = [f"{name} {Placed.of(location(path)).xxh3}" for name, path in settings.tables_named().items()]
    left_out = draws_in_force(run.directory.output)
    results = map(json.dumps, measure(run.directory.output, settings))
    books = owners_from(run, settings)
    held += [] if books is None else [f"owners_from {books.name}"]
    return run_key(run.name, settings.model_dump_json(exclude=set(TABLES)), *held, *left_out, *results)


def _write(result: CoverageResult, accounts: AccountRows, short: pa.Table) -> None:
    """Write the accounts as Parquet, the summaries as Parquet and CSV, and the whole result as JSON."""
    import pyarrow as pa

    folder = location(result.path)
    repeating = ["role", "service_level", "person", "owner", "shortfall"]
    placed = commit.place_parts(accounts.tables(), accounts.schema, folder / "accounts.parquet", repeating)
    files = {"accounts.parquet": placed}
    files |= commit.place_both(short, folder, "shortfall")
    every = record(result)
    for name in _SUMMARIES:
        if every.get(name):
            files |= commit.place_both(pa.Table.from_pylist(every[name]), folder, name)
    records.place(
        {name: part for name, part in every.items() if name not in {"moves", "lacking"}},
        files,
        folder / RECORDS[COVERAGE],
    )
    coverages.set_last(folder, result.run)
