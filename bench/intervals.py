"""Simulated clusters with known cut values: how often intervals hold, how far pooled values miss."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri, stdtrit

from bench.measure import clock
from tamscore.stages.potential import CustomerSales, potential_table

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = (0.85, 0.90, 0.95)
SIZES = ((5, 10), (11, 24), (25, 72), (73, 299), (300, 1000))
"""Customers of a cluster, by group; sizes are drawn evenly on the log scale from the first to the last."""


@dataclass(frozen=True)
class World:
    """How sales of customers lie: clusters so many, their log levels `apart`, log spreads evenly `between`, the tail.

    `freedom` are the degrees of freedom of Student's t distribution of log sales, None for the normal one.
    """

    name: str
    clusters: int = 11
    apart: float = 0.5
    between: tuple[float, float] = (1.0, 1.0)
    freedom: float | None = None


WORLDS = (
    World("like each other"),
    World("other spreads", between=(0.7, 1.3)),
    World("far apart, other spreads", apart=1.0, between=(0.7, 1.3)),
    World("very far apart, other spreads", apart=1.5, between=(0.7, 1.3)),
    World("wide sales", apart=0.3, between=(1.5, 1.5)),
    World("heavy tails", freedom=4.0),
    World("five clusters", clusters=5, apart=0.7, between=(0.8, 1.2)),
    World("forty clusters", clusters=40, apart=0.7, between=(0.8, 1.2)),
)


def market(world: World, random: np.random.Generator) -> tuple[CustomerSales, Any]:
    """Customers' sales by cluster, and the true logs (k, lines) of the cut values."""
    k = world.clusters
    n = np.exp(random.uniform(np.log(SIZES[0][0]), np.log(SIZES[-1][1] + 0.99), k)).astype(np.int64)
    level, spread = random.normal(8.0, world.apart, k), random.uniform(*world.between, k)
    drawn = random.standard_normal(n.sum()) if world.freedom is None else random.standard_t(world.freedom, n.sum())
    offsets = np.concatenate(([0], np.cumsum(n)))
    sales = [np.sort(np.exp(level[c] + spread[c] * drawn[offsets[c] : offsets[c + 1]])) for c in range(k)]
    at = np.array([ndtri(line) if world.freedom is None else stdtrit(world.freedom, line) for line in LINES])
    return CustomerSales(np.concatenate(sales), offsets), level[:, None] + spread[:, None] * at


def intervals(world: World, level: float, markets: int, min_customers: int, seed: int) -> dict[str, Any]:
    """By size and cut line: how often intervals cover, and root mean squared errors of logs, pooled against raw."""
    random = np.random.default_rng(seed)
    found: dict[tuple[int, int], list[Any]] = {}
    with clock() as spent:
        for _ in range(markets):
            sales, truth = market(world, random)
            for key, one in judged(sales, truth, level, min_customers):
                found.setdefault(key, []).append(one)
    rows = [summed(*key, np.array(seen)) for key, seen in sorted(found.items())]
    return {
        **asdict(world),
        "level": level,
        "min_customers": min_customers,
        "markets": markets,
        "by_size": rows,
        **spent,
    }


def judged(sales: CustomerSales, truth: Any, level: float, min_customers: int) -> Iterator[tuple[tuple[int, int], Any]]:
    """For every cluster and cut line, by group of sizes: whether the interval holds, squared errors pooled and raw."""
    everyone = [("all", np.sort(sales.sales))] * sales.groups
    table = potential_table(sales, everyone, LINES, "max", min_customers, level)
    raw = potential_table(sales, everyone, LINES, "max", 1)
    held = (table.bounds.low[:, :-1] <= np.exp(truth)) & (np.exp(truth) <= table.bounds.high[:, :-1])
    off = [(np.log(one.values[:, :-1]) - truth) ** 2 for one in (table, raw)]
    group = np.searchsorted([last for _, last in SIZES], sales.support)
    for c, j in np.ndindex(held.shape):
        yield (int(group[c]), j), (held[c, j], off[0][c, j], off[1][c, j])


def summed(group: int, line: int, seen: Any) -> dict[str, Any]:
    """One group of sizes and one cut line in numbers."""
    held, pooled, raw = np.mean(seen, axis=0)
    errors = {"rmse": np.sqrt(pooled), "raw_rmse": np.sqrt(raw), "ratio": np.sqrt(pooled / raw)}
    numbers = {"coverage": held, **errors}
    head = {"customers": SIZES[group], "line": LINES[line], "clusters": len(seen)}
    return head | {name: round(float(value), 4) for name, value in numbers.items()}
