"""Which columns are features: what an account is, never what it buys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tamscore.first_job import names
from tamscore.first_job.scaling import Scaled, suitable_scaling
from tamscore.first_job.vocabulary import (
    CLASSES,
    CODES,
    DATED,
    MONEY_OR_COUNT,
    NAMES,
    ORDERS,
    OWN_SPENDING,
    PLACES,
    SALES_COMPOUNDS,
    STATES,
)
from tamscore.schema import COVERAGE_COLUMNS, REASON_COLUMN, SCORE_COLUMNS
from tamscore.sections import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tamscore.first_job.columns import SampleColumn

_MOST_MISSING = 0.95
_MOST_EXCESSIVE = 0.005
"""A run rejects rows with such values, and stops where more than one in a hundred is rejected."""
_RAREST_LEVEL = 0.01
"""A level with a smaller share of the rows folds into others; see features.category_floor."""
_CODED_LEVELS = 12
"""Whole numbers with up to so many values, in a column called a code or a class, are categories."""
_MOST_WORDS = 0.2
"""A column of texts with a smaller share of words is one of numbers that did not read as such."""
_MOST_COLUMN_LEVELS = 60
"""Columns of so few different texts are worth keeping in the scores, to filter by."""


@dataclass(frozen=True)
class ProposedFeatures:
    """The features with their scaling, the columns of categories, and the others with the reason they are left out."""

    numeric: dict[str, Scaled] = field(default_factory=dict)
    categorical: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    non_negative: tuple[str, ...] = ()
    unread: dict[str, str] = field(default_factory=dict)
    """Columns of texts that are numbers nearly everywhere, with their most frequent word."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all features."""
        return (*self.numeric, *self.categorical)

    def without(self, suspects: Collection[str], reason: str) -> ProposedFeatures:
        """Return the features without some of them, which are left out for a reason."""
        return ProposedFeatures(
            {name: item for name, item in self.numeric.items() if name not in suspects},
            tuple(name for name in self.categorical if name not in suspects),
            self.left_out | dict.fromkeys(suspects, reason),
            self.keep,
            self.non_negative,
            self.unread,
        )


def features_of(
    columns: Sequence[SampleColumn], taken: Collection[str], described: Collection[str]
) -> ProposedFeatures:
    """Return the features among columns: those `taken` play another part, those `described` may be features, too."""
    numeric: dict[str, Scaled] = {}
    categorical, left_out, keep, positive = [], {}, [], []
    for column in columns:
        if column.name in taken and column.name not in described:
            continue
        if reason := _reason_against(column):
            left_out[column.name] = reason
            if _is_output_column(column) and column.name not in described:
                keep.append(column.name)
        elif _is_categorical(column):
            categorical.append(column.name)
        else:
            numeric[column.name] = suitable_scaling(column)
            if column.numbers.min() >= 0 and names.has_word(column.name, MONEY_OR_COUNT):
                positive.append(column.name)
    asked = (column for column in columns if column.name not in taken and _is_unread(column))
    unread = {column.name: next(iter(column.words), "") for column in asked}
    return ProposedFeatures(numeric, tuple(categorical), left_out, tuple(keep), tuple(positive), unread)


def _is_coded(column: SampleColumn) -> bool:
    """Return whether the values of a column stand for something else, by its name: codes, addresses, places."""
    return names.ends_with_word(column.name, CODES) or names.has_word(column.name, PLACES)


def _is_unread(column: SampleColumn) -> bool:
    """Return whether texts are numbers nearly everywhere, and no codes by their name, number or difference."""
    if column.kind != "text" or column.distinct <= _CODED_LEVELS or _is_coded(column) or column.is_unique:
        return False
    return sum(column.words.values()) <= _MOST_WORDS * sum(column.levels.values())


def _is_output_column(column: SampleColumn) -> bool:
    """Return whether the scores can hold a column to filter by: few texts, under a name that they do not have."""
    few = column.kind == "text" and 1 < column.distinct <= _MOST_COLUMN_LEVELS
    return few and bool(column.name.strip()) and column.name not in _score_names()


def _score_names() -> set[str]:
    """Return the names of columns that the scores, or the rejected rows, have of their own."""
    added = (name for section in SECTIONS.values() for name in section.column_names)
    return {*SCORE_COLUMNS, *COVERAGE_COLUMNS, REASON_COLUMN, *added}


def _reason_against(column: SampleColumn) -> str:
    """Return why a column is no feature; empty if it can be one."""
    reasons = {
        "has no name": not column.name.strip(),
        "neither numbers nor texts": column.kind == "other",
        "empty": column.filled == 0,
        "one value only": column.distinct <= 1 and column.missing_share < 1 - _RAREST_LEVEL,
        f"{column.missing_share:.0%} are missing": column.missing_share > _MOST_MISSING,
        "infinite or too large values": column.excessive > _MOST_EXCESSIVE * column.rows,
        "a date": column.kind == "date",
        "follows from what the account buys": follows_orders(column.name),
    }
    if reason := next((text for text, holds in reasons.items() if holds), ""):
        return reason
    return _reason_against_numbers(column) if column.kind == "number" else _reason_against_texts(column)


def follows_orders(name: str) -> bool:
    """Return whether a column is about orders by its name; the account's own revenue and spending are not."""
    own = names.score(name, NAMES["revenue"]) >= 1 or names.has_word(name, OWN_SPENDING)
    about = names.has_word(name, ORDERS) or any(word.endswith(SALES_COMPOUNDS) for word in names.words_of(name))
    return names.phrase(name) in STATES or (about and not own)


def _reason_against_numbers(column: SampleColumn) -> str:
    """Return why a column of numbers is no feature; empty if it can be one."""
    if _is_coded(column) and not _is_categorical(column):
        return "a code, an address or a place"
    if column.whole and column.is_unique and len(names.words_of(column.name)) == 1 and column.numbers.min() >= 0:
        steps = float(column.numbers.max() - column.numbers.min()) + 1
        return "numbers the rows" if steps <= 1.5 * column.rows else ""
    return "numbers that say when" if names.has_word(column.name, DATED) else ""


def _reason_against_texts(column: SampleColumn) -> str:
    """Return why a column of texts is no feature; empty if it can be one."""
    if column.kind == "flag":
        return ""
    frequent = [count for count in column.levels.values() if count >= _RAREST_LEVEL * column.rows]
    if not frequent or sum(frequent) < 0.2 * column.filled:
        return "nearly every account has its own"
    return (
        "an address or a contact"
        if names.has_word(column.name, CODES - {"code", "key", "no", "sic", "naics", "nace"})
        else ""
    )


def _is_categorical(column: SampleColumn) -> bool:
    """Return whether a column holds categories: texts, flags, and whole numbers that are codes."""
    if column.kind in {"text", "flag"}:
        return True
    return (
        column.whole
        and column.distinct <= _CODED_LEVELS
        and names.ends_with_word(column.name, CLASSES | {"class", "type"})
    )
