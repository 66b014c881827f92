"""The rows of a market as a run would meet them first: who is there, who would be rejected, in which currencies."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tamscore.arrow import float_column
from tamscore.errors import InputContractError
from tamscore.questions.readiness.finding import Finding
from tamscore.questions.readiness.sample import sample_note
from tamscore.schema import InputColumns, Reason
from tamscore.scoring.census.market import checks, count_rows
from tamscore.stages import contract
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run

_FEW_CUSTOMERS = 100
"""With fewer customers the potential of a market rests on a handful of accounts."""


def from_rows(run: Run, rows: int) -> list[Finding]:
    """Return what the census of a market, or of a sample of its rows, finds; every check is asked."""
    where = "" if run.plan.rows == rows else f"{sample_note(run.plan.rows, rows)}, limits widened for chance: "
    try:
        counted, currencies, contrary = count_rows(run)
    except InputContractError as error:
        return [Finding(where + str(error), stops=True)]
    parts = [with_features(part, run.columns) for part in counted]
    findings: list[Finding] = []
    for check in checks(run, parts, currencies, contrary):
        try:
            findings += [Finding(where + text) for text in check()]
        except InputContractError as error:
            findings.append(Finding(where + str(error), stops=True))
    return [*findings, *_counts(run, parts, rows)]


def with_features(part: PartRows, columns: InputColumns) -> PartRows:
    """Return the rows with those rejected that have a feature which no float32 holds."""
    if not columns.numeric:
        return part
    table = tables.read(part.partition, columns.numeric)
    usable = contract.usable(np, [float_column(table[name]) for name in columns.numeric])
    reason = np.where((part.reason == Reason.SCORED) & ~usable, np.uint8(Reason.FEATURE_NOT_FINITE), part.reason)
    return replace(part, reason=reason)


def _counts(run: Run, parts: Sequence[PartRows], rows: int) -> list[Finding]:
    """Return how many rows would be rejected, how many have no sales, and a warning if hardly anybody buys."""
    where = sample_note(run.plan.rows, rows)
    reasons = Counter({reason: sum(int((part.reason == reason).sum()) for part in parts) for reason in Reason})
    rejected = {reason.code: count for reason, count in reasons.items() if count and reason is not Reason.SCORED}
    missing = sum(part.sales_missing for part in parts)
    customers = sum(part.money.customers for part in parts)
    items = []
    if rejected:
        by_reason = ", ".join(f"{code} {count:,}" for code, count in rejected.items())
        items.append(f"{sum(rejected.values()):,} of {where} would be rejected: {by_reason}")
    if missing and run.plan.rows == rows and run.job.rows.sales_missing == "prospect":
        items.append(f"column {run.columns.sales!r}: {missing:,} of {where} have no sales and count as prospects")
    if not customers:
        items.append(f"column {run.columns.sales!r}: no account of {where} is a customer")
    elif customers * rows < _FEW_CUSTOMERS * run.plan.rows:
        items.append(f"{customers:,} customers in {where}: potential would rest on very few accounts")
    return [Finding(text) for text in items]
