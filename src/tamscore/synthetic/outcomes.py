"""What accounts of a holdout would buy if work on them had an effect that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

_SPREAD = 0.5
"""The standard deviation of the logarithm of an amount."""
_FIRST_ORDER = 1_000.0
"""The median amount of an account without sales."""


def plant(accounts: pa.Table, chance: Any, effect: float, seed: int) -> tuple[pa.Table, pa.Table]:
    """Return outcomes with a row for each buyer, and the truth about all accounts.

    `accounts` have `account_id`, `control` and `sales`, `chance` (m,) is the probability to buy without work. Work
    raises it by the share `effect`, to 1 at most. The same seed gives the same tables.
    """
    random = np.random.default_rng([seed, 28])
    control = accounts["control"].to_numpy()
    sales = np.nan_to_num(accounts["sales"].to_numpy())
    chances = np.where(control, chance, np.minimum(chance * (1 + effect), 1.0))
    bought = random.random(len(chances)) < chances
    amount = np.where(sales > 0, sales, _FIRST_ORDER) * np.exp(_SPREAD * random.standard_normal(len(chances)))
    ids = accounts["account_id"]
    truth = pa.table({"account_id": ids, "control": control, "chance_without_work": chance, "chance": chances})
    here = pa.array(bought)
    won = {"account_id": ids, "bought": bought, "amount": np.round(amount, 2), "contacted": ~control}
    return pa.table(won).filter(here), truth
