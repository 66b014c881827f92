"""A market with known segments and wallets, for the demo, the tests and the benchmarks."""

from __future__ import annotations

from tamscore.synthetic.measures import CATEGORICAL, NUMERIC, PARTY_TYPES
from tamscore.synthetic.months import Month
from tamscore.synthetic.write import ROW_GROUP_ROWS, require_unused, write_market

__all__ = ["CATEGORICAL", "NUMERIC", "PARTY_TYPES", "ROW_GROUP_ROWS", "Month", "require_unused", "write_market"]
