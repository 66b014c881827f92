"""The table of touch plans, read and checked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.sections.coverage.names import pieces
from tamscore.sections.coverage.plans import DEFAULT_PLANS, DIGITAL, OF_CHANNEL, PARTNER, TouchPlan
from tamscore.sections.coverage.reading import LIMITS, NUMBERS, cells, rows_of
from tamscore.substitution import plain_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.sections.coverage.settings import Coverage

_SHARES = NUMBERS[1:]
"""The columns of a plan that are shares of money."""
_PLANS = ("role", "service_level", *NUMBERS, *LIMITS)
"""The columns that a table of plans may have."""


def read_plans(settings: Coverage) -> tuple[TouchPlan, ...]:
    """Return the touch plans of the table, or the defaults; digital coverage for all is added if the table has none.

    Raise InputContractError if a number is missing or negative, or two rows state the same plan.
    """
    if settings.plans is None:
        return DEFAULT_PLANS
    rows = rows_of(settings.plans, ("role", "service_level", *NUMBERS), _PLANS)
    plans = [_plan_of(row, f"{settings.plans}: row {number:,}") for number, row in rows.items()]
    _require_once(settings.plans, rows)
    digital = [plan for plan in plans if plain_word(plan.role) == DIGITAL]
    catches_all = any(not plan.limits for plan in digital)
    return tuple(plans) if catches_all else (*plans, replace(DEFAULT_PLANS[-1], last_resort=bool(digital)))


def _require_once(path: str, rows: Mapping[int, Mapping[str, Any]]) -> None:
    """Raise InputContractError if two rows state a plan of one role and service level for the same accounts."""
    first: dict[Any, int] = {}
    for number, row in rows.items():
        limits = {name: pieces(row[name]) for name in LIMITS if row.get(name)}
        if plain_word(row["role"]) == plain_word(PARTNER):
            limits = {**dict(OF_CHANNEL), **limits}
        key = (plain_word(row["role"]), plain_word(row["service_level"]), frozenset(limits.items()))
        if (known := first.setdefault(key, number)) != number:
            raise InputContractError(
                f"{path}: rows {known:,} and {number:,} are both a plan {row['role']}/{row['service_level']} for the "
                "same accounts; remove one of them, or limit them to different accounts"
            )


def _plan_of(row: dict[str, Any], where: str) -> TouchPlan:
    """Return the touch plan of a row; raise InputContractError, beginning with `where`, if its numbers are invalid."""
    for name in NUMBERS:
        if row[name] is None or not float(row[name]) >= 0:
            got = "an empty cell" if row[name] is None else f"{row[name]:g}"
            raise InputContractError(f"{where} ({cells(row)}): {name}: expected a number ≥ 0, got {got}")
    hours, expansion, acquisition, protection = (float(row[name]) for name in NUMBERS)
    for name in _SHARES:
        if row[name] > 1:
            raise InputContractError(
                f"{where} ({cells(row)}): {name}: expected a share of at most 1, got {row[name]:g}; write 0.12 for 12 %"
            )
    if plain_word(row["role"]) == DIGITAL and hours > 0:
        raise InputContractError(f"{where}: {DIGITAL} plans take no hours, got {hours:g}; write 0 or another role")
    limits = tuple((name, frozenset({row[name]})) for name in LIMITS if row.get(name))
    return TouchPlan(row["role"], row["service_level"], hours, expansion, acquisition, protection, limits)
