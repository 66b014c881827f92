"""The clusters: how large they are, what sets them apart, and how far they can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.blocks import Cell, group, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tamscore.questions.tables import Cluster
    from tamscore.view.blocks import Table

_APART = 8
"""So many features say what sets a cluster apart."""
_GRADES = {"highly stable": "good", "stable": "good", "doubtful": "fair", "unstable": "poor"}


def by_party(clusters: Iterable[Cluster]) -> list[list[Cluster]]:
    """Return the clusters of each party type."""
    parties: dict[str, list[Cluster]] = {}
    for cluster in clusters:
        parties.setdefault(cluster.party_type, []).append(cluster)
    return list(parties.values())


def sizes(clusters: Sequence[Cluster], *, named: bool = False) -> Table:
    """Return how large each cluster is in its party type, how much of it buys, what is open there; names if asked."""
    groups = []
    for party in by_party(clusters):
        largest = max(cluster.share for cluster in party) or 1.0
        groups.append([_size(cluster, largest, named) for cluster in party])
    columns = (
        f"id:id{'|name' * named}|accounts:count|share:share/2|customers:count/2|buying:share/2|sales:money/2|"
        "expansion:money|acquisition:money"
    )
    return group("Segment sizes", columns, groups, "whitespace as expansion and acquisition")


def _size(cluster: Cluster, largest: float, named: bool) -> list[Any]:  # noqa: FBT001 - as `sizes` has it
    """Return the cells of a cluster."""
    buys, prospects = cluster.kinds["expansion"], cluster.kinds["acquisition"]
    return [
        *[cluster.cluster, cluster.name][: 1 + named],
        cluster.accounts,
        Cell(cluster.share, cluster.share / largest),
        buys.accounts,
        buys.accounts / cluster.accounts if cluster.accounts else None,
        buys.sales,
        buys.whitespace,
        prospects.whitespace,
    ]


def trust(rows: Iterable[dict[str, Any]]) -> Table:
    """Return whether each cluster comes out again when accounts are drawn anew, and who belongs to it."""
    cells = [
        (
            row["cluster"],
            row["similarity"],
            Cell(row["grade"], mark=_GRADES.get(row["grade"], "")),
            row["rule"],
            row["f1"],
        )
        for row in rows
    ]
    columns = "id:id|Jaccard:hundredths|grade|rule|F1:hundredths"
    return table("Trust in clusters", columns, cells, "Jaccard similarity over bootstraps, rule with F1")


def differences(apart: Sequence[tuple[str, float]]) -> Table:
    """Return the features in which a cluster differs most from its party type."""
    return table("What sets it apart, in standard deviations", "feature|difference:signed", apart[:_APART])
