"""The arrays of a stored model, each held against what it must be before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Arrays:
    """The arrays of one party type, taken one after the other."""

    party: str
    arrays: dict[str, Any]

    def __call__(
        self,
        name: str,
        shape: tuple[int | None, ...],
        kind: type[np.generic] = np.float64,
        *,
        least: float = -np.inf,
        gaps: bool = False,
    ) -> Any:
        """The array of a name; ValueError unless it has the shape (None: any length), type and range expected.

        NaN is refused unless it may stand for gaps.
        """
        array = self.arrays.pop(f"{self.party}.{name}", None)
        if array is None:
            raise ValueError(f"{self.party}.{name}: missing")
        fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
        if not fits or array.dtype != kind:
            wanted = f"{kind.__name__} {tuple('any' if n is None else n for n in shape)}"
            raise ValueError(f"{self.party}.{name}: expected {wanted}, got {array.dtype} {array.shape}")
        if np.isinf(array).any() or (np.isnan(array).any() and not gaps) or (array < least).any():
            raise ValueError(
                f"{self.party}.{name}: expected finite numbers{f' ≥ {least:g}' if least > -np.inf else ''}"
            )
        return array
