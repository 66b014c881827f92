"""What the accounts of a family come to: whole cents, so that sums are the same in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tamscore.arrow import as_dictionary, truths
from tamscore.schema import FAMILY
from tamscore.scoring.score.amounts import SUMMED, amounts
from tamscore.stages.draw import id_hash
from tamscore.stages.hash_index import HashIndex, order_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


MONEY = (*SUMMED, "expected_value")
ALERTS = ("churn_alert", "renewal_due")
MEASURES = ("members", "customers", "alerts", *MONEY)
"""What is added up, in order; money in cents."""


Sums: TypeAlias = "tuple[Any, Any]"
"""The hashes (f,) uint64 of the ids of families, and what their accounts come to: MEASURES (7, f) int64."""


def cents(column: Any) -> Any:
    """Return money (m,) in whole cents."""
    return np.rint(column * 100.0)


def sums_of(scored: pa.Table) -> Sums:
    """Return what the families in a part of the scores come to."""
    encoded = _one_dictionary(scored[FAMILY])
    return id_hash(encoded.dictionary), measure(scored, encoded)


def measure(accounts: pa.Table, family: pa.DictionaryArray) -> Any:
    """Return what accounts (m,) come to by the families of a dictionary, MEASURES (7, f) int64."""
    code, count = family.indices.to_numpy(), len(family.dictionary)
    alarmed = np.zeros(accounts.num_rows, bool)
    for name in ALERTS:
        if name in accounts.column_names:
            alarmed |= truths(accounts[name])
    weights = [
        np.ones(len(code)),
        amounts(accounts["sales"]) > 0,
        alarmed,
        *(cents(amounts(accounts[name])) for name in MONEY),
    ]
    values = np.stack([np.bincount(code, weight, count) for weight in weights])
    return np.rint(values).astype(np.int64)


def _one_dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return a column of text as one dictionary array; of one chunk as it is, since its texts differ already."""
    import pyarrow as pa

    is_one = column.num_chunks == 1 and pa.types.is_dictionary(column.type)
    return column.chunk(0) if is_one else as_dictionary(column)


def added_up(parts: Sequence[Sums], hashes: Any) -> Any:
    """Return MEASURES (7, f) int64 of families with the hashes (f,), added up over parts of the scores."""
    order = order_of(hashes)
    index, array = HashIndex.of(hashes[order]), np.zeros((len(MEASURES), len(hashes)), np.int64)
    for here, values in parts:
        place = order[index.places(here)]
        for whole, part in zip(array, values, strict=True):
            whole[place] += part
    return array
