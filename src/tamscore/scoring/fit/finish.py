"""What follows on every fit, however it came about: the model of a party type, and what a person should know of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.schema import PARTY_TYPES
from tamscore.scoring.fit import trust
from tamscore.scoring.fit.centers import polish
from tamscore.scoring.fit.fitted import NOTHING_KEPT, Fitted
from tamscore.scoring.fit.look_alike import look_alike_of
from tamscore.scoring.party_model import PartyModel
from tamscore.stages import diagnose, drift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.data import Ground
    from tamscore.scoring.fit.fitted import Kept
    from tamscore.scoring.fit.sample import SampledRows
    from tamscore.scoring.fit.sources import SampleSource
    from tamscore.stages.drift import Histogram
    from tamscore.stages.kmeans import Fit
    from tamscore.stages.space import Space


def polished(this: Run, ground: Ground, fit: Fit) -> Fit:
    """The fit after the passes over all rows that the job asks for."""
    passes = this.job.clusters.polish_passes
    return polish(ground.everywhere.rows(ground.space), fit, passes) if passes else fit


def fitted_on(ground: Ground, fit: Fit, ids: Sequence[str], named: int, kept: Kept = NOTHING_KEPT) -> Fitted:
    """The model of a party type with its centers in place, their ids, and how many ids were ever given."""
    drawn = ground.sample.drawn
    model = PartyModel(PARTY_TYPES[ground.encoding.party], ground.encoding, ground.space, fit.centers, tuple(ids))
    spread = np.std(ground.seeds, axis=1, dtype=np.float64).astype(np.float32)
    return Fitted(model, fit, spread, len(drawn), ground.constant, histograms(model, ground.sample), named, kept)


def trusted(this: Run, ground: Ground, fitted: Fitted) -> Fitted:
    """The fit with its look-alike, and with what is known about every cluster, where the job asks for them."""
    fitted = replace(fitted, model=replace(fitted.model, look_alike=look_alike_of(this, ground)))
    if not this.job.clusters.stability:
        return fitted
    return replace(fitted, trust=trust.trust(fitted.model, ground.sample.drawn, ground.seeds, this.job.clusters.seed))


def histograms(model: PartyModel, sample: SampleSource) -> tuple[Histogram, ...]:
    """How the features of a model spread over the drawn rows."""
    numbers = [sample.spread(scale.name) for scale in model.space.scales]
    levels = [drift.level_histogram(each, sample.drawn.texts[each.column]) for each in model.space.vocabularies]
    return (*numbers, *levels)


def tell(this: Run, ground: Ground, fit: Fit, k: int) -> None:
    """Tell what a person should know about a fit."""
    for text in remarks(ground.space, ground.sample.drawn, ground.seeds, ground.constant, fit, k):
        this.progress.notice(f"{PARTY_TYPES[ground.encoding.party]}: {text}")


def remarks(space: Space, drawn: SampledRows, seeds: Any, constant: tuple[str, ...], fit: Fit, k: int) -> list[str]:
    """What a person should know about the features: constant, skewed, nearly the same, too few different rows."""
    said = [f"column {name!r} is constant and was dropped" for name in constant]
    standard = [scale.name for scale in space.scales if scale.scaling == "standard"]
    said += diagnose.skewed(standard, [drawn.numeric[name] for name in standard])
    numeric = [scale.name for scale in space.scales]
    said += diagnose.correlated(numeric, seeds[: len(numeric)].astype(np.float64))
    said += diagnose.coarse([feature.name for feature in space.features], space.fitted_grid.limit)
    if len(fit.centers) < k:
        said.append(f"{len(fit.centers)} clusters in effect, not {k}: too few different rows")
    return said
