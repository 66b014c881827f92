"""Offers and the ownership model as later runs read them: a frozen model keeps both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import places_in
from tamscore.errors import InputContractError
from tamscore.scoring.product_sales import keeps_ladders
from tamscore.sections.next_offer.offers import Offers
from tamscore.sections.next_offer.ownership_model import BINS, OwnershipModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.scoring.market import Market
    from tamscore.sections.next_offer.settings import NextOffer

NAME = "next_offer"
_FORMAT = 1
_FIGURES = ("penalty", "brier", "brier_share")
_REMEDY = "set it so, refresh the model, or score with --fresh-cut-lines"


@dataclass(frozen=True)
class KnownOffers:
    """The offers that a run has learned: those of each cluster, and the model of ownership.

    `product` (c,) are the numbers of the products of the model, in the order of its columns. `model` is None for offers
    by the share of owners, else it was trained on so many `customers`. `source` is the run that trained it, None for
    this one.
    """

    product: Any
    offers: Offers
    model: OwnershipModel | None = None
    customers: int = 0
    source: str | None = None


def both(
    known: KnownOffers, clusters: Sequence[str], names: pa.Array, share: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the description and the arrays of offers of products with names (P,), from a `share` of owners on."""
    offers, model = known.offers, known.model
    description: dict[str, Any] = {
        "format": _FORMAT,
        "source": known.source,
        "clusters": list(clusters),
        "products": names.to_pylist(),
        "owned": share,
        "customers": known.customers,
        "model": None,
    }
    arrays = {"columns": known.product, "offers": offers.product, "share": offers.share, "value": offers.value}
    if model is not None:
        error = [[penalty, value] for penalty, value in model.error.items()]
        description["model"] = {"error": error, **{name: getattr(model, name) for name in _FIGURES}}
        arrays |= {"weights": model.weights, "probability": model.probability}
    return description, arrays


def stored_offers(market: Market, names: pa.Array, settings: NextOffer) -> KnownOffers | None:
    """Return the offers of the run whose ladders are kept; None if this run learns its own.

    `names` (P,) are the products, those of that run among them. Raise InputContractError if the job asks for what that
    run has not learned, or what it stored does not fit.
    """
    model_source = market.model_source
    if model_source.earlier is None or not keeps_ladders(model_source):
        return None
    directory, pair = model_source.earlier.directory, model_source.earlier.section(NAME)
    if pair is None:
        market.run.progress.notice(
            f"next_offer: run {directory.run_key} has stored no offers: they are learned from the table of this run"
        )
        return None
    known = parse(*pair, market.clusters, names, str(directory.model), directory.run_key)
    _require_same(pair[0], settings, directory.run_key)
    new = len(names) - len(pair[0]["products"])
    if new > 0 and "products" not in market.run.job.sections:
        market.run.progress.notice(
            f"next_offer: {new:,} of {len(names):,} products are not among those of run {directory.run_key}, whose "
            "offers are kept: they are not offered; refresh the model, or score with --fresh-cut-lines"
        )
    return known


def _require_same(text: Mapping[str, Any], settings: NextOffer, run: str) -> None:
    """Raise InputContractError if a job asks for offers that an earlier run has not learned."""
    if text["owned"] != settings.owned:
        raise InputContractError(
            f"next_offer.owned: expected {text['owned']:g}, by which run {run} makes offers, got {settings.owned:g}; "
            f"{_REMEDY}"
        )
    if text["model"] is None and settings.by != "share":
        raise InputContractError(
            f"next_offer.by: expected 'share', since run {run} has learned no probabilities, got {settings.by!r}; "
            f"{_REMEDY}"
        )


def parse(
    text: Mapping[str, Any], arrays: Mapping[str, Any], clusters: Sequence[str], names: pa.Array, where: str, run: str
) -> KnownOffers:
    """Return the offers that two files of a model hold; raise InputContractError if they do not fit."""
    try:
        if text["format"] != _FORMAT or list(text["clusters"]) != list(clusters):
            raise ValueError(f"expected format {_FORMAT} and clusters {', '.join(clusters)}")  # noqa: TRY301 - one way out
        number = np.append(places_in(pa.array(text["products"], names.type), names), -1)
        product = number[_numbers_of(arrays["columns"], 0, len(number) - 1)]
        offers = _offers_of(arrays, number, len(clusters))
        model = _model_of(text["model"], arrays, len(product), len(clusters))
        return KnownOffers(product, offers, model, int(text["customers"]), text["source"] or run)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputContractError(f"{where}: {NAME}: {error}; run its job again") from error


def _offers_of(arrays: Mapping[str, Any], number: Any, clusters: int) -> Offers:
    """Return stored offers by the numbers (p + 1,) of the stored products, -1 behind; ValueError if they do not fit."""
    product = number[_numbers_of(arrays["offers"], -1, len(number) - 1)]
    shapes = {arrays[name].shape for name in ("offers", "share", "value")}
    if shapes != {product.shape} or product.ndim != 2 or len(product) != clusters:
        raise ValueError(f"expected offers of {clusters} clusters, got arrays {sorted(shapes)}")
    return Offers(product, arrays["share"], arrays["value"])


def _numbers_of(stored: Any, low: int, stop: int) -> Any:
    """Return stored numbers of products; ValueError if they are not whole numbers from `low` on and below `stop`."""
    if stored.dtype.kind != "i" or not ((stored >= low) & (stored < stop)).all():
        raise ValueError(f"expected numbers of products from {low} on and below {stop}")
    return stored


def _model_of(
    text: Mapping[str, Any] | None, arrays: Mapping[str, Any], products: int, clusters: int
) -> OwnershipModel | None:
    """Return a stored ownership model, None for offers by share; raise ValueError if its arrays do not fit."""
    if text is None:
        return None
    weights, probability = arrays["weights"], arrays["probability"]
    if weights.shape != (products + clusters, products) or probability.shape != (BINS,):
        raise ValueError(f"expected weights {(products + clusters, products)}, got {weights.shape}")
    if not (np.isfinite(weights).all() and ((probability >= 0) & (probability <= 1)).all()):
        raise ValueError("expected finite weights and probabilities from 0 to 1")
    error = {float(penalty): float(value) for penalty, value in text["error"]}
    return OwnershipModel(weights, probability, error=error, **{name: float(text[name]) for name in _FIGURES})
