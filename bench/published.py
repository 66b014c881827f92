"""Published randomized experiments: the effects and intervals of `tamscore lift` beside those that others report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.csv

from tamscore.sections.lift.effects import ArmCounts, of_strata
from tamscore.sections.lift.money import of_money
from tamscore.sections.lift.verdict import Experiment, buyers, money

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

COUNTS = {
    "Criteo v2.1, visit": (11_882_655, 576_824, 2_096_937, 80_105),
    "X5 RetailHero, purchase": (99_979, 63_638, 100_060, 60_364),
    "Hillstrom, Mens E-Mail, visit": (21_307, 3_894, 21_306, 2_262),
    "Hillstrom, Womens E-Mail, visit": (21_387, 3_238, 21_306, 2_262),
    "Hillstrom, Mens E-Mail, conversion": (21_307, 267, 21_306, 122),
    "Hillstrom, Womens E-Mail, conversion": (21_387, 189, 21_306, 122),
}
"""Published counts: treated customers and the buyers among them, controls and the buyers among them."""
NONE, ARMS = "No E-Mail", ("Mens E-Mail", "Womens E-Mail")
"""The segments of the MineThatData e-mail experiment (Hillstrom, 2008)."""


def of_counts() -> Iterator[dict[str, Any]]:
    """Yield the effect in experiments of which the counts are known."""
    for name, counts in COUNTS.items():
        effect = of_strata(ArmCounts(*counts))
        yield {"of": name, **{end: float(getattr(effect, end)) for end in ("value", "low", "high")}}


def experiment_of(table: pa.Table, arm: str, outcome: str) -> Experiment:
    """Return an arm of the e-mail experiment against those without e-mail, in strata by past sales."""
    segment = np.array(table["segment"].to_pylist())
    here = (segment == arm) | (segment == NONE)
    names, stratum = np.unique(np.array(table["history_segment"].to_pylist())[here], return_inverse=True)
    columns = {name: table[name].to_numpy().astype(np.float64)[here] for name in ("spend", "history", outcome)}
    control = segment[here] == NONE
    bought = columns[outcome] > 0
    return Experiment(names.tolist(), stratum, control, bought, columns["spend"], columns["history"], {})


def hillstrom(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the effects of both e-mails on visits and purchases, and on money with past sales and without."""
    table = pyarrow.csv.read_csv(path)
    for arm in ARMS:
        for tables in ("visit", "conversion"):
            yield {"of": f"Hillstrom, {arm}, {tables}, in strata", **buyers(experiment_of(table, arm, tables))}
        found = experiment_of(table, arm, "conversion")
        nothing = np.zeros(len(found.sales))
        plain = of_money(found.amount, nothing, found.control, nothing.astype(np.int64)).effect
        yield {"of": f"Hillstrom, {arm}, spend", **vars(plain)}
        yield {"of": f"Hillstrom, {arm}, spend, in strata", **(money(found, of_customers=True) or {})}


def published(path: Path | None) -> Iterator[dict[str, Any]]:
    """Yield the effects in published experiments; of the e-mail experiment if its table lies at a path."""
    yield from of_counts()
    if path is not None:
        yield from hillstrom(path)
