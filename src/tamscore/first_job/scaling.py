"""How a numeric feature is scaled, from the shape of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tamscore.first_job import names
from tamscore.first_job.vocabulary import YEARS

if TYPE_CHECKING:
    from tamscore.first_job.columns import SampleColumn

_Scaling = Literal["log_standard", "standard", "robust", "quantile_normal"]

_LONG_TAIL = 5.0
"""An upper tail so many times the middle half's width is long."""
_MAGNITUDES = 8.0
"""Values so many times the median differ from it by magnitudes."""
_MANY_ZEROS = 0.3
_FIRST_YEAR, _LAST_YEAR = 1000, 2200
"""Years lie between these; a spreadsheet may have turned a date into the number of its day."""
MISSING = 0.25
"""From this share of missing values on it is a trait of its own that a value is missing."""


@dataclass(frozen=True)
class Scaled:
    """The scaling of a feature with the reason, and whether it is a trait of its own that a value is missing."""

    scaling: _Scaling
    reason: str
    missing_indicator: bool = False


def suitable_scaling(column: SampleColumn) -> Scaled:
    """Return the scaling that suits the values of a column."""
    scaling, reason = _chosen(column)
    missing = column.missing_share
    if missing < MISSING:
        return Scaled(scaling, reason)
    return Scaled(scaling, f"{reason}; {missing:.0%} are missing", missing_indicator=True)


def _chosen(column: SampleColumn) -> tuple[_Scaling, str]:
    """Return the scaling by the shape of the values, with the reason."""
    values = column.numbers
    bottom, low, median, high, top = map(float, np.quantile(values, [0.01, 0.25, 0.5, 0.75, 0.99]))
    width = high - low or float(np.std(values)) or 1.0
    above, below = (top - median) / width, (median - bottom) / width
    if names.has_word(column.name, YEARS) and _FIRST_YEAR <= median <= _LAST_YEAR:
        return ("quantile_normal", "years, most of them late") if below > above else ("standard", "years")
    if values.min() >= 0 and (above > _LONG_TAIL or (median > 0 and top > _MAGNITUDES * median)):
        zeros = float(np.mean(values == 0))
        if zeros >= _MANY_ZEROS:
            return "quantile_normal", f"{zeros:.0%} zeros and a long tail"
        return "log_standard", "amounts or counts with a long tail"
    if max(above, below) > _LONG_TAIL:
        return "robust", "outliers on both sides" if min(above, below) > _LONG_TAIL else "outliers"
    return "standard", "no long tails"
