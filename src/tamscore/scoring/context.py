"""From the job file to plain arguments, so that later stages need no settings; and the record of a run in progress."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tamscore.config.problems import NOTHING, dotted_place, show
from tamscore.errors import UsageError
from tamscore.schema import ALWAYS_WRITTEN, CORE_COLUMNS, Copies, InputColumns, InputLimits
from tamscore.scoring.arguments import LadderRules, PriorityRules, QuadrantRules, Recipe
from tamscore.stages.priority import TierRules
from tamscore.stages.scale import NumericColumn
from tamscore.store import partitions
from tamscore.store.checkpoints import Checkpoints
from tamscore.substitution import AS_IT_IS, Rates, Substitution, fold_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tamscore.backend import Backend
    from tamscore.config import Input, Job
    from tamscore.config.section import SideTable
    from tamscore.engine.flow import Flow
    from tamscore.progress import Progress
    from tamscore.store.partitions import Plan


@dataclass(frozen=True)
class Run:
    """One run in progress: its job, its tools, and its checkpoints.

    `early` holds results by name that were read before the fit and are used again after it. `owners_from` is the name
    of the coverage whose people own the accounts of a job with [coverage], None for none.
    """

    job: Job
    columns: InputColumns
    plan: Plan
    backend: Backend
    flow: Flow
    progress: Progress
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    early: dict[str, Any] = field(default_factory=dict)
    owners_from: str | None = None

    def map(self, stage: str, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> Iterator[Any]:
        """Yield `function(item, *shared)` of each partition's item, in order, as a stage; see `Flow.map`."""
        return self.as_stage(stage, self.flow.map(function, items, *shared))

    def as_stage(self, stage: str, results: Iterable[Any]) -> Iterator[Any]:
        """Yield a result for each partition, as a stage that counts the partitions' rows."""
        with self.progress.stage(stage, self.plan.rows) as done:
            for partition, result in zip(self.plan.partitions, results, strict=True):
                yield result
                done(partition.rows)


def columns_of(job: Job) -> InputColumns:
    """Return the input columns of a job by their roles."""
    columns, made = job.columns, makes_market(job)
    return InputColumns(
        account_id=columns.account_id,
        sales=columns.sales,
        party_type=columns.party_type,
        market_segment=columns.market_segment,
        revenue=columns.revenue,
        name=columns.name,
        non_negative=tuple(job.rows.non_negative),
        keep=tuple(columns.keep),
        numeric=tuple(job.features.numeric),
        categorical=tuple(job.features.categorical),
        limits=InputLimits(job.input.max_row_group_bytes, job.rows.max_market_segments, job.features.max_levels),
        currency=columns.currency,
        substitution=AS_IT_IS if made else substitution_of(job),
        id_form=columns.id_form,
        renewal_date=columns.renewal_date,
        parents=() if made else tuple(name for name in (columns.parent_id, columns.ultimate_parent_id) if name),
        copies=copies_of(job),
    )


def makes_market(job: Job) -> bool:
    """Return whether a section of the job makes the table that the job scores; see `SectionSettings.makes_market`."""
    return any(section.makes_market for section in job.sections.values())


def copies_of(job: Job) -> Copies:
    """Return the place for copies of the tables of a job."""
    return Copies(job.output.path, far=job.engine.kind == "remote")


def substitution_of(job: Job) -> Substitution:
    """Return the replacements for words and amounts of the input."""
    words = {column: fold_keys(words) for column, words in job.values.items()}
    return Substitution(words, _rates_of(job), job.columns.sales if job.rows.duplicates == "sum" else None)


def _rates_of(job: Job) -> Rates | None:
    """Return the conversion of amounts to one currency; None if the job has no rates."""
    currency, columns = job.currency, job.columns
    if currency is None or columns.currency is None:
        return None
    amounts = [columns.sales, columns.revenue, *currency.columns]
    amounts += [column for section in job.sections.values() for column in section.amounts()]
    return Rates(columns.currency, currency.factors, tuple(dict.fromkeys(filter(None, amounts))))


