"""Potentials of products as later runs read them: a frozen model keeps them as it keeps its ladders."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import places_in
from tamscore.errors import InputContractError
from tamscore.scoring.product_sales import keeps_ladders
from tamscore.sections.products.potential import ProductModel, ProductPotentials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.scoring.market import Market
    from tamscore.sections.products.record import Facts

_NAME = "products"
_FORMAT = 1
_UNKNOWN = {"value": np.nan, "low": np.nan, "high": np.nan, "support": 0, "basis": 0}
"""What is known of a product that the earlier run did not know."""


def both(model: ProductModel, clusters: Sequence[str], facts: Facts) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the description and the arrays of a model."""
    arrays = {field.name: getattr(model.potentials, field.name) for field in fields(ProductPotentials)}
    description = {
        "format": _FORMAT,
        "source": model.source,
        "clusters": list(clusters),
        "products": facts.names.to_pylist(),
        "families": None if facts.family is None else facts.family.to_pylist(),
        "owned": facts.share,
    }
    return description, {**arrays, "offered": model.offered.astype(np.uint8)}


def stored_products(market: Market, names: pa.Array, share: float) -> ProductModel | None:
    """Return the potentials of the run whose ladders are frozen; None if this run makes its own.

    Products that it did not know have no potential, and are not offered. Raise InputContractError if what it stored
    does not fit, or if it offered products from another `share` of owners on.
    """
    model_source = market.model_source
    if model_source.earlier is None or not keeps_ladders(model_source):
        return None
    directory, pair = model_source.earlier.directory, model_source.earlier.section(_NAME)
    if pair is None:
        return None
    model = parse(*pair, market.clusters, names, str(directory.model), directory.run_key)
    if pair[0].get("owned", share) != share:
        raise InputContractError(
            f"products.owned: expected {pair[0]['owned']:g}, by which run {directory.run_key} offers products, got "
            f"{share:g}; set it so, refresh the model, or score with --fresh-cut-lines"
        )
    known = set(pair[0]["products"])
    if new := sum(name not in known for name in names.to_pylist()):
        market.run.progress.notice(
            f"products: {new:,} of {len(names):,} products are not among those of run {directory.run_key}, whose "
            "potentials are kept: they have none; refresh the model, or score with --fresh-cut-lines"
        )
    return model


def parse(
    text: Mapping[str, Any], arrays: Mapping[str, Any], clusters: Sequence[str], names: pa.Array, where: str, run: str
) -> ProductModel:
    """Return the potentials of some products that two files of a model hold; InputContractError if they do not fit."""
    try:
        if text["format"] != _FORMAT or list(text["clusters"]) != list(clusters):
            raise ValueError(f"expected format {_FORMAT} and clusters {', '.join(clusters)}")  # noqa: TRY301 - one way out
        shape = len(clusters), len(text["products"])
        place = places_in(names, pa.array(text["products"], names.type))
        columns = {name: _pick(arrays[name], shape, place, missing) for name, missing in _UNKNOWN.items()}
        offered = _pick(arrays["offered"], shape, place, 0).astype(bool)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputContractError(f"{where}: {_NAME}: {error}; run its job again") from error
    return ProductModel(ProductPotentials(**columns), offered, text["source"] or run)


def _pick(stored: Any, shape: tuple[int, int], place: Any, missing: float) -> Any:
    """Return the columns of an array (K, P) at places (p,), `missing` where a place is -1."""
    if stored.shape != shape:
        raise ValueError(f"expected an array {shape}, got {stored.shape}")
    filled = np.concatenate([stored, np.full((len(stored), 1), missing, stored.dtype)], axis=1)
    return filled[:, place]
