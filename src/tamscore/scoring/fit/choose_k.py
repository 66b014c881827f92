"""`k = "auto"`: every candidate is fitted on one resident sample and judged by customers' sales; one is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.stages import candidates, choose_k, moves
from tamscore.stages.criteria import ShownRows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tamscore.backend import Backend
    from tamscore.engine.flow import Flow
    from tamscore.scoring.context import Run
    from tamscore.stages.candidates import EvaluationData
    from tamscore.stages.choose_k import Candidate
    from tamscore.stages.moves import Moves
    from tamscore.stages.space import RawRows, Space

_CUSTOMERS = 10_000
"""Most customers of the sample that candidates are judged on."""
_FEWEST = 100
"""Fewest customers for a choice; with fewer, the smallest number of clusters is taken without a comparison."""
_ROWS_EACH = 20
"""Fewest seed rows for each cluster of a candidate."""


@dataclass(frozen=True)
class Sample:
    """The sample of a party type: its space, its rows with their sales (m,), and the seed rows as a block (d, s).

    `each` is the number of accounts of the market that each of the m rows stands for.
    """

    space: Space
    raw: RawRows
    sales: Any
    seeds: Any
    each: float


def choose(
    run: Run, party: str, sample: Sample, local: Flow, moves_of: Callable[[int], tuple[Moves, ...]]
) -> tuple[int, tuple[Candidate, ...], tuple[Moves, ...]]:
    """Return the chosen number of clusters, all candidates in order, and the moves of potentials.

    With too few customers there are no candidates. `moves_of` returns how potentials move for a number of clusters. At
    level account, where clusters add little, the smallest number within one standard error is chosen.
    """
    clusters, potential = run.job.clusters, run.job.potential
    buys = np.flatnonzero(sample.sales > 0)
    asked = buys[:_CUSTOMERS]
    if len(asked) < _FEWEST:
        run.progress.notice(
            f"{party}: {len(asked)} customers are too few to choose clusters.k by, {_FEWEST} are needed; "
            f"took {clusters.k_range[0]}"
        )
        return clusters.k_range[0], (), moves_of(clusters.k_range[0])
    judged = candidates.EvaluationData(
        sample.seeds,
        sample.space.fitted_grid.unit,
        _customers_of(sample, asked, run.backend),
        sample.sales[asked],
        sample.each * len(buys) / len(asked),
        potential.lines[0],
        potential.min_customers,
        clusters.seed,
        ShownRows.of(sample.seeds, sample.space.fitted_grid.unit),
    )
    low, high = clusters.k_range
    most = max(min(high, sample.seeds.shape[1] // _ROWS_EACH), low + 1)
    known = choose_k.admit(examine(choose_k.candidates(low, most), judged, local))
    within = choose_k.within_error(known)
    tried = {k: moves_of(k) for k in (within[:1] if potential.level == "account" else choose_k.try_candidates(within))}
    decided = choose_k.decide(known, {k: moves.worst(parts) for k, parts in tried.items()})
    chosen = next(candidate for candidate in decided if candidate.chosen)
    more = "; sales say that more would do better: raise clusters.k_range" if chosen.k == high else ""
    run.progress.notice(f"{party}: {chosen.k} clusters, chosen among {len(decided)} from {low} to {most}{more}")
    if not chosen.admitted:
        run.progress.notice(
            f"{party}: every number of clusters leaves more than {choose_k.MOST_THIN:.0%} of the customers in clusters "
            f"of fewer than {potential.min_customers}, or does not come out again under resampling; took the smallest"
        )
    return chosen.k, tuple(decided), tried[chosen.k]


def examine(numbers: Sequence[int], judged: EvaluationData, local: Flow) -> list[Candidate]:
    """Return the candidates in order: all sketched on a few rows, those with a loss within reach fitted on all."""
    host = HostBackend()
    starts = list(local.map(candidates.start_of, range(candidates.STARTS), judged, numbers[-1]))
    longest_first = numbers[::-1]
    sketches = list(local.map(candidates.sketch, longest_first, host, judged, starts))
    known: dict[int, Candidate] = {}
    while near := choose_k.within_reach(sketches, known):
        known |= {item.k: item for item in local.map(candidates.examine, near, host, judged)}
    rest = [sketch for sketch in sketches if sketch.k not in known]
    known |= {item.k: item for item in local.map(candidates.outline, rest, host, judged)}
    return [known[k] for k in numbers]


def _customers_of(sample: Sample, rows: Any, backend: Backend) -> Any:
    """Return some rows of the sample as a host block (d, n)."""
    return backend.get(sample.space.block(backend, sample.raw.taken(backend.xp, backend.put(rows))))
