"""The results of other cut lines, caps and thresholds, computed from a stored run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.config.problems import dotted_place, nearest
from tamscore.errors import UsageError
from tamscore.job_file.reading import split_override
from tamscore.questions.what_if_places import sums_by_place
from tamscore.scoring import potential as policy
from tamscore.scoring.context import ladder_rules, quadrant_rules
from tamscore.scoring.score.parts import KINDS
from tamscore.stages import quadrant
from tamscore.stages.quadrant import PLAYS
from tamscore.stages.whitespace import stand

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.config import Job
    from tamscore.questions.stored import StoredRun
    from tamscore.scoring.potential import PartyMarket
    from tamscore.stages.quadrant import QuadrantLimits

_ANSWERED = ("potential", "quadrant")
"""The sections of the job file that a stored run can answer for; other settings move accounts, or read them again."""
ACCOUNTS, POTENTIAL, WHITESPACE = range(3)


@dataclass(frozen=True)
class Scenario:
    """Settings to try, in the form `KEY=VALUE` of `--set`, under a name."""

    name: str
    overrides: tuple[str, ...]


def scenario_of(text: str, shared: tuple[str, ...], number: int) -> Scenario:
    """Return the scenario of a text `NAME: KEY=VALUE; KEY=VALUE`, after the shared settings; NAME is optional.

    Raise UsageError if there is no setting at all.
    """
    head, colon, tail = text.partition(":")
    named = bool(colon) and "=" not in head
    name, settings = (head.strip(), tail) if named else (f"scenario {number}", text)
    overrides = tuple(part.strip() for part in settings.split(";") if part.strip())
    if not (shared or overrides):
        raise UsageError(f"--scenario {text!r}: expected a setting to try, such as 'cap: potential.top_step=p99'")
    return Scenario(name, (*shared, *overrides))


@dataclass(frozen=True)
class PartyAnswer:
    """The results of a party type: its clusters, ladders and limits; sums (k, quadrants, kinds, 3) of its accounts.

    The sums are accounts, potential and whitespace; kinds are in the order of `KINDS`.
    """

    name: str
    cluster_ids: tuple[str, ...]
    lines: tuple[float, ...]
    values: Any
    basis: tuple[str, ...]
    limits: QuadrantLimits
    sums: Any


@dataclass(frozen=True)
class Answer:
    """The results of a scenario by party type; `frozen` says that ladders are those of an earlier run."""

    scenario: Scenario
    parties: tuple[PartyAnswer, ...]
    frozen: bool

    @property
    def kinds(self) -> Any:
        """Return accounts, potential and whitespace (kinds, 3) in all."""
        return sum(party.sums.sum(axis=(0, 1)) for party in self.parties)

    @property
    def quadrants(self) -> Any:
        """Return accounts, potential and whitespace (quadrants, kinds, 3) over all party types."""
        return sum(party.sums.sum(axis=0) for party in self.parties)


def ask(run: StoredRun, scenarios: Sequence[Scenario]) -> list[Answer]:
    """Return the results of the run, then those of each scenario, equal to those of a run with its settings.

    Raise UsageError or JobFileError if the stored run cannot answer a scenario, or a scenario is invalid.
    """
    jobs = [run.job, *(job_of(run, scenario) for scenario in scenarios)]
    return [answer(run, *parts) for parts in zip((Scenario("as it is", ()), *scenarios), jobs, strict=True)]


def job_of(run: StoredRun, scenario: Scenario) -> Job:
    """Return the job of a run under a scenario's settings."""
    keys = [_key_of(override) for override in scenario.overrides]
    stored = {name: dict(run.manifest["job"][name]) for name in _ANSWERED}
    if ("quadrant", "threshold") in keys:
        stored["quadrant"] = {"level": stored["quadrant"]["level"]}  # numbers of one threshold mean nothing to another
    if ("potential", "preset") in keys:
        stored["potential"].pop("cut_lines", None)
    return run.job_with(scenario.overrides, stored)


def _key_of(override: str) -> tuple[str, ...]:
    """Return the key that an override sets; raise UsageError if the stored run cannot answer for it."""
    try:
        key, _ = split_override(override)
    except ValueError:
        raise UsageError(f"{override!r}: expected KEY=VALUE such as potential.top_step=p99") from None
    if key[0] not in _ANSWERED:
        hint = nearest(key[0], _ANSWERED) or "for anything else run the job with --set"
        raise UsageError(f"{dotted_place(key)}: stored facts answer for {' and '.join(_ANSWERED)} alone; {hint}")
    return key


