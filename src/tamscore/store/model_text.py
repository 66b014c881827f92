"""What `model.json` may say: strict models of its text."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tamscore.stages.scale import Scaling

FORMAT = 2
"""Goes up with every change of the files; models of another format are refused."""


class Told(BaseModel):
    """A part of `model.json`: strict about types, without unknown keys, NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ColumnTold(Told):
    """The scale of a numeric column; `low` and `high` are absent where nothing is clipped."""

    name: str
    scaling: Scaling
    low: float | None
    high: float | None
    center: float
    factor: float
    missing_indicator: bool


class VocabularyTold(Told):
    """The categories of a column that stand for themselves."""

    column: str
    levels: tuple[str, ...] = Field(strict=False)


class ClusterTold(Told):
    """The id and the readable name of a cluster."""

    id: str
    name: str


class LimitsTold(Told):
    """Where high begins; absent where nothing is high."""

    potential: float | None
    sales: float | None


class LadderTold(Told):
    """The cut lines, whose customers the ladder of each cluster comes from, and how sure its bounds are."""

    level: float = Field(gt=0, lt=1)
    lines: tuple[float, ...] = Field(strict=False, min_length=1)
    basis: tuple[str, ...] = Field(strict=False)
    parent: tuple[str, ...] = Field(strict=False)


class FitTold(Told):
    """How the centers came about, see `kmeans.Fit`; `constant` columns were dropped."""

    rows: int = Field(ge=0)
    inertia: int = Field(ge=0)
    passes: int = Field(ge=0)
    batches: int = Field(ge=0)
    reseeded: int = Field(ge=0)
    constant: tuple[str, ...] = Field(strict=False)


class PartyTold(Told):
    """One party type."""

    party_type: Literal["end_user", "channel"]
    features: tuple[str, ...] = Field(strict=False)
    columns: tuple[ColumnTold, ...] = Field(strict=False)
    vocabularies: tuple[VocabularyTold, ...] = Field(strict=False)
    market_segments: VocabularyTold | None
    level_weight: float = Field(gt=0)
    unit: float = Field(gt=0)
    clusters: tuple[ClusterTold, ...] = Field(strict=False, min_length=1)
    named: int = Field(ge=1)
    limits: LimitsTold
    ladder: LadderTold
    fit: FitTold


class InputsTold(Told):
    """The features of the job, constant ones included, in its order."""

    numeric: tuple[str, ...] = Field(strict=False)
    categorical: tuple[str, ...] = Field(strict=False)


class Description(Told):
    """All of `model.json`."""

    format: int
    tamscore: str
    settings: dict[str, str]
    inputs: InputsTold
    parties: tuple[PartyTold, ...] = Field(strict=False, min_length=1)
