"""The result of a holdout: buyers of a holdout's treated accounts and controls, over all, by stratum and by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.lift.clusters import effective
from tamscore.sections.lift.effects import ArmCounts, Effect, of_all, of_strata
from tamscore.sections.lift.money import FEWEST_CUSTOMERS, MOST_SKEWED, of_money
from tamscore.sections.lift.strata import FEWEST_CONTROLS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MORE, FEWER, UNSEEN, TOO_FEW = "more", "fewer", "unseen", "too few"
"""Possible results: an effect whose interval excludes 0, an interval that includes 0, or no statement."""


@dataclass(frozen=True)
class Experiment:
    """The accounts (m,) of a holdout and what became of them: stratum by number, control, buyer, contacted.

    `amount` (m,) is None where outcomes hold no money; `sales` (m,) are those at the draw. `groups` are names with the
    place (m,) of each account among them by column, -1 for none. `family` (m,) is the number of those that were drawn
    together; None where each was drawn alone.
    """

    names: Sequence[str]
    stratum: Any
    control: Any
    bought: Any
    amount: Any
    sales: Any
    groups: Mapping[str, tuple[Sequence[str], Any]]
    family: Any | None = None

    @property
    def counts(self) -> ArmCounts:
        """Accounts and buyers of each stratum."""
        return _counts_by(self.stratum, len(self.names), self.control, self.bought)

    @property
    def alone(self) -> ArmCounts:
        """Return the same as those of accounts that were drawn alone, which intervals go by."""
        return effective(self.counts, self.stratum, self.control, self.bought, self.family)


def _counts_by(code: Any, levels: int, control: Any, bought: Any) -> ArmCounts:
    """Return accounts and buyers (c,) by code (m,)."""

    def rows(mask: Any) -> Any:
        return np.bincount(code[mask], minlength=levels)

    return ArmCounts(rows(~control), rows(~control & bought), rows(control), rows(control & bought))


def buyers(experiment: Experiment) -> dict[str, Any]:
    """Return the verdict on buyers over all strata, as JSON holds it."""
    counts = experiment.counts
    return _row_of("all", totals(counts), of_all(experiment.alone))


def totals(counts: ArmCounts) -> ArmCounts:
    """Return the counts of all strata together."""
    parts = (counts.treated, counts.treated_buyers, counts.controls, counts.control_buyers)
    return ArmCounts(*(int(part.sum()) for part in parts))


def by_stratum(experiment: Experiment) -> list[dict[str, Any]]:
    """Return the verdict on buyers in each stratum."""
    return _rows_of(experiment.names, experiment.counts, experiment.alone)


def by_group(experiment: Experiment) -> dict[str, list[dict[str, Any]]]:
    """Return the verdict on buyers by the groups of each column.

    Every stratum has the same share of controls, so that those of a group compare without weights.
    """
    record = {}
    for column, (names, place) in experiment.groups.items():
        here = place >= 0
        counts = _counts_by(place[here], len(names), experiment.control[here], experiment.bought[here])
        alone = effective(counts, place, experiment.control, experiment.bought, experiment.family)
        record[column] = _rows_of(names, counts, alone)
    return {column: rows for column, rows in record.items() if rows}


def _rows_of(names: Sequence[str], counts: ArmCounts, alone: ArmCounts) -> list[dict[str, Any]]:
    """Return a row for each name that has accounts.

    One with too few controls or treated accounts, counted as `alone`, has no effect.
    """
    items = []
    for name, mine, single in zip(names, _one_by_one(counts), _one_by_one(alone), strict=True):
        if mine.accounts:
            enough = min(single.treated, single.controls) >= FEWEST_CONTROLS
            items.append(_row_of(name, mine, of_strata(single) if enough else None))
    return items


def _one_by_one(counts: ArmCounts) -> list[ArmCounts]:
    """Return counts (c,) one by one."""
    parts = (counts.treated, counts.treated_buyers, counts.controls, counts.control_buyers)
    return [ArmCounts(*numbers) for numbers in zip(*(part.tolist() for part in parts), strict=True)]


def _row_of(name: str, counts: ArmCounts, effect: Effect | None) -> dict[str, Any]:
    """Return what there is to say of buyers, as JSON holds it; `lift` is the effect over the rate of controls."""
    rate = counts.control_buyers / counts.controls if counts.controls else None
    row = {
        "name": name,
        "treated": counts.treated,
        "treated_buyers": counts.treated_buyers,
        "controls": counts.controls,
        "control_buyers": counts.control_buyers,
        "rate_treated": counts.treated_buyers / counts.treated if counts.treated else None,
        "rate_controls": rate,
    }
    return row | _effect_record(effect) | {"lift": float(effect.value) / rate if effect is not None and rate else None}


def _effect_record(effect: Effect | None) -> dict[str, Any]:
    """Return an effect with its interval and verdict; without one all but the verdict are null."""
    if effect is None:
        return {"effect": None, "low": None, "high": None, "verdict": TOO_FEW}
    verdict = UNSEEN if not effect.is_seen else MORE if effect.value > 0 else FEWER
    return {"effect": float(effect.value), "low": float(effect.low), "high": float(effect.high), "verdict": verdict}


def money(experiment: Experiment, *, of_customers: bool) -> dict[str, Any] | None:
    """Return mean amounts, for customers with a verdict where it holds; None where outcomes hold no money.

    `why_not` says why there is no verdict, '' if there is one.
    """
    if experiment.amount is None:
        return None
    means = {
        "mean_treated": float(experiment.amount[~experiment.control].mean()),
        "mean_controls": float(experiment.amount[experiment.control].mean()),
    }
    if experiment.family is not None:
        return (
            means
            | _effect_record(None)
            | {"why_not": "families were drawn whole, so that amounts do not vary one by one"}
        )
    if not of_customers:
        return (
            means
            | _effect_record(None)
            | {"why_not": "of prospects money varies too much for a verdict; buyers are one"}
        )
    effect = of_money(experiment.amount, experiment.sales, experiment.control, experiment.stratum)
    facts = {"theta": effect.theta, "skewness": effect.skewness}
    if effect.is_admitted:
        return means | _effect_record(effect.effect) | facts | {"why_not": ""}
    few = f"{effect.fewest:,} customers in the smaller arm, {FEWEST_CUSTOMERS} are needed"
    skewed = f"a few large amounts decide: skewness {abs(effect.skewness):.2f}, below {MOST_SKEWED} is needed"
    return means | _effect_record(None) | facts | {"why_not": few if effect.fewest < FEWEST_CUSTOMERS else skewed}
