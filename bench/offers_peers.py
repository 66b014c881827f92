"""What implicit matrix factorisation says of baskets, in the peers' environment: `python bench/offers_peers.py DIR`.

`python -m bench offers` has left the baskets in the folder, and reads the answers from it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

FACTORS = {"caravan": 4, "complete_journey": 8, "online_retail": 64}
"""The number of factors that did best on each set, of 4, 8, 32 and 64."""


def main(folder: Path) -> None:
    """Write the scores of every customer and product beside each file of baskets."""
    for file in sorted(folder.glob("*.npz")):
        if file.name.endswith(".als.npz"):
            continue
        owned = csr_matrix(np.load(file)["owned"].astype(np.float32))
        fitted = AlternatingLeastSquares(factors=FACTORS.get(file.stem, 32), alpha=20.0, iterations=20, random_state=0)
        fitted.fit(owned, show_progress=False)
        scores = np.asarray(fitted.user_factors) @ np.asarray(fitted.item_factors).T
        np.savez_compressed(file.with_suffix(".als.npz"), scores=scores)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
