"""Roles in the scores: a job with [coverage] has its accounts covered before the scores are sealed.

The parts of the scores are staged as in any run, covered as `tamscore coverage` covers a finished one, and written
again with `role`, `service_level` and `person` in place of what quadrants suggest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore import backend
from tamscore.arrow import nullable_dictionary
from tamscore.engine import heap
from tamscore.errors import InputContractError
from tamscore.progress import Progress
from tamscore.questions.roles import SUGGESTED, TEXTS
from tamscore.schema import COVERAGE_COLUMNS, SCORE_COLUMNS
from tamscore.scoring.score.parts import placed_scores, rewrite_part, scores_name, scores_of
from tamscore.sections import SECTIONS
from tamscore.sections.coverage.settings import TABLES, Coverage
from tamscore.store import coverages
from tamscore.store.location import location
from tamscore.store.placed import Placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from tamscore.config import Job
    from tamscore.scoring.context import Run
    from tamscore.scoring.joining.lookup import KnownAccounts
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.parts import ScoredPart
    from tamscore.scoring.score.plan import ScorePlan
    from tamscore.sections.coverage.result import CoverageResult
    from tamscore.stages.folding import IdForm
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory

_EARLY = "coverage"
"""Under this name a run keeps what was said before the fit."""


def coverage_of(job: Job) -> Coverage | None:
    """Return the settings of the coverage that stands in the scores of a job; None if the job has no [coverage]."""
    return job.section(Coverage) if "coverage" in job.model_fields_set else None


def tables_held(settings: Coverage) -> dict[str, str]:
    """Return the hash of what each table of a coverage holds; raise InputContractError if one is not there."""
    named = settings.tables_named()
    for key, path in named.items():
        if not Path(path).is_file():
            raise InputContractError(
                f"coverage.{key}: {path}: expected a Parquet or CSV file, found none; check the path"
            )
    return {f"coverage.{key}": Placed.of(location(path)).xxh3 for key, path in named.items()}


def record_of(run: Run) -> dict[str, Any]:
    """Return what the manifest says of the coverage in the scores: whose owners it has kept, if it keeps owners."""
    settings = coverage_of(run.job)
    return {} if settings is None or not settings.keeps_books else {coverages.OWNERS_FROM: run.owners_from}


def settings_counted(settings: Coverage) -> dict[str, Any]:
    """Return the settings of a coverage that change who covers an account, without the places of its tables."""
    return settings.model_dump(mode="json", exclude=set(TABLES))


def check_early(job: Job, known: Callable[[], KnownAccounts] | None = None) -> list[str]:
    """Return what a person should know of the tables of the coverage of a job, see `door`; nothing without [coverage].

    `known` tells the accounts of the market. Raise InputContractError if the coverage would fail, as far as its tables
    and columns tell.
    """
    settings = coverage_of(job)
    if settings is None:
        return []
    from tamscore.sections.coverage.door import doubts_before_scores
    from tamscore.sections.coverage.scored_accounts import problem_of_columns

    tables_held(settings)
    items = doubts_before_scores(settings, job.columns.id_form, known)
    added = [name for section in SECTIONS.values() if section.name in job.sections for name in section.column_names]
    columns = (*SCORE_COLUMNS, *job.columns.keep, *added)
    columns = tuple(name for name in columns if name not in SUGGESTED.values())
    if problem := problem_of_columns(settings, columns):
        raise InputContractError(problem)
    return [f"coverage: {text}" for text in items]


def notices_before_scores(run: Run, known: Callable[[], KnownAccounts]) -> None:
    """Raise and say what `check_early` does of a run; what is said is kept, so that it is said once."""
    run.early[_EARLY] = check_early(run.job, known)
    for text in run.early[_EARLY]:
        run.progress.notice(text)


@dataclass(frozen=True)
class _StagedScores:
    """The scores of a run that is not complete, part by part with what was placed, as a coverage reads them."""

    directory: RunDirectory
    files: dict[str, Placed]
    id_form: IdForm
    coverage_before: Location | None = None

    @property
    def name(self) -> str:
        """The key of the run."""
        return self.directory.run_key

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of the scores but for roles, which some parts may have already when a run is resumed."""
        names = self.table(next(iter(self.files)), None).column_names
        return tuple(name for name in names if name not in {*COVERAGE_COLUMNS, *SUGGESTED.values()})

    def read(self, columns: Sequence[str], *, coded: bool = True) -> Iterator[pa.Table]:  # noqa: ARG002
        """Yield columns of the scores, part by part, texts as dictionaries where the staged parts have them so."""
        for name in self.files:
            yield self.table(name, columns)

    def require(self, columns: Sequence[str]) -> None:
        """Raise nothing: staged parts have all columns."""

    def table(self, name: str, columns: Sequence[str] | None) -> pa.Table:
        """Return columns of a part, all of them for None."""
        return placed_scores(name, self.files[name], self.directory, columns)


