"""What hangs on the top step: the whitespace of customers under every way to set it, side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from tamscore.stages.potential import TopStep, top_share
from tamscore.stages.prepare import nearest_rank
from tamscore.stages.whitespace import value_accounts, value_by_level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.stages.account_ladder import AccountLadder
    from tamscore.stages.potential import CustomerSales, PotentialTable
    from tamscore.stages.whitespace import Boundary

TOP_STEPS: tuple[TopStep, ...] = get_args(TopStep)


@dataclass(frozen=True)
class _TopStepAudit:
    """The customers of a party type under one top step: their sales and potential, `whitespace` (steps,) by step.

    `above` counts those that buy more than the cap; they keep their own sales as potential.
    """

    top_step: TopStep
    sales: float
    potential: float
    whitespace: Any
    above: int

    @property
    def shares(self) -> Any:
        """The share (steps,) of their whitespace that lies with each step; NaN where nothing is open."""
        whole = self.whitespace.sum()
        return self.whitespace / whole if whole > 0 else np.full(len(self.whitespace), np.nan)


def audit(
    sales: CustomerSales, table: PotentialTable, boundary: Boundary, in_force: TopStep, *, frozen: bool = False
) -> list[_TopStepAudit]:
    """The audit of every top step on the ladders; prospects stand at the first step whatever the top.

    The top step `in_force` is that of the ladders as they stand. On `frozen` ladders it is the only one: others made
    them, and what those bought is not known any more.
    """
    tops = (in_force,) if frozen else TOP_STEPS
    ladder, lines, own = table.account, table.lines, sales
    values = table.values
    if ladder is not None:
        own, values = sales.relative, ladder.multiples
    audits = []
    for top in tops:
        ladders = values if top == in_force else _with_top(own, values, lines, top)
        of_accounts = None if ladder is None else replace(ladder, multiples=ladders)
        audits.append(_audited(sales, ladders, of_accounts, top, boundary))
    return audits


def _with_top(sales: CustomerSales, values: Any, lines: Sequence[float], top_step: TopStep) -> Any:
    """The ladders (k, steps) with another top step, of the cluster's own customers and never below the last cut."""
    share = top_share(lines, top_step)
    there = np.flatnonzero(sales.support)
    tops = values[:, -1].copy()
    tops[there] = [sales.of(c)[nearest_rank(len(sales.of(c)), share)] for c in there.tolist()]
    return np.column_stack((values[:, :-1], np.maximum(tops, values[:, -2])))


def _audited(
    sales: CustomerSales, values: Any, ladder: AccountLadder | None, top_step: TopStep, boundary: Boundary
) -> _TopStepAudit:
    label = sales.label
    if ladder is None:
        money, climbed = value_accounts(np, sales.sales, label, values, boundary), sales.sales
    else:
        money = value_by_level(np, sales.sales, sales.typical, label, ladder, boundary)
        climbed = sales.sales / sales.typical
    by_step = np.bincount(money.step - 1, weights=np.nan_to_num(money.whitespace), minlength=values.shape[1])
    above = int(np.count_nonzero(climbed > values[label, -1]))
    return _TopStepAudit(top_step, float(sales.sales.sum()), float(np.nansum(money.potential)), by_step, above)
