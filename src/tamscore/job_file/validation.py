"""From what pydantic refused to problems that a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.config.problems import NOTHING, Problem, dotted_place, nearest
from tamscore.job_file.outline import describe, keys_at, node_at, places, purpose, values_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from tamscore.config.problems import Place


_HIDDEN = "***"
"""What is shown of a connection that is refused: it may hold a password."""


def _unknown_key(place: Place, key: str) -> Problem:
    known = keys_at(place[:-1])
    elsewhere = (dotted_place(other) for other in places() if other[-1] == key)
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
    place, context = _place(error, data), error.get("ctx", {})
    got = _HIDDEN if "connection" in place else error["input"]
    if error["type"] == "extra_forbidden":
        return _unknown_key(place, str(place[-1]))
    if error["type"] == "refused":
        return Problem(place, context["expected"], got, context["hint"])
    is_key = error["type"] == "literal_error" and error["loc"][-1] == "[key]"
    if is_key or error["type"] == "finite_number":
        return Problem(place, f"a key that is {context['expected']}" if is_key else "a finite number", got)
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
