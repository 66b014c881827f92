"""The sections of the job file about the meaning of words and amounts of the input."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from tamscore.config.settings import Settings
from tamscore.config.values import Column, ColumnList, Positive, Text
from tamscore.substitution import fold_word

WordMaps: TypeAlias = dict[Column, dict[str, Text]]


class Title(Settings):
    """Display names of a column, and words for its high and low values."""

    title: Text | None = None
    """Display name of the column, such as sites for subsidiaries; absent: its name."""
    high: Text | None = None
    """Word for high values: before the title (many sites), or before the noun without a title (large accounts)."""
    low: Text | None = None
    """Word for low values, used in the same way."""
    levels: dict[str, Text] = Field(default_factory=dict)
    """Nouns for accounts with a level of the column, such as manufacturing = "manufacturers"."""


def _title_alone(value: object) -> object:
    return {"title": value} if isinstance(value, str) else value


Titles: TypeAlias = dict[Column, Annotated[Title, BeforeValidator(_title_alone, json_schema_input_type=Text | Title)]]
Names: TypeAlias = dict[Text, Text]


class Currency(Settings):
    """Conversion of amounts to one currency; columns.currency names the column with the currency of each row."""

    target: Text
    """Currency that all amounts are converted to, as it stands in the column, such as EUR."""
    rates: dict[Text, Positive] = Field(default_factory=dict)
    """Value of one unit of each other currency in the target currency, such as USD = 0.92."""
    columns: ColumnList = ()
    """Further numeric columns with amounts in the row's currency. Sales, revenue, sales before and the realised sales
    of a backtest on the input are always converted."""

    @property
    def factors(self) -> dict[str, float]:
        """Return the value of one unit of each currency, by folded name; 1 for the target."""
        return {**{fold_word(name): rate for name, rate in self.rates.items()}, fold_word(self.target): 1.0}
