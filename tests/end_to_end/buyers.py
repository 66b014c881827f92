"""A market in which the probability that an account buys is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

WINDOW = {"feature_cutoff": "2025-12-31", "label_start": "2026-01-01", "label_end": "2026-03-31"}
CHANGES: dict[str, Any] = {
    "columns": {},
    "features": {"numeric": {"size": "log_standard", "growth": "standard"}, "categorical": ["industry"]},
    "clusters": {"k": 3, "restarts": 2},
    "propensity": {"label": "bought", **WINDOW},
}
"""Changes to the job of `market` that suit this one."""
INDUSTRIES = ("retail", "steel", "software")
FOCUS, LOW = 4_000, 21_000
"""The reference case: so many accounts above 30 %, so many below 4 %."""


def drawn(random: Any, chance: Any) -> Any:
    """Who buys (m,) bool: each with its chance, and together as many as expected, so that no luck is in the sum."""
    return np.diff(np.floor(np.cumsum(np.concatenate(([random.random()], chance))))) > 0


def reference(seed: int = 0, rows: int = LOW + FOCUS) -> pa.Table:
    """25,000 accounts, 21,000 of them at 0.5 to 3 % and 4,000 at 38 to 70 %, told apart by size and industry."""
    random = np.random.default_rng([seed, 3])
    focus = np.zeros(rows, bool)
    focus[: rows * FOCUS // (LOW + FOCUS)] = True
    focus = random.permutation(focus)
    growth = random.standard_normal(rows)
    size = np.exp(np.where(focus, 6.0, 3.0) + 0.5 * random.standard_normal(rows))
    share = 1.0 / (1.0 + np.exp(-growth))
    chance = np.where(focus, 0.38 + 0.32 * share, 0.005 + 0.025 * share)
    industry = np.where(random.random(rows) < 0.1, "steel", np.where(focus, "software", "retail"))
    return pa.table(
        {
            "account_id": [f"B{i:06d}" for i in random.permutation(rows)],
            "sales": np.where(random.random(rows) < 0.2 + 0.5 * focus, np.round(size, 2), 0.0),
            "size": pa.array(size, mask=random.random(rows) < 0.03),
            "growth": growth,
            "industry": industry,
            "chance": chance,
            "bought": drawn(random, chance).astype(np.float64),
        }
    )
