"""Where the planes of a bound are lowest: a linear program in few variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.sections.coverage.hour_price import PricedChoices


def lowest(planes: Sequence[PricedChoices], limits: Any, scarce: Any, least: Any, most: Any) -> tuple[Any, float]:
    """The prices (r,) at which the planes are lowest, and how low, given hours `limits` (r,).

    The roles `scarce` by number have prices, from `least` to `most` (r,). The planes of each part of the accounts bound
    what the part brings; the bound is their sum.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    price, parts = np.zeros(len(limits)), len(planes[0].worths)
    if not len(scarce):
        return price, float(np.max([plane.values for plane in planes], axis=0).sum())
    scale = np.where(most > 0, most, 1.0)[scarce]
    slopes = np.concatenate([plane.hours[:, scarce] * scale for plane in planes])
    heights = np.concatenate([plane.values for plane in planes])
    # worth nothing at the first prices, as where no account has whitespace: then by what hours cost
    unit = abs(planes[0].worth) or float(max(np.abs(heights).max(), np.abs(slopes).max())) or 1.0
    slopes, heights = slopes / unit, heights / unit
    own = np.tile(np.eye(parts), (len(planes), 1))
    rows = np.column_stack([-slopes, -own])
    cost = np.append(limits[scarce] * scale / unit, np.ones(parts))
    edges = [*zip(least[scarce] / scale, most[scarce] / scale, strict=True), *[(None, None)] * parts]
    result = linprog(cost, csr_array(rows) if parts > 1 else rows, -heights, bounds=edges, method="highs")
    price[scarce] = result.x[:-parts] * scale
    return price, float(result.fun) * unit
