"""Tables as people and spreadsheets read them: texts as texts, money to the cent and without an exponent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.scoring.score.amounts import SUMMED
from tamscore.stages.potential import step_names

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.config import Job


def money(values: Any) -> list[float]:
    """Sums to the cent; counts come out whole."""
    return [round(float(value), 2) for value in values]


def money_columns(job: Job) -> set[str]:
    """The columns of the tables that hold money."""
    steps = step_names(job.potential.lines)
    ends = ("potential_low", "potential_high", "expansion", "expected_value")
    return {*SUMMED, *ends, *(end + step for end in ("", "low_", "high_") for step in steps)}


def plain(table: pa.Table, in_cents: set[str]) -> pa.Table:
    """The table for people and spreadsheets: dictionaries decoded, money to the cent and without an exponent."""
    import pyarrow as pa

    fields = []
    for field in table.schema:
        cents = field.name in in_cents and pa.types.is_float64(field.type) and _fits_cents(table[field.name])
        kind = pa.string() if pa.types.is_dictionary(field.type) else field.type
        fields.append(field.with_type(pa.decimal128(38, 2) if cents else kind))
    return table.cast(pa.schema(fields))


def _fits_cents(column: pa.ChunkedArray) -> bool:
    """Return whether every number is small enough that its cents mean something."""
    import pyarrow.compute as pc

    largest = pc.max(pc.abs(column)).as_py()
    return largest is None or largest < 1e13
