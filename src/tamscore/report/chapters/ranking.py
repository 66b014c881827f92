"""The ranking: customers and prospects with the most whitespace, why they have it, and how they compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.insight.show import KINDS, against
from tamscore.report.figures.ladders import step_name
from tamscore.view.blocks import Block, Cell, Chapter, table
from tamscore.view.words import clean, counted, money, share, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.insight.tables import Cluster
    from tamscore.report.evidence import Evidence, Row
    from tamscore.view.blocks import Table

MISSING = "The whitespace ranking: the run has not stored its best accounts by kind; run its job again."
GROUPS = 15
"""So many clusters of prospects are listed."""
NOTE = (
    "Accounts alike share a rank. Amounts have two significant digits. Against its peers: its potential compared with "
    "that of the median account of its cluster."
)


def chapter(found: Evidence) -> Chapter | None:
    """The chapter."""
    if not found.ranking:
        return None
    kinds = {kind: [row for row in found.ranking if row["kind"] == kind] for kind in KINDS}
    blocks: list[Block] = []
    if kinds["expansion"]:
        blocks.append(accounts(kinds["expansion"], found, "customers"))
    if kinds["acquisition"]:
        blocks += [groups(found), accounts(kinds["acquisition"], found, "prospects", folded=True)]
    return Chapter("ranking", "Whitespace ranking", message(kinds, found), tuple(blocks))


def message(kinds: dict[str, list[Row]], found: Evidence) -> str:
    """What it comes to, in one sentence."""
    told = []
    if rows := kinds["expansion"]:
        whole = found.summary.totals["expansion"].whitespace
        part = share(sum(row["whitespace"] or 0.0 for row in rows), whole)
        told.append(
            f"the first {counted(len(rows), 'customer')} hold {part} of the expansion, {name_of(rows[0])} leads"
        )
    if rows := kinds["acquisition"]:
        told.append(f"each of the best prospects could buy {money(rows[0]['potential'])}")
    text = "; ".join(told)
    return f"{text[:1].upper()}{text[1:]}."


def name_of(row: Row) -> str:
    """What an account is called."""
    return clean(row.get("name") or row["account_id"])


def accounts(rows: Sequence[Row], found: Evidence, nouns: str, *, folded: bool = False) -> Table:
    """The first accounts of a kind."""
    clusters = {one.cluster: one for one in found.summary.clusters}
    most = rows[0]["whitespace"] or 1.0
    told = [cells(row, clusters[row["cluster"]], most, found) for row in rows]
    heads = ">rank|account|>whitespace|>sales|>potential|peers|against its peers|play|why"
    return table(f"The {len(rows)} {nouns} with the most whitespace", heads, told, NOTE, folded=folded)


def groups(found: Evidence) -> Table:
    """Prospects cluster by cluster: those of one cluster are alike."""
    first = next(iter(found.summary.clusters[0].steps))
    rows = [one for one in found.summary.clusters if one.kinds["acquisition"].whitespace > 0]
    rows.sort(key=lambda one: (-(one.steps[first] or 0.0), one.cluster))
    whole = found.summary.totals["acquisition"].whitespace
    told = [group(one, first, whole, found) for one in rows[:GROUPS]]
    note = "Prospects of one cluster are alike; the clusters with the most potential for each come first."
    heads = "peers|name|>prospects|>potential of each|>whitespace of all|>share of acquisition|why"
    return table("Prospects, by cluster", heads, told, note)


def group(one: Cluster, first: str, whole: float, found: Evidence) -> list[Cell | str]:
    """The prospects of one cluster."""
    sums = one.kinds["acquisition"]
    part = Cell(share(sums.whitespace, whole), sums.whitespace / whole)
    counts = (f"{sums.accounts:,}", money(one.steps[first]), money(sums.whitespace))
    return [one.cluster, one.name, *counts, part, evidence_of(one, first, found)]


def cells(row: Row, cluster: Cluster, most: float, found: Evidence) -> list[Cell | str]:
    """One account."""
    name = name_of(row)
    return [
        f"{row['rank_in_kind']:,}",
        f"{name} ({clean(row['account_id'])})" if row.get("name") else name,
        Cell(money(row["whitespace"]), (row["whitespace"] or 0.0) / most),
        money(row["sales"]),
        money(row["potential"]),
        f"{row['cluster']}",
        against(row["relative_message"]),
        Cell(words(row["play"]), mark=row["quadrant"]),
        reason(row, cluster, found),
    ]


def reason(row: Row, cluster: Cluster, found: Evidence) -> str:
    """Why an account has its potential, in words that can be read to a seller."""
    step = next((name for name, value in cluster.steps.items() if value == row["potential"]), None)
    if step is None or row["potential"] is None:
        return "stands above the ladder of its peers"
    return evidence_of(cluster, step, found)


def evidence_of(cluster: Cluster, step: str, found: Evidence) -> str:
    """What a step of a ladder says about peers."""
    peers = counted(cluster.support, "customer")
    lent = "" if cluster.basis == "cluster" else f", {words(cluster.basis)} with {cluster.parent}"
    value = money(cluster.steps[step])
    if step == "top":
        return f"the best of {peers} like it buys {value}{lent}"
    lines: dict[str, Any] = {f"p{line * 100:g}": line for line in found.run.job.potential.lines}
    return f"{round(100 - 100 * lines[step], 6):g}% of {peers} like it buy {value} or more ({step_name(step)}{lent})"
