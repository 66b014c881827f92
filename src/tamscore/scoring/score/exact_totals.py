"""Exact totals of rows by all columns that decide how to treat an account; the order of rows does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import as_dictionary
from tamscore.scoring.score.amounts import SUMMED, amounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pyarrow as pa

_KEYS = ("party_type", "cluster", "quadrant", "tier", "play", "kind")
_AMOUNTS = (*SUMMED, "expected_value", "probability")
MEASURES = ("accounts", *SUMMED, "expected_value")
"""The totals that most tables show, in order; the sum of probabilities comes last."""
_PARTS = 10**6
"""Amounts are summed in whole units, and their fractions in this part of a unit. Cents and probabilities are whole
multiples of that part."""


def exact_totals(scored: pa.Table) -> dict[tuple[str, ...], Any]:
    """Return accounts, whole units of AMOUNTS, and their fractions in PARTS, by KEYS: whole numbers, so exact."""
    import pyarrow as pa

    given = {name: amounts(scored[name]) for name in _AMOUNTS}
    whole = {name: np.floor(values) for name, values in given.items()}
    left = {f"{name}_left": np.rint((values - whole[name]) * _PARTS) for name, values in given.items()}
    table = pa.table({**{name: as_dictionary(scored[name]) for name in _KEYS}, **whole, **left})
    names = [*whole, *left]
    sums = table.group_by(_KEYS, use_threads=False).aggregate([([], "count_all"), *((name, "sum") for name in names)])
    measured = ("count_all", *(f"{name}_sum" for name in names))
    return {tuple(row[key] for key in _KEYS): np.array([row[name] for name in measured]) for row in sums.to_pylist()}


def added_up(
    parts: Iterable[Mapping[tuple[str, ...], Any]], key_of: Callable[[dict[str, str]], tuple[str, ...]]
) -> dict[tuple[str, ...], Any]:
    """Return accounts and AMOUNTS of all parts, summed and then rounded, by the key that `key_of` makes from KEYS."""
    sums: dict[tuple[str, ...], Any] = {}
    for part in parts:
        for values, entry in part.items():
            key = key_of(dict(zip(_KEYS, values, strict=True)))
            sums[key] = sums.get(key, 0.0) + entry
    cut = 1 + len(_AMOUNTS)
    return {key: item[:cut] + np.append(0.0, item[cut:] / _PARTS) for key, item in sums.items()}
