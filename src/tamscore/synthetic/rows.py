"""Rows of a synthetic market, one chunk at a time: chunk i depends on the seed and on i, never on its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.synthetic.draws import CHUNK_ROWS, CODES, draw
from tamscore.synthetic.measures import CATEGORICAL, LEVELS, MEASURES, MISSING_CATEGORY, PARTY_TYPES, SyntheticMeasure
from tamscore.synthetic.months import Month
from tamscore.synthetic.names import company_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tamscore.synthetic.draws import RandomChunk
    from tamscore.synthetic.segments import SyntheticSegments

    _Floats = NDArray[np.float32]
    _Codes = NDArray[np.uint16]

_OUTLIER = 20  # of CODES: 0.03 % of values are off by a factor of 1,000, as if reported in thousands
_SIGN_ERROR = 4  # of CODES: so many headcounts carry a minus
_SALES_MISSING = 160  # of CODES: 0.24 % of all rows
_RETURNS = 260  # of CODES: 0.4 % of customers sent back more than they bought
FIRST_MONTH = Month()
_LAST_YEAR = 2024
_OLDEST = 400  # years


def chunk_tables(
    segments: SyntheticSegments, seed: int, chunk: int, month: Month = FIRST_MONTH
) -> tuple[pa.Table, pa.Table]:
    """Return the market table and the truth table of one chunk, CHUNK_ROWS rows each, in the same order."""
    draws = month.draws(draw(seed, chunk), seed, chunk)
    segment = month.move(segments.of_slot[draws.slot[0]], draws)
    size = segments.size[segment] + segments.size_spread[segment] * draws.latent[0]
    trait = segments.trait[segment].T + draws.latent[2:]
    wallet = _wallet(segments, segment, size, draws)
    ids = month.ids(segment, seed, chunk * CHUNK_ROWS)
    level = {name: segments.level[name][segment, slot] for name, slot in zip(CATEGORICAL, draws.slot[1:], strict=True)}
    market: dict[str, Any] = {"account_id": ids, "name": company_names(draws.word, level["industry"], level["country"])}
    market["party_type"] = _words(PARTY_TYPES, segments.channel[segment])
    for name, code in zip(CATEGORICAL, draws.code[len(MEASURES) :], strict=False):
        market[name] = _words(LEVELS[name], level[name], code < MISSING_CATEGORY[name] * CODES)
    for column, measure in enumerate(MEASURES):
        shift = segments.shift[segment, column] + (month.inflation if measure.kind == "amount" else 0)
        value = _value(measure, size, shift, trait[measure.factor], draws.noise[column])
        market[measure.name] = _observed(measure, value, size, draws.code[column])
    market["sales"] = _sales(segments, segment, size, wallet, draws)
    truth = {"account_id": ids, "segment": pa.array(segment.astype(np.int32)), "wallet": pa.array(wallet)}
    truth |= _buyers(segments, segment, size, trait, np.random.SeedSequence(seed, spawn_key=(5, chunk)))
    return pa.table(market), pa.table(truth)


def _words(levels: tuple[str, ...], index: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(levels).take(pa.array(index.astype(np.int32), mask=missing))


def _wallet(
    segments: SyntheticSegments, segment: NDArray[np.uint8], size: _Floats, draws: RandomChunk
) -> NDArray[np.float64]:
    """Return what each account could spend with us: size and segment decide most of it."""
    log_wallet = segments.wallet[segment] + 0.9 * size + 0.35 * draws.latent[1]
    wallet: NDArray[np.float64] = np.round(np.exp(log_wallet.astype(np.float64)), 2)
    return wallet


def _sales(
    segments: SyntheticSegments,
    segment: NDArray[np.uint8],
    size: _Floats,
    wallet: NDArray[np.float64],
    draws: RandomChunk,
) -> pa.Array:
    """Return sales: 0 for prospects, wallet times penetration for customers, a few returns, a few missing."""
    relative = (size - segments.size[segment]) / segments.size_spread[segment]
    customer = draws.chance[0] < segments.customer_share[segment] * (1 + 0.2 * np.tanh(relative))
    spread = 0.25 * (2 * draws.chance[1].astype(np.float64) - 1)
    sales = np.where(customer, np.floor(100 * wallet * (segments.penetration[segment] + spread)) / 100, 0.0)
    code = draws.code[-1]
    returned = code >= CODES - _RETURNS
    sales[returned] = np.round(-0.1 * sales[returned], 2) + 0.0
    return pa.array(sales, mask=code < _SALES_MISSING)


def _buyers(
    segments: SyntheticSegments, segment: NDArray[np.uint8], size: _Floats, trait: _Floats, seed: np.random.SeedSequence
) -> dict[str, NDArray[Any]]:
    """Return how likely each account is to buy in the quarter that follows, about 3 % on the average, and who does."""
    relative = (size - segments.size[segment]) / segments.size_spread[segment]
    refreshed = np.log(segments.customer_share[segment] / segments.customer_share.mean())
    odds = -4.6 + 1.5 * refreshed + 0.8 * relative + 0.7 * trait[0] + 0.5 * np.abs(trait[1])
    chance = np.round(1 / (1 + np.exp(-odds.astype(np.float64))), 6)
    bought = np.random.Generator(np.random.Philox(seed)).random(len(chance)) < chance
    return {"chance": chance, "bought": bought.astype(np.int8)}


def _value(measure: SyntheticMeasure, size: _Floats, shift: _Floats, trait: _Floats, noise: _Floats) -> _Floats:
    """Return the measure's true value before errors and gaps."""
    value: _Floats = measure.level + measure.by_size * size + shift + measure.spread * (0.5 * trait + noise)
    if measure.kind == "share":
        value = np.round(1 / (1 + np.exp(-value)), 4)
    elif measure.kind == "rate":
        value = (value + 0.15 * measure.spread * noise * noise * noise).round(4)
    elif measure.kind == "score":
        value = np.rint(value).clip(1, 100)
    else:
        value = np.rint(np.exp(value))
    return _LAST_YEAR - np.minimum(value, _OLDEST) if measure.kind == "year" else value


def _observed(measure: SyntheticMeasure, value: _Floats, size: _Floats, code: _Codes) -> pa.Array:
    """Return the column as a data vendor would deliver it: gaps, unit errors, a few wrong signs."""
    if measure.kind in ("amount", "count"):
        outlier = code >= CODES - _OUTLIER
        value[outlier] *= np.where(code[outlier] % 2 == 0, 1e3, 1e-3)
        value = np.rint(np.minimum(value, 2e9)) if measure.dtype == "int32" else np.rint(value)
    if measure.name == "employees":
        value = np.maximum(value, 1)
        value[code >= CODES - _SIGN_ERROR] *= -1
    gap: Any = measure.missing * CODES
    if measure.missing_small:
        gap = gap * np.clip(1 - measure.missing_small * size / 2, 0.1, 2)
    return pa.array(value.astype(measure.dtype), mask=code < gap)