def columns_read(job: Job) -> InputColumns:
    """Return the input columns of a job with those that its optional sections need."""
    sections = job.sections.values()
    return replace(
        columns_of(job),
        more_numbers=tuple(name for section in sections for name in section.numbers()),
        more_texts=tuple(name for section in sections for name in section.texts()),
        more=tuple(name for section in sections for name in section.others()),
        more_scored=tuple(name for section in sections for name in section.scored()),
        dates=tuple(name for name in (job.columns.renewal_date,) if name),
    )


def written_columns(job: Job) -> frozenset[str] | None:
    """Return the columns of the scores that a job writes, None for all."""
    chosen = job.output.columns
    if chosen == "all":
        return None
    return frozenset((*CORE_COLUMNS, *job.columns.keep) if chosen == "core" else (*ALWAYS_WRITTEN, *chosen))


def tables_of(job: Job) -> dict[str, SideTable]:
    """Return the further tables that optional sections need, by `section.key`."""
    copies = copies_of(job)
    return {
        f"{name}.{key}": replace(table, columns=replace(table.columns, copies=copies))
        for name, section in job.sections.items()
        for key, table in section.tables(job.columns.account_id).items()
    }


def plan_of(job: Job, *, make_output: bool = False, market: Input | None = None) -> Plan:
    """Return the plan of the market, and of the optional sections' tables by `section.key`; raise as `partitions.plan`.

    With `make_output`, copies of tables are stored in the output even if it does not exist yet. A `market` that was
    made for the job replaces the one that the job names.
    """
    columns = _keeping(columns_read(job), make=make_output)
    plan = partitions.market(market or job.input, columns)
    further = {
        key: partitions.plan(table.path, _keeping(table.columns, make=make_output), key)
        for key, table in tables_of(job).items()
    }
    return replace(plan, tables=further)


def require_seen(plan: Plan, flow: Flow) -> None:
    """Raise UsageError, with the file's name, if a worker does not see a file of the plan or its copy."""
    for table in plan.every:
        unseen = [file for file in flow.ask(partitions.first_unseen, table.read_files) if file]
        if unseen:
            raise UsageError(
                f"engine: {len(unseen)} of the workers do not see {unseen[0]!r}; put the table and output.path into a "
                "folder that all machines share under one path, or into an object store"
            )


def _keeping(columns: InputColumns, *, make: bool) -> InputColumns:
    """Return the columns of a table whose copies are stored in the output if it exists, or with `make` in any case."""
    return replace(columns, copies=replace(columns.copies, make=make))


def numeric_columns(job: Job) -> list[NumericColumn]:
    """Return the treatment of each numeric feature."""
    features = job.features
    return [
        NumericColumn(
            name, feature.scaling, features.winsor_limits(name), features.has_missing_indicator(name), feature.weight
        )
        for name, feature in features.numeric.items()
    ]


def clusters_of(job: Job, party: str) -> int | None:
    """Return the number of clusters of a party type, None if it is to be chosen; a type without a number gets 1."""
    k = job.clusters.k.get(party, 1) if isinstance(job.clusters.k, dict) else job.clusters.k
    return None if isinstance(k, str) else k


def fewest_clusters(job: Job, party: str) -> int:
    """Return the least number of clusters that a party type may get."""
    return clusters_of(job, party) or job.clusters.k_range[0]


def most_clusters(job: Job, party: str) -> int:
    """Return the largest number of clusters that a party type may get."""
    return clusters_of(job, party) or job.clusters.k_range[1]


_MANY_CLUSTERS = 48
"""Number of clusters from which moves of centers improve a fit more than further starts."""
_STARTS_SAVED = 10
"""With so many clusters, a fit takes one start for this number of the job's starts."""
_SEED_ROWS_A_CLUSTER = 100


