"""Ladders as a person reads them: cut values by cluster, how sure they are, and what hangs on the top step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.insight.layout import WIDE, add, new_table
from tamscore.view.words import NOTHING, money, share, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

    from tamscore.insight.summary import Summary
    from tamscore.insight.tables import Cluster

TOP_STEP_NOTE = "its share by step; above: customers beyond the cap"


def by_party(clusters: Sequence[Cluster]) -> list[list[Cluster]]:
    """The clusters of each party type."""
    parties = list(dict.fromkeys(one.party_type for one in clusters))
    return [[one for one in clusters if one.party_type == party] for party in parties]


def ladders(summary: Summary, width: int | None) -> Table:
    """The potential table: what the accounts of each cluster should be able to reach."""
    steps = "".join(f"|>{step if step == 'top' else step.upper()}" for step in summary.clusters[0].steps)
    first = next(iter(summary.clusters[0].steps)).upper() if tells_intervals(width) else ""
    table = new_table(f"id|~name|>accounts|>customers{steps}{f'|>{first} from|>to' * bool(first)}|~basis", width)
    for party in by_party(summary.clusters):
        for one in party:
            counts = (f"{one.accounts:,}", f"{one.kinds['expansion'].accounts:,}")
            ends = map(money, next(iter(one.intervals.values()))) if first else ()
            add(table, one.cluster, one.name, *counts, *map(money, one.steps.values()), *ends, basis_of(one))
        table.add_section()
    return table


def tells_intervals(width: int | None) -> bool:
    """Whether there is room for the interval of the first cut line."""
    return width is None or width >= WIDE


def certainty(summary: Summary, width: int | None) -> Iterable[str]:
    """What the interval of the first cut line, which is the potential of every prospect, rests on."""
    if tells_intervals(width) and summary.interval_level:
        borrowed = [one.cluster for one in summary.clusters if one.low_support]
        rest = f"; {', '.join(borrowed)} on borrowed customers" if borrowed else ""
        yield f"from and to: where the true first cut line lies, at {summary.interval_level:.0%}{rest}"


def basis_of(one: Cluster) -> str:
    """Whose customers the ladder of a cluster comes from."""
    return {"cluster": "own", "none": NOTHING}.get(one.basis, words(one.basis))


def top_steps(summary: Summary, width: int | None) -> Table:
    """Expansion whitespace under every way to set the top step, that in force marked by a star."""
    steps = next((list(one.shares) for one in summary.top_steps), [])
    heads = "".join(f"|>{step if step == 'top' else step.upper()}" for step in steps)
    table = new_table(f"party type|top step|>expansion|>potential ÷ sales{heads}|>above", width)
    for party in dict.fromkeys(one.party_type for one in summary.top_steps):
        for one in (each for each in summary.top_steps if each.party_type == party):
            ratio = NOTHING if one.potential_to_sales is None else f"{one.potential_to_sales:.1f}"
            shares = [NOTHING if part is None else share(part, 1) for part in one.shares.values()]
            name = f"{one.top_step}{' *' * one.in_force}"
            add(table, words(party), name, money(one.expansion), ratio, *shares, f"{one.above:,}")
        table.add_section()
    return table
