"""The sections of the job file that say what words and amounts of the input mean."""

from __future__ import annotations

from typing import TypeAlias

from pydantic import Field

from tamscore.config.settings import Settings
from tamscore.config.values import Column, ColumnList, Positive, Text
from tamscore.substitution import fold_word

WordMaps: TypeAlias = dict[Column, dict[str, Text]]


class Currency(Settings):
    """How amounts of several currencies become amounts of one; columns.currency names the column that tells them."""

    target: Text
    """Currency that all amounts are brought to, as the column names it, such as EUR."""
    rates: dict[Text, Positive] = Field(default_factory=dict)
    """What one unit of each other currency is worth in the target currency, such as USD = 0.92."""
    columns: ColumnList = ()
    """Further numeric columns with amounts in the row's currency; sales, revenue, sales before and the realised sales
    of a backtest on the input are always converted."""

    @property
    def factors(self) -> dict[str, float]:
        """Return what one unit of each currency is worth, by folded name; 1 for the target itself."""
        return {**{fold_word(name): rate for name, rate in self.rates.items()}, fold_word(self.target): 1.0}
