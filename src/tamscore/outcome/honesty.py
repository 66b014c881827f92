"""The tables that say how far a model can be trusted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.outcome import Outcome

VERDICT = ("party_type", "feature", "verdict", "reason")
EVIDENCE = ("separability", "separability_given", "told_apart_given", "correlation", "correlation_given")
ECHO = ("echo", "echo_without")


def leakage_table(outcome: Outcome) -> pa.Table:
    """One row per party type and feature: the verdict of the leakage guard, why, and what it rests on."""
    rows = []
    for verdict in (verdict for one in outcome.fitted for verdict in one.verdicts):
        numbers = {name: getattr(verdict.evidence, name) for name in EVIDENCE}
        numbers |= {name: getattr(verdict, name) for name in ECHO}
        texts = {name: getattr(verdict, name) for name in VERDICT}
        rows.append(texts | {name: rounded(value) for name, value in numbers.items()})
    return table(rows, VERDICT, (*EVIDENCE, *ECHO))


def table(rows: list[dict[str, Any]], texts: tuple[str, ...], numbers: tuple[str, ...]) -> pa.Table:
    """Rows as a table of these columns, also where there is no row."""
    import pyarrow as pa

    fields = [*((name, pa.string()) for name in texts), *((name, pa.float64()) for name in numbers)]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def rounded(value: float) -> float | None:
    """A number to six places, which no machine gets otherwise; None where there is none."""
    return None if math.isnan(value) else round(float(value), 6)
