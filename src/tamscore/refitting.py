"""The refresh of every party type: fitted from where the earlier model stood, its clusters matched to the old ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.engine.flow import LocalFlow
from tamscore.fitting import (
    draw_samples,
    fit_party,
    fitted_on,
    ground_of,
    party_counts,
    polished,
    segment_vocabulary,
    tell,
)
from tamscore.outcome import Change, Fitted, Kept
from tamscore.passes.assign import PartyModel, assign_blocks
from tamscore.passes.features import Encoding
from tamscore.passes.refit import means, refit
from tamscore.passes.sources import SampleSource
from tamscore.schema import PARTY_TYPES
from tamscore.settings import recipe_of
from tamscore.stages import lifecycle
from tamscore.stages.lifecycle import Overlap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.engine.flow import Flow
    from tamscore.fitting import Ground
    from tamscore.passes.census import PartRows
    from tamscore.passes.sample import SampledRows
    from tamscore.settings import Run
    from tamscore.stages.kmeans import Fit
    from tamscore.stages.prepare import Vocabulary
    from tamscore.store.model_parties import StoredParty


def refit_parties(this: Run, parts: list[PartRows], stored: Mapping[str, StoredParty]) -> list[Fitted]:
    """The refreshed model of every party type that has rows; one that the earlier model did not know is fitted anew."""
    counts = party_counts(parts)
    segments = segment_vocabulary(this, parts)
    samples = draw_samples(this, parts, counts)
    with this.progress.stage("fit", len(counts)) as done, LocalFlow(this.job.engine.workers) as local:
        fitted = []
        for party, drawn in samples.items():
            old = stored.get(PARTY_TYPES[party])
            given = (this, parts, party, drawn, segments, local)
            fitted.append(fit_party(*given) if old is None else refit_party(*given, old))
            done(1)
    return fitted


def refit_party(
    this: Run,
    parts: list[PartRows],
    party: int,
    drawn: SampledRows,
    segments: Vocabulary | None,
    local: Flow,
    old: StoredParty,
) -> Fitted:
    """The centers of one party type in a space of today, started from where the old clusters lie by now."""
    recipe = recipe_of(this.job, PARTY_TYPES[party])
    ground = ground_of(this, parts, party, drawn, segments, local)
    before = old_places(this, ground, old, local)
    blocks = ground.space.blocks(this.backend, ground.sample.raw)
    start = means(this.backend, blocks, before.label, len(old.centers))
    fit = polished(this, ground, refit(ground.rows, start[~np.isnan(start[:, 0])], ground.seeds, recipe))
    tell(this, ground, fit, party, recipe.k)
    return succeeded(this, ground, fit, old, before)


@dataclass(frozen=True)
class Places:
    """Where the drawn rows lie under a model: label (m,) and distance (m,)."""

    label: Any
    distance: Any


def old_places(this: Run, ground: Ground, old: StoredParty, local: Flow) -> Places:
    """Where the drawn rows lie under the earlier model, in its own space."""
    encoding = Encoding(this.columns, ground.encoding.party, old.space.vocabularies, old.segments)
    raw = SampleSource(local, this.backend, ground.sample.drawn, encoding).raw
    model = PartyModel(old.name, encoding, old.space, old.centers, old.ids)
    label, distance, *_ = assign_blocks(this.backend, model, raw)
    return Places(label, distance)


def succeeded(this: Run, ground: Ground, fit: Fit, old: StoredParty, before: Places) -> Fitted:
    """The refreshed model with its clusters in the order and under the ids of those that they go on from."""
    label = np.concatenate(
        [
            this.backend.get(this.backend.nearest(block, this.backend.put(fit.centers)).label)
            for block in ground.space.blocks(this.backend, ground.sample.raw)
        ]
    )
    far = before.distance > old.reach[before.label]
    overlap = overlap_of(before.label, label, far, old, len(fit.centers))
    heir = lifecycle.heirs(overlap)
    order = lifecycle.successors(heir, overlap.new)
    overlap = replace(overlap, near=overlap.near[:, order], far=overlap.far[order])
    heir = np.where(heir >= 0, np.argsort(order)[heir], -1)
    ids, named = lifecycle.succeed(old.name, old.ids, heir, len(order), old.named)
    fit = replace(fit, centers=fit.centers[order], counts=fit.counts[order])
    known = dict(old.clusters)
    fitted = fitted_on(ground, fit, ids, named, Kept(tuple(known.get(name) for name in ids)))
    happened = lifecycle.events(overlap, heir, old.ids, ids)
    return replace(fitted, change=Change(happened, np.bincount(before.label, minlength=len(old.ids)), int(far.sum())))


def overlap_of(before: Any, now: Any, far: Any, old: StoredParty, k: int) -> Overlap:
    """How rows lie in old clusters (m,) and new ones (m,), those out of reach of the old ones (m,) apart."""
    pairs = before[~far].astype(np.int64) * k + now[~far]
    near = np.bincount(pairs, minlength=len(old.ids) * k).reshape(len(old.ids), k)
    return Overlap(near, np.bincount(now[far], minlength=k), old.counts / old.counts.sum())
