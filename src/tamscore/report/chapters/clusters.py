"""The clusters: where they lie, how large they are, what they are called, and how far they can be trusted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.insight.ladders import by_party
from tamscore.report.figures.clusters import PartyMap, cluster_map
from tamscore.scoring import cluster_map as glimpse
from tamscore.view.blocks import Block, Cell, Chapter, Text, table
from tamscore.view.words import NOTHING, counted, share, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.insight.tables import Cluster
    from tamscore.model.record import PartyRecord
    from tamscore.report.evidence import Evidence
    from tamscore.view.blocks import Table

LISTED = 60
"""So many clusters of a party type stand in a table of the report; all stand in the tables of the run."""
GRADES = {"highly stable": "good", "stable": "good", "doubtful": "fair", "unstable": "poor"}


def chapter(found: Evidence) -> Chapter:
    """The chapter."""
    blocks: list[Block] = []
    if maps := [party_map(found, party) for party in found.run.model.parties if found.map]:
        blocks.append(cluster_map(maps))
    blocks += [sizes(found, party) for party in by_party(found.summary.clusters)]
    blocks += [] if found.summary.stability else [Text(untold(found))]
    return Chapter("clusters", "Clusters of peers", message(found), tuple(blocks))


def message(found: Evidence) -> str:
    """What it comes to, in one sentence."""
    parties = by_party(found.summary.clusters)
    told = " and ".join(f"{len(party)} of {words(party[0].party_type)} accounts" for party in parties)
    grades = Counter(row["grade"] for row in found.summary.stability)
    sound = grades["stable"] + grades["highly stable"]
    sure = f"; {sound} of {sum(grades.values())} come out again whenever accounts are drawn anew" if grades else ""
    return f"Accounts are compared with their peers only: {told}{sure}."


def party_map(found: Evidence, party: PartyRecord) -> PartyMap:
    """One party type as the map shows it, its largest clusters first."""
    order = np.argsort(-party.accounts.sum(axis=1), kind="stable")
    ids = [party.ids[c] for c in order]
    rows = [row for row in found.map if row["party_type"] == party.name]
    plane = glimpse.plane_of(np.asarray(party.centers, np.float64))
    centers = glimpse.place(plane.axes, party.centers.T.astype(np.float64)) * party.space.fitted_grid.unit
    points = np.array([(row["x"], row["y"]) for row in rows]).reshape(-1, 2)
    label = np.array([ids.index(row["cluster"]) for row in rows], int)
    return PartyMap(party.name, tuple(ids), centers.T[order], points, label, plane.shares)


def sizes(found: Evidence, party: list[Cluster]) -> Table:
    """The clusters of a party type: size, customers, and what is known about each."""
    known = {row["cluster"]: row for row in found.summary.stability}
    largest = max(one.share for one in party) or 1.0
    rows: list[list[Cell | str]] = [
        [
            one.cluster,
            one.name,
            Cell(f"{one.accounts:,}", one.share / largest),
            share(one.share, 1),
            share(one.kinds["expansion"].accounts, one.accounts),
            *(trust(known.get(one.cluster)) if known else ()),
        ]
        for one in sorted(party, key=lambda one: -one.accounts)[:LISTED]
    ]
    heads = "id|name|>accounts|>share|>buy" + "|comes out again|who belongs to it" * bool(known)
    left = len(party) - len(rows)
    note = f"{counted(left, 'more cluster')} in tables/segments.csv" if left else ""
    return table(f"Clusters of {words(party[0].party_type)} accounts", heads, rows, note)


def untold(found: Evidence) -> str:
    """Why nothing is told about how far clusters can be trusted."""
    fitted = found.summary.model.get("run")
    if fitted:
        return f"Whether the clusters come out again was told when the model was fitted, in the report of run {fitted}."
    return "Whether the clusters come out again was not asked for (clusters.stability)."


def trust(row: dict[str, Any] | None) -> Iterator[Cell]:
    """Whether a cluster comes out again, and its rule."""
    if row is None:
        yield from (Cell(NOTHING), Cell(NOTHING))
        return
    similarity = "" if row["similarity"] is None else f" {row['similarity']:.2f}"
    yield Cell(f"{row['grade']}{similarity}", mark=GRADES.get(row["grade"], ""))
    yield Cell(f"{row['rule']} (F1 {row['f1']:.2f})")