@dataclass(frozen=True)
class _PartToSeal:
    """A part of the scores that is written again: its number, what it comes to, codes (m,) of its texts by column."""

    index: int
    part: ScoredPart
    codes: dict[str, Any]


def seal_roles(market: Market, scored: list[ScoredPart], plan: ScorePlan) -> list[ScoredPart]:
    """Return the parts of the scores with who covers each account; as they are if the job has no [coverage].

    Raise InputContractError if tables of the coverage break their contract.
    """
    run, settings = market.run, coverage_of(market.run.job)
    if settings is None:
        return scored
    from tamscore.sections.coverage.cover import cover_rows

    directory = plan.directory
    names = [
        scores_name(part.partition.index, made.files, directory) for part, made in zip(market.rows, scored, strict=True)
    ]
    staged = _StagedScores(
        directory,
        {name: part.files[name] for name, part in zip(names, scored, strict=True)},
        run.columns.id_form,
        None if run.owners_from is None else coverages.folder_of(directory.output, run.owners_from),
    )
    heap.give_back()  # what scores were made of is gone
    with run.progress.stage("coverage", run.plan.rows):
        result, columns = cover_rows(staged, settings, backend.load("cpu"), Progress())
        for text in _doubts(result):
            if f"coverage: {text}" not in run.early.get(_EARLY, ()):
                run.progress.notice(f"coverage: {text}")
    heap.give_back()
    levels = {name: column.levels for name, column in columns.items()}
    ends = np.cumsum([part.scored for part in scored])
    items = (
        _PartToSeal(
            part.partition.index, made, {name: column.code[end - made.scored : end] for name, column in columns.items()}
        )
        for part, made, end in zip(market.rows, scored, ends.tolist(), strict=True)
    )
    sealed = run.flow.map(_seal_part, items, run.flow.share(replace(plan, is_staged=False)), run.flow.share(levels))
    return list(run.as_stage("roles", sealed))


def _doubts(result: CoverageResult) -> list[str]:
    """Return what a person should know of the tables of a coverage."""
    from tamscore.sections.coverage.measured import measured_notices

    noticed = (match.notice for match in result.joins if match.is_noticed)
    return [*noticed, *result.doubts, *measured_notices(result.measured)]


def _seal_part(item: _PartToSeal, plan: ScorePlan, levels: dict[str, list[str]]) -> ScoredPart:
    """Write a part of the scores again with who covers each account; return what it comes to."""
    table = scores_of(item.index, item.part.files, plan.directory)
    texts = {name: nullable_dictionary(item.codes[name], levels[name]) for name in TEXTS}
    return rewrite_part(item.index, item.part, _with_roles(table, texts), plan)


def _with_roles(table: pa.Table, texts: dict[str, pa.Array]) -> pa.Table:
    """Return scores with who covers each account in place of what quadrants suggest, or of what stood there."""
    import pyarrow as pa

    gone = {*texts, *SUGGESTED.values()}
    place = next(at for at, name in enumerate(table.column_names) if name in gone)
    record = {name: table[name] for name in table.column_names if name not in gone}
    before = dict(list(record.items())[:place])
    return pa.table({**before, **texts, **record})
