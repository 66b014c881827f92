"""The choice of the number of clusters: what decided, and what the usual criteria would have said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.report.figures.choice import choice_of_k
from tamscore.view.blocks import Block, Chapter, table
from tamscore.view.words import words

if TYPE_CHECKING:
    from tamscore.report.evidence import Evidence
    from tamscore.view.blocks import Table

MISSING = (
    'The choice of k: the job or the model says how many clusters there are; clusters.k = "auto" chooses them by sales.'
)
COLUMNS = ("elbow", "calinski_harabasz", "davies_bouldin", "silhouette")


def chapter(found: Evidence) -> Chapter | None:
    """The chapter; None where the number of clusters was given."""
    rows = found.summary.choice_of_k
    parties = {
        party: [row for row in rows if row["party_type"] == party]
        for party in dict.fromkeys(row["party_type"] for row in rows)
    }
    if not parties:
        return None
    blocks: list[Block] = [choice_of_k(party, those) for party, those in parties.items()]
    blocks += [candidates(party, those) for party, those in parties.items()]
    chosen = ", ".join(f"{row['k']} for {words(row['party_type'])}" for row in rows if row["chosen"])
    text = f"Held-out sales chose the number of clusters: {chosen}. The elbow and its kin are shown and decide nothing."
    return Chapter("choice-of-k", "Choice of k", text, tuple(blocks))


def candidates(party: str, rows: list[dict[str, Any]]) -> Table:
    """All candidates of a party type."""
    told = [
        (
            f"{row['k']}",
            "chosen" if row["chosen"] else "" if row["admitted"] else "not admitted",
            f"{row['loss']:.4f}",
            f"{row['error']:.4f}",
            f"{row['thinnest']:,.0f}",
            f"{row['kept']:.2f}",
            *("-" if row[name] is None else f"{row[name]:,.2f}" for name in COLUMNS),
        )
        for row in rows
    ]
    heads = ">k||>loss|>± error|>fewest customers|>kept|>elbow|>Calinski-Harabasz|>Davies-Bouldin|>silhouette"
    return table(f"Candidates, {words(party)}", heads, told, folded=True)
