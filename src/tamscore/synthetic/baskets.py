"""What the customers of a synthetic market buy of each product, by the job that they hire the products to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PRODUCTS = tuple(f"product {letter}" for letter in "ABCDEFGHIJKLMNOPQRST")
JOBS = 5
_LEADING = 4
"""So many products lead in each job, the first most; no product leads in two."""
_OF_SEGMENT = 0.7
"""So many customers of a segment hire the products for the job of their segment, the others for any."""
_STAPLES = 0.15
"""What all customers alike buy of each product, as a share of what they buy."""
_SPREAD, _MOST_UNITS = 30.0, 24
"""How close baskets lie to the mix of their job (a Dirichlet distribution); in how many parts sales fall at most."""


def job_mixes() -> NDArray[np.float64]:
    """Return the mean shares (JOBS, products) of the products in each job."""
    mix = np.full((JOBS, len(_PRODUCTS)), _STAPLES / len(_PRODUCTS))
    weight = np.array([0.4, 0.3, 0.2, 0.1])
    for job in range(JOBS):
        mix[job, _LEADING * job : _LEADING * (job + 1)] += (1.0 - _STAPLES) * weight
    return mix


def baskets(
    market: pa.Table, truth: pa.Table, seed: int, chunk: int
) -> tuple[NDArray[np.int64], tuple[pa.Table, pa.Table]]:
    """Return the row (n,) of the account of each product line of a chunk, ascending, and two tables.

    The lines of the customers, which come to their sales to the cent; and the job of every account, which it has or
    would have: `customer_job` from 0.
    """
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(6, chunk))))
    sales, segment = np.nan_to_num(market["sales"].to_numpy()), truth["segment"].to_numpy()
    own = random.random(len(sales)) < _OF_SEGMENT
    job = np.where(own, segment % JOBS, random.integers(0, JOBS, len(sales)))
    buys = np.flatnonzero(sales > 0)
    part = random.standard_gamma(_SPREAD * job_mixes()[job[buys]] + 1e-9)
    units = random.multinomial(random.integers(4, _MOST_UNITS + 1, len(buys)), part / part.sum(axis=1, keepdims=True))
    cents = split(np.rint(100 * sales[buys]).astype(np.int64), units)
    place, product = np.nonzero(cents)
    ids, row = market["account_id"].combine_chunks(), buys[place]
    columns: dict[str, Any] = {
        "account_id": ids.take(pa.array(row)),
        "product": pa.array(_PRODUCTS).take(pa.array(product)),
        "sales": pa.array(cents[place, product] / 100),
    }
    return row, (pa.table(columns), pa.table({"account_id": ids, "customer_job": pa.array(job.astype(np.int32))}))


def split(cents: NDArray[np.int64], units: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return cents (m, P) in proportion to units (m, P), each row of which has some, that come to `cents` (m,)."""
    values: NDArray[np.int64] = cents[:, None] * units // units.sum(axis=1, keepdims=True)
    values[np.arange(len(cents)), np.argmax(units, axis=1)] += cents - values.sum(axis=1)
    return values
