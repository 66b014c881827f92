"""The ladder of one cluster as a picture: how its customers spend, and which step each should reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.pages.potential import step_name
from tamscore.report.figures.ladders import ladder
from tamscore.view.blocks import Chapter, Text
from tamscore.view.words import count_text, money_text

if TYPE_CHECKING:
    from tamscore.questions.tables import Cluster
    from tamscore.report.evidence import ReportData

MISSING = "The ladder of one cluster: no cluster has enough customers of its own to draw one."
_DRAWABLE = 10
"""A curve is drawn from so many customers of today on; a frozen ladder may come from customers of an earlier run."""


def chapter(data: ReportData) -> Chapter | None:
    """Return the chapter, about the cluster with a ladder of its own where most expansion is open."""
    clusters = data.summary.clusters
    own = [
        cluster
        for cluster in clusters
        if cluster.basis == "cluster" and cluster.kinds["expansion"].accounts >= _DRAWABLE
    ]
    if not own:
        return None
    chosen = max(own, key=lambda cluster: (cluster.kinds["expansion"].whitespace, cluster.cluster))
    party = next(party for party in data.run.model.parties if party.name == chosen.party_type)
    picture = ladder(chosen, party.sales.of(party.ids.index(chosen.cluster)))
    blocks = (picture, Text(_ladder_reading(chosen, data.currency)))
    return Chapter("ladder", "How a ladder works", _message(chosen, data.currency), blocks)


def _message(cluster: Cluster, currency: str | None) -> str:
    """Return what it comes to, in one sentence."""
    sums = cluster.kinds["expansion"]
    all_ = f"{count_text(sums.accounts, 'customer')} of {cluster.cluster} buy {money_text(sums.sales, currency)}"
    return f"{all_}; were each on the next step of the ladder it would be {money_text(sums.potential, currency)}."


def _ladder_reading(cluster: Cluster, currency: str | None) -> str:
    """Return how to read the picture."""
    name, value = next((name, value) for name, value in cluster.steps.items())
    prospects = cluster.kinds["acquisition"]
    return (
        f"Every customer should reach the next step above what it buys; the shaded distance is its whitespace. The "
        f"{count_text(prospects.accounts, 'prospect')} of {cluster.cluster} stand before the first step: "
        f"{step_name(name)}, "
        f"{money_text(value, currency)}, is what each of them could buy."
    )
