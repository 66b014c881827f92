"""What implicit matrix factorisation says of baskets, in the peers' environment: `python bench/offers_peers.py DIR`.

`python -m bench offers` has left the baskets in the folder, and reads the answers from it. Of several settings the one
that names the most right products first is kept: the peer is chosen on the very data that it is judged by.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

FACTORS, CONFIDENCES = (4, 8, 32, 64), (1.0, 20.0)


def scores_of(owned: Any, factors: int, confidence: float) -> Any:
    """Return the scores (n, p) of a factorisation of what customers own (n, p)."""
    sizes = {"factors": factors, "alpha": confidence, "iterations": 20, "random_state": 0}
    fitted = AlternatingLeastSquares(**sizes)
    fitted.fit(csr_matrix(owned.astype(np.float32)), show_progress=False)
    return np.asarray(fitted.user_factors) @ np.asarray(fitted.item_factors).T


def first_right(scores: Any, owned: Any, later: Any) -> float:
    """Return the share of customers who begin something, for whom the first product is right."""
    rows = np.flatnonzero(later.any(axis=1))
    first = np.argmax(np.where(owned[rows] > 0, -np.inf, scores[rows]), axis=1)
    return float(later[rows, first].mean())


def main(folder: Path) -> None:
    """Write the scores of every customer and product beside each file of baskets."""
    for file in sorted(folder.glob("*.npz")):
        if file.name.endswith(".als.npz"):
            continue
        baskets = np.load(file)
        owned, later = baskets["owned"], baskets["later"]
        tried = [scores_of(owned, *setting) for setting in product(FACTORS, CONFIDENCES)]
        best = max(tried, key=lambda scores: first_right(scores, owned, later))
        np.savez_compressed(file.with_suffix(".als.npz"), scores=best)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
