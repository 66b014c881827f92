"""Accounts alike: those that every option is worth the same to, for the same hours, as all prospects of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Alike:
    """Accounts by kind: the first account (g,) of each kind, the kind (m,) of each account, accounts (g,) of a kind."""

    first: Any
    kind: Any
    size: Any

    def holds(self, numbers: Any) -> bool:
        """Return whether accounts of a kind have the same numbers (o, m)."""
        return all(bool((row[self.first][self.kind] == row).all()) for row in numbers)


def alike(value: Any, hours: Any) -> Alike:
    """Accounts by kind, from value and hours (o, m); where two kinds had one number by chance, each is its own kind."""
    _, first, kind, size = np.unique(kinds(value, hours), return_index=True, return_inverse=True, return_counts=True)
    result = Alike(first, kind.astype(np.int32), size)
    if result.holds(value) and result.holds(hours):
        return result
    every = np.arange(value.shape[1])
    return Alike(every, every, np.ones(len(every), np.int64))


def kinds(value: Any, hours: Any) -> Any:
    """A number (m,) for each account, the same for accounts alike: their money and hours, weighed at random."""
    values, random = np.zeros(value.shape[1]), np.random.default_rng(0)
    for money, need in zip(value, hours, strict=True):
        weights = random.random(3)
        is_open = np.isfinite(money)
        values += weights[0] * np.where(is_open, money, 0.0) + weights[1] * need + weights[2] * is_open
    return values
