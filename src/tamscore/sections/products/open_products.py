"""Whitespace by product: potential above own sales for owners, all of it where the product is offered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamscore.backend import Array

LEADING = 3
"""So many products of an account are named, those with the most whitespace."""


@dataclass(frozen=True)
class _LeadingProducts:
    """The products of accounts with the most whitespace: `product` (m, LEADING) int64, -1 for none, and `cents`."""

    product: Array
    cents: Array


def open_cents(xp: Any, own: Array, potential: Array, offered: Array) -> Array:
    """Return the whitespace (m, P) of products in whole cents.

    `own` (m, P) are sales in cents, below 0 for products that are not owned; `potential` (m, P) is in cents, NaN where
    nobody knows; `offered` (m, P) bool says what counts as open for accounts that do not own it.
    """
    nothing = xp.zeros_like(potential)
    reach = xp.where(xp.isnan(potential), nothing, potential)
    lacking = xp.where(offered, reach, nothing)
    short = xp.where(reach > own, reach - own, nothing)
    return xp.where(own >= 0.0, short, lacking)


def leading(xp: Any, cents: Array) -> _LeadingProducts:
    """Return the products with the most whitespace (m, P), the first by number among equals."""
    numbers = xp.arange(cents.shape[1], dtype=xp.int64, device=cents.device)
    left, products, amounts = cents, [], []
    for _ in range(LEADING):
        place, most = xp.argmax(left, axis=1), xp.max(left, axis=1)
        products.append(xp.where(most > 0.0, place, xp.full_like(place, -1)))
        amounts.append(most)
        left = xp.where(numbers[None, :] == place[:, None], xp.zeros_like(left), left)
    return _LeadingProducts(xp.stack(products, axis=1), xp.stack(amounts, axis=1))


def sums_by(xp: Any, cents: Array, member: Array) -> tuple[Array, Array]:
    """Return whitespace (groups, P) by group of accounts, and how many accounts (groups, P) have any.

    `member` (groups, m) says how many accounts of each group have each row of `cents` (m, P). Sums of whole cents are
    exact, in whatever order.
    """
    return xp.matmul(member, cents), xp.matmul(member, xp.astype(cents > 0.0, xp.float64))
