"""The level of one account at level account, and the ladder that it makes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.stages.account_ladder import AccountLadder


@dataclass(frozen=True)
class OwnLevel:
    """An account's typical sales, those of the median account of its cluster, and the steps as `multiples` of them.

    No step lies above the `cap`, the largest sales of the customers that the multiples come from.
    """

    typical: float
    of_cluster: float
    multiples: tuple[float | None, ...]
    cap: float | None


def own_level(ladder: AccountLadder | None, c: int, row: dict[str, Any]) -> OwnLevel | None:
    """The level of an account at level account; None at level cluster."""
    if ladder is None:
        return None
    multiples = tuple(None if math.isnan(multiple) else float(multiple) for multiple in ladder.multiples[c])
    return OwnLevel(
        float(row["typical_sales"]),
        float(ladder.typical[c]),
        multiples,
        None if math.isnan(ladder.cap[c]) else float(ladder.cap[c]),
    )


def own_values(ladder: AccountLadder | None, c: int, row: dict[str, Any], values: Any) -> Any:
    """The values (steps,) of the account's own ladder at level account; those of its cluster else."""
    if ladder is None:
        return values
    return ladder.money(np, np.float64(row["typical_sales"]), ladder.multiples[c], ladder.cap[c])
