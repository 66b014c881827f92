"""What a model keeps of the level of accounts: the regression, and the ladders of relative sales."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.account_ladder import AccountLadder
from tamscore.stages.level import FOLDS, LevelColumns, LevelModel
from tamscore.stages.level_loss import LevelLoss, PartyLevel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tamscore.model.arrays import Arrays
    from tamscore.model.record import PartyRecord
    from tamscore.model.text import LevelText
    from tamscore.stages.potential import CustomerSales, PotentialTable

_COLUMNS = ("factor", "low", "high")
_MULTIPLES = ("multiples", "low", "high")


def level_arrays(party: PartyRecord) -> Iterator[tuple[str, Any]]:
    """Yield the arrays of a party type's level, and those of its ladders at level account, by name."""
    if party.level is not None and party.level.model is not None:
        model = party.level.model
        yield from ((f"level_{name}", getattr(model.columns, name)) for name in _COLUMNS)
        yield "level_weights", model.weights
        yield "level_intercept", model.intercept
    if party.table.account is not None:
        ladder = party.table.account
        yield from ((f"account_{name}", getattr(ladder, name)) for name in (*_MULTIPLES, "cap", "typical"))
        yield "customer_typical", party.sales.typical
        yield "segment_typical", party.by_segment.typical


def level_of(text: LevelText | None, take: Arrays, sizes: Mapping[str, int], numeric: int) -> PartyLevel | None:
    """The level of a party type, of whose features so many are numbers; ValueError if its arrays do not fit."""
    if text is None:
        return None
    losses, level_model_text, model = tuple(LevelLoss(**loss.model_dump()) for loss in text.losses), text.model, None
    if level_model_text is not None:
        columns = LevelColumns(*(take(f"level_{name}", (numeric,)) for name in _COLUMNS))
        weights = take("level_weights", (FOLDS + 1, 2 * numeric + sizes["features"]))
        intercept = take("level_intercept", (FOLDS + 1,))
        model = LevelModel(
            columns,
            weights,
            intercept,
            level_model_text.median,
            level_model_text.penalty,
            level_model_text.customers,
            level_model_text.seed,
        )
    return PartyLevel(text.in_use, model, losses)


def with_account(table: PotentialTable, cents: float | None, take: Arrays, sizes: Mapping[str, int]) -> PotentialTable:
    """The ladders with those at level account, which there are where `cents` are said; ValueError as for one array."""
    if cents is None:
        return table
    k = sizes["clusters"]
    own, low, high = (take(f"account_{name}", (k, sizes["steps"]), least=0, gaps=True) for name in _MULTIPLES)
    cap, typical = take("account_cap", (k,), least=0, gaps=True), take("account_typical", (k,), least=0)
    return replace(table, account=AccountLadder(own, low, high, cap, typical, cents))


def with_typical(sales: CustomerSales, name: str, take: Arrays, *, there: bool) -> CustomerSales:
    """Customers' sales with their typical sales, where these are `there`; raise ValueError as for one array."""
    if not there:
        return sales
    return replace(sales, typical=take(name, (len(sales.sales),), np.float32, least=0))
