"""The state of [lifetime_value]: scores each customer, and records figures of clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, level_codes, nullable
from tamscore.scoring.by_cluster import CENTS
from tamscore.scoring.score.sections import Findings
from tamscore.sections.lifetime_value import worth as lifetime_value
from tamscore.sections.lifetime_value.gauges import SUMS, FigureSource
from tamscore.stages.orders import NEVER
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.score.sections import ScoredRows
    from tamscore.stages.orders import Bought


@dataclass(frozen=True)
class LifetimeValueState:
    """State of the lifetime value section: source of figures, figures by cluster (K of all party types), and prices.

    `sales` is the column of the market's sales. `sums` (SUMS, K) are sums by cluster. `median` (K,) is the median of
    sales to sales of the year before. `worth` (K,) is the value of one unit of monthly margin with recency; it is None
    if something is missing or values come from elsewhere. `record` goes into the manifest.
    """

    source: FigureSource
    sales: str
    clusters: tuple[str, ...]
    sums: Any
    median: Any
    worth: Any | None
    seed36: bool
    record: dict[str, Any]
    notices: tuple[str, ...]

    def sum_of(self, name: str) -> Any:
        """Return a sum (K,) by cluster."""
        return self.sums[SUMS.index(name)]

    @property
    def knows_before(self) -> bool:
        """Whether anything is known about sales of the year before."""
        return bool(self.sum_of("compared").sum())

    @property
    def figures(self) -> dict[str, Any]:
        """Figures (K,) of the clusters, NaN if not known; without a year before there is no median change."""
        compared, margins = self.sum_of("compared") > 0, self.sum_of("margins") > 0
        known = {
            "margin": np.where(margins, self.sum_of("margin") / CENTS, np.nan),
            "sales_now": np.where(compared, self.sum_of("now") / CENTS, np.nan),
            "sales_before": np.where(compared, self.sum_of("before") / CENTS, np.nan),
            "lifetime_value": self.mean,
        }
        return known | ({"median_change": self.median} if self.knows_before else {})

    @property
    def mean(self) -> Any:
        """The mean lifetime value (K,) of the customers of each cluster, NaN where there is none."""
        unknown = np.full(len(self.clusters), np.nan)
        if self.source.columns["value"]:
            total, count = self.sum_of("value"), self.sum_of("given")
        elif self.worth is not None:
            total, count = self.sum_of("recent") * self.worth, self.sum_of("valued")
        else:
            return unknown
        return np.divide(total, count * CENTS, out=unknown, where=count > 0)

    def sales_windows(self, part: PartRows, at: Any, backend: Backend) -> tuple[Any, Any]:
        """Return sales (s,) of the last twelve months and those before, to the cent as in scores; NaN if not known."""
        table = tables.read(part.partition, list(dict.fromkeys((*self.source.reads, self.sales)))).take(at)
        known = self.source.figures(table, part.hashes[at], float_column(table[self.sales]), backend)
        return np.round(known.sales, 2), np.round(known.before, 2)

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Return trailing sales, sales before, margin and lifetime value of scored rows, without unknown columns."""
        sales = float_column(rows.scores["sales"])
        known = self.source.figures(rows.read(self.source.reads), rows.hashes, sales, backend)
        made = {"trailing_sales": known.sales}
        if self.knows_before:
            made["sales_before"] = known.before
        if self.sum_of("margins").any():
            made["yearly_margin"] = known.sales * known.margin
        xp, put = backend.xp, backend.put
        if self.source.columns["value"]:
            made["lifetime_value"] = known.value
        elif self.worth is not None:
            label = put(level_codes(rows.scores["cluster"], list(self.clusters)))
            value = lifetime_value.dcf(xp, put(known.monthly), put(known.recency), label, put(self.worth))
            made["lifetime_value"] = backend.get(value)
        if self.seed36:
            seed = lifetime_value.seed36(xp, put(known.revenue), put(known.dates))
            made["lifetime_value_seed36"] = backend.get(seed)
        last = {"last_order": _last_orders(self.source.bought, known.place)} if self.source.bought else {}
        return {name: nullable(np.round(values, 2)) for name, values in made.items()} | last

    def count(self, scored: pa.Table) -> dict[str, tuple[int, float]]:
        """Return how many accounts of a part have each value, and the sum of each value in cents."""
        named = ("lifetime_value", "lifetime_value_seed36")
        values = {name: float_column(scored[name]) for name in named if name in scored.column_names}
        return {
            name: (int(np.count_nonzero(~np.isnan(value))), float(np.nansum(np.rint(value * CENTS))))
            for name, value in values.items()
        }

    def findings(self, counts: Sequence[dict[str, tuple[int, float]]]) -> Findings:
        """Return the record with the totals of all parts."""
        totals = {
            name: {
                "accounts": sum(part[name][0] for part in counts),
                "total": round(sum(part[name][1] for part in counts) / CENTS, 2),
            }
            for name in counts[0]
        }
        return Findings({**self.record, "values": totals}, notices=self.notices)


def _last_orders(bought: Bought, place: Any) -> pa.Array:
    """Return the day of the last order of accounts (m,), given their places among the buyers; null for no order."""
    import pyarrow as pa

    days = np.append(bought.last, NEVER)[place]
    return pa.array(days.astype(np.int32), pa.int32(), mask=days == NEVER).cast(pa.date32())
