"""Names of clusters: a short id, and the most distinctive features."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.naming import NO_TITLE, compose, level_phrase, missing_phrase, number_phrase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.stages.naming import ColumnTitle, Phrase
    from tamscore.stages.space import Feature

_APART = 0.5
"""A feature sets a cluster apart from half a standard deviation on."""
_FAINT = 0.2
"""Fainter differences name a cluster only where it would share its name otherwise; below this, none does."""
_AVERAGE = "average accounts"
"""The name of a cluster that nothing sets apart."""
_NO_TITLES: Mapping[str, ColumnTitle] = MappingProxyType({})


def cluster_ids(party: str, k: int) -> list[str]:
    """Short ids, unique over party types: `E01` for end users, `C01` for channel."""
    return [f"{party[0].upper()}{c + 1:02d}" for c in range(k)]


def differences(centers: Any, counts: Any, spread: Any) -> Any:
    """The standardised mean difference (k, d) of each cluster from all rows of its party type."""
    overall = counts @ centers / max(float(counts.sum()), 1.0)
    return (centers - overall) / np.where(spread > 0, spread, 1.0)


def cluster_names(
    features: Sequence[Feature],
    apart: Any,
    known: Sequence[str | None] = (),
    titles: Mapping[str, ColumnTitle] = _NO_TITLES,
) -> list[str]:
    """Return a readable name for each cluster: its two most distinctive features, more if others share that name.

    Clusters with equal names get a number. `known` are names that clusters already have, None for those without;
    `titles` are the names of columns for people.
    """
    known = known or (None,) * len(apart)
    taken = Counter(re.sub(r" \(\d+\)$", "", name) for name in known if name)
    return [name or _name(_distinctive(features, row), titles, taken) for name, row in zip(known, apart, strict=True)]


def _name(parts: Sequence[_Part], titles: Mapping[str, ColumnTitle], taken: Counter[str]) -> str:
    """A name that is not taken yet; it is noted as taken."""
    length = min(2, sum(abs(part.difference) >= _APART for part in parts))
    while (name := _words(parts[:length], titles)) in taken and length < len(parts):
        length += 1
    taken[name] += 1
    return f"{name} ({taken[name]})" if taken[name] > 1 else name


@dataclass(frozen=True)
class _Part:
    """A feature that sets a cluster apart, its place among the features, and by how much it does."""

    place: int
    feature: Feature
    difference: float

    def phrase(self, titles: Mapping[str, ColumnTitle]) -> Phrase:
        column, title = self.feature.column, titles.get(self.feature.column, NO_TITLE)
        if self.feature.kind == "missing":
            return missing_phrase(column, title)
        if self.feature.kind == "level":
            return level_phrase(column, str(self.feature.level), title)
        size = abs(self.difference)
        strength = "very" if size >= 4 * _APART else "" if size >= _APART else "fairly"
        return number_phrase(column, self.difference > 0, strength, title)


def _words(parts: Sequence[_Part], titles: Mapping[str, ColumnTitle]) -> str:
    """The name that parts make; in the order of the features, so that the same parts make the same name."""
    ordered = sorted(parts, key=lambda part: part.place)
    return compose([part.phrase(titles) for part in ordered]) or _AVERAGE


def _distinctive(features: Sequence[Feature], row: Any) -> list[_Part]:
    """Return what sets a cluster apart; the most distinctive first."""
    order = np.argsort(-np.abs(row), kind="stable").tolist()
    return [_Part(j, features[j], float(row[j])) for j in order if _speaks(features[j], row[j])]


def _speaks(feature: Feature, difference: float) -> bool:
    """Return whether a difference says something: numbers either way, levels only where there are more of them."""
    return bool(abs(difference) >= _FAINT) and (feature.kind == "numeric" or difference > 0)
