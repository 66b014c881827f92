"""The potential of every cluster: the steps of its ladder, their customers, and the weight of the top step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.questions.pages.clusters import by_party
from tamscore.view.blocks import Cell, Text, group, table
from tamscore.view.words import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tamscore.questions.tables import Cluster, TopStep
    from tamscore.view.blocks import Table


def step_name(name: str) -> str:
    """Return the display name of a step: `P85`, `top`."""
    return "top" if name == "top" else name.upper()


def ladders(clusters: Sequence[Cluster]) -> Table:
    """Return the potential table: the ladder of each cluster."""
    names = [step_name(name) for name in clusters[0].steps]
    columns = (
        f"id:id|name|accounts:count/2|customers:count/2|{'|'.join(f'{name}:money' for name in names)}|"
        f"{names[0]} lies in:span/3|basis:code/2|support:count/3"
    )
    groups = [[_ladder(cluster) for cluster in party] for party in by_party(clusters)]
    return group("Potential by cluster", columns, groups, _legend(clusters))


def _ladder(cluster: Cluster) -> list[object]:
    """Return the cells of a cluster; the interval of its first step is marked if it rests on borrowed customers."""
    first = Cell(next(iter(cluster.intervals.values())), mark="fair" if cluster.low_support else "")
    counts = (cluster.accounts, cluster.kinds["expansion"].accounts)
    return [cluster.cluster, cluster.name, *counts, *cluster.steps.values(), first, _basis_of(cluster), cluster.support]


def _basis_of(cluster: Cluster) -> str | None:
    """Return the customers that the ladder of a cluster comes from."""
    return {"cluster": "own", "account": "own level", "none": None}.get(cluster.basis, cluster.basis)


def _legend(clusters: Sequence[Cluster]) -> str:
    """Return the meaning of the first letters of the cluster ids, if there are several."""
    letters = {cluster.cluster[0]: words(cluster.party_type) for cluster in clusters}
    return ", ".join(f"{letter}: {party}" for letter, party in letters.items()) if len(letters) > 1 else ""


def certainty(clusters: Sequence[Cluster], level: float) -> Text:
    """Return the basis of the interval of the first step, which is the potential of every prospect."""
    first = step_name(next(iter(clusters[0].steps)))
    borrowed = [cluster.cluster for cluster in clusters if cluster.borrows]
    rest = f"; {', '.join(borrowed)} on borrowed customers" if borrowed else ""
    return Text(f"{first} lies in: where the true first cut line lies, at {level:.0%}{rest}")


def intervals(clusters: Sequence[Cluster], level: float) -> Table:
    """Return the interval of the true value of every step."""
    columns = "|".join(f"{step_name(name)}:span" for name in clusters[0].steps)
    rows = [(cluster.cluster, cluster.support, *cluster.intervals.values()) for cluster in clusters]
    return table(f"Intervals of every step, at {level:.0%}", f"id:id|support:count|{columns}", rows, folded=True)


def top_steps(rows: Sequence[TopStep]) -> Table:
    """Return expansion whitespace under every way to set the top step, with a star at the one in force."""
    steps = next((list(row.shares) for row in rows), [])
    columns = (
        f"party type:code|top step|expansion:money|potential ÷ sales:tenths/2|"
        f"{'|'.join(f'{step_name(step)}:share/2' for step in steps)}|above:count/2"
    )
    parties = dict.fromkeys(row.party_type for row in rows)
    groups = [[_top_step(row) for row in rows if row.party_type == party] for party in parties]
    note = "its share by step; above: customers beyond the cap; * in force"
    return group("What the top step makes of expansion", columns, groups, note, folded=True)


def _top_step(row: TopStep) -> Iterable[object]:
    """Return the cells of one way to set the top step."""
    name = f"{row.top_step}{' *' * row.in_force}"
    return [row.party_type, name, row.expansion, row.potential_to_sales, *row.shares.values(), row.above]


def moves(rows: Sequence[dict[str, Any]]) -> Table:
    """Return how far potentials move if the model is fitted again, redraw by redraw."""
    columns = "party type:code|redraw:id|potential moves > 20%:share|rank correlation:hundredths|top 5% stay:share"
    names = ("party_type", "redraw", "moved", "rank_correlation", "top_overlap")
    note = "refits on 90% of the rows, each from another start; rank correlation and top by whitespace"
    return table("Stability of potentials", columns, [[row[name] for name in names] for row in rows], note)
