"""Columns of the changes between two runs: money to the cent, and where accounts stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import text_dictionary
from tamscore.questions.diff_priority import CALL_CAUSES, CODES, EXPECTED_CAUSES, PLACE_CAUSES

if TYPE_CHECKING:
    from tamscore.questions.diff_priority import PriorityChange, PriorityStanding

MONEY = pa.decimal128(20, 2)


def priority_of(change: PriorityChange | None) -> dict[str, Any]:
    """Place, tier, quadrant, value of a call and expected value of accounts in both runs; nothing if not known."""
    if change is None:
        return {}
    columns = standing("before", change.before) | standing("after", change.after)
    for name, measure, causes, parts in (
        ("call", "call", CALL_CAUSES, change.call),
        ("expected_value", "expected", EXPECTED_CAUSES, change.expected),
    ):
        earlier, later = getattr(change.before, measure), getattr(change.after, measure)
        columns[f"{name}_change"] = decimal(later - earlier)
        columns |= {f"{name}_{cause}": decimal(part) for cause, part in zip(causes, parts, strict=True)}
    places = [change.after.place.astype(np.int64) - change.before.place, *change.places]
    for name, part in zip(("change", *PLACE_CAUSES), places, strict=True):
        columns[f"priority_{name}"] = pa.array(part, mask=~change.same_party)
    return columns


def standing(when: str, priority_standing: PriorityStanding) -> dict[str, Any]:
    """Return where accounts stand in one of the runs."""
    texts = {
        name: text_dictionary(getattr(priority_standing, name), CODES[name]) for name in ("tier", "quadrant", "p_basis")
    }
    money = {"call": decimal(priority_standing.call), "expected_value": decimal(priority_standing.expected)}
    record = {**texts, **money, "priority": pa.array(priority_standing.place)}
    return {f"{name}_{when}": column for name, column in record.items()}


def decimal(money: Any) -> pa.Array:
    """Whole cents (m,) int64 as amounts with two places."""
    words = np.stack([money, money >> 63], axis=1)  # 128 bits, the sign carried into the upper half
    return pa.Array.from_buffers(MONEY, len(money), [None, pa.py_buffer(np.ascontiguousarray(words))])
