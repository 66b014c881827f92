"""The next best offer joins the scores: what many peers own, what it brings, and who lacks it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from tamscore.arrow import level_codes, nullable
from tamscore.scoring.census.totals import is_total
from tamscore.scoring.product_sales import offered_products, product_sales
from tamscore.scoring.score.parts import KINDS
from tamscore.scoring.score.sections import Findings
from tamscore.sections.next_offer import offers as next_offer
from tamscore.sections.next_offer import stored_model
from tamscore.sections.next_offer.ownership import OwnedColumns, learn_ownership, most_owned, offers_of
from tamscore.sections.next_offer.stored_model import KnownOffers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.scoring.market import Market
    from tamscore.scoring.product_sales import ProductSales
    from tamscore.scoring.score.sections import ScoredRows
    from tamscore.sections.next_offer.offers import Offers
    from tamscore.sections.next_offer.ownership_model import OwnershipModel
    from tamscore.sections.next_offer.settings import NextOffer
    from tamscore.stages.folding import IdForm

_Offered: TypeAlias = "tuple[str, str, str]"
"""Cluster, product and kind of accounts."""
_MOST_REPORTED = 50
"""So many offers stand in the manifest, those that go to most accounts."""


@dataclass(frozen=True)
class NextOfferState:
    """The state: the offers of each cluster (K), how likely accounts own them, and which accounts own what."""

    account_id: str
    id_form: IdForm
    clusters: tuple[str, ...]
    products: pa.Array
    known: KnownOffers
    columns: OwnedColumns
    share: float
    by: str = "share"

    @property
    def offers(self) -> Offers:
        """The offers of each cluster."""
        return self.known.offers

    @property
    def model(self) -> OwnershipModel | None:
        """The model that chooses among them; None for offers by the share of owners."""
        return None if self.by == "share" else self.known.model

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Return the best product that each of the scored rows lacks, its value, the share of owners, its odds."""
        label = level_codes(rows.scores["cluster"], list(self.clusters))
        place, probability = np.full(len(label), -1), np.full(len(label), np.nan)
        if self.offers.product.shape[1]:
            account = rows.places_in(self.columns.owned, self.account_id, self.id_form)
            self.choose(account, label, backend, place, probability)
        some = place >= 0
        at = (label, np.maximum(place, 0)) if self.offers.product.shape[1] else None
        product, value, share = (
            item[at] if at else np.full(len(label), np.nan)
            for item in (self.offers.product, self.offers.value, self.offers.share)
        )
        numbers = pa.array(np.where(some, product, 0).astype(np.int32), mask=~some)
        value, probability = np.round(value, 2), np.where(some, probability, np.nan)
        return {
            "next_offer": pa.DictionaryArray.from_arrays(numbers, self.products.cast(pa.string())),
            "next_offer_value": nullable(np.where(some, value, np.nan)),
            "next_offer_share": nullable(np.where(some, np.round(share, 6), np.nan)),
            "next_offer_probability": nullable(probability),
            "next_offer_expected": nullable(np.round(probability * value, 2)),
        }

    def choose(self, account: Any, label: Any, backend: Backend, place: Any, probability: Any) -> None:
        """Set the place (m,) of each account's offer in its cluster's offers, and its probability (m,).

        Accounts (m,) are given by their places among those that own something, -1 for none. Accounts of a cluster that
        own nothing get the same.
        """
        without, having = np.flatnonzero(account < 0), np.flatnonzero(account >= 0)
        every = np.arange(len(self.clusters))
        shared = self.chosen(np.full(len(every), -1), every, backend)
        place[without], probability[without] = (item[label[without]] for item in shared)
        for here in self.columns.blocks(having):
            rows = having[here]
            place[rows], probability[rows] = self.chosen(account[rows], label[rows], backend)

    def chosen(self, account: Any, label: Any, backend: Backend) -> tuple[Any, Any]:
        """Return place and probability (m,) of the offers to accounts of clusters (m,), given their places."""
        xp, owned = backend.xp, backend.put(self.columns.matrix(account))
        column = np.where(self.offers.product >= 0, self.columns.column[self.offers.product], -1)
        where, offered = backend.put(label), backend.put(column)
        if self.model is None:
            return backend.get(next_offer.choose_most_owned(xp, owned, where, offered)), np.full(len(label), np.nan)
        ranking = next_offer.Ranking(
            offered,
            backend.put(np.nan_to_num(self.offers.value)),
            backend.put(self.model.weights),
            backend.put(self.model.probability),
            self.by == "expected_value",
        )
        best = next_offer.choose_likeliest(xp, owned, where, ranking)
        return backend.get(best.place), backend.get(best.probability)

    def count(self, scored: pa.Table) -> Counter[_Offered]:
        """Return how many accounts of a part are offered each product, by cluster, product and kind."""
        names = ["cluster", "next_offer", "kind"]
        offered = pa.table({name: scored[name].cast(pa.string()) for name in names})
        counted = offered.group_by(names).aggregate([([], "count_all")]).to_pylist()
        of = ((row["cluster"], row["next_offer"], row["kind"], row["count_all"]) for row in counted)
        return Counter({(cluster, product, kind): times for cluster, product, kind, times in of if product})

    def findings(self, counts: Sequence[Counter[_Offered]]) -> Findings:
        """The offers of every cluster, the best first, and to how many accounts each goes."""
        rows, by_kind = [], sum(counts, Counter[_Offered]())
        for c, cluster in enumerate(self.clusters):
            for j in range(int(self.offers.counts[c])):
                product = self.products[int(self.offers.product[c, j])].as_py()
                result = {
                    "share": round(float(self.offers.share[c, j]), 6),
                    "value": round(float(self.offers.value[c, j]), 2),
                }
                offered = sum(by_kind[cluster, product, kind] for kind in KINDS)
                rows.append({"cluster": cluster, "product": product, **result, "offered_to": offered})
        texts, schema = (
            ("cluster", "product"),
            [("share", pa.float64()), ("value", pa.float64()), ("offered_to", pa.int64())],
        )
        table = pa.Table.from_pylist(rows, pa.schema([*((name, pa.string()) for name in texts), *schema]))
        record: dict[str, Any] = {"owned": self.share, "products": len(self.products), "offers": len(rows)}
        record |= {"by": self.by, "model": self.model_record()}
        source = self.known.source
        record["learned"] = {"source": "frozen", "run": source} if source else {"source": "fitted"}
        record["accounts"] = sum(row["offered_to"] for row in rows)
        record["kinds"] = {text: sum(n for (_, _, kind), n in by_kind.items() if kind == text) for text in KINDS}
        record["most"] = sorted(rows, key=lambda row: (-row["offered_to"], row["cluster"], row["product"]))[
            :_MOST_REPORTED
        ]
        both = stored_model.both(self.known, self.clusters, self.products, self.share)
        return Findings(record, {"next_offers": table}, frozenset({"value"}), both, self.notices(rows))

    def model_record(self) -> dict[str, Any] | None:
        """Return what the manifest says of the model; None for offers by the share of owners."""
        if self.model is None:
            return None
        return {
            "products": len(self.columns.product),
            "customers": self.known.customers,
            "penalty": self.model.penalty,
            "held_out_error": {f"{penalty:g}": error for penalty, error in self.model.error.items()},
            "brier": round(self.model.brier, 6),
            "brier_share": round(self.model.brier_share, 6),
        }

    def notices(self, rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
        """Return what a person should know of the offers: that there are none, or that one is called like a total."""
        if not rows:
            return (f"no product is owned by {self.share:.0%} of any cluster's customers; lower next_offer.owned",)
        totals = sorted({row["product"] for row in rows if is_total(row["product"])})
        return tuple(
            f"product {name!r} is offered and is called like a row of totals; if it is one, remove its rows from the "
            "table of sales by product"
            for name in totals
        )


def prepare(market: Market, settings: NextOffer) -> NextOfferState:
    """Return the state; raise InputContractError if the table has too many products to be products."""
    run = market.run
    sales = product_sales(market)
    with run.progress.stage("next offer", sales.table.plan.rows):
        known = stored_model.stored_offers(market, sales.products.names, settings) or _learn(market, sales, settings)
    names = run.columns.account_id, run.columns.id_form, market.clusters, sales.products.names
    columns = OwnedColumns.of(sales.owned, len(sales.products.names), known.product)
    return NextOfferState(*names, known, columns, settings.owned, settings.by)


def _learn(market: Market, sales: ProductSales, settings: NextOffer) -> KnownOffers:
    """Return the offers of each cluster, and the model of ownership.

    The model covers at most MOST_COLUMNS products, and offers only these.
    """
    rules, potential = market.run.job.potential, market.figure("product_potential")
    wanted = offered_products(sales.owners, sales.customer_counts, settings.owned, rules.min_customers)
    if settings.by == "share":
        offers = offers_of(sales, wanted, rules.lines[0], potential)
        return KnownOffers(np.unique(offers.product[offers.product >= 0]), offers)
    product = most_owned(sales)
    wanted &= np.isin(np.arange(wanted.shape[1]), product)
    offers = offers_of(sales, wanted, rules.lines[0], potential)
    columns = OwnedColumns.of(sales.owned, len(sales.products.names), product)
    return KnownOffers(product, offers, *learn_ownership(sales, columns))
