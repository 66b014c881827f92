"""What to do with how many accounts: by play, and by the segment of the portfolio that each cluster's accounts make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.score.parts import KINDS, MEASURES, PARTS
from tamscore.scoring.tables.plain import money
from tamscore.scoring.tables.summaries import clusters
from tamscore.stages import quadrant

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.scoring.tables.outcome import Outcome

SEGMENTS = {
    "blue": ("enterprise", "growth beyond what they buy today"),
    "yellow": ("land", "a first or a wider use"),
    "orange": ("account_management", "to keep what works"),
    "grey": ("digital", "a way to buy without a visit"),
    "teal": ("digital", "a way to buy without a visit"),
}
"""The segment of the portfolio that the accounts of a quadrant belong to, and what they need, by the play's colour."""


def play_table(outcome: Outcome) -> pa.Table:
    """One row per party type, kind and play that has accounts: what to do about how many of them."""
    import pyarrow as pa

    keys = ("party_type", "play", "kind")
    sums: dict[tuple[str, ...], Any] = {}
    for part in outcome.scored:
        for key, one in part.plays.items():
            sums[key] = sums.get(key, 0.0) + one
    order = [policy.name for policy in outcome.policies]
    rows = []
    for key in sorted(sums, key=lambda key: (order.index(key[0]), key[2], key[1])):
        whole, left = sums[key][:4], np.append(0.0, sums[key][4:] / PARTS)
        rows.append({**dict(zip(keys, key, strict=True)), **dict(zip(MEASURES, money(whole + left), strict=True))})
    return pa.Table.from_pylist(rows)


def portfolio_table(outcome: Outcome) -> pa.Table:
    """One row per cluster, segment of the portfolio and kind that has accounts: what they need, who works on them."""
    import pyarrow as pa

    rows = []
    for (policy, cluster, name), by_quadrant in zip(clusters(outcome), outcome.totals, strict=True):
        sums: dict[tuple[str, str], Any] = {}
        plays: dict[tuple[str, str], quadrant.Play] = {}
        for code in range(len(quadrant.PLAYS)):
            for i, kind in enumerate(KINDS):
                play = quadrant.PLAYS[int(quadrant.play_codes(code, kind == "expansion"))]
                key = SEGMENTS[play.quadrant][0], kind
                plays[key] = play
                sums[key] = sums.get(key, 0.0) + by_quadrant[code, i]
        for (segment, kind), one in sums.items():
            if one[0]:
                play = plays[segment, kind]
                head = {"party_type": policy.name, "cluster": cluster, "name": name, "portfolio_segment": segment}
                head |= {"kind": kind, "need": SEGMENTS[play.quadrant][1], "role": play.role}
                head |= {"service_level": play.service_level}
                rows.append({**head, **dict(zip(MEASURES, money(one), strict=True))})
    return pa.Table.from_pylist(rows)
