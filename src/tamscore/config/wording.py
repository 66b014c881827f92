"""The sections of the job file that say what words and amounts of the input mean."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from tamscore.config.settings import Settings
from tamscore.config.values import Column, ColumnList, Positive, Text
from tamscore.substitution import fold_word

WordMaps: TypeAlias = dict[Column, dict[str, Text]]


class Title(Settings):
    """How people call a column, and what they say where it is high or low."""

    title: Text | None = None
    """Words for the column, such as sites for subsidiaries; absent: its name."""
    high: Text | None = None
    """Word where the column is high: before the title (many sites), or before the noun where there is no title (large
    accounts)."""
    low: Text | None = None
    """Word where the column is low, likewise."""
    levels: dict[str, Text] = Field(default_factory=dict)
    """Nouns for accounts of a level, such as manufacturing = "manufacturers"."""


def _title_alone(value: object) -> object:
    return {"title": value} if isinstance(value, str) else value


Titles: TypeAlias = dict[Column, Annotated[Title, BeforeValidator(_title_alone, json_schema_input_type=Text | Title)]]
Names: TypeAlias = dict[Text, Text]


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
