"""Words for end users and channel partners, as an export writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tamscore.first_job import names
from tamscore.first_job.vocabulary import CHANNEL, END_USER

if TYPE_CHECKING:
    from tamscore.first_job.columns import SampleColumn

_KNOWN_SHARE = 0.9
"""So many of the filled rows must have a known word, else the column is about something else."""
_FEWEST = 50
"""Fewer accounts of a type are too few for clusters of their own."""
_OWN = {"end_user": "end_user", "channel": "channel"}


@dataclass(frozen=True)
class PartyTypes:
    """How words are read: `words` maps each to end_user or channel; `unknown` are those that are no word of either."""

    words: dict[str, str]
    unknown: tuple[str, ...]

    @property
    def are_own(self) -> bool:
        """Return whether the words are those that a job takes as they are."""
        return all(text.strip().lower() == read for text, read in self.words.items())


def party_types_of(column: SampleColumn) -> PartyTypes | None:
    """Return how the words of a column are read; None where it does not tell end users from channel partners."""
    words = {text: read for text in column.levels if (read := _read_as(text))}
    known = sum(column.levels[text] for text in words)
    rare = min((sum(column.levels[text] for text in words if words[text] == kind) for kind in _OWN), default=0)
    if known < _KNOWN_SHARE * column.filled or rare < _FEWEST:
        return None
    unknown = tuple(text for text in column.levels if text not in words)
    empty = {"": "end_user"} if column.filled < column.rows else {}
    return PartyTypes(words | dict.fromkeys(unknown, "end_user") | empty, (*unknown, *empty))


def _read_as(text: str) -> str | None:
    """Return end_user or channel for a word that is known, else None."""
    if (lower := text.strip().lower()) in _OWN:
        return _OWN[lower]
    plain = names.phrase(text.lower())
    return "channel" if plain in CHANNEL else "end_user" if plain in END_USER else None