def answer(run: StoredRun, scenario: Scenario, job: Job) -> Answer:
    """Return the results of the stored accounts under the settings of a job."""
    markets = run.markets(ladder_rules(job), job.potential.level)
    as_it_is = (job.potential, job.quadrant) == (run.job.potential, run.job.quadrant)
    given = [party.limits if as_it_is else None for party in run.model.parties]
    rules = quadrant_rules(job)
    in_force = policy.limits_in_force(markets, rules, given)
    limits = [policy.limits_of(market, rules, limits) for market, limits in zip(markets, in_force, strict=True)]
    if rules.counts_accounts:
        sums = sums_by_place(run, markets, [limits for limits, _ in limits], rules, ladder_rules(job))
    else:
        sums = [_sums_of(run, market, *limit) for market, limit in zip(markets, limits, strict=True)]
    text = zip(markets, limits, sums, strict=True)
    parties = tuple(_party_answer(market, limits, money) for market, (limits, _), money in text)
    frozen = run.manifest["model"].get("ladders") == "frozen" and job.potential == run.job.potential
    return Answer(scenario, parties, frozen)


def _party_answer(market: PartyMarket, limits: QuadrantLimits, sums: Any) -> PartyAnswer:
    """Return the results of a party type, given its limits and its sums."""
    model, table = market.model, market.table
    return PartyAnswer(model.name, model.ids, table.lines, table.values, table.basis, limits, sums)


def _sums_of(run: StoredRun, market: PartyMarket, limits: QuadrantLimits, by_cluster: Any | None) -> Any:
    """Return the sums (k, quadrants, kinds, 3) of a party type, computed without single accounts."""
    sums = np.zeros((market.standing.clusters, len(PLAYS), len(KINDS), 3))
    _add_customers(sums[:, :, 1], market, limits, by_cluster)
    zero_is_high = by_cluster is None and limits.sales <= 0
    for group in _prospect_groups(run, market, zero_is_high=zero_is_high):
        _add_prospects(sums[:, :, 0], group, limits, by_cluster)
    return sums


def _add_customers(sums: Any, market: PartyMarket, limits: QuadrantLimits, by_cluster: Any | None) -> None:
    """Add the customers to the sums (k, quadrants, 3)."""
    standing, (k, quadrants, _) = market.standing, sums.shape
    label, potential = standing.customer_label, standing.customer_potential
    codes = quadrant.quadrant_codes(np, potential, market.sales.sales, limits)
    place = label * quadrants + (codes if by_cluster is None else by_cluster[label])
    money = np.nan_to_num((potential, standing.customer_whitespace))  # none under a model that saw no customers
    for measure, weights in ((ACCOUNTS, None), (POTENTIAL, money[0]), (WHITESPACE, money[1])):
        sums[:, :, measure] += np.bincount(place, weights, k * quadrants).reshape(k, quadrants)


@dataclass(frozen=True)
class _ProspectGroup:
    """Prospects with equal sales, NaN for missing: cluster, potential and `counts` of accounts, all (g,)."""

    sales: float
    label: Any
    potential: Any
    counts: Any


def _prospect_groups(run: StoredRun, market: PartyMarket, *, zero_is_high: bool) -> Iterator[_ProspectGroup]:
    """Yield the prospects of a party type in groups.

    If high sales begin at 0, prospects with sales of 0 are high, but those with returns or missing sales are not; then
    they are separate groups.
    """
    standing, name = market.standing, market.model.name
    label, potential, counts = standing.prospect_label, standing.prospect_potential, standing.prospects
    if not zero_is_high:
        yield _ProspectGroup(0.0, label, potential, counts)
    elif market.prospects is None:
        owing = _below_zero(run, market.model.ids)
        yield _ProspectGroup(0.0, label, potential, counts - owing)
        yield _ProspectGroup(np.nan, label, potential, owing)
    else:
        for sales, sold_nothing in ((0.0, True), (np.nan, False)):
            some = run.prospects(name, sold_nothing=sold_nothing)
            alike = stand(market.sales, counts, market.table, "at_or_below", some)
            yield _ProspectGroup(sales, alike.prospect_label, alike.prospect_potential, alike.prospects)


def _add_prospects(sums: Any, group: _ProspectGroup, limits: QuadrantLimits, by_cluster: Any | None) -> None:
    """Add prospects to the sums (k, quadrants, 3)."""
    k, quadrants, _ = sums.shape
    codes = quadrant.quadrant_codes(np, group.potential, np.full(len(group.label), group.sales), limits)
    codes = codes if by_cluster is None else by_cluster[group.label]
    place, money = group.label * quadrants + codes, group.counts * np.nan_to_num(group.potential)
    for measure, weights in ((ACCOUNTS, group.counts), (POTENTIAL, money), (WHITESPACE, money)):
        sums[:, :, measure] += np.bincount(place, weights, k * quadrants).reshape(k, quadrants)


def _below_zero(run: StoredRun, cluster_ids: Sequence[str]) -> Any:
    """Return the prospects per cluster (k,) int64 whose sales are negative or missing, counted in the scores."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counts = np.zeros(len(cluster_ids), np.int64)
    for table in run.read(["cluster", "sales"]):
        low = table.filter(pc.invert(pc.fill_null(pc.greater_equal(table["sales"], 0.0), fill_value=False)))
        place = pc.index_in(low["cluster"], value_set=pa.array(cluster_ids))
        counts += np.bincount(place.drop_null().to_numpy(), minlength=len(cluster_ids))
    return counts
