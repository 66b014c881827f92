"""Simulated holdouts: how often intervals cover the effect, what is called one that is none, and power as announced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.lift.effects import ArmCounts, of_all, of_strata
from tamscore.sections.lift.money import of_money
from tamscore.sections.lift.power import power

if TYPE_CHECKING:
    from collections.abc import Iterator

TREATED, CONTROLS = np.array([600, 1_800, 2_600]), np.array([150, 450, 650])
RATE = np.array([0.08, 0.04, 0.03])
"""Three strata: the share of buyers without treatment."""
LIFTS = (0.0, 0.3, 0.6)
CUSTOMERS, SHARE = 2_500, 0.3


def experiments(lift: float, seeds: int, seed: int = 1) -> ArmCounts:
    """Return so many experiments (seeds, s) in which treatment raises the share of buyers by a lift."""
    random, size = np.random.default_rng(seed), (seeds, len(RATE))
    bought = random.binomial(TREATED, RATE * (1 + lift), size), random.binomial(CONTROLS, RATE, size)
    return ArmCounts(TREATED, bought[0], CONTROLS, bought[1])


def covered(effect: Any, truth: Any) -> Any:
    """Return the share of experiments whose interval holds the truth."""
    return np.mean((effect.low <= truth) & (truth <= effect.high), axis=0)


def buyers(lift: float, seeds: int) -> dict[str, Any]:
    """Return coverage over all and by stratum, how often an effect is seen, and the power announced."""
    counts, truth = experiments(lift, seeds), RATE * lift
    weight = (TREATED + CONTROLS) / (TREATED + CONTROLS).sum()
    every, each = of_all(counts), of_strata(counts)
    return {
        "lift": lift,
        "seeds": seeds,
        "covered": float(covered(every, weight @ truth)),
        "covered_by_stratum": covered(each, truth).tolist(),
        "seen": float(np.mean(every.is_seen)),
        "seen_by_stratum": np.mean(each.is_seen, axis=0).tolist(),
        "power": power(TREATED, CONTROLS, RATE, lift),
    }


def customers(random: Any, effect: float, rows: int = CUSTOMERS, share: float = SHARE) -> tuple[Any, Any, Any, Any]:
    """Return amounts that go with past sales, these, who is a control, and strata; treated ones buy more."""
    sales = np.exp(6 + 0.5 * random.standard_normal(rows))
    control = random.random(rows) < share
    amount = sales * np.exp(0.3 * random.standard_normal(rows)) * (random.random(rows) < 0.8)
    return amount + effect * ~control, sales, control, (sales > np.median(sales)).astype(np.int64)


def money(effect: float, seeds: int) -> dict[str, Any]:
    """Return coverage of the effect on customers' money, and how wide intervals are with past sales and without."""
    random = np.random.default_rng(3)
    found, plain = [], []
    for _ in range(seeds):
        amount, sales, control, stratum = customers(random, effect)
        found.append(of_money(amount, sales, control, stratum))
        plain.append(of_money(amount, np.zeros(len(sales)), control, stratum).effect)
    low, high = (np.array([getattr(one.effect, name) for one in found]) for name in ("low", "high"))
    return {
        "effect": effect,
        "seeds": seeds,
        "covered": float(np.mean((low <= effect) & (effect <= high))),
        "seen": float(np.mean((low > 0) | (high < 0))),
        "admitted": float(np.mean([one.is_admitted for one in found])),
        "width_of_plain": float(np.median(high - low) / np.median([one.high - one.low for one in plain])),
    }


def lift(seeds: int) -> Iterator[dict[str, Any]]:
    """Yield the figures of buyers by lift, and those of customers' money with an effect and without."""
    for value in LIFTS:
        yield {"of": "buyers", **buyers(value, seeds)}
    for effect in (0.0, 25.0):
        yield {"of": "money", **money(effect, seeds)}
