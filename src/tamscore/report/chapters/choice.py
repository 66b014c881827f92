"""The choice of the number of clusters: what decided, and what the usual criteria would have said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.pages.choice import by_party, candidates
from tamscore.report.figures.choice import choice_of_k
from tamscore.view.blocks import Chapter
from tamscore.view.words import words

if TYPE_CHECKING:
    from tamscore.report.evidence import ReportData

MISSING = (
    'The choice of k: the job or the model says how many clusters there are; clusters.k = "auto" chooses them by sales.'
)


def chapter(data: ReportData) -> Chapter | None:
    """Return the chapter; None if the number of clusters was given."""
    rows = data.summary.choice_of_k
    if not rows:
        return None
    blocks = [choice_of_k(party, those, candidates(party, those)) for party, those in by_party(rows).items()]
    chosen = ", ".join(f"{row['k']} for {words(row['party_type'])}" for row in rows if row["chosen"])
    text = (
        f"Held-out sales chose the number of clusters: {chosen}. The elbow and similar criteria are shown and decide "
        "nothing."
    )
    return Chapter("choice-of-k", "Choice of k", text, tuple(blocks))
