"""The leakage guard at level account: every feature dropped in turn from the level of a party type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tamscore.errors import GateError
from tamscore.stages import leakage, level_shift

if TYPE_CHECKING:
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.data import FitData
    from tamscore.scoring.fit.level import CustomerLevels
    from tamscore.scoring.fit.party import Party


def level_shifts(run: Run, party: Party, data: FitData, customers: CustomerLevels | None) -> dict[str, float]:
    """The factor by which prospects' median level moves without each feature; nothing at level cluster.

    Raise GateError if a feature that the job does not allow moves it beyond the limit.
    """
    rules = run.job.leakage
    if customers is None or rules.action == "off" or run.job.potential.level != "account":
        return {}
    seeds = data.seeds
    prospects = np.flatnonzero(party.drawn.sales[: seeds.shape[1]] <= 0)[: leakage.PROSPECTS]
    columns = [feature.column for feature in data.space.features]
    shifts = level_shift.shifts(customers.model, customers.block, customers.sales, seeds[:, prospects], columns)
    odd = {name: factor for name, factor in shifts.items() if name not in run.job.features.allow}
    stops = rules.action == "block" and len(prospects) >= leakage.PROSPECTS_TO_BLOCK
    worst = [name for name, factor in odd.items() if factor > level_shift.BLOCK]
    if stops and worst:
        lines = _refusal(run.job.input.name, party.name, {name: odd[name] for name in worst})
        raise GateError("\n".join(lines), gate="leakage")
    for name, factor in odd.items():
        if factor > level_shift.WARN:
            run.progress.notice(f"{party.name}: {_sentence(name, factor)}")
    return shifts


def _sentence(name: str, factor: float) -> str:
    """Return what a feature does to the level."""
    return (
        f"feature {name!r} carries the level of prospects: without it their median potential moves by a factor of "
        f"{factor:.1f}, as with sales in disguise"
    )


def _refusal(path: str, party: str, record: dict[str, float]) -> list[str]:
    """Return why the run stops, and what to do."""
    names = ", ".join(map(repr, record))
    remedy = (
        f"leave out {names}; or, for what is known before an account buys, name it under features.allow; or set "
        "potential.level = 'cluster'"
    )
    return [*(f"{path}: {party}: {_sentence(name, factor)}" for name, factor in record.items()), remedy]
