"""The names of columns as words, and how well one fits a part."""

from __future__ import annotations

import math
import re
import unicodedata
from functools import cache

_LONG = 5
"""From so many letters on a word may end a compound, as in jahresumsatz."""
_PREFIXES = frozenset(["tbl", "fld", "str", "int", "col", "dim", "fact", "crm", "erp", "sf", "hs"])


@cache
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name: small letters without accents, cut at signs and capitals; digits stand alone."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", " ", plain)
    items = [word for word in re.split(r"[^a-z0-9]+", plain.lower()) if word]
    return tuple(items[1:] if len(items) > 1 and items[0] in _PREFIXES else items)


def phrase(name: str) -> str:
    """Return the words of a name as one text."""
    return " ".join(words_of(name))


def _fits_exactly(name: str, wanted: str) -> bool:
    """Return whether a name is the wanted words, however it is put together."""
    return "".join(words_of(name)) == wanted.replace(" ", "")


def _fits_partly(name: str, wanted: str) -> bool:
    """Return whether a name holds all wanted words, or a compound that ends in one."""
    words = words_of(name)
    return all(
        any(word == part or (len(part) >= _LONG and word.endswith(part)) for word in words) for part in wanted.split()
    )


def score(name: str, wanted: tuple[str, ...]) -> float:
    """Return how well a name fits a list of words, the first ones best: from 1 to 2 exactly, below 1 partly, 0 not."""
    for place, text in enumerate(wanted):
        if _fits_exactly(name, text):
            return 2 - place / len(wanted)
    for place, text in enumerate(wanted):
        if len(text) > 2 and _fits_partly(name, text):
            return (1 - place / len(wanted)) / math.sqrt(len(words_of(name)))
    return 0.0


def has_word(name: str, words: frozenset[str]) -> bool:
    """Return whether a name holds one of the words."""
    return not words.isdisjoint(words_of(name))


def year_in(name: str) -> int:
    """Return the year in a name, 0 if there is none."""
    return max((int(word) for word in words_of(name) if re.fullmatch(r"(19|20)\d\d", word)), default=0)


def ends_with_word(name: str, words: frozenset[str]) -> bool:
    """Return whether the last word of a name is one of the words."""
    return bool(parts := words_of(name)) and parts[-1] in words
