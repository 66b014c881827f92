"""Drift and moves between clusters, measured while a run assigns rows to the model of an earlier run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.model.earlier import NOWHERE, EarlierLabels
from tamscore.stages import drift
from tamscore.stages.draw import draw_number
from tamscore.stages.drift import Histogram

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.backend import Backend
    from tamscore.scoring.features import PartFeatures
    from tamscore.stages.prepare import Vocabulary

WATCHED_ROWS = 32_768
"""So many accounts of a party type, drawn by their ids, are looked at for drift."""


@dataclass(frozen=True)
class DriftCounts:
    """What was seen of one party type: accounts that have a cluster already, how many of them change it, the features.

    `histograms` of today over the bins of the model; `unknown` counts the levels that it does not know, by column.
    """

    known: int
    moved: int
    histograms: tuple[Histogram, ...]
    unknown: dict[str, Counter[str]]

    def merge(self, other: DriftCounts) -> DriftCounts:
        """Return both together."""
        pairs = zip(self.histograms, other.histograms, strict=True)
        together = tuple(Histogram(a.column, a.edges, a.counts + b.counts) for a, b in pairs)
        unknown = {column: counts + other.unknown[column] for column, counts in self.unknown.items()}
        return DriftCounts(self.known + other.known, self.moved + other.moved, together, unknown)


@dataclass(frozen=True)
class PartyDriftSetup:
    """How one party type is watched.

    `place` (codes + 1,) uint16 maps the clusters of the earlier run to labels of this one, NOWHERE to those without.
    `histograms` and `vocabularies` are those of the earlier model; rows are looked at up to the draw number `up_to`.
    """

    place: Any
    histograms: tuple[Histogram, ...]
    vocabularies: Mapping[str, Vocabulary]
    up_to: int


@dataclass(frozen=True)
class DriftSetup:
    """All that is watched: the clusters that accounts had, and each party type; `share` see `hysteresis.hold`."""

    labels: EarlierLabels
    seed: int
    share: float
    parties: tuple[PartyDriftSetup, ...]

    def earlier_labels(self, party: int, codes: Any) -> Any:
        """The label (m,) that accounts would keep, from the code of the cluster they had; NOWHERE for none."""
        return self.parties[party].place[np.minimum(codes, len(self.labels.ids))]

    def count(
        self, party: int, features: PartFeatures, at: Any, hashes: Any, codes: Any, label: Any, backend: Backend
    ) -> DriftCounts:
        """What is seen of the rows of a party type at the positions given: hashes, codes, labels (m,) of today."""
        setup, known = self.parties[party], codes != NOWHERE
        moved = known & (label != self.earlier_labels(party, codes))
        drawn = at[draw_number(hashes, self.seed) <= np.uint64(setup.up_to)]
        histograms = tuple(_count_bins(histogram, setup, features, drawn, backend) for histogram in setup.histograms)
        unknown = {
            name: _unknown_levels(vocabulary, features.texts[name].take(drawn))
            for name, vocabulary in setup.vocabularies.items()
        }
        return DriftCounts(int(known.sum()), int(moved.sum()), histograms, unknown)


def _count_bins(
    model: Histogram, drift_setup: PartyDriftSetup, features: PartFeatures, rows: Any, backend: Backend
) -> Histogram:
    """Return how the rows at the positions given spread over the bins of a feature."""
    name = model.column
    if name in drift_setup.vocabularies:
        return drift.level_histogram(drift_setup.vocabularies[name], features.texts[name].take(rows))
    column = backend.xp.take(features.numeric[name], backend.put(rows))
    return drift.number_histogram(backend, name, column, model.edges)


def _unknown_levels(vocabulary: Vocabulary, texts: Any) -> Counter[str]:
    """Return how many accounts have each level that a vocabulary does not know."""
    import pyarrow.compute as pc

    counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(texts).to_pylist()}
    known = {*vocabulary.all_levels, None}
    return Counter({level: count for level, count in counts.items() if level not in known})
