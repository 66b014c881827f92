"""The level of a party type's accounts: fitted on its customers, and both levels compared on those held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.scoring.fit.sources import SampleSource
from tamscore.stages import stability
from tamscore.stages.level import FEWEST_CUSTOMERS, LevelModel, fit_level, folds_of
from tamscore.stages.level_loss import PartyLevel, level_losses

if TYPE_CHECKING:
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.data import FitData
    from tamscore.scoring.fit.party import Party
    from tamscore.scoring.fit.party_fit import PartyFit
    from tamscore.scoring.fit.sample import SampledRows


@dataclass(frozen=True)
class CustomerLevels:
    """The customers that a level was fitted on: block (d, n), sales, draw numbers and typical sales (n,), on the host.

    Typical sales are those of a model without the customer's own fold.
    """

    model: LevelModel
    block: Any
    sales: Any
    numbers: Any
    typical: Any


def customer_levels(run: Run, party: Party, data: FitData) -> CustomerLevels | None:
    """The level of a party type's customers in its space; None, with a notice where it matters, if they are too few."""
    drawn, space = party.customers, data.space
    if len(drawn) < FEWEST_CUSTOMERS:
        if run.job.potential.level == "account":
            run.progress.notice(
                f"{party.name}: potential.level = 'account' needs at least {FEWEST_CUSTOMERS} customers, got "
                f"{len(drawn)}; took level cluster"
            )
        return None
    raw = SampleSource(party.local, run.backend, drawn, data.encoding).raw
    block = run.backend.get(space.block(run.backend, raw))
    unit, seed = space.fitted_grid.unit, run.job.clusters.seed
    model = fit_level(block, drawn.sales, drawn.numbers, len(space.scales), unit, seed)
    if model is None:
        return None
    typical = model.typical(model.level(np, block, folds_of(drawn.numbers)))
    return CustomerLevels(model, block, drawn.sales, drawn.numbers, typical)


def add_level(run: Run, customers: CustomerLevels | None, fitted: PartyFit) -> PartyFit:
    """The fit with the level in use in its model, and with what both levels come to on held-out customers."""
    if customers is None:
        return replace(fitted, level=PartyLevel("cluster", None, ()))
    rules, model = run.job.potential, fitted.model
    label = stability.labels(HostBackend(), customers.block, model.centers)
    fold = folds_of(customers.numbers)
    losses = level_losses(label, customers.sales, customers.typical, fold, rules.lines[0], rules.min_customers)
    level = PartyLevel(rules.level, customers.model, losses)
    return replace(fitted, model=replace(model, level=level.in_force, typical=level.model), level=level)


def over_typical(drawn: SampledRows, customers: CustomerLevels) -> Any:
    """The sales (s,) of drawn rows over their typical ones where they are among the customers; 0 elsewhere."""
    place = np.minimum(np.searchsorted(customers.numbers, drawn.numbers), len(customers.numbers) - 1)
    known = (customers.numbers[place] == drawn.numbers) & (drawn.sales > 0)
    return np.where(known, np.where(known, drawn.sales, 0.0) / customers.typical[place], 0.0)
