"""Arrow columns as NumPy: decimals are the nearest float64, whatever their width, scale and chunks."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.arrow import float_column


@given(st.lists(st.none() | st.integers(-(10**29), 10**29) | st.integers(-(10**9), 10**9)), st.integers(-3, 29))
def test_decimals_are_the_nearest_floats(units, scale):
    amounts = [None if unit is None else Decimal(unit).scaleb(-scale) for unit in units]
    column = pa.array(amounts, pa.decimal256(60, scale)).cast(pa.decimal128(38, scale), safe=False)
    expected = np.array([np.nan if one is None else float(one) for one in amounts])
    for given_ in (column, pa.chunked_array([column.slice(0, 1), column.slice(1)])):
        assert np.array_equal(float_column(given_), expected, equal_nan=True)


@pytest.mark.parametrize(
    "kind", [pa.decimal32(7, 2), pa.decimal64(12, 2), pa.decimal128(12, 2), pa.decimal256(50, 2)], ids=str
)
def test_a_price_stays_a_price(kind):
    """Arrow's own cast of decimals makes 99.99000000000001 of it: a customer above a limit that is its own price."""
    column = pa.array([Decimal("99.99"), None, Decimal("-0.01")], kind)
    assert np.array_equal(float_column(column), [99.99, np.nan, -0.01], equal_nan=True)
    assert np.isnan(float_column(pa.nulls(2, kind))).all()
    assert len(float_column(pa.chunked_array([], kind))) == 0
