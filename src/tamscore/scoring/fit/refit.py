"""The refresh of every party type: fitted from earlier centers, with clusters matched to the earlier ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.assign_blocks import RowRequest, assign_blocks
from tamscore.scoring.context import clusters_of, recipe_of
from tamscore.scoring.features import Encoding
from tamscore.scoring.fit.centers import fit_centers
from tamscore.scoring.fit.data import make_fit_data
from tamscore.scoring.fit.fit import add_stability, fit_party, make_party_fit, polish_centers, report_fit
from tamscore.scoring.fit.level import add_level, customer_levels
from tamscore.scoring.fit.level_guard import level_shifts
from tamscore.scoring.fit.party import each_party
from tamscore.scoring.fit.party_fit import ClusterChange, PartyFit, Reference
from tamscore.scoring.fit.refit_centers import means, refit
from tamscore.scoring.fit.refits import moves_of, redraw_spread, report_moves
from tamscore.scoring.fit.sources import SampleSource
from tamscore.scoring.party_model import PartyModel
from tamscore.stages import lifecycle
from tamscore.stages.lifecycle import Overlap

if TYPE_CHECKING:
    from tamscore.engine.flow import Flow
    from tamscore.model.earlier import EarlierLabels, EarlierRun
    from tamscore.model.record import PartyRecord
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.data import FitData
    from tamscore.scoring.fit.party import Party
    from tamscore.stages.kmeans import Fit


def refit_parties(current: Run, parts: list[PartRows], earlier: EarlierRun) -> list[PartyFit]:
    """Return the refreshed model of every party type that has rows; a type without an earlier model gets a new one."""
    stored = {party.name: party for party in earlier.model.parties}

    def refit_known(run: Run, party: Party) -> PartyFit:
        old = stored.get(party.name)
        if old is not None:
            return _refit_party(run, party, old, earlier.labels)
        run.progress.notice(f"{party.name}: the earlier model does not know it; fitted anew")
        return fit_party(run, party)

    return each_party(current, parts, refit_known)


def _refit_party(run: Run, party: Party, old: PartyRecord, labels: EarlierLabels) -> PartyFit:
    """Return the centers of a party type in a new space, started from the present means of the earlier clusters."""
    recipe = recipe_of(run.job, clusters_of(run.job, party.name) or len(old.centers))
    data = make_fit_data(run, party)
    customers = customer_levels(run, party, data)
    shifts = level_shifts(run, party, data, customers)
    before = _old_places(run, data, old, labels, party.local)
    blocks = data.space.blocks(run.backend, data.sample.raw)
    start = means(run.backend, blocks, before.nearest, len(old.centers))
    new_model = fit_centers(data.rows, data.seeds, recipe, data.spans, party.local)
    fit = refit(data.rows, start, new_model, recipe.max_passes)
    if fit is new_model:
        run.progress.notice(f"{old.name}: the clusters were found anew: those of the earlier model no longer fit")
    fit = polish_centers(run, data, fit)
    report_fit(run, data, fit, recipe.k)
    moves = moves_of(run, party, data, customers, recipe.k)
    report_moves(run, party.name, recipe.k, moves, ())
    fitted = add_level(run, customers, _succeed(run, data, fit, old, before))
    spread = redraw_spread(run, party, data, customers, fitted.fit.centers)
    return replace(fitted, shifts=shifts, moves=moves, spread_of_redraws=spread)


@dataclass(frozen=True)
class _Places:
    """Places of the drawn rows among the earlier clusters: the `nearest` (m,), and how many rows are `far` from all.

    `label` (m,) is the earlier cluster of a row, -1 for a row without one.
    """

    nearest: Any
    far: int
    label: Any


_KNOWN = 0.5
"""Share of accounts known to the earlier run, below which ids count as changed and clusters are matched by place."""


def _old_places(run: Run, data: FitData, old: PartyRecord, labels: EarlierLabels, local: Flow) -> _Places:
    """Return the places of the drawn rows among the earlier clusters, in the space of the earlier model.

    The earlier cluster of a row is that of its account. If ids have changed, it is the nearest cluster within reach.
    """
    encoding = Encoding(run.columns, data.encoding.party, old.space.vocabularies, old.segments)
    raw = SampleSource(local, run.backend, data.sample.drawn, encoding).raw
    model = PartyModel(old.name, encoding, old.space, old.centers, old.ids)
    near, _ = assign_blocks(run.backend, model, raw, RowRequest())
    nearest, far = near.label, near.distance > old.reach[near.label]
    label = labels.drawn(run.job.clusters.seed).among(old.ids, data.sample.drawn.numbers)
    if np.mean(label >= 0) < _KNOWN:
        label = np.where(far, -1, nearest.astype(np.int64))
    return _Places(nearest, int(far.sum()), label)


def _succeed(run: Run, data: FitData, fit: Fit, old: PartyRecord, before: _Places) -> PartyFit:
    """Return the refreshed model, its clusters ordered and named as the earlier clusters that they continue."""
    label = np.concatenate(
        [
            run.backend.get(run.backend.nearest(block, run.backend.put(fit.centers)).label)
            for block in data.space.blocks(run.backend, data.sample.raw)
        ]
    )
    overlap = _overlap_of(before, label, old, len(fit.centers))
    heir = lifecycle.heirs(overlap)
    order = lifecycle.successors(heir, overlap.new)
    overlap = replace(overlap, shared=overlap.shared[:, order], newcomers=overlap.newcomers[order])
    heir = np.where(heir >= 0, np.argsort(order)[heir], -1)
    ids, named = lifecycle.succeed(old.name, old.ids, heir, len(order), old.named)
    fit = replace(fit, centers=fit.centers[order], counts=fit.counts[order])
    known = dict(old.clusters)
    fitted = make_party_fit(data, fit, ids, named, Reference(tuple(known.get(name) for name in ids)))
    happened = lifecycle.events(overlap, heir, old.ids, ids)
    return replace(
        add_stability(run, data, fitted),
        change=ClusterChange(happened, np.bincount(before.nearest, minlength=len(old.ids)), before.far),
    )


def _overlap_of(before: _Places, now: Any, old: PartyRecord, k: int) -> Overlap:
    """Return how many rows each earlier and new cluster share, and rows (m,) without an earlier cluster."""
    settled = before.label >= 0
    pairs = before.label[settled] * k + now[settled]
    shared = np.bincount(pairs, minlength=len(old.ids) * k).reshape(len(old.ids), k)
    return Overlap(shared, np.bincount(now[~settled], minlength=k), old.counts / old.counts.sum())
