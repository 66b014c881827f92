"""The content of `model.json`: strict models of its text, made from a record and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tamscore.stages.level_loss import Level
from tamscore.stages.scaling import Scaling

if TYPE_CHECKING:
    from tamscore.model.record import ModelRecord, PartyRecord
    from tamscore.stages.level_loss import PartyLevel
    from tamscore.stages.look_alike import LookAlike
    from tamscore.stages.scale import ColumnScale

FORMAT = 3
"""Version of the format, raised with every change of the files."""
READ = (2, FORMAT)
"""Formats that can be read: models of 2 have no level and no look-alike. Others are refused."""


class ModelText(BaseModel):
    """A part of `model.json`: strict about types, without unknown keys, NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ColumnText(ModelText):
    """The scale of a numeric column; `low` and `high` are absent if values are not clipped."""

    name: str
    scaling: Scaling
    low: float | None
    high: float | None
    center: float
    factor: float
    missing_indicator: bool


class VocabularyText(ModelText):
    """The categories of a column that are not merged."""

    column: str
    levels: tuple[str, ...] = Field(strict=False)


class ClusterText(ModelText):
    """The id and the readable name of a cluster."""

    id: str
    name: str


class LimitsText(ModelText):
    """The limits of high potential and sales; absent if nothing is high."""

    potential: float | None
    sales: float | None


class LadderText(ModelText):
    """The cut lines, the source of each cluster's ladder, and the confidence level of its bounds.

    `cents` is present at level account: money is rounded down to so many parts of a currency unit.
    """

    level: float = Field(gt=0, lt=1)
    lines: tuple[float, ...] = Field(strict=False, min_length=1)
    basis: tuple[str, ...] = Field(strict=False)
    parent: tuple[str, ...] = Field(strict=False)
    cents: float | None = Field(default=None, gt=0)


class LossText(ModelText):
    """The loss of a level on held-out customers, see `level_loss.LevelLoss`."""

    level: Level
    loss: float = Field(ge=0)
    error: float = Field(ge=0)
    coverage: float = Field(ge=0, le=1)


class LevelModelText(ModelText):
    """The figures of the model of the account's level, see `level.LevelModel`."""

    median: float = Field(gt=0)
    penalty: float = Field(gt=0)
    customers: int = Field(ge=1)
    seed: int = Field(ge=0)


class LevelText(ModelText):
    """The level in use, the model of the account's level if there is one, and the losses of both levels."""

    in_use: Level
    model: LevelModelText | None
    losses: tuple[LossText, ...] = Field(strict=False)


class FitText(ModelText):
    """The figures of a fit of centers, see `kmeans.Fit`; `constant` columns were dropped."""

    rows: int = Field(ge=0)
    inertia: int = Field(ge=0)
    passes: int = Field(ge=0)
    batches: int = Field(ge=0)
    reseeded: int = Field(ge=0)
    constant: tuple[str, ...] = Field(strict=False)


class LookAlikeText(ModelText):
    """The figures of a look-alike, see `look_alike.LookAlike`; `last` is text, since it exceeds JSON's integers."""

    seed: int = Field(ge=0)
    last: str = Field(pattern=r"^[0-9]{1,20}$")
    area: float = Field(ge=0, le=1)
    customers: int = Field(ge=1)
    prospects: int = Field(ge=1)
    excluded: tuple[str, ...] = Field(strict=False)


class PartyText(ModelText):
    """One party type."""

    party_type: Literal["end_user", "channel"]
    features: tuple[str, ...] = Field(strict=False)
    columns: tuple[ColumnText, ...] = Field(strict=False)
    vocabularies: tuple[VocabularyText, ...] = Field(strict=False)
    market_segments: VocabularyText | None
    level_weight: float = Field(gt=0)
    unit: float = Field(gt=0)
    clusters: tuple[ClusterText, ...] = Field(strict=False, min_length=1)
    named: int = Field(ge=1)
    limits: LimitsText
    ladder: LadderText
    fit: FitText
    level: LevelText | None = None
    look_alike: LookAlikeText | None = None


class InputsText(ModelText):
    """The features of the job, constant ones included, in its order."""

    numeric: tuple[str, ...] = Field(strict=False)
    categorical: tuple[str, ...] = Field(strict=False)


class Description(ModelText):
    """The whole of `model.json`."""

    format: int
    tamscore: str
    settings: dict[str, str]
    inputs: InputsText
    parties: tuple[PartyText, ...] = Field(strict=False, min_length=1)


def description_of(model: ModelRecord) -> Description:
    """Return the content of `model.json` for a model."""
    return Description(
        format=FORMAT,
        tamscore=model.tamscore,
        settings=model.settings,
        inputs=InputsText(numeric=model.numeric, categorical=model.categorical),
        parties=tuple(map(_party_text, model.parties)),
    )


def _party_text(party: PartyRecord) -> PartyText:
    """Return the texts and single numbers of a party type."""
    space, segments, table, fit = party.space, party.segments, party.table, party.fit
    return PartyText(
        party_type=party.name,  # type: ignore[arg-type]
        features=tuple(feature.name for feature in space.features),
        columns=tuple(map(_column_text, space.scales)),
        vocabularies=tuple(VocabularyText(column=vocabulary.column, levels=vocabulary.levels) for vocabulary in
        space.vocabularies), market_segments=VocabularyText(column=segments.column, levels=segments.levels) if segments
        else None, level_weight=space.level_weight,
        unit=space.fitted_grid.unit,
        clusters=tuple(ClusterText(id=name, name=words) for name, words in party.clusters),
        named=party.named,
        limits=LimitsText(potential=_finite(party.limits.potential), sales=_finite(party.limits.sales)),
        ladder=LadderText(
            level=table.bounds.level, lines=table.lines, basis=table.basis, parent=table.parent,
            cents=table.account.cents if table.account else None,
        ),
        level=_level_text(party.level),
        fit=FitText(
            rows=party.rows, inertia=fit.inertia, passes=fit.passes, batches=fit.batches, reseeded=fit.reseeded,
            constant=party.constant,
        ),
        look_alike=_look_alike_text(party.look_alike) if party.look_alike else None,
    )  # fmt: skip


def _look_alike_text(made: LookAlike) -> LookAlikeText:
    """Return the figures of a look-alike."""
    return LookAlikeText(
        seed=made.seed, last=str(made.last), area=made.area, customers=made.customers, prospects=made.prospects,
        excluded=made.excluded,
    )  # fmt: skip


def _level_text(level: PartyLevel | None) -> LevelText | None:
    """Return the figures of a level."""
    if level is None:
        return None
    model = level.model
    text = None
    if model is not None:
        text = LevelModelText(
            median=model.median, penalty=model.penalty, customers=model.customers, seed=model.seed
        )  # fmt: skip
    losses = tuple(
        LossText(level=loss.level, loss=loss.loss, error=loss.error, coverage=loss.coverage) for loss in level.losses
    )
    return LevelText(in_use=level.in_use, model=text, losses=losses)


def _column_text(scale: ColumnScale) -> ColumnText:
    """Return the scaling of a numeric column."""
    return ColumnText(
        name=scale.name, scaling=scale.scaling, low=_finite(scale.low), high=_finite(scale.high), center=scale.center,
        factor=scale.factor, missing_indicator=scale.missing_indicator,
    )  # fmt: skip


def _finite(value: float) -> float | None:
    """Return the value, None if it means no bound."""
    return float(value) if np.isfinite(value) else None
