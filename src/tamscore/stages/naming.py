"""Plain words for a group of accounts: `large retail accounts in DE with many sites and high growth`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_Place: TypeAlias = Literal["adjective", "noun", "in", "with"]
_NOUN = "accounts"
_SIZES = frozenset({"employees", "employee_count", "number_of_employees", "headcount", "staff", "size"})
"""Columns whose numbers make an account large or small."""
_TRADES = frozenset({"industry", "sector", "vertical", "trade", "branch", "business", "segment", "line_of_business"})
"""Columns whose levels say what an account is."""
_REGIONS = frozenset({"country", "region", "state", "city", "area", "market", "continent"})
"""Columns whose levels say where an account is."""
_AMOUNTS = ("sales", "revenues", "earnings", "assets", "costs", "savings", "wages", "funds", "series", "ss", "us", "is")
"""Endings of words that are no plural of things that can be counted, though they end in s."""


@dataclass(frozen=True)
class ColumnTitle:
    """How people call a column, and what they say where it is high or low; "" for the default.

    `levels` are nouns for accounts of a level of a category.
    """

    title: str = ""
    high: str = ""
    low: str = ""
    levels: Mapping[str, str] = field(default_factory=dict)


NO_TITLE = ColumnTitle()


@dataclass(frozen=True)
class Phrase:
    """A few words about a group, and the place in its name where they stand."""

    place: _Place
    words: str


def number_phrase(column: str, high: bool, strength: str, title: ColumnTitle = NO_TITLE) -> Phrase:  # noqa: FBT001
    """Return the words for a numeric column that is high or low; `strength` is a word such as `very`, or ""."""
    called = title.title or column.replace("_", " ")
    own = title.high if high else title.low
    if own:
        place: _Place = "with" if title.title else "adjective"
        words = f"{own} {called}" if title.title else own
    elif column.lower() in _SIZES:
        place, words = "adjective", "large" if high else "small"
    else:
        kind = ("many", "few") if is_countable(called) else ("high", "low")
        place, words = "with", f"{kind[0] if high else kind[1]} {called}"
    return Phrase(place, f"{strength} {words}".strip())


def level_phrase(column: str, level: str, title: ColumnTitle = NO_TITLE) -> Phrase:
    """Return the words for a level of a category that a group has more of."""
    called = title.title or column.replace("_", " ")
    if level in title.levels:
        return Phrase("noun", title.levels[level])
    if level in {"unknown", "other"}:
        return Phrase("with", f"{level} {called}")
    if column.lower() in _TRADES:
        return Phrase("noun", f"{level} {_NOUN}")
    return Phrase("in", level) if column.lower() in _REGIONS else Phrase("with", f"{called} {level}")


def missing_phrase(column: str, title: ColumnTitle = NO_TITLE) -> Phrase:
    """Return the words for a column that is missing more often."""
    return Phrase("with", f"unknown {title.title or column.replace('_', ' ')}")


def is_countable(called: str) -> bool:
    """Return whether a title is a plural of things that can be counted, such as `job openings`."""
    return called.lower().endswith("s") and not called.lower().endswith(_AMOUNTS)


def compose(phrases: Sequence[Phrase]) -> str:
    """Return the name that phrases make, each in its place; "" for none."""
    if not phrases:
        return ""
    at = {
        place: [phrase.words for phrase in phrases if phrase.place == place]
        for place in ("adjective", "noun", "in", "with")
    }
    parts = [", ".join(at["adjective"]), " or ".join(at["noun"]) or _NOUN]
    parts += [f"in {' or '.join(at['in'])}"] if at["in"] else []
    parts += [f"with {_join_words(at['with'])}"] if at["with"] else []
    return " ".join(filter(None, parts))


def _join_words(words: Sequence[str]) -> str:
    """Return words with commas, and an `and` before the last."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
