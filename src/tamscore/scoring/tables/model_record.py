"""The model of a run as later runs and people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore import __version__
from tamscore.model.record import ModelRecord, PartyRecord
from tamscore.scoring.context import settings_of

if TYPE_CHECKING:
    from tamscore.config import Job
    from tamscore.scoring.fit.party_fit import PartyFit
    from tamscore.scoring.potential import PartyMarket
    from tamscore.scoring.score.plan import PartyPolicy
    from tamscore.scoring.tables.run_tables import RunTables


def model_of(tables: RunTables, job: Job) -> ModelRecord:
    """Return the model of everything that a run found."""
    item = zip(tables.party_fits, tables.markets, tables.policies, tables.reaches, strict=True)
    parties = tuple(_party_of(*parts) for parts in item)
    features = job.features
    return ModelRecord(__version__, settings_of(job), tuple(features.numeric), features.categorical, parties)


def _party_of(fit: PartyFit, market: PartyMarket, policy: PartyPolicy, reach: Any) -> PartyRecord:
    """Return the record of a party type, whose clusters reach as far as given (k,)."""
    return PartyRecord(
        name=fit.model.name,
        space=fit.model.space,
        segments=fit.model.encoding.segments,
        clusters=tuple(zip(policy.cluster_ids, fit.names, strict=True)),
        limits=policy.limits,
        named=fit.named,
        fit=fit.fit,
        rows=fit.rows,
        constant=fit.constant,
        spread=fit.spread,
        reach=reach,
        histograms=fit.histograms,
        accounts=market.accounts,
        table=market.table,
        sales=market.sales,
        by_segment=market.by_segment,
        level=fit.level,
        look_alike=fit.model.look_alike,
    )
