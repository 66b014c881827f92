"""The churn alert joins the scores: who buys much less than a year ago while its cluster does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import float_column, level_codes
from tamscore.scoring.score.sections import Findings
from tamscore.sections.alerts import churn as alerts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.sections import ScoredRows
    from tamscore.sections.alerts.settings import Alerts

NO_BEFORE = "nothing is known about sales a year before: [lifetime_value] with orders or sales_before tells it"


@dataclass(frozen=True)
class ChurnAlert:
    """The state: from which drop on, and the median (K,) of sales to sales before in each cluster."""

    clusters: tuple[str, ...]
    median: Any
    drop: float

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Which of the scored rows draw an alert."""
        put, scores = backend.put, rows.scores
        sales, before = (float_column(scores[name]) for name in ("trailing_sales", "sales_before"))
        label = level_codes(scores["cluster"], list(self.clusters))
        given = (put(sales), put(before), put(label), put(self.median))
        return {"churn_alert": pa.array(backend.get(alerts.churns(backend.xp, *given, self.drop)))}

    def count(self, scored: pa.Table) -> Any:
        """Alerts (K,) of a part by cluster, and the sales before that are at stake, in cents (K,)."""
        label = level_codes(scored["cluster"], list(self.clusters))
        raised = scored["churn_alert"].to_numpy()
        money = np.rint(np.nan_to_num(float_column(scored["sales_before"])) * 100.0)
        return np.stack(
            [np.bincount(label[raised], weights=one[raised], minlength=len(self.clusters)) for one in (raised, money)]
        )

    def findings(self, counts: Sequence[Any]) -> Findings:
        """How many alerts there are, by cluster too."""
        accounts, money = sum(counts)
        table = pa.table(
            {
                "cluster": list(self.clusters),
                "churn_alerts": accounts.astype(np.int64),
                "sales_before": np.round(money / 100.0, 2),
                "median_change": pa.array(np.round(self.median - 1, 6), from_pandas=True),
            }
        )
        record = {"drop": self.drop, "churn": int(accounts.sum()), "sales_before": round(money.sum() / 100.0, 2)}
        return Findings(record, {"churn": table}, frozenset({"sales_before"}))


def prepare(market: Market, settings: Alerts) -> ChurnAlert | str:
    """The state; in words what is missing where nothing is known about the year before."""
    change = market.figure("median_change")
    return NO_BEFORE if change is None else ChurnAlert(market.clusters, change, settings.drop)
