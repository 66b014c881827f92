"""The answers to what-if questions, as a page for people and as JSON for machines."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group

from tamscore.insight.layout import add, new_table, section
from tamscore.insight.what_if import ACCOUNTS, POTENTIAL, WHITESPACE
from tamscore.scoring.score.parts import KINDS
from tamscore.stages.potential import step_names
from tamscore.stages.quadrant import PLAYS
from tamscore.view.words import change, money, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from tamscore.insight.what_if import Answer, PartyAnswer

MEASURES = {"accounts": ACCOUNTS, "potential": POTENTIAL, "whitespace": WHITESPACE}
ACQUISITION, EXPANSION = range(2)


def render(answers: Sequence[Answer], width: int | None) -> Group:
    """The answers as tables: whitespace and quadrants over all scenarios, then the ladders that a scenario changes."""
    now, *then = answers
    parts: list[RenderableType] = section("whitespace", totals(answers, width), settings(then))[1:]
    parts += section("accounts by quadrant", quadrants(answers, width))
    for one in then:
        if changes_ladders(now, one):
            note = "steps of the ladders and what is open, as it is > as it would be"
            parts += section(f"clusters: {one.scenario.name}", clusters(now, one, width), note)
    return Group(*parts)


def settings(answers: Sequence[Answer]) -> str:
    """What each scenario sets."""
    return "; ".join(f"{one.scenario.name}: {', '.join(one.scenario.overrides)}" for one in answers)


def totals(answers: Sequence[Answer], width: int | None) -> Table:
    """Whitespace of both kinds, one row a scenario, with its change against the run as it is."""
    table = new_table("scenario|>expansion|>change|>acquisition|>change", width)
    now = answers[0].kinds
    for one in answers:
        cells = []
        for kind in (EXPANSION, ACQUISITION):
            held, before = one.kinds[kind, WHITESPACE], now[kind, WHITESPACE]
            cells += [money(held), change(before, held)]
        add(table, one.scenario.name, *cells)
    return table


def quadrants(answers: Sequence[Answer], width: int | None) -> Table:
    """Accounts in each quadrant, one row a scenario."""
    table = new_table("scenario" + "".join(f"|>{play.quadrant}" for play in PLAYS), width)
    for one in answers:
        add(table, one.scenario.name, *(f"{count:,.0f}" for count in one.quadrants[:, :, ACCOUNTS].sum(axis=1)))
    return table


def changes_ladders(now: Answer, then: Answer) -> bool:
    """Whether a scenario changes any cut line, step, or account's potential."""
    pairs = zip(now.parties, then.parties, strict=True)
    return any(a.lines != b.lines or not np.array_equal(a.values, b.values, equal_nan=True) for a, b in pairs)


def clusters(now: Answer, then: Answer, width: int | None) -> Table:
    """First step, top step and whitespace of every cluster, as it is and as it would be."""
    table = new_table("id|>first step|>top step|>expansion|>acquisition|basis", width)
    for before, after in zip(now.parties, then.parties, strict=True):
        for c, cluster in enumerate(after.cluster_ids):
            steps = [(before.values[c, j], after.values[c, j]) for j in (0, -1)]
            held = [(open_in(before, c, kind), open_in(after, c, kind)) for kind in (EXPANSION, ACQUISITION)]
            add(table, cluster, *(" > ".join(map(money, pair)) for pair in (*steps, *held)), words(after.basis[c]))
        table.add_section()
    return table


def open_in(party: PartyAnswer, c: int, kind: int) -> float:
    """Whitespace of a kind in a cluster."""
    return float(party.sums[c, :, kind, WHITESPACE].sum())


def to_json(answers: Sequence[Answer]) -> str:
    """The answers as JSON, the run as it is first; numbers that are none are null."""
    return json.dumps([*map(record, answers)], indent=1, ensure_ascii=False, allow_nan=False)


def record(answer: Answer) -> dict[str, Any]:
    """An answer as JSON holds it."""
    return {
        "scenario": answer.scenario.name,
        "set": answer.scenario.overrides,
        "totals": {kind: sums(answer.kinds[k]) for k, kind in enumerate(KINDS)},
        "parties": [
            {
                "party_type": party.name,
                "limits": {"potential": finite(party.limits.potential), "sales": finite(party.limits.sales)},
                "clusters": [*cluster_records(party)],
                "quadrants": [*quadrant_records(party)],
            }
            for party in answer.parties
        ],
    }


def cluster_records(party: PartyAnswer) -> Iterator[dict[str, Any]]:
    """Each cluster: its ladder and what its accounts come to by kind."""
    for c, cluster in enumerate(party.cluster_ids):
        steps = dict(zip(step_names(party.lines), map(finite, party.values[c]), strict=True))
        kinds = {kind: sums(party.sums[c, :, k].sum(axis=0)) for k, kind in enumerate(KINDS)}
        yield {"cluster": cluster, "basis": party.basis[c], "steps": steps, **kinds}


def quadrant_records(party: PartyAnswer) -> Iterator[dict[str, Any]]:
    """Each quadrant and kind that has accounts."""
    for q, play in enumerate(PLAYS):
        for k, kind in enumerate(KINDS):
            here = party.sums[:, q, k].sum(axis=0)
            if here[ACCOUNTS]:
                yield {"quadrant": play.quadrant, "kind": kind, **sums(here)}


def sums(values: Any) -> dict[str, float]:
    """Accounts, potential and whitespace by name, to the cent."""
    return {name: round(float(values[place]), 2) for name, place in MEASURES.items()}


def finite(value: float) -> float | None:
    """The number, or None where it is none."""
    return float(value) if math.isfinite(value) else None