def recipe_of(job: Job, k: int) -> Recipe:
    """Return the settings of a fit of `k` centers."""
    clusters, many = job.clusters, k >= _MANY_CLUSTERS
    starts = -(-clusters.restarts // _STARTS_SAVED) if many else clusters.restarts
    return Recipe(k, clusters.seed, seed_rows_of(job, k), starts, clusters.batch_rows, clusters.max_passes, many)


def seed_rows_of(job: Job, k: int) -> int:
    """Return the number of rows in which the first `k` centers are sought."""
    return max(job.clusters.seed_rows, _SEED_ROWS_A_CLUSTER * k)


def ladder_rules(job: Job) -> LadderRules:
    """Return the rules of ladders."""
    rules = job.potential
    return LadderRules(tuple(rules.lines), rules.top_step, rules.boundary, rules.min_customers, rules.interval_level)


def quadrant_rules(job: Job) -> QuadrantRules:
    """Return the rules of high potential and high sales."""
    rules = job.quadrant
    median = rules.threshold == "median"
    potential, sales = (0.5, 0.5) if median else (rules.potential or 0.0, rules.sales or 0.0)
    return QuadrantRules(rules.threshold, rules.level == "cluster", potential, sales, rules.capacity or 0)


def priority_rules(job: Job) -> PriorityRules:
    """Return the rules of priority."""
    rules, tiers = job.priority, job.priority.tiers
    ends = TierRules(tiers.value, tiers.least, tiers.most, tiers.accounts or ())
    return PriorityRules(rules.win_rate.acquisition, rules.win_rate.expansion, rules.growth_label, ends)


_MODEL_KEYS = {"columns": {"party_type", "market_segment"}}
_FREE_KEYS = {
    "features": {"allow"},
    "clusters": {"hysteresis", "k_range", "max_relabelled_share", "stability"},
    "potential": {"stability"},
    "quadrant": set[str](),
}
"""The keys of the sections that make the model: in the first dict only these, in the second all but these."""


def settings_of(job: Job) -> dict[str, str]:
    """Return the hashes of the settings that make the model, by section.

    Level cluster is left out, as in models of earlier releases, which had no levels.
    """
    level = {"level"} if job.potential.level == "cluster" else set()
    sections = {name: getattr(job, name).model_dump_json(include=keys) for name, keys in _MODEL_KEYS.items()}
    for name, keys in _FREE_KEYS.items():
        sections[name] = getattr(job, name).model_dump_json(exclude=keys | (level if name == "potential" else set()))
    sections |= {name: section.model_dump_json() for name, section in job.sections.items() if section.makes_market}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sections.items()}


def differences(job: Job, earlier: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the differences of a job from an `earlier` one, as in its manifest: lines by section of the model."""
    ours, record = job.model_dump(mode="json"), {}
    for name in (*_MODEL_KEYS, *_FREE_KEYS):
        mine, theirs = (_flat(item.get(name) or {}) for item in (ours, earlier))
        known, free = _MODEL_KEYS.get(name), _FREE_KEYS.get(name, ())
        keys = [key for key in mine | theirs if key[0] not in free and (known is None or key[0] in known)]
        changed = [(key, theirs.get(key), mine.get(key)) for key in keys if mine.get(key) != theirs.get(key)]
        record[name] = [_difference((name, *key), *values) for key, *values in changed]
    return record


def _difference(place: tuple[str, ...], theirs: Any, mine: Any) -> str:
    """Return a line on a key whose value differs."""
    expected, got = (show(NOTHING if value is None else value) for value in (theirs, mine))
    return f"{dotted_place(place)}: expected {expected}, under which the model was fitted, got {got}"


def _flat(section: Mapping[str, Any], *above: str) -> dict[tuple[str, ...], Any]:
    """Return the values of a section by their keys, with those of nested tables."""
    record: dict[tuple[str, ...], Any] = {}
    for key, value in section.items():
        record |= _flat(value, *above, key) if isinstance(value, dict) else {(*above, key): value}
    return record
