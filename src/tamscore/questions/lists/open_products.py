"""The columns of a list that say which products have the most whitespace."""

from __future__ import annotations

from tamscore.sections.products.view import NAMES

OPEN_PRODUCTS = tuple(column for name in NAMES for column in (name, f"{name}_whitespace"))
"""The products with the most whitespace, each with its amount."""
