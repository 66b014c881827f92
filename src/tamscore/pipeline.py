"""The steps of a run, in the order of a row: read the market, get a model, assign, score and write.

`run`, `score` and `refresh` differ in where their model comes from.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tamscore import backend as backends
from tamscore import family_runs, sealed_roles
from tamscore.backend import WarmsUp
from tamscore.backend.gpu_errors import device_errors
from tamscore.engine import connect, device, heap, memory
from tamscore.errors import Refusals
from tamscore.model.earlier import read_earlier
from tamscore.progress import Progress
from tamscore.run_place import has_other_report, place_of
from tamscore.scoring import cluster_map, resuming
from tamscore.scoring import memory_plan as capacity
from tamscore.scoring import potential as policy
from tamscore.scoring.assign import assign_rows, by_party
from tamscore.scoring.census.market import require_rejected, take_census
from tamscore.scoring.context import (
    Run,
    columns_read,
    ladder_rules,
    plan_of,
    priority_rules,
    quadrant_rules,
    require_seen,
    written_columns,
)
from tamscore.scoring.input_change import compare_input
from tamscore.scoring.joining.market import accounts_of, match_tables
from tamscore.scoring.joining.match import Match
from tamscore.scoring.manifest import write_run
from tamscore.scoring.mapped_memory import in_own_memory
from tamscore.scoring.market import Market
from tamscore.scoring.model_source import FrozenModel, NewModel, RefreshedModel, drift_setup
from tamscore.scoring.naming import name_clusters
from tamscore.scoring.priority import foretell, prioritise
from tamscore.scoring.review import reach_of, review_run
from tamscore.scoring.score.plan import ScorePlan
from tamscore.scoring.score.rows import PartToScore, score_rows
from tamscore.scoring.section import prepare_sections, require_section
from tamscore.scoring.tables.run_tables import RunTables
from tamscore.sections import SECTIONS
from tamscore.stages import contract
from tamscore.store import commit, forgotten, partitions
from tamscore.store.location import location
from tamscore.store.sources import MARKET
from tamscore.store.versions import holds_runs

_Value = TypeVar("_Value")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from tamscore.backend import Backend
    from tamscore.config import Input, Job
    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.drift import DriftSetup
    from tamscore.scoring.fit.party_fit import PartyFit
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.score.parts import ScoredPart
    from tamscore.scoring.score.priority import PartPriority
    from tamscore.scoring.score.sections import WinForecast
    from tamscore.scoring.section import Sections
    from tamscore.scoring.tables.review import Review
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory


def run(
    job: Job, progress: Progress, backend: Backend | None = None, *, yields: bool = False, accept: bool = False
) -> RunDirectory:
    """Score the whole market of a job and return where the results lie; a run that is already there is not repeated.

    `backend` overrides the device of the job file. With `yields`, a version that is current stays so, and the input is
    not compared with it. Raise InputContractError if the data break the contract, GateError if the input is too
    unlike that of the run before, unless somebody accepts it.
    """

    def accounts(members: Job, own: Progress) -> RunDirectory:
        return run(members, own, backend, yields=yields, accept=accept)

    market = family_runs.market_of(job, progress, accounts)
    return _carry_out(job, progress, NewModel(), backend, yields=yields, accept=accept, market=market)


def score(
    job: Job,
    progress: Progress,
    model: str | None = None,
    *,
    own_ladders: bool = False,
    or_run: bool = False,
    accept: bool = False,
    backend: Backend | None = None,
) -> RunDirectory:
    """The same with the model of an earlier run, named as `run_named` takes it, and its ladders or `own_ladders`.

    That is the current version of the output where no model is named. With `or_run`, a model is fitted where there is
    no run yet, and scores that the earlier run made of this very input stand. Raise InputContractError that names
    what the model and the job do not agree in.
    """
    output, named = location(job.output.path), job.output.path if model is None else model
    if or_run and not holds_runs(named, output):
        progress.notice(f"{named}: there is no run yet; a new model is fitted")
        return run(job, progress, backend, accept=accept)
    model_source = FrozenModel(read_earlier(named, output, job.columns.id_form), own_ladders, stands=or_run)

    def accounts(members: Job, own: Progress) -> RunDirectory:
        how: dict[str, Any] = {"own_ladders": own_ladders, "or_run": or_run, "accept": accept, "backend": backend}
        return score(members, own, family_runs.accounts_of(model_source.earlier.directory), **how)

    market = family_runs.market_of(job, progress, accounts)
    return _carry_out(job, progress, model_source, backend, accept=accept, market=market)


def refresh(
    job: Job, progress: Progress, start: str, *, accept: bool = False, backend: Backend | None = None
) -> RunDirectory:
    """Return the same with a model warmed up from that of an earlier run, whose clusters keep their ids.

    Raise GateError with the plan where too many accounts would change cluster, unless somebody accepts that.
    """
    model_source = RefreshedModel(read_earlier(start, location(job.output.path), job.columns.id_form), accept)

    def accounts(members: Job, own: Progress) -> RunDirectory:
        named = family_runs.accounts_of(model_source.earlier.directory)
        return refresh(members, own, named, accept=accept, backend=backend)

    market = family_runs.market_of(job, progress, accounts)
    return _carry_out(job, progress, model_source, backend, accept=accept, market=market)


@device_errors()
def _carry_out(
    job: Job,
    progress: Progress,
    model_source: ModelSource,
    backend: Backend | None,
    *,
    yields: bool = False,
    accept: bool = False,
    market: Input | None = None,
) -> RunDirectory:
    """Score the whole market, or the one that was made for the job, with a model from the given source."""
    choice = device.choose(job.device, kind=job.engine.kind)
    progress.notice(f"device {choice.name}: {choice.reason}")
    model_source.require_suitable(job)
    columns, plan = columns_read(job), plan_of(job, make_output=True, market=market)
    for key, item in ({MARKET: plan} | plan.tables).items():
        for text in item.notices:
            progress.notice(f"{key}: {text}")
    choice = choice.choose_reader(plan.rows, len(columns.numeric), device.decoding_processors(job.engine))
    backend = backend or backends.load(choice.name, choice.reader and choice.reader.name)
    place = place_of(job, plan, backend, model_source)
    directory = replace(place.directory, yields=yields)
    progress.set_run_key(directory.run_key)
    directory.prepare([file for plan in plan.every for file in plan.files])
    with directory.lock():
        damage = directory.damage()
        if damage == []:
            progress.notice(f"nothing to do: {directory.path} holds this very run{_left_since(directory)}")
            if has_other_report(directory, job):
                progress.notice("[report] was another one; it changes no score: give it to tamscore report by --set")
            directory.point_here()
            commit.discard(directory.checkpoints)
            return directory
        if damage:
            progress.notice(f"damaged files of {directory.path} are rebuilt: {', '.join(damage)}")
        with (
            connect.connect(job.engine, choice) as flow,
            resuming.checkpoints(directory, columns, plan, progress) as checkpoints,
        ):
            if isinstance(backend, WarmsUp):
                backend.warm_up()  # while the census, which needs no device, is taken
            require_seen(plan, flow)
            current = Run(job, columns, plan, backend, flow, progress, checkpoints, owners_from=place.owners_from)
            capacity.require_start(plan.partitions, columns, backend, flow)
            rows, change, joins = _admit(current, model_source, None if yields else directory.output, accept=accept)
            fitted = checkpoints.once("model", partial(model_source.fit_models, current, rows), "model")
            fitted = name_clusters(job, fitted, progress, is_new=model_source.earlier is None)
            assigned = _assign(current, rows, fitted, partial(drift_setup, current, rows, model_source, fitted))
            review = replace(review_run(current, model_source, rows, fitted, assigned), input_change=change)
            valued = _value(current, model_source, rows, fitted, assigned)
            sections = prepare_sections(SECTIONS.values(), valued)
            priorities, foretold = _rank(valued, sections)
            sections = sections.place(priorities)
            scored = _write_scores(valued, sections, priorities, foretold, directory)
            tables = _collect_tables(valued, sections, scored, review)
            tables = replace(tables, joins=joins, sealed=sealed_roles.record_of(current))
            write_run(directory, tables, job, choice, progress)
            progress.figures["workers"] = flow.workers
            progress.peaks = flow.ask(memory.peak, backend)
    return directory


def _admit(
    current: Run, model_source: ModelSource, output: Location | None, *, accept: bool
) -> tuple[list[PartRows], dict[str, Any] | None, list[Match]]:
    """Return the rows of the market, the comparison of the input with the run before, and the match of further tables.

    Raise all refusals of the run that can be known before a fit, see `Refusals`. Without an `output`, the input is not
    compared.
    """
    refusals, change, joins = Refusals(), None, list[Match]()
    rows = take_census(current, refusals)
    with refusals.gather():
        change = compare_input(current, output, model_source.earlier, rows, accept=accept) if output else None
    with refusals.gather():
        joins = match_tables(current, model_source, rows)
    with refusals.gather():
        sealed_roles.notices_before_scores(current, lambda: accounts_of(current, rows))
    for section in SECTIONS.values():
        with refusals.gather():
            require_section(section, current, model_source, rows)
    if refusals.errors:
        with refusals.gather():
            model_source.judge_features(replace(current, progress=Progress()), rows)  # the stage that was reached stays
    refusals.raise_all()
    return rows, change, joins


def _left_since(directory: RunDirectory) -> str:
    """Return how many accounts were erased from a version since, and what that means for its input; "" for none."""
    count = forgotten.count_from(directory.output, directory.run_key)
    if not count:
        return ""
    accounts, them = ("account was", "it") if count == 1 else ("accounts were", "them")
    return f"; {count:,} {accounts} forgotten from it, which its input still has: remove {them} there"


def _assign(
    current: Run, parts: list[PartRows], fitted: Sequence[PartyFit], setup: Callable[[], DriftSetup | None]
) -> list[AssignedRows]:
    """Return every row's cluster, and customers' sales; raise InputContractError if too many features are unusable."""
    models, share = tuple(fit.model for fit in fitted), current.flow.share
    heap.give_back()  # what the model was made of is gone
    shown = tuple(cluster_map.last_hash(sum(part.count_of(model.encoding.party) for part in parts)) for model in models)

    def make(missing: list[PartRows]) -> Iterator[AssignedRows]:
        return current.flow.map(assign_rows, missing, share(models), current.backend, shown, share(setup()))

    values = current.checkpoints.each("assignment", parts, make, "assignment")
    assigned = list(in_own_memory(current.as_stage("assign", values)))
    if items := current.checkpoints.found:
        current.progress.notice(f"resumed: {', '.join(items)} were there already")
    require_rejected(current, [rows.reason for rows in assigned])
    return assigned


def _value(
    current: Run,
    model_source: ModelSource,
    rows: list[PartRows],
    fitted: Sequence[PartyFit],
    assigned: list[AssignedRows],
) -> Market:
    """Return the market with its potential tables, ranks and limits, on which scores are based."""
    heap.give_back()  # what was assigned from is gone
    with current.progress.stage("potential"):
        models, references = [fit.model for fit in fitted], [fit.reference for fit in fitted]
        rules = ladder_rules(current.job)
        tables, spreads = [item.table for item in references], [fit.spread_of_redraws for fit in fitted]
        parties = policy.gather(models, assigned, rules, current.backend, tables, spreads)
        policies = policy.policies(parties, quadrant_rules(current.job), [item.limits for item in references])
    return Market(current, model_source, rows, fitted, assigned, parties, policies)


def _rank(market: Market, sections: Sections) -> tuple[list[PartPriority], list[dict[str, WinForecast]]]:
    """Return the priority of every account, and the forecasts of sections, partition by partition."""
    heap.give_back()  # what sections were prepared from is gone
    foretold = foretell(market, sections.prepared)
    heap.give_back()
    with market.run.progress.stage("priority"):
        return prioritise(market, priority_rules(market.run.job), foretold), foretold


def _write_scores(
    market: Market,
    sections: Sections,
    priorities: list[PartPriority],
    foretold: list[dict[str, WinForecast]],
    directory: RunDirectory,
) -> list[ScoredPart]:
    """Write every account's scores, part by part, and return the written parts."""
    current, boundary = market.run, market.run.job.potential.boundary
    order, staged = policy.order_of(market.parties), sealed_roles.coverage_of(current.job) is not None
    written = written_columns(current.job)
    plan = ScorePlan(current.columns, boundary, market.policies, directory, sections.prepared, order, written, staged)
    heap.give_back()  # the order of all accounts is gone
    known = current.checkpoints.stored_values("score", len(market.rows))
    items = map(PartToScore, market.rows, market.assigned, _emptied(priorities), _emptied(foretold), known)
    parts = current.flow.map(score_rows, items, current.flow.share(plan), current.backend)
    scored = list(current.as_stage("score", current.checkpoints.keeping("score", known, parts)))
    if reused := sum(part.is_reused for part in scored):
        current.progress.notice(f"resumed: {reused} of {len(scored)} parts were there already")
    sealed = sealed_roles.seal_roles(market, scored, plan)
    partitions.require_unchanged(current.plan)
    return sealed


def _emptied(values: list[_Value]) -> Iterator[_Value]:
    """Yield values, each let go of as soon as the next one is asked for."""
    values.reverse()
    while values:
        yield values.pop()


def _collect_tables(market: Market, sections: Sections, scored: list[ScoredPart], review: Review) -> RunTables:
    """Return all results of the run for its tables."""
    current, assigned, parties = market.run, market.assigned, by_party(market.assigned)
    return RunTables(
        party_fits=market.fitted,
        markets=market.parties,
        policies=market.policies,
        scored=scored,
        reasons=contract.counts_by_reason([rows.reason for rows in assigned]),
        plan=current.plan,
        inertia=[sum(part.inertia for part in parts) for parts in parties],
        filled={name: sum(rows.filled[name] for rows in assigned) for name in current.columns.numeric},
        reaches=[reach_of(fit, market.rows, assigned) for fit in market.fitted],
        map_rows=[cluster_map.join_map_rows([part.map_rows for part in parts if part.map_rows]) for parts in parties],
        review=review,
        sections=sections.prepared,
        missing=sections.missing,
    )
