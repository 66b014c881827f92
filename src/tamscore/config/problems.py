"""From what pydantic refused to lines that a person can act on."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tamscore.config.outline import describe, keys_at, node_at, places, purpose, values_at
from tamscore.errors import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

Place: TypeAlias = tuple[str | int, ...]

NOTHING: Final = object()
LONGEST_VALUE = 80
LONGEST_PATH = 400
"""Paths are shown further than other values: what tells two of them apart is their end."""
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Problem:
    """One thing wrong at one place of the job file."""

    place: Place
    expected: str
    got: object = NOTHING
    hint: str = ""

    def line(self, source: str) -> str:
        """Return the problem as one line that starts with its source."""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{source}: {dotted(self.place)}: expected {self.expected}, got {show(self.got)}{hint}"


def dotted(place: Place) -> str:
    """Return the place as TOML writes it: keys joined by dots, quoted where TOML needs it."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step if BARE_KEY.fullmatch(step) else json.dumps(step, ensure_ascii=False)}"
    return text.removeprefix(".")


def show(value: object) -> str:
    """Return the value as a person would recognise it, cut where it is long."""
    if value is NOTHING:
        return "nothing"
    if isinstance(value, date):
        return str(value)
    text = str(value).lower() if isinstance(value, bool) else without_secrets(repr(value))
    longest = LONGEST_PATH if isinstance(value, str) and "/" in value else LONGEST_VALUE
    return text if len(text) <= longest else f"{text[:longest]}…"


def _shared(left: str, right: str) -> int:
    """Return how many letters both words start with."""
    return next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def one_edit_apart(left: str, right: str) -> bool:
    """Return whether one letter deleted, inserted, replaced or swapped with its neighbour makes `right` of `left`."""
    start = _shared(left, right)
    left, right = left[start:], right[start:]
    end = _shared(left[::-1], right[::-1])
    left, right = left[: len(left) - end], right[: len(right) - end]
    return max(len(left), len(right)) == 1 or (len(left) == 2 and left == right[::-1])


def nearest(wrong: str, known: Iterable[str], elsewhere: Iterable[str] = ()) -> str:
    """Return "did you mean …?" with the likeliest words, empty where none is likely.

    One slip of the hand comes first, then the right word at the wrong place, then what merely looks alike.
    """
    words = tuple(known)
    likely = [word for word in words if one_edit_apart(wrong, word)]
    likely = likely or list(elsewhere) or difflib.get_close_matches(wrong.lower(), words)
    return f"did you mean {' or '.join(map(repr, likely))}?" if likely else ""


def _unknown_key(place: Place, key: str) -> Problem:
    known = keys_at(place[:-1])
    elsewhere = (dotted(other) for other in places() if other[-1] == key)
    return Problem(place, f"one of the keys {', '.join(known)}", key, nearest(key, known, elsewhere))


def holds(data: object, step: str | int) -> bool:
    """Return whether a table has the key, or an array the position, `step`."""
    if isinstance(data, dict):
        return step in data
    return isinstance(data, list | tuple) and isinstance(step, int) and step < len(data)


def _place(error: ErrorDetails, data: Any) -> Place:
    """Return where the error is, without pydantic's own steps (which alternative was tried)."""
    place: list[str | int] = []
    *steps, last = error["loc"]
    for step in steps:
        if holds(data, step):
            place.append(step)
            data = data[step]
    return (*place, last) if error["type"] == "missing" or holds(data, last) else tuple(place)


def _problem(error: ErrorDetails, data: object) -> Problem:
    place, got, context = _place(error, data), error["input"], error.get("ctx", {})
    if error["type"] == "extra_forbidden":
        return _unknown_key(place, str(place[-1]))
    if error["type"] == "refused":
        return Problem(place, context["expected"], got, context["hint"])
    if error["type"] == "finite_number":
        return Problem(place, "a finite number", got)
    node = node_at(place)
    if error["type"] == "missing":
        return Problem(place, describe(node), NOTHING, purpose(node))
    if isinstance(got, str):
        return Problem(place, describe(node), got, nearest(got, values_at(place)))
    return Problem(place, describe(node), got, "write it in double quotes" if error["type"] == "string_type" else "")


def _typo_for(missing: Problem, problems: Iterable[Problem]) -> bool:
    """Return whether a missing key is there under a wrong name: one slip deserves one line."""
    siblings = (other for other in problems if other.got is not NOTHING and other.place[:-1] == missing.place[:-1])
    return any(f"{missing.place[-1]!r}" in other.hint for other in siblings)


def problems_of(error: ValidationError, data: object) -> Iterator[Problem]:
    """Yield what is wrong with `data`, the tables that were validated."""
    problems = [_problem(detail, data) for detail in error.errors(include_url=False)]
    yield from (p for p in problems if p.got is not NOTHING or not _typo_for(p, problems))
