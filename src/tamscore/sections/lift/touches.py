"""What each touch plan has brought: the effect among accounts that had it on the day of the draw, in the plan's terms.

Controls had the same plans on that day, so that treated accounts and controls of a plan compare.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.lift.effects import of_strata
from tamscore.sections.lift.money import of_money
from tamscore.sections.lift.strata import FEWEST_CONTROLS
from tamscore.sections.lift.verdict import totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.sections.lift.effects import Effect
    from tamscore.sections.lift.verdict import Experiment


@dataclass(frozen=True)
class PlannedTouches:
    """The plans of the accounts (m,) of a holdout on the day of the draw, and what these plans count with.

    `names` are pairs of role and service level, `place` (m,) that of each account among them, -1 for none. `likelihood`
    (m,) is the probability over the mean of the kind, `whitespace` (m,) that of the account.
    """

    names: Sequence[tuple[str, str]]
    place: Any
    likelihood: Any
    whitespace: Any


def by_touch(experiment: Experiment, touches: PlannedTouches, *, of_customers: bool) -> list[dict[str, Any]]:
    """Return the effect of each plan with enough accounts in both arms, as JSON holds it.

    For prospects `effect`, `low` and `high` are shares of buyers, for customers money an account, where an interval of
    money holds. `open` is the mean that the plan's share of whitespace counts with: of likelihoods for prospects, of
    whitespace times likelihood for customers; `sales` the mean of positive sales, which counts for customers alone.
    """
    items = []
    weight = touches.likelihood * touches.whitespace if of_customers else touches.likelihood
    for number, (role, level) in enumerate(touches.names):
        mine = touches.place == number
        treated, controls = (int(np.count_nonzero(mine & side)) for side in (~experiment.control, experiment.control))
        if min(treated, controls) < FEWEST_CONTROLS:
            continue
        part = _part_of(experiment, mine)
        effect = _money_of(part) if of_customers else of_strata(totals(part.alone))
        if effect is not None:
            record = {"role": role, "service_level": level, "treated": treated, "controls": controls}
            record |= {name: float(getattr(effect, end)) for name, end in _EFFECT.items()}
            record |= {"open": float(weight[mine].mean())}
            items.append({**record, "sales": float(np.maximum(part.sales, 0.0).mean()) if of_customers else 0.0})
    return items


_EFFECT = {"effect": "value", "low": "low", "high": "high"}


def _part_of(experiment: Experiment, mine: Any) -> Experiment:
    """Return some accounts (m,) bool of an experiment, as one stratum: each has the same share of controls."""
    columns = {name: getattr(experiment, name)[mine] for name in ("control", "bought", "sales")}
    amount, family = (None if item is None else item[mine] for item in (experiment.amount, experiment.family))
    return replace(
        experiment,
        names=("all",),
        stratum=np.zeros(len(columns["control"]), np.int64),
        amount=amount,
        family=family,
        groups={},
        **columns,
    )


def _money_of(part: Experiment) -> Effect | None:
    """Return the effect on the money of customers, None where no interval of it holds, as of families."""
    if part.amount is None or part.family is not None:
        return None
    effect = of_money(part.amount, part.sales, part.control, part.stratum)
    return effect.effect if effect.is_admitted else None
