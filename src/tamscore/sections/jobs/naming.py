"""What a customer job is called: by the products that have a far larger share in it than among all customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST_SHARE, _LEAST_LIFT = 0.1, 1.5
"""A product leads where it has at least this share, and so many times its share among all customers."""
_MOST_LEADING = 4
_NAMED_BY = 2
MIXED = "mixed products"
"""The name of a customer job in which no product leads."""


@dataclass(frozen=True)
class LeadingProduct:
    """A product that leads in a customer job: its mean share there, and among all customers of the party type."""

    product: str
    share: float
    market: float


def leading_products(mean: Any, market: Any, names: Sequence[str]) -> list[tuple[LeadingProduct, ...]]:
    """Return the products that lead in each group, given mean shares (k, C) there and (C,) among all customers.

    The products whose share is most above the market's come first.
    """
    rows = []
    for share in mean:
        order = np.argsort(-(share - market), kind="stable").tolist()
        leads = [c for c in order if share[c] >= _LEAST_SHARE and share[c] >= _LEAST_LIFT * market[c]]
        rows.append(tuple(LeadingProduct(names[c], float(share[c]), float(market[c])) for c in leads[:_MOST_LEADING]))
    return rows


def job_names(leading: Sequence[Sequence[LeadingProduct]], remaining: Sequence[str | None] = ()) -> tuple[str, ...]:
    """Return a name for each customer job: the two products that lead most, more where others share that name.

    Jobs with equal names get a number. `remaining` are names given before, None for none.
    """
    remaining = remaining or (None,) * len(leading)
    taken = {name for name in remaining if name}
    pairs = zip(leading, remaining, strict=True)
    return tuple(name or _new_name([product.product for product in products], taken) for products, name in pairs)


def _new_name(products: Sequence[str], taken: set[str]) -> str:
    """Return a name that is not taken yet; it is noted as taken."""
    length = min(_NAMED_BY, len(products))
    while (first := " + ".join(products[:length]) or MIXED) in taken and length < len(products):
        length += 1
    name, number = first, 1
    while name in taken:
        number += 1
        name = f"{first} ({number})"
    taken.add(name)
    return name
