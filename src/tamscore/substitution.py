"""What is read in place of what a table holds: words by their map, amounts in one currency, sums of several rows."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_MONEY = 1e15
"""No business has amounts from here on; such a number is a placeholder or a fault."""


def fold_word(word: str) -> str:
    """Return a word or a name of a person, region, skill or role as it is compared: NFC, trimmed, case folded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", word).strip().casefold())


def plain_word(word: str) -> str:
    """Return a word of a closed list as it is compared: folded, without blanks, hyphens and underscores in it."""
    return re.sub(r"[\s_-]+", "", fold_word(word))


def fold_keys(words: Mapping[str, str]) -> dict[str, str]:
    """Return a map of words with its keys as they are compared; the empty key stands for missing and blank."""
    return {fold_word(word): target for word, target in words.items()}


@dataclass(frozen=True)
class Rates:
    """How amounts become amounts of one currency.

    `column` holds each row's currency, `factors` says by folded currency what one unit is worth, `money` lists the
    columns that are multiplied.
    """

    column: str
    factors: dict[str, float]
    money: tuple[str, ...]


@dataclass(frozen=True)
class Substitution:
    """What is read in place of what a table holds.

    `words` maps folded words to others, by column; `summed` is the column of sales where rows of one account are added
    up. Columns of `money` are read as float64 in every file, so that all files give one type.
    """

    words: dict[str, dict[str, str]] = field(default_factory=dict)
    rates: Rates | None = None
    summed: str | None = None

    @property
    def money(self) -> tuple[str, ...]:
        """Return the columns of amounts that may be changed, each once."""
        own = (self.summed,) if self.summed else ()
        return tuple(dict.fromkeys((*own, *(self.rates.money if self.rates else ()))))


@dataclass(frozen=True)
class SubstituteSums:
    """Sales (s,) that stand in place of those of some rows (s,) of a partition, sorted: what several rows come to."""

    rows: Any
    amounts: Any


AS_IT_IS = Substitution()
"""The substitution that changes nothing."""
