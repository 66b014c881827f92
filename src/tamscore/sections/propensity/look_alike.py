"""Accounts by how much they look like customers, where no label says who bought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.assign import by_party
from tamscore.scoring.features import stream_features
from tamscore.scoring.score.sections import Findings
from tamscore.sections.propensity.density import Dense
from tamscore.sections.propensity.density import look_alike as share_around
from tamscore.sections.propensity.ranks import ranks_among, sorted_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.market import Market
    from tamscore.scoring.party_model import PartyModel
    from tamscore.scoring.score.sections import ScoredRows


@dataclass(frozen=True)
class LookAlike:
    """The share of customers around every account, and its rank; `order` are the shares (n,) of all, sorted."""

    models: tuple[PartyModel, ...]
    dense: tuple[Dense, ...]
    order: Any

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """The columns of the scored rows of a partition."""
        import pyarrow as pa

        found = shares((rows.part, rows.assigned), self.models, self.dense, backend)
        return {"propensity_rank": pa.array(ranks_among(self.order, found)), "look_alike": pa.array(found)}

    def count(self, scored: pa.Table) -> None:
        """Nothing: a look-alike is no buyer."""

    def findings(self, counts: Sequence[None]) -> Findings:
        """How it came about, and the share of customers of the clusters that have most of them."""
        del counts
        found = [
            (float(share), cluster)
            for model, dense in zip(self.models, self.dense, strict=True)
            for cluster, share in zip(model.ids, dense.share, strict=True)
        ]
        best = [{"cluster": cluster, "customer_share": round(share, 6)} for share, cluster in sorted(found, key=place)]
        return Findings({"mode": "look_alike", "clusters": best[:5], "withheld": "probabilities, for want of a label"})


def place(pair: tuple[float, str]) -> tuple[float, str]:
    """What clusters are sorted by: most customers first, then by id."""
    return -pair[0], pair[1]


def look_alike(market: Market) -> LookAlike:
    """The look-alike scores of a market."""
    models, dense = tuple(one.model for one in market.fitted), []
    for party, parts in zip(market.parties, by_party(market.assigned), strict=True):
        inertia = float(sum(part.inertia for part in parts))
        dense.append(Dense.of(party.sales.support, party.accounts.sum(axis=1), inertia))
    return LookAlike(models, tuple(dense), sorted_scores(market, shares, models, tuple(dense)))


def shares(
    item: tuple[PartRows, AssignedRows], models: Sequence[PartyModel], dense: Sequence[Dense], backend: Backend
) -> Any:
    """The look-alike score (s,) of the scored rows of a partition."""
    part, assigned = item
    found = np.zeros(part.partition.rows)
    for features in stream_features(part.partition, models[0].encoding.columns, backend):
        here = found[features.here]
        for model, of_party in zip(models, dense, strict=True):
            at = features.rows_of(part, model.encoding.party)
            raw = features.raw(at, model.encoding, backend)
            for start in range(0, len(at), backend.block_rows):
                stop = start + backend.block_rows
                block = model.space.block(backend, raw.part(start, stop))
                here[at[start:stop]] = backend.get(share_around(backend, block, model.centers, of_party))
    return found[assigned.reason == 0]
