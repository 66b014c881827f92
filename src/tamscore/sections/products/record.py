"""The recorded whitespace by product: by cluster, in all and by family, compared with the whitespace of accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import nullable
from tamscore.scoring.by_cluster import CENTS
from tamscore.scoring.census.totals import is_total
from tamscore.scoring.score.parts import KINDS
from tamscore.scoring.score.sections import Findings
from tamscore.sections.products import stored_model
from tamscore.sections.products.counts import Counts
from tamscore.sections.products.potential import BASES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.sections.products.counts import PartCounts
    from tamscore.sections.products.potential import ProductModel

_MOST_SHOWN = 50
"""Most products in the manifest, those with the most whitespace."""
_APART = 0.05
"""Relative difference from which sales by product count as different from the market's sales."""
_MONEY = frozenset(
    {"potential", "potential_low", "potential_high", "sales", "expansion", "acquisition", "whitespace",
     "product_whitespace", "difference"}
)  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """Facts about the products that do not depend on whitespace.

    `names` (P,) and `family` (P,), None without families; `customers` (K,) and their `owners` (K, P). `sold` (P,) is
    what customers spend on each product, `sales` what they spend by the market's column `sales_column`. `path` is the
    table. Potentials are cut lines at `line`, their intervals hold at `level`. Products count as offered if at least a
    `share` of customers own them.
    """

    names: pa.Array
    family: pa.Array | None
    customers: Any
    owners: Any
    sold: Any
    sales: float
    line: float
    level: float
    share: float
    sales_column: str
    path: str


def findings(clusters: Sequence[str], model: ProductModel, facts: Facts, counts: Sequence[PartCounts]) -> Findings:
    """Return record, tables and model of the whitespace by product."""
    total = Counts.together(counts)
    tables = {
        "products": _by_cluster(clusters, model, facts, total),
        "product_totals": _in_all(facts, total),
        "product_whitespace": _beside_accounts(total),
    }
    if facts.family is not None:
        tables["product_families"] = _by_family(tables["product_totals"])
    order = [("whitespace", "descending"), ("product", "ascending")]
    shown = tables["product_totals"].sort_by(order).slice(0, _MOST_SHOWN).to_pylist()
    record = {
        "products": len(facts.names),
        "line": facts.line,
        "level": facts.level,
        "potentials": {"source": "frozen", "run": model.source} if model.source else {"source": "fitted"},
        "kinds": tables["product_whitespace"].to_pylist(),
        "sold": round(float(facts.sold.sum()), 2),
        "sales": round(facts.sales, 2),
        "most": shown,
        "families": tables["product_families"].to_pylist() if facts.family is not None else [],
    }
    both = stored_model.both(model, clusters, facts)
    return Findings(record, tables, _MONEY, both, tuple(_notices(facts)))


def _by_cluster(clusters: Sequence[str], model: ProductModel, facts: Facts, total: Counts) -> pa.Table:
    """Return a row for each cluster and product that a customer of the cluster owns, or that has whitespace there."""
    potentials, accounts = model.potentials, total.accounts.sum(axis=0)
    c, p = np.nonzero((facts.owners > 0) | (accounts > 0))
    money = dict(zip(KINDS, total.cents[:, c, p] / CENTS, strict=True))
    columns: dict[str, pa.Array] = {
        "cluster": pa.array(clusters, pa.string()).take(pa.array(c)),
        **_product_columns(facts, p),
        "customers": pa.array(facts.customers[c].astype(np.int64)),
        "owners": pa.array(facts.owners[c, p].astype(np.int64)),
        "share": pa.array(np.round(facts.owners[c, p] / np.maximum(facts.customers[c], 1), 6)),
        "potential": nullable(np.round(potentials.value[c, p], 2)),
        "potential_low": nullable(np.round(potentials.low[c, p], 2)),
        "potential_high": nullable(np.round(potentials.high[c, p], 2)),
        "support": pa.array(potentials.support[c, p].astype(np.int64)),
        "basis": pa.array(BASES, pa.string()).take(pa.array(potentials.basis[c, p])),
        "offered": pa.array(model.offered[c, p]),
        "accounts": pa.array(accounts[c, p].astype(np.int64)),
        "expansion": pa.array(np.round(money["expansion"], 2)),
        "acquisition": pa.array(np.round(money["acquisition"], 2)),
    }
    return pa.table(columns)


def _product_columns(facts: Facts, product: Any) -> dict[str, pa.Array]:
    """Return the columns of product names and, if known, families, given product numbers (n,)."""
    columns = {"product": facts.names} if facts.family is None else {"product": facts.names, "family": facts.family}
    return {name: column.cast(pa.string()).take(pa.array(product)) for name, column in columns.items()}


def _in_all(facts: Facts, total: Counts) -> pa.Table:
    """Return a row for each product: its owners, their sales, and its whitespace by kind."""
    money = dict(zip(KINDS, total.cents.sum(axis=1) / CENTS, strict=True))
    columns: dict[str, pa.Array] = {
        **_product_columns(facts, np.arange(len(facts.names))),
        "owners": pa.array(facts.owners.sum(axis=0).astype(np.int64)),
        "sales": pa.array(np.round(facts.sold, 2)),
        "accounts": pa.array(total.accounts.sum(axis=(0, 1)).astype(np.int64)),
        "expansion": pa.array(np.round(money["expansion"], 2)),
        "acquisition": pa.array(np.round(money["acquisition"], 2)),
        "whitespace": pa.array(np.round(total.cents.sum(axis=(0, 1)) / CENTS, 2)),
    }
    return pa.table(columns)


def _by_family(totals: pa.Table) -> pa.Table:
    """Return a row for each family with the totals of its products; sums are taken in cents."""
    names = ("sales", "expansion", "acquisition", "whitespace")
    family = totals["family"].combine_chunks().dictionary_encode()
    code, size = family.indices.to_numpy(), len(family.dictionary)
    cents = {name: np.rint(totals[name].to_numpy() * CENTS) for name in names}
    columns: dict[str, pa.Array] = {
        "family": family.dictionary,
        "products": pa.array(np.bincount(code, minlength=size)),
        **{name: pa.array(np.round(np.bincount(code, cent, size) / CENTS, 2)) for name, cent in cents.items()},
    }
    return pa.table(columns).sort_by("family")


def _beside_accounts(total: Counts) -> pa.Table:
    """Return a row for each kind: whitespace of accounts, whitespace of their products, and the difference."""
    rows = [
        {
            "kind": kind,
            "whitespace": round(own / CENTS, 2),
            "product_whitespace": round(products / CENTS, 2),
            "difference": round((own - products) / CENTS, 2),
        }
        for kind, (own, products) in reversed(list(zip(KINDS, total.totals.tolist(), strict=True)))
    ]
    return pa.Table.from_pylist(rows)


def _notices(facts: Facts) -> Iterator[str]:
    """Yield notices on the table: its sales differ from the market's, or it holds rows of totals."""
    sold = float(facts.sold.sum())
    if abs(sold - facts.sales) > _APART * max(facts.sales, 1.0):
        yield (
            f"{facts.path}: sales of customers by product come to {sold:,.0f}, customers' {facts.sales_column!r} to "
            f"{facts.sales:,.0f}: whitespace by product is compared with that of accounts all the same"
        )
    for name in facts.names.to_pylist():
        if is_total(name):
            yield f"{facts.path}: product {name!r} is called like a row of totals; if it is one, remove its rows"
