"""Problems of a job file, as lines that a person can act on."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, TypeAlias

from tamscore.errors import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

Place: TypeAlias = tuple[str | int, ...]

NOTHING: Final = object()
_LONGEST_VALUE = 80
_LONGEST_PATH = 400
"""Most characters shown of a path; paths are often distinguished only by their ends."""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Problem:
    """One problem at one place of the job file."""

    place: Place
    expected: str
    got: object = NOTHING
    hint: str = ""

    def line(self, source: str) -> str:
        """Return the problem as one line that starts with its source."""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{source}: {dotted_place(self.place)}: expected {self.expected}, got {show(self.got)}{hint}"


def dotted_place(place: Place) -> str:
    """Return the place as TOML writes it: keys joined by dots, quoted where TOML needs it."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step if _BARE_KEY.fullmatch(step) else json.dumps(step, ensure_ascii=False)}"
    return text.removeprefix(".")


def show(value: object) -> str:
    """Return the value as text, cut if it is long."""
    if value is NOTHING:
        return "nothing"
    if isinstance(value, date):
        return str(value)
    text = str(value).lower() if isinstance(value, bool) else without_secrets(repr(value))
    longest = _LONGEST_PATH if isinstance(value, str) and "/" in value else _LONGEST_VALUE
    return text if len(text) <= longest else f"{text[:longest]}…"


def _shared(left: str, right: str) -> int:
    """Return the number of letters that both words start with."""
    return next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def is_one_edit_apart(left: str, right: str) -> bool:
    """Return whether one letter deleted, inserted, replaced or swapped with its neighbour turns `left` into `right`."""
    start = _shared(left, right)
    left, right = left[start:], right[start:]
    end = _shared(left[::-1], right[::-1])
    left, right = left[: len(left) - end], right[: len(right) - end]
    return max(len(left), len(right)) == 1 or (len(left) == 2 and left == right[::-1])


def nearest(wrong: str, known: Iterable[str], elsewhere: Iterable[str] = ()) -> str:
    """Return "did you mean …?" with the likeliest words, an empty text if none is likely.

    A single typing error comes first, then the right word at the wrong place, then words that look similar.
    """
    words = tuple(known)
    likely = [word for word in words if is_one_edit_apart(wrong, word)]
    likely = likely or list(elsewhere) or difflib.get_close_matches(wrong.lower(), words)
    return f"did you mean {' or '.join(map(repr, likely))}?" if likely else ""
