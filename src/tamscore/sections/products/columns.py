"""Score columns of [products]: product potentials, and each account's whitespace by product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import level_codes, nullable
from tamscore.errors import InputContractError
from tamscore.scoring.by_cluster import CENTS
from tamscore.scoring.product_sales import HELD_CELLS, NOT_OWNED, offered_products, product_sales
from tamscore.sections.products import open_products, stored_model
from tamscore.sections.products.counts import PartCounts, counts_of
from tamscore.sections.products.open_products import LEADING
from tamscore.sections.products.potential import ProductModel, ProductPotentials, ProductRules, product_potentials
from tamscore.sections.products.record import Facts, findings
from tamscore.sections.products.view import NAMES
from tamscore.stages.draw import id_hash
from tamscore.stages.orders import UNITS, places_of
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.backend import Array, Backend
    from tamscore.scoring.market import Market
    from tamscore.scoring.product_sales import AccountProducts, ProductSales
    from tamscore.scoring.score.sections import Findings, ScoredRows
    from tamscore.sections.products.settings import Products
    from tamscore.stages.folding import IdForm

MOST_CELLS = 200_000
"""Most pairs of cluster and product."""


@dataclass(frozen=True)
class OpenRows:
    """The whitespace of the accounts `at` (m,): each account has a row `place` (m,) of `cents` (r, P) on the device."""

    at: Any
    place: Any
    cents: Array


@dataclass(frozen=True)
class ProductsState:
    """State of the products section: the products, their potentials in each cluster, and what accounts own."""

    account_id: str
    id_form: IdForm
    clusters: tuple[str, ...]
    model: ProductModel
    owned: AccountProducts
    facts: Facts

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Return the whitespace of each scored row over all products, and the products with the most of it."""
        label = level_codes(rows.scores["cluster"], list(self.clusters))
        owner = rows.places_in(self.owned, self.account_id, self.id_form)
        total = np.zeros(len(label))
        product, amount = np.full((len(label), LEADING), -1), np.zeros((len(label), LEADING))
        for part in self.open_rows(owner, label, backend):
            most = open_products.leading(backend.xp, part.cents)
            total[part.at] = backend.get(backend.xp.sum(part.cents, axis=1))[part.place]
            product[part.at] = backend.get(most.product)[part.place]
            amount[part.at] = backend.get(most.cents)[part.place]
        return {"product_whitespace": pa.array(np.round(total / CENTS, 2)), **self.name_of(product, amount)}

    def name_of(self, product: Any, cents: Any) -> dict[str, pa.Array]:
        """Return the columns of the products (m, LEADING) with the most whitespace, null where there is none."""
        columns: dict[str, pa.Array] = {}
        names = self.facts.names.cast(pa.string())
        for place, name in enumerate(NAMES):
            none = product[:, place] < 0
            numbers = pa.array(np.where(none, 0, product[:, place]).astype(np.int32), mask=none)
            columns[name] = pa.DictionaryArray.from_arrays(numbers, names)
            columns[f"{name}_whitespace"] = nullable(np.where(none, np.nan, np.round(cents[:, place] / CENTS, 2)))
        return columns

    def open_rows(self, owner: Any, label: Any, backend: Backend) -> Iterator[OpenRows]:
        """Yield the whitespace of accounts (m,) of clusters (m,): accounts without a product, then the others.

        They are given by their places among the owners of products, -1 for none. Accounts of a cluster that own no
        product share a row. The other accounts come in parts.
        """
        potential, offered = backend.put(self.model.cents), backend.put(self.model.offered)
        nothing = backend.put(np.full(self.model.offered.shape, NOT_OWNED))
        without, having = np.flatnonzero(owner < 0), np.flatnonzero(owner >= 0)
        yield OpenRows(without, label[without], open_products.open_cents(backend.xp, nothing, potential, offered))
        clusters, products = self.model.offered.shape
        most = max(HELD_CELLS // max(products, 2 * clusters), 1)
        for start in range(0, len(having), most):
            at = having[start : start + most]
            own, mine = backend.put(self.owned.cents(owner[at], products)), backend.put(label[at])
            lines = (backend.xp.take(item, mine, axis=0) for item in (potential, offered))
            yield OpenRows(at, np.arange(len(at)), open_products.open_cents(backend.xp, own, *lines))

    def count(self, scored: pa.Table) -> PartCounts:
        """Return the totals of a part of the scores by product and cluster."""
        from tamscore.backend.host import HostBackend

        host = HostBackend()
        label = level_codes(scored["cluster"], list(self.clusters))
        ids = tables.account_ids(scored["account_id"], self.id_form)
        owner = places_of(self.owned, id_hash(ids), ids.take)
        return counts_of(scored, label, self.open_rows(owner, label, host), self.model.offered.shape)

    def findings(self, counts: Sequence[PartCounts]) -> Findings:
        """Return the whitespace by product, in each cluster and in all, compared with the whitespace of accounts."""
        return findings(self.clusters, self.model, self.facts, counts)


def prepare(market: Market, settings: Products) -> ProductsState:
    """Return the state; raise InputContractError if clusters and products together are too many."""
    run = market.run
    sales = product_sales(market)
    with run.progress.stage("products", sales.table.plan.rows):
        _require_few(sales, len(market.clusters))
        facts = _facts_of(market, sales, settings.owned)
        model = stored_model.stored_products(market, sales.products.names, settings.owned) or _learn(
            market, sales, settings
        )
    return ProductsState(run.columns.account_id, run.columns.id_form, market.clusters, model, sales.owned, facts)


def _require_few(sales: ProductSales, clusters: int) -> None:
    """Raise InputContractError if there are too many pairs of cluster and product."""
    products = len(sales.products.names)
    if products * clusters > MOST_CELLS:
        raise InputContractError(
            f"{sales.table.path}: column {sales.table.columns.product!r} has {products:,} different products, expected "
            f"at most {MOST_CELLS // clusters:,} with {clusters:,} clusters; name a coarser column in products.product"
        )


def _learn(market: Market, sales: ProductSales, settings: Products) -> ProductModel:
    """Return the potentials by cluster and product from owners among the customers, party type by party type."""
    job, pairs = market.run.job, sales.customer_pairs()
    rules = ProductRules(job.potential.lines[0], job.potential.min_customers, job.potential.interval_level)
    parts, products = list[ProductPotentials](), len(sales.products.names)
    for policy in market.policies:
        first, size = market.first[policy.code], len(policy.cluster_ids)
        mine = pairs.at(np.flatnonzero((pairs.label >= first) & (pairs.label < first + size)))
        money, cluster = mine.units / UNITS, mine.label - first
        shape = size, products
        parts.append(product_potentials(market.run.backend, money, cluster, mine.product, shape, rules))
    offered = offered_products(sales.owners, sales.customer_counts, settings.owned, rules.min_customers)
    return ProductModel(ProductPotentials.together(parts), offered)


def _facts_of(market: Market, sales: ProductSales, share: float) -> Facts:
    """Return facts about products; a product counts as offered if at least a `share` of customers own it."""
    pairs = sales.customer_pairs()
    sold = np.bincount(pairs.product, weights=pairs.units, minlength=len(sales.products.names)) / UNITS
    spent = sum(float(party.sales.sales.sum()) for party in market.parties)
    job = market.run.job
    return Facts(
        names=sales.products.names,
        family=sales.products.family,
        customers=sales.customer_counts,
        owners=sales.owners,
        sold=sold,
        sales=spent,
        line=job.potential.lines[0],
        level=job.potential.interval_level,
        share=share,
        sales_column=market.run.columns.sales,
        path=sales.table.path,
    )
