"""Score a whole total addressable market: clusters of peers, sales potential, whitespace and coverage for all."""

from __future__ import annotations

__version__ = "0.1.0"
