"""The answers to what-if questions, as a page for people and as JSON for machines."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.questions.what_if import ACCOUNTS, POTENTIAL, WHITESPACE
from tamscore.scoring.score.parts import KINDS
from tamscore.stages.potential import step_names
from tamscore.stages.quadrant import PLAYS
from tamscore.view.blocks import Chapter, Text, group, table
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.questions.what_if import Answer, PartyAnswer
    from tamscore.view.blocks import Table

_MEASURES = {"accounts": ACCOUNTS, "potential": POTENTIAL, "whitespace": WHITESPACE}
_ACQUISITION, _EXPANSION = range(2)
_SIDES = "id:id" + "".join(
    f"|{what} now:money/{rank}|{what} then:money/{rank}"
    for what, rank in (("first step", 3), ("top step", 2), ("expansion", 1), ("acquisition", 1))
)
"""The columns of a cluster: each measure as it is and as it would be."""


def chapter(answers: Sequence[Answer]) -> Chapter:
    """Return whitespace and quadrants over all scenarios, then the clusters of each that changes a ladder."""
    now, *then = answers
    changed = (_clusters(now, answer) for answer in then if _changes_ladders(now, answer))
    sums = _totals(answers), _quadrants(answers)
    return Chapter("what-if", "What if", _settings(then), (*_new_ladders(answers), *sums, *changed))


def _new_ladders(answers: Sequence[Answer]) -> Iterator[Text]:
    """Yield which scenarios have other ladders than the run for another reason, too: these were frozen."""
    now, *then = answers
    made = [answer.scenario.name for answer in then if now.frozen and not answer.frozen]
    if made:
        buying = int(now.kinds[_EXPANSION, ACCOUNTS])
        yield Text(
            f"The run has the ladders of an earlier run. Ladders of {', '.join(made)} are made of the sales of this "
            f"run's {count_text(buying, 'customer')}, so that changes since that run count too."
        )


def _settings(answers: Sequence[Answer]) -> str:
    """Return what each scenario sets."""
    return "; ".join(f"{answer.scenario.name}: {', '.join(answer.scenario.overrides)}" for answer in answers)


def _totals(answers: Sequence[Answer]) -> Table:
    """Return whitespace of both kinds, one row a scenario, with its change against the run as it is."""
    rows = [(answer.scenario.name, *_whitespace_by_kind(answers[0], answer)) for answer in answers]
    columns = "scenario" + "".join(f"|{kind}:money|{kind} change:change" for kind in ("expansion", "acquisition"))
    return table("Whitespace", columns, rows)


def _whitespace_by_kind(now: Answer, then: Answer) -> Iterator[float | None]:
    """Yield whitespace of each kind in a scenario, and its change; None where there was none."""
    for kind in (_EXPANSION, _ACQUISITION):
        before, after = (float(answer.kinds[kind, WHITESPACE]) for answer in (now, then))
        yield from (after, (after - before) / before if before else None)


def _quadrants(answers: Sequence[Answer]) -> Table:
    """Return accounts in each quadrant, one row a scenario."""
    rows = [(answer.scenario.name, *answer.quadrants[:, :, ACCOUNTS].sum(axis=1).tolist()) for answer in answers]
    return table("Accounts by quadrant", "scenario" + "".join(f"|{play.quadrant}:count" for play in PLAYS), rows)


def _changes_ladders(now: Answer, then: Answer) -> bool:
    """Return whether a scenario changes any cut line, step, or account's potential."""
    pairs = zip(now.parties, then.parties, strict=True)
    return any(a.lines != b.lines or not np.array_equal(a.values, b.values, equal_nan=True) for a, b in pairs)


def _clusters(now: Answer, then: Answer) -> Table:
    """Return first step, top step and whitespace of every cluster, as it is and as it would be."""
    groups = [
        [(cluster, *_sides(before, after, c), after.basis[c]) for c, cluster in enumerate(after.cluster_ids)]
        for before, after in zip(now.parties, then.parties, strict=True)
    ]
    note = "steps of the ladders and what is open, as it is and as it would be"
    return group(f"Clusters: {then.scenario.name}", f"{_SIDES}|basis:code/3", groups, note)


def _sides(now: PartyAnswer, then: PartyAnswer, c: int) -> Iterator[float]:
    """Yield the first and the top step of a cluster and what is open in it by kind, each now and then."""
    for step in (0, -1):
        yield from (float(now.values[c, step]), float(then.values[c, step]))
    for kind in (_EXPANSION, _ACQUISITION):
        yield from (_open_in(now, c, kind), _open_in(then, c, kind))


def _open_in(party: PartyAnswer, c: int, kind: int) -> float:
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
        "totals": {kind: _sums(answer.kinds[k]) for k, kind in enumerate(KINDS)},
        "parties": [
            {
                "party_type": party.name,
                "limits": {"potential": _finite(party.limits.potential), "sales": _finite(party.limits.sales)},
                "clusters": [*_cluster_records(party)],
                "quadrants": [*_quadrant_records(party)],
            }
            for party in answer.parties
        ],
    }


def _cluster_records(party: PartyAnswer) -> Iterator[dict[str, Any]]:
    """Each cluster: its ladder and what its accounts come to by kind."""
    for c, cluster in enumerate(party.cluster_ids):
        steps = dict(zip(step_names(party.lines), map(_finite, party.values[c]), strict=True))
        kinds = {kind: _sums(party.sums[c, :, k].sum(axis=0)) for k, kind in enumerate(KINDS)}
        yield {"cluster": cluster, "basis": party.basis[c], "steps": steps, **kinds}


def _quadrant_records(party: PartyAnswer) -> Iterator[dict[str, Any]]:
    """Each quadrant and kind that has accounts."""
    for q, play in enumerate(PLAYS):
        for k, kind in enumerate(KINDS):
            here = party.sums[:, q, k].sum(axis=0)
            if here[ACCOUNTS]:
                yield {"quadrant": play.quadrant, "kind": kind, **_sums(here)}


def _sums(values: Any) -> dict[str, float]:
    """Accounts, potential and whitespace by name, to the cent."""
    return {name: round(float(values[place]), 2) for name, place in _MEASURES.items()}


def _finite(value: float) -> float | None:
    """The number, or None where it is none."""
    return float(value) if math.isfinite(value) else None
