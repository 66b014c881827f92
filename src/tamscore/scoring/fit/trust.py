"""Trust in clusters: stability under redraws, and short rules that describe their accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.stages import rules, stability

if TYPE_CHECKING:
    from tamscore.scoring.fit.sample import SampledRows
    from tamscore.scoring.party_model import PartyModel


@dataclass(frozen=True)
class ClusterStability:
    """Mean bootstrap Jaccard similarity of a cluster with its grade (NaN, "unknown" if unseen); its rule with F1."""

    similarity: float
    grade: str
    rule: str
    f1: float


def trust(model: PartyModel, drawn: SampledRows, seeds: Any, seed: int) -> tuple[ClusterStability, ...]:
    """What is known about every cluster; `seeds` (d, s) are the first rows of the sample in the model's space."""
    host = HostBackend()
    similarity = stability.find_again(host, seeds, model.centers, seed)
    rows = min(rules.ROWS, seeds.shape[1])
    label = stability.labels(host, seeds[:, :rows], model.centers)
    texts = {
        vocabulary.column: (vocabulary.encode(drawn.texts[vocabulary.column][:rows]), vocabulary.all_levels)
        for vocabulary in model.space.vocabularies
    }
    numbers = {scale.name: drawn.numeric[scale.name][:rows].astype(np.float64) for scale in model.space.scales}
    items = rules.rules_of(rules.choices_of(numbers, texts), label, model.k)
    grades = ["unknown" if np.isnan(item) else stability.grade(item) for item in similarity]
    return tuple(
        ClusterStability(float(item), grade, rule.text, rule.f1)
        for item, grade, rule in zip(similarity, grades, items, strict=True)
    )
