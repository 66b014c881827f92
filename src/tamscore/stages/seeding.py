"""The start of k-means: k-means++ on a few host rows, the same on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np

_EXACT = 2.0**53


def plus_plus(block: Any, k: int, random: np.random.Generator) -> Any:
    """The k rows (k, d) of a block (d, s) of whole numbers to start from, far from one another: greedy k-means++.

    After Arthur & Vassilvitskii (2007): a row is drawn with a chance in proportion to its squared distance from the
    rows chosen before; of a few rows drawn, that which leaves the smallest inertia is taken. Squared distances are cut
    to whole numbers whose sums are exact, so that the choice does not hang on the order of additions.
    """
    rows = block.astype(np.float64)
    norms = np.einsum("ij,ij->j", rows, rows)
    trials = 2 + int(np.log(k))
    chosen = [int(random.integers(rows.shape[1]))]
    far = np.full(rows.shape[1], np.inf)
    far = _nearer(rows, norms, chosen, far)[0]
    scale = 2.0 ** np.floor(np.log2(_EXACT / (rows.shape[1] * max(far.max(), 1.0))))
    while len(chosen) < k:
        reach = np.cumsum(np.floor(far * scale))
        drawn = np.searchsorted(reach, random.random(trials) * reach[-1], side="right")
        drawn = np.minimum(drawn, rows.shape[1] - 1)
        left = _nearer(rows, norms, drawn, far)
        best = int(np.argmin(np.sum(np.floor(left * scale), axis=1)))
        far = left[best]
        chosen.append(int(drawn[best]))
    return np.ascontiguousarray(rows[:, chosen].T)


def _nearer(rows: Any, norms: Any, drawn: Any, far: Any) -> Any:
    """Squared distances (t, s) of all rows from what is chosen already, `far` (s,), or from one of the t rows drawn."""
    from_drawn = rows[:, drawn].T @ rows
    from_drawn *= -2.0
    from_drawn += norms[drawn][:, None]
    from_drawn += norms
    return np.minimum(from_drawn, far, out=from_drawn)
