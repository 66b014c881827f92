"""The chapter on clusters: their map, sizes, names and stability."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from tamscore.questions.pages.clusters import by_party, sizes, trust
from tamscore.report.figures.clusters import PartyMap, cluster_map
from tamscore.report.shortened import shorten
from tamscore.scoring import cluster_map as map_rows
from tamscore.view.blocks import Block, Chapter, Text
from tamscore.view.words import words

_COLOURS = {
    "global": "blue",
    "enterprise": "blue",
    "land": "yellow",
    "account_management": "orange",
    "digital": "grey",
}
"""The colour of the quadrant of each segment of the portfolio."""

if TYPE_CHECKING:
    from tamscore.model.record import PartyRecord
    from tamscore.report.evidence import ReportData


def chapter(data: ReportData) -> Chapter:
    """Return the chapter."""
    blocks: list[Block] = []
    if maps := [_party_map(data, party) for party in data.run.model.parties if data.map]:
        blocks.append(cluster_map(maps))
    largest_first = sorted(data.summary.clusters, key=lambda cluster: -cluster.accounts)
    blocks.append(shorten(sizes(largest_first, named=True), "segments"))
    known = data.summary.stability
    blocks.append(shorten(trust(known), "stability") if known else Text(_missing_note(data)))
    return Chapter("clusters", "Clusters of peers", _message(data), tuple(blocks))


def _message(data: ReportData) -> str:
    """Return the message of the chapter, in one sentence."""
    parties = by_party(data.summary.clusters)
    text = " and ".join(f"{len(party)} of {words(party[0].party_type)} accounts" for party in parties)
    grades = Counter(row["grade"] for row in data.summary.stability)
    sound = grades["stable"] + grades["highly stable"]
    sure = f"; {sound} of {sum(grades.values())} come out again when other accounts are drawn" if grades else ""
    return f"Accounts are compared with their peers only: {text}{sure}."


def _party_map(data: ReportData, party: PartyRecord) -> PartyMap:
    """Return the map of a party type, its largest clusters first."""
    order = np.argsort(-party.accounts.sum(axis=1), kind="stable")
    ids = [party.ids[c] for c in order]
    rows = [row for row in data.map if row["party_type"] == party.name]
    plane = map_rows.plane_of(np.asarray(party.centers, np.float64))
    centers = map_rows.project(plane.axes, party.centers.T.astype(np.float64)) * party.space.fitted_grid.unit
    points = np.array([(row["x"], row["y"]) for row in rows]).reshape(-1, 2)
    label = np.array([ids.index(row["cluster"]) for row in rows], int)
    plays = {name: play for name in ids if (play := _play_of(data, name))}
    return PartyMap(party.name, tuple(ids), centers.T[order], points, label, plane.shares, plays)


def _play_of(data: ReportData, cluster: str) -> str:
    """Return the colour of the play with most of the expected value of a cluster; "" if that is not known."""
    money: dict[str, float] = defaultdict(float)
    for row in data.portfolio:
        if row["cluster"] == cluster:
            money[_COLOURS[row["portfolio_segment"]]] += row.get("expected_value") or 0.0
    return max(money, key=lambda colour: (money[colour], colour)) if money else ""


def _missing_note(data: ReportData) -> str:
    """Return why the report has no stability of clusters."""
    fitted = data.summary.model.get("run")
    if fitted:
        return f"The stability of clusters was measured when the model was fitted; see the report of run {fitted}."
    return "The stability of clusters was not measured; set clusters.stability = true to measure it."
