"""Next offers on three public sets: which order of products names what accounts begin to buy.

Customers of the first part of a window are offered products; what they buy later for the first time is what was right.
A set without days hides one product of half of the customers that own several. Beside the orders of the package stand
global popularity, association rules and, if `bench/offers_peers.py` has run in the peers' environment, implicit matrix
factorisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tamscore.sections.next_offer.ownership import MOST_COLUMNS
from tamscore.sections.next_offer.ownership_model import BINS, FOLDS, bins_of, learn, scores_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FEWEST_OWNERS = 10
LATER_DAYS, LATER_WEEKS = 90, 39
CLUSTERS = 8
TOP, SHARES = (1, 3, 10), (0.05, 0.4)
PEERS = "als"
RULE_OWNERS, RULE_PAIRS = 10, 5


@dataclass(frozen=True)
class Baskets:
    """What customers own (n, p), 0 or 1, what they begin to buy later (n, p), and their clusters (n,).

    `value` (p,) is the P85 of what owners spend on each product.
    """

    name: str
    owned: Any
    later: Any
    label: Any
    value: Any


def online_retail(raw: Path) -> Baskets:
    """Return the customers of the shop: products are stock codes, later are the last 90 days."""
    (file,) = (raw / "online_retail").glob("*.parquet")
    lines = pl.read_parquet(file).drop_nulls("CustomerID")
    day = pl.col("InvoiceDate").cast(pl.Datetime)
    last = lines.select(day.max()).item()
    lines = lines.select(
        account=pl.col("CustomerID").cast(pl.Int64),
        product=pl.col("StockCode").cast(pl.String),
        later=day > last - pl.duration(days=LATER_DAYS),
        amount=pl.col("Quantity") * pl.col("UnitPrice"),
        group=pl.col("Country"),
    )
    return dated("online_retail", lines)


def complete_journey(raw: Path) -> Baskets:
    """Return the households of The Complete Journey: products are categories, later are the weeks from the 40th on."""
    folder = raw / "complete_journey"
    products = pl.read_parquet(folder / "products.parquet").select("product_id", product="product_category")
    people = pl.read_parquet(folder / "demographics.parquet")
    group = pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in ("income", "household_size")])
    people = people.select("household_id", group=group)
    lines = pl.read_parquet(folder / "transactions.parquet").join(products, on="product_id").drop_nulls("product")
    lines = lines.join(people, on="household_id", how="left").select(
        account=pl.col("household_id").cast(pl.Int64),
        product=pl.col("product").cast(pl.String),
        later=pl.col("week") > LATER_WEEKS,
        amount=pl.col("sales_value"),
        group=pl.col("group").fill_null("unknown"),
    )
    return dated("complete_journey", lines)


def caravan(raw: Path) -> Baskets:
    """Return the customers of an insurer (COIL 2000): of half of those with several policies one is hidden."""
    table = pl.read_csv(raw / "caravan" / "Caravan.csv")
    names = [name for name in table.columns if name.startswith("P") and name != "Purchase"]
    owned = np.column_stack([*(table[name].to_numpy() > 0 for name in names), (table["Purchase"] == "Yes").to_numpy()])
    owned, random = owned.astype(np.float64), np.random.default_rng(0)
    later = np.zeros_like(owned)
    for row in np.flatnonzero(owned.sum(axis=1) >= 2):
        if random.random() < 0.5:
            hidden = random.choice(np.flatnonzero(owned[row]))
            owned[row, hidden], later[row, hidden] = 0.0, 1.0
    features = table.select(pl.col("^M.*$").cast(pl.Float64)).to_numpy()
    return Baskets("caravan", owned, later, clusters_of(features), np.ones(owned.shape[1]))


def clusters_of(features: Any) -> Any:
    """Return the cluster (n,) of each customer by its features (n, d), standardised."""
    from sklearn.cluster import KMeans

    scaled = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    return KMeans(CLUSTERS, n_init=3, random_state=0).fit_predict(scaled).astype(np.int64)


def dated(name: str, lines: pl.DataFrame) -> Baskets:
    """Return what customers own before and begin to buy later; products of few owners are left out."""
    net = lines.group_by("account", "product", "later").agg(pl.col("amount").sum()).filter(pl.col("amount") > 0)
    before, after = net.filter(~pl.col("later")), net.filter(pl.col("later"))
    counts = before.group_by("product").len().filter(pl.col("len") >= FEWEST_OWNERS)
    products, accounts = np.sort(counts["product"].to_numpy()), np.sort(before["account"].unique().to_numpy())
    owned, later = (np.zeros((len(accounts), len(products))) for _ in range(2))
    money = np.full(owned.shape, np.nan)
    for table, matrix in ((before, owned), (after, later)):
        known = table.filter(pl.col("account").is_in(accounts) & pl.col("product").is_in(products))
        at = np.searchsorted(accounts, known["account"]), np.searchsorted(products, known["product"].to_numpy())
        matrix[at] = 1.0
        if table is before:
            money[at] = known["amount"].to_numpy()
    groups = lines.group_by("account").agg(pl.col("group").min()).sort("account")
    groups = groups.filter(pl.col("account").is_in(accounts))
    _, label = np.unique(groups["group"].to_numpy().astype(str), return_inverse=True)
    value = np.nanquantile(money, 0.85, axis=0, method="inverted_cdf")
    return Baskets(name, owned, later * (1 - owned), merged(label), value)


def merged(label: Any) -> Any:
    """Return groups (n,) with those of fewer than 30 customers as one."""
    counts = np.bincount(label)
    return np.unique(np.where(counts[label] < 30, -1, label), return_inverse=True)[1]


def popularity(baskets: Baskets) -> Any:
    """Return the owners of each product, the same for each customer."""
    return np.tile(baskets.owned.sum(axis=0), (len(baskets.owned), 1))


def cluster_share(baskets: Baskets) -> Any:
    """Return the share of owners in the own cluster, which orders offers with `by = "share"`."""
    member = (baskets.label[:, None] == np.arange(baskets.label.max() + 1)).astype(np.float64)
    return ((member.T @ baskets.owned) / member.sum(axis=0)[:, None])[baskets.label]


def rules(baskets: Baskets) -> Any:
    """Return the largest confidence of the rules of one product owned, then popularity."""
    pairs = baskets.owned.T @ baskets.owned
    owners = np.diag(pairs).copy()
    confidence = np.where(
        (pairs >= RULE_PAIRS) & (owners >= RULE_OWNERS)[:, None], pairs / np.maximum(owners, 1)[:, None], 0
    )
    np.fill_diagonal(confidence, 0.0)
    best = [confidence[np.flatnonzero(row)].max(axis=0, initial=0.0) for row in baskets.owned]
    return np.array(best) + 1e-6 * owners / len(baskets.owned)


def model(baskets: Baskets) -> Any:
    """Return the calibrated probability of each product, as `by = "probability"` has it."""
    fold = np.random.default_rng(1).integers(0, FOLDS, len(baskets.owned))
    owners = baskets.owned.sum(axis=0)
    columns = np.sort(np.argsort(-owners, kind="stable")[:MOST_COLUMNS])
    owned = baskets.owned[:, columns]
    folds = [[(owned[fold == one], baskets.label[fold == one])] for one in range(FOLDS)]
    learned = learn(folds, len(columns), int(baskets.label.max()) + 1)
    scores = scores_of(np, owned, baskets.label, learned.weights)
    every = np.tile(owners / len(owned) / BINS**2, (len(owned), 1))
    every[:, columns] = learned.probability[bins_of(np, scores)] + scores / BINS**2
    return every


def offered(baskets: Baskets, scores: Any, share: float) -> Any:
    """Return scores (n, p) of the products that a share of the cluster's customers own, -inf for the others."""
    return np.where(cluster_share(baskets) >= share, scores, -np.inf)


