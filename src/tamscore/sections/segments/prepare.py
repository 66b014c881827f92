"""Before rows are scored: every segment is tested, by what the market has of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import float_column, nullable
from tamscore.scoring import potential as ladders
from tamscore.scoring.by_cluster import CENTS, cents, cluster_codes
from tamscore.scoring.naming import naming_of
from tamscore.sections.segments import segment_tests
from tamscore.sections.segments.actions import SegmentAnswers
from tamscore.sections.segments.columns import TESTS, SegmentsState
from tamscore.sections.segments.own import OwnSegments
from tamscore.sections.segments.own_terms import terms_of_own
from tamscore.sections.segments.segment_tests import TERMS, FlagLimits, SegmentFacts, Verdicts
from tamscore.store import contents, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.market import Market
    from tamscore.scoring.potential import PartyMarket
    from tamscore.sections.segments.settings import Segments

_FIGURES = ("margin", "sales_now", "sales_before", "lifetime_value")
"""Figures of the clusters that the section of lifetime value leaves."""
_DROP = 0.3
"""A decline is what the churn alert calls one, where the job has no [alerts]."""


def prepare(market: Market, settings: Segments) -> SegmentsState:
    """Return the state; columns that the market lacks are unknown."""
    nothing = np.full(len(market.clusters), np.nan)
    totals = {name: nothing if (known := market.figure(name)) is None else known for name in _FIGURES}
    terms = np.stack([totals["lifetime_value"], *_terms_of(market, settings)])
    value, gaps = segment_tests.priority(terms, settings.weights)
    verdicts = [_assess_party(party, market, at, totals) for at, party in enumerate(market.parties)]
    row = {test: [item for verdict in verdicts for item in getattr(verdict, test)] for test in TESTS}
    names = [name for fit in market.fitted for name in fit.names]
    columns = {
        "cluster": list(market.clusters),
        "name": names,
        **row,
        **{name: nullable(np.round(totals[name], 2)) for name in ("margin", "sales_now", "sales_before")},
        **{name: nullable(np.round(column, 2)) for name, column in zip(TERMS, terms, strict=True)},
        "priority": nullable(np.round(value, 2)),
        "missing": ["|".join(gap) for gap in gaps],
    }
    campaigns = market.run.job.sections["campaigns"]
    size, bands = campaigns.size, sorted(campaigns.bands.values())
    alerts = market.run.job.sections.get("alerts")
    small, drop = bands[1] if len(bands) > 1 else np.inf, alerts.drop if alerts else _DROP
    named = {"size": size, "cost": settings.cost_to_serve, "advocate": settings.advocate}
    limits = [FlagLimits(policy.limits.sales, policy.limits.potential, small, drop) for policy in market.policies]
    party = np.repeat(np.arange(len(market.policies)), [len(policy.cluster_ids) for policy in market.policies])
    record = {"weights": settings.weights, "meaningful": row["meaningful"].count("yes"), "of": len(names)}
    record["missing"] = sorted({term for gap in gaps for term in gap})
    parties, own = tuple(policy.name for policy in market.policies), _own_of(market, settings)
    answers, table = _answers_of(row, verdicts), pa.table(columns)
    return SegmentsState(market.clusters, answers, tuple(limits), party, named, table, record, parties, own)


def _own_of(market: Market, settings: Segments) -> OwnSegments | None:
    """The segments of the user's own, None where there are none."""
    naming = naming_of(market.run.job)
    if not settings.own:
        return None
    terms = terms_of_own(market, settings)
    return OwnSegments(settings.own, naming.titles, naming.names, settings.weights, terms)


def _answers_of(record: dict[str, list[str]], verdicts: Sequence[Verdicts]) -> SegmentAnswers:
    """Return what the tests of all segments allow."""
    profitable, growing = (np.array(record[name]) for name in ("profitable", "growing"))
    is_open = np.array([flag for verdict in verdicts for flag in verdict.open])
    return SegmentAnswers((growing == "yes") & is_open & (profitable != "no"), profitable == "yes", growing == "no")


def _terms_of(market: Market, settings: Segments) -> list[Any]:
    """Mean acquisition cost and network effect (K,) of the accounts of each cluster that have them; NaN for none."""
    named = (settings.acquisition_cost, settings.network_effect)
    clusters, asked = len(market.clusters), [name for name in named if name]
    nothing = np.full(clusters, np.nan)
    if not asked:
        return [nothing, nothing]
    items = zip(market.rows, market.assigned, strict=True)
    sums = sum(market.run.flow.map(_sums_of, items, asked, market.first, clusters))
    means = {
        name: np.divide(money / CENTS, count, out=nothing.copy(), where=count > 0)
        for name, (money, count) in zip(asked, sums, strict=True)
    }
    return [means.get(str(name), nothing) for name in named]


def _sums_of(item: tuple[PartRows, AssignedRows], asked: list[str], first: dict[int, int], clusters: int) -> Any:
    """What columns come to by cluster in a partition (columns, 2, K): cents, and how many accounts have a number."""
    part, assigned = item
    at, label = cluster_codes(part, assigned, first)
    table = tables.read(part.partition, asked).take(at)
    columns = [float_column(table[name]) for name in asked]
    return np.stack(
        [
            [np.bincount(label, weights=item, minlength=clusters) for item in (cents(column), ~np.isnan(column))]
            for column in columns
        ]
    )


def _earlier_f1(market: Market) -> dict[str, float]:
    """The F1 of the rules by cluster, as the run has it whose model is kept; nothing where there is no such run."""
    earlier = market.model_source.earlier
    path = earlier.directory.tables / "stability.parquet" if earlier else None
    if path is None or not path.is_file():
        return {}
    rows = contents.whole(path, ["cluster", "f1"]).to_pylist()
    return {row["cluster"]: np.nan if row["f1"] is None else row["f1"] for row in rows}


def _assess_party(party: PartyMarket, market: Market, at: int, totals: dict[str, Any]) -> Verdicts:
    """The verdicts on the clusters of one party type."""
    policy, fit = market.policies[at], market.fitted[at]
    start = market.clusters.index(policy.cluster_ids[0])
    here = slice(start, start + len(policy.cluster_ids))
    known = {cluster: trust.f1 for cluster, trust in zip(policy.cluster_ids, fit.trust, strict=False)}
    known = known or _earlier_f1(market)
    f1 = [known.get(cluster, np.nan) for cluster in policy.cluster_ids]
    potential, sales = ladders.cluster_means(party)
    standing, k = party.standing, party.standing.clusters
    of_customers = np.bincount(standing.customer_label, weights=standing.customer_whitespace, minlength=k)
    whitespace = of_customers + standing.acquisition
    accounts = np.maximum(party.accounts.sum(axis=1), 1)
    margin, now, before = (totals[name][here] for name in ("margin", "sales_now", "sales_before"))
    facts = SegmentFacts(np.array(f1), margin, now, before, sales, potential, whitespace / accounts)
    return segment_tests.assess(facts)
