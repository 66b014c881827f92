"""Messages on words that a closed list does not have: the words seen, the accepted words, and the map to write."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LISTED = 10
"""Most words named, the most frequent first."""
_HINTS = {
    "channel": re.compile(
        r"\b(re-?sell|partner|distrib|channel|integrat|dealer|wholesal|händler|fachhändler|wiederverk|vertrieb|kanal"
        r"|revend|reventa|rivendit|grossist|(msp|var|oem)\b)"
    ),
    "end_user": re.compile(
        r"\b(end\b|end-?(user|kund|customer)|customer|direct|kunde|client|consum|user|anwender|verbraucher|usuari"
        r"|utilis|utent)"
    ),
}
"""Beginnings of words that suggest a party type."""


def unknown_words(counts: Mapping[str | None, int], accepted: Sequence[str], column: str, where: str) -> str:
    """Return a message on words of a column that are not accepted, with the map to paste into a job file.

    `counts` has the rows by word, missing ones under None; `where` names the table.
    """
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0] or ""))
    named = ordered[:_LISTED]
    seen = ", ".join(f"{'no word' if not (word or '').strip() else repr(word)} {count:,}" for word, count in named)
    more = f" and {len(ordered) - _LISTED:,} more words" if len(ordered) > _LISTED else ""
    words: dict[str, str] = {}
    for word, _ in named:  # of spellings that are compared as one a map takes one
        words.setdefault(fold_word(word or ""), (word or "").strip())
    lines = [
        f"[values.{_key(column)}]",
        *(f"{_quote(word)} = {_quote(_likely(word, accepted))}" for word in words.values()),
    ]
    return (
        f"{where}: column {column!r} has words that are none of {', '.join(accepted)}: {seen}{more}; map each of them "
        "in the job file, with the right word on the right:\n" + "\n".join(lines)
    )


def _likely(word: str, accepted: Sequence[str]) -> str:
    """Return the accepted word that a word most likely means, empty if none or several fit."""
    folded = fold_word(word).replace("_", " ")
    meant = [name for name in accepted if name in _HINTS and _HINTS[name].search(folded)]
    return meant[0] if len(meant) == 1 else ""


def _key(column: str) -> str:
    """Return a column's name as a TOML key."""
    return column if column.isascii() and column.replace("_", "").replace("-", "").isalnum() else _quote(column)


def _quote(word: str) -> str:
    """Return a word as a TOML string."""
    return json.dumps(word, ensure_ascii=False)
