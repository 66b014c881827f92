"""Touch plans by what holdouts have measured: shares of money that were assumed give way to the effects that were seen.

An assumption counts like a measurement that may be off by as much as it is large; so a plan with few controls, whose
effect is known roughly, keeps nearly what was assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tamscore.store import holdouts
from tamscore.substitution import plain_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tamscore.sections.coverage.plans import TouchPlan
    from tamscore.sections.coverage.settings import Coverage
    from tamscore.store.location import Location

_Record = dict[str, Any]
_YEAR = 365.0
_FEWEST_DAYS = 28
"""Outcomes of fewer days say too little about a year."""
_WIDTH = 2 * 1.959963984540054
"""Standard deviations between the limits of an interval of 95 %."""
_SHARES = {"prospects": ("acquisition",), "customers": ("expansion", "protection")}
"""The shares of a plan that the effect among accounts of a holdout speaks of."""
_BASES = ("open", "sales")
"""What these shares are of, by account."""
_REPORTED_FIELDS = ("holdout", "of", "drawn_at", "days", "touches")


def measure(output: Location, settings: Coverage) -> list[_Record]:
    """Return what counts of the results of holdouts: for prospects and customers those of the holdout drawn last.

    None count if the settings say so, or name plans of their own and do not ask for it; none of a holdout that was
    looked at before its day, or after fewer than 28 days. Raise InputContractError if a result was changed.
    """
    wanted = settings.plans is None if settings.measured is None else settings.measured
    if not wanted:
        return []
    last = {}
    for record in sorted(holdouts.lifts(output), key=lambda record: str(record["drawn_at"])):
        if record["touches"] and not record["is_early"] and record["days"] >= _FEWEST_DAYS:
            last[record["of"]] = {**record, "holdout": record["name"]}
    return [{name: last[of][name] for name in _REPORTED_FIELDS} for of in _SHARES if of in last]


@dataclass(frozen=True)
class _MeasuredPlans:
    """Touch plans with shares that were measured, and what was done to which, as JSON holds it."""

    plans: tuple[TouchPlan, ...]
    rows: tuple[_Record, ...]


def with_measured(plans: Sequence[TouchPlan], results: Sequence[Mapping[str, Any]]) -> _MeasuredPlans:
    """Return the plans by what results of holdouts say, see `measure`; plans that they do not name stay."""
    changed, rows = list(plans), list[_Record]()
    for result in results:
        for touch in result["touches"]:
            mine = [place for place, plan in enumerate(changed) if _is_of(plan, touch)]
            row = _factor_of([changed[place] for place in mine], result, touch) if mine else None
            if row is not None:
                rows.append(row)
                for place in mine:
                    changed[place] = _scale(changed[place], _SHARES[result["of"]], row["factor"])
    return _MeasuredPlans(tuple(changed), tuple(rows))


def _is_of(plan: TouchPlan, touch: Mapping[str, Any]) -> bool:
    """Return whether an effect is that of a plan: of its role and service level."""
    names = ((plan.role, touch["role"]), (plan.service_level, touch["service_level"]))
    return all(plain_word(text) == plain_word(other) for text, other in names)


def _factor_of(plans: Sequence[TouchPlan], result: Mapping[str, Any], touch: Mapping[str, Any]) -> _Record | None:
    """Return by which factor the shares of some plans change, and why; None if nothing was assumed.

    `assumed` and `measure` are an account's a year: shares of buyers among prospects, money of customers. `weight` is
    that of the measurement: 1 / (1 + (its standard error / what was assumed)²).
    """
    mean = [sum(getattr(plan, name) for plan in plans) / len(plans) for name in _SHARES[result["of"]]]
    assumed = sum(share * touch[base] for share, base in zip(mean, _BASES, strict=False))
    if assumed <= 0:
        return None
    years = result["days"] / _YEAR
    effect, error = touch["effect"] / years, (touch["high"] - touch["low"]) / _WIDTH / years
    weight = 1 / (1 + (error / assumed) ** 2)
    record = {"role": touch["role"], "service_level": touch["service_level"], "of": result["of"]}
    record |= {"holdout": result["holdout"], "days": result["days"], "controls": touch["controls"]}
    factor = max(1 + weight * (effect / assumed - 1), 0.0)
    return {**record, "assumed": assumed, "measured": effect, "weight": weight, "factor": factor}


def _scale(plan: TouchPlan, shares: Sequence[str], factor: float) -> TouchPlan:
    """Return a plan with some shares times a factor, at most 1."""
    return replace(plan, **{name: min(getattr(plan, name) * factor, 1.0) for name in shares})


def measured_notices(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield how many plans go by what was measured, and in which holdouts."""
    if rows:
        names = " and ".join(dict.fromkeys(repr(row["holdout"]) for row in rows))
        yield f"shares of {len(rows):,} touch plans are measured: holdout {names}"
