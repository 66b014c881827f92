"""What a cluster is called: a short id, and the features that set it apart."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.stages.space import Feature

APART = 0.5
"""A feature sets a cluster apart from half a standard deviation on."""
FAINT = 0.2
"""Fainter differences name a cluster only where it would share its name otherwise; below this, none does."""
AVERAGE = "average"
"""The name of a cluster that nothing sets apart."""


def cluster_ids(party: str, k: int) -> list[str]:
    """Short ids, unique over party types: `E01` for end users, `C01` for channel."""
    return [f"{party[0].upper()}{c + 1:02d}" for c in range(k)]


def differences(centers: Any, counts: Any, spread: Any) -> Any:
    """The standardised mean difference (k, d) of each cluster from all rows of its party type."""
    overall = counts @ centers / max(float(counts.sum()), 1.0)
    return (centers - overall) / np.where(spread > 0, spread, 1.0)


def cluster_names(features: Sequence[Feature], apart: Any, kept: Sequence[str | None] = ()) -> list[str]:
    """A readable name for each cluster: its two most distinctive features, more where others share those two.

    The order of words tells nobody two clusters apart, so it does not count; a number does where words run out. `kept`
    are the names that clusters have already, None for those without.
    """
    kept = kept or (None,) * len(apart)
    taken = Counter(_words_of(name) for name in kept if name)
    return [name or _name(_distinctive(features, row), taken) for name, row in zip(kept, apart, strict=True)]


def _name(words: dict[str, float], taken: Counter[frozenset[str]]) -> str:
    """A name that is not taken yet; it is noted as taken."""
    length = min(2, sum(difference >= APART for difference in words.values()))
    while frozenset([*words][:length] or [AVERAGE]) in taken and length < len(words):
        length += 1
    chosen = [*words][:length] or [AVERAGE]
    taken[frozenset(chosen)] += 1
    again = taken[frozenset(chosen)]
    return " · ".join(chosen) + (f" ({again})" if again > 1 else "")


def _words_of(name: str) -> frozenset[str]:
    """The words that a name was made of."""
    return frozenset(re.sub(r" \(\d+\)$", "", name).split(" · "))


def _distinctive(features: Sequence[Feature], row: Any) -> dict[str, float]:
    """What sets a cluster apart, in words, and by how much; the most distinctive first."""
    order = np.argsort(-np.abs(row), kind="stable")
    return {_words(features[j], row[j]): float(abs(row[j])) for j in order if _speaks(features[j], row[j])}


def _speaks(feature: Feature, difference: float) -> bool:
    """Whether a difference says something: numbers either way, levels only where there are more of them."""
    return bool(abs(difference) >= FAINT) and (feature.kind == "numeric" or difference > 0)


def _words(feature: Feature, difference: float) -> str:
    """A difference in words: `high revenue`, `low growth`, `industry retail`."""
    if feature.kind == "numeric":
        size = "very " if abs(difference) >= 4 * APART else "" if abs(difference) >= APART else "rather "
        return f"{size}{'high' if difference > 0 else 'low'} {feature.column.replace('_', ' ')}"
    if feature.kind == "missing":
        return f"{feature.column.replace('_', ' ')} unknown"
    return f"{feature.column.replace('_', ' ')} {feature.level}"
