"""The columns of a list that say which products have the most whitespace."""

from __future__ import annotations

OPEN_PRODUCTS = (
    *("open_product", "open_product_whitespace", "open_product_2", "open_product_2_whitespace"),
    *("open_product_3", "open_product_3_whitespace"),
)
"""The products with the most whitespace, each with its amount."""