ORDERS: dict[str, Callable[[Baskets], Any]] = {
    "popularity": popularity,
    "cluster share": cluster_share,
    "association rules": rules,
    "ownership model": model,
    "ownership model x value": lambda baskets: model(baskets) * baskets.value,
}


def quality(baskets: Baskets, scores: Any) -> dict[str, float]:
    """Return hit rates, and the value of what was right among the first ten, per customer who began something."""
    rows = np.flatnonzero(baskets.later.any(axis=1))
    lacked = np.where(baskets.owned[rows] > 0, -np.inf, scores[rows])
    ranked = np.argsort(-lacked, axis=1, kind="stable")[:, : max(TOP)]
    right = np.take_along_axis(baskets.later[rows] * np.isfinite(lacked), ranked, axis=1)
    worth = right * baskets.value[ranked]
    return {
        **{f"hit_{top}": round(float(right[:, :top].any(axis=1).mean()), 4) for top in TOP},
        "precision_10": round(float(right.mean()), 4),
        "value_1": round(float(worth[:, 0].mean()), 2),
        "value_10": round(float(worth.sum(axis=1).mean()), 2),
        "customers": len(rows),
    }


def offers(raw: Path, peers: Path) -> Iterator[dict[str, Any]]:
    """Yield the quality of each order on each set; what the peers need lies in a folder, and what they answer."""
    for make in (caravan, complete_journey, online_retail):
        baskets = make(raw)
        np.savez_compressed(peers / f"{baskets.name}.npz", owned=baskets.owned, later=baskets.later)
        orders: dict[str, Any] = {name: order(baskets) for name, order in ORDERS.items()}
        for share in SHARES:
            orders[f"ownership model, owned = {share}"] = offered(baskets, orders["ownership model"], share)
        if (answer := peers / f"{baskets.name}.{PEERS}.npz").exists():
            orders["implicit matrix factorisation"] = np.load(answer)["scores"]
        for name, scores in orders.items():
            size = {"set": baskets.name, "products": baskets.owned.shape[1], "order": name}
            yield size | quality(baskets, scores)
