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


def priority_of(found: PriorityChange | None) -> dict[str, Any]:
    """Place, tier, quadrant, value of a call and expected value of accounts in both runs; nothing if not known."""
    if found is None:
        return {}
    columns = standing("before", found.before) | standing("after", found.after)
    for name, measure, causes, parts in (
        ("call", "call", CALL_CAUSES, found.call),
        ("expected_value", "expected", EXPECTED_CAUSES, found.expected),
    ):
        earlier, later = getattr(found.before, measure), getattr(found.after, measure)
        columns[f"{name}_change"] = decimal(later - earlier)
        columns |= {f"{name}_{cause}": decimal(part) for cause, part in zip(causes, parts, strict=True)}
    places = [found.after.place.astype(np.int64) - found.before.place, *found.places]
    for name, part in zip(("change", *PLACE_CAUSES), places, strict=True):
        columns[f"priority_{name}"] = pa.array(part, mask=~found.same_party)
    return columns


def standing(when: str, found: PriorityStanding) -> dict[str, Any]:
    """Where accounts stand in one of the runs."""
    texts = {name: text_dictionary(getattr(found, name), CODES[name]) for name in ("tier", "quadrant", "p_basis")}
    money = {"call": decimal(found.call), "expected_value": decimal(found.expected)}
    told = {**texts, **money, "priority": pa.array(found.place)}
    return {f"{name}_{when}": column for name, column in told.items()}


def decimal(money: Any) -> pa.Array:
    """Whole cents (m,) int64 as amounts with two places."""
    words = np.stack([money, money >> 63], axis=1)  # 128 bits, the sign carried into the upper half
    return pa.Array.from_buffers(MONEY, len(money), [None, pa.py_buffer(np.ascontiguousarray(words))])
