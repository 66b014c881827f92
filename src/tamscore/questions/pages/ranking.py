"""Who comes first: accounts in the order of priority, why they stand there, and what may be expected of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.questions.pages.calling import anchor_of, chance_of
from tamscore.questions.pages.potential import step_name
from tamscore.schema import PARTY_TYPES
from tamscore.view.blocks import Cell, group, table, without_empty
from tamscore.view.words import count_text, money, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.questions.tables import Cluster
    from tamscore.view.blocks import Table

    _Row = dict[str, Any]

_ORDER = (
    "whitespace times the probability that the account is won; expected: that probability times what peers buy more"
)
_GROUPS = 15
"""So many clusters of prospects are listed."""


def tiers(rows: Sequence[_Row]) -> Table:
    """Return the tiers of each party type and kind: accounts, likely wins, what is open and expected."""
    whole: dict[tuple[str, str], float] = {}
    for row in rows:
        key = row["party_type"], row["kind"]
        whole[key] = whole.get(key, 0.0) + (row["expected_value"] or 0.0)
    cells = []
    for row in rows:
        part = (row["expected_value"] or 0.0) / (whole[row["party_type"], row["kind"]] or 1.0)
        head = [row[name] for name in ("party_type", "kind", "tier", "accounts", "expected_wins", "whitespace")]
        cells.append([*head, row["expected_value"], Cell(part, part)])
    columns = (
        "party type:code/3|kind:code|tier:code|accounts:count|likely wins:count/2|whitespace:money/3|expected:money|"
        "share of expected:share/2"
    )
    return table("Tiers", columns, cells, "in the order of priority, within party type and kind")


def top_accounts(rows: Sequence[_Row], cluster: str | None) -> Table:
    """Return the first accounts in the order of priority, of the market or of one cluster."""
    return _accounts(f"Call first{f' in cluster {cluster}' if cluster else ''}", rows, "priority", _ORDER)


def best_of_kind(rows: Sequence[_Row], nouns: str) -> Table:
    """Return the first accounts of a kind."""
    return _accounts(f"The first {len(rows)} {nouns}", rows, "priority_in_kind", _ORDER, folded=True)


def _accounts(caption: str, rows: Sequence[_Row], place: str, note: str, *, folded: bool = False) -> Table:
    """Return accounts, one a row; names only if there are any.

    Places are those within a party type, so each party type is a group of its own and every row names it.
    """
    named, names = any(row.get("name") for row in rows), {row["party_type"] for row in rows}
    parties = [party for party in PARTY_TYPES if party in names]
    most = max((row.get("expected_value") or 0.0 for row in rows), default=0.0) or 1.0
    cells = [
        [
            *[row["party_type"]][: len(names) - 1],
            row.get(place) or row["rank"],
            Cell(str(row["account_id"]), link=f"#{anchor_of(row)}"),
            *[row.get("name") or None][:named],
            row["cluster"],
            row["sales"],
            row["potential"],
            row["whitespace"],
            chance_of(row),
            Cell(row.get("expected_value"), (row.get("expected_value") or 0.0) / most),
            row.get("tier"),
            Cell(row["quadrant"], mark=row["quadrant"]),
            row["play"],
        ]
        for row in rows
    ]
    who = f"{'|name:name' * named}|cluster:id/3"
    end = "tier:code/2|quadrant:code/3|play:code/2"
    money = "sales:money/3|potential:money/3|whitespace:money|likely:permille/2|expected:money"
    columns = f"{'party type:code|' * (len(names) > 1)}priority:count|account id:id{who}|{money}|{end}"
    groups = [[cell for cell, row in zip(cells, rows, strict=True) if row["party_type"] == party] for party in parties]
    note += "; priority counts within each party type" if len(names) > 1 else ""
    return without_empty(group(caption, columns, groups, note, folded=folded))


def prospects(clusters: Sequence[Cluster], whole: float) -> Table:
    """Return prospects cluster by cluster, alike in each, with their share of the `whole` acquisition."""
    first = next(iter(clusters[0].steps))
    holders = [cluster for cluster in clusters if cluster.kinds["acquisition"].whitespace > 0]
    holders.sort(key=lambda cluster: (-(cluster.steps[first] or 0.0), cluster.cluster))
    rows = []
    for cluster in holders[:_GROUPS]:
        sums = cluster.kinds["acquisition"]
        part = sums.whitespace / whole
        money_of = (sums.accounts, cluster.steps[first], sums.whitespace, Cell(part, part))
        rows.append((cluster.cluster, cluster.name, *money_of, _evidence_of(cluster, first)))
    columns = (
        "cluster:id|name|prospects:count|potential of each:money|whitespace of all:money|share of acquisition:share/2|"
        "why/3"
    )
    note = "Prospects of one cluster are alike; the clusters with the most potential for each come first."
    return table("Prospects, by cluster", columns, rows, note, folded=True)


def reason(row: _Row, cluster: Cluster) -> str:
    """Return why an account has its potential, in words that can be read to a seller."""
    step = next((name for name, value in cluster.steps.items() if value == row["potential"]), None)
    if step is None or row["potential"] is None:
        return "stands above the ladder of its peers"
    return _evidence_of(cluster, step)


def _evidence_of(cluster: Cluster, step: str) -> str:
    """Return what a step of a ladder says about peers."""
    peers = count_text(cluster.support, "customer")
    lent = "" if cluster.basis == "cluster" else f", {words(cluster.basis)} with {cluster.parent}"
    value = money(cluster.steps[step])
    if step == "top":
        return f"the best of {peers} like it buys {value}{lent}"
    above = round(100 - float(step.removeprefix("p")), 6)
    return f"{above:g}% of {peers} like it buy {value} or more ({step_name(step)}{lent})"
