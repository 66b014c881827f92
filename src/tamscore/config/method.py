"""The sections of the job file that say how accounts are scored, one frozen model each.

The rules that tie keys together are in `checks`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tamscore.config.settings import Settings
from tamscore.config.values import (
    ClusterCount,
    ClusterRange,
    Column,
    ColumnList,
    Count,
    CutLines,
    FitRows,
    OpenShare,
    Positive,
    Share,
    Winsorise,
    or_scaling_alone,
)
from tamscore.schema import InputLimits
from tamscore.stages.scaling import MODES, Scaling

PRESETS: dict[str, tuple[float, ...]] = {"p85": (0.85, 0.90, 0.95), "p80": (0.80, 0.85, 0.90, 0.95)}


class NumericFeature(Settings):
    """How one numeric feature is brought to the scale of the others."""

    scaling: Scaling = "log_standard"
    """Scaling of the column; log_standard suits money and counts."""
    winsorise: Winsorise | None = None
    """Quantiles that values are clipped to, or false; absent: features.winsorise under standard, robust and minmax."""
    missing_indicator: bool | None = None
    """Whether a column that marks missing values is added; absent: features.missing_indicator."""
    weight: Positive = 1.0
    """Factor on the scaled column: 2 makes its differences count double."""


class Features(Settings):
    """What the accounts are compared by; never what they buy from us."""

    numeric: dict[Column, Annotated[NumericFeature, or_scaling_alone(NumericFeature)]] = Field(default_factory=dict)
    """Numeric columns; a scaling name alone is short for a table with that scaling."""
    categorical: ColumnList = ()
    """Columns with categories; one-hot encoded."""
    winsorise: Winsorise = (0.001, 0.999)
    """Quantiles that numeric columns under an affine scaling are clipped to, or false."""
    category_weight: Positive = 1.0
    """How many standard deviations one mismatch of a category counts."""
    category_floor: Share = 0.01
    """Categories with a smaller share of the rows are folded into 'other'."""
    missing_indicator: bool = False
    """Whether numeric columns get a column that marks missing values."""
    max_levels: Count = InputLimits.levels
    """Most categories of one column that stand for themselves; each is a feature of its own."""
    allow: ColumnList = ()
    """Features that the leakage guard lets pass: known, whatever they look like, before an account buys."""

    def winsor_limits(self, column: str) -> tuple[float, float] | None:
        """Return the quantiles in force for a numeric column, None where it is not clipped."""
        feature = self.numeric[column]
        if feature.winsorise is None:
            return self.winsorise or None if MODES[feature.scaling].affine else None
        return feature.winsorise or None

    def has_missing_indicator(self, column: str) -> bool:
        """Return whether a numeric column gets a column that marks its missing values."""
        own = self.numeric[column].missing_indicator
        return self.missing_indicator if own is None else own


class Leakage(Settings):
    """When a feature is suspected to be sales in disguise, and what follows."""

    action: Literal["block", "warn", "off"] = "block"
    """Suspects stop the run, draw a notice, or are not looked for."""
    separability: Annotated[float, Field(gt=0.5, le=1)] = 0.75
    """Area under the ROC curve of customers against prospects, given the other features, from which on it is odd."""
    told_apart: OpenShare = 0.12
    """Share of the customers with values that one prospect in 200 has, from which on it is odd."""
    correlation: OpenShare = 0.2
    """Rank correlation with sales among customers, given the other features, from which on an odd one is suspect."""


class Clusters(Settings):
    """How the clusters of peers are found."""

    k: ClusterCount
    """Number of clusters, "auto" to choose it in k_range by held-out sales, or a table with either by party type."""
    k_range: ClusterRange = (2, 30)
    """Fewest and most clusters that k = "auto" chooses from."""
    stability: bool = True
    """Whether clusters are tried on bootstraps and described by rules; costs a few percent of a run."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Key of every random draw; the same seed gives the same clusters."""
    fit_rows: FitRows = 262_144
    """Rows that the centers are fitted on: a deterministic sample of this size, or "all"."""
    seed_rows: Annotated[int, Field(ge=1000)] = 20_000
    """Rows of the sub-sample that the first centers are sought in; 100 a cluster where that is more."""
    restarts: Count = 20
    """Starts of k-means++ on the sub-sample; the best is kept. From 48 clusters on a tenth as many, whose centers are
    moved while that helps."""
    batch_rows: Count = 4096
    """Rows that one mini-batch step draws."""
    max_passes: Count = 300
    """Most passes over the fit rows before the centers count as settled."""
    polish_passes: Annotated[int, Field(ge=0)] = 0
    """Lloyd passes over all rows after the fit."""
    hysteresis: Share = 0.02
    """A run that builds on an earlier one leaves an account in its cluster while another is nearer by no more than this
    share of the distance."""
    max_relabelled_share: Share = 0.05
    """A refresh stops, until somebody accepts it, where more than this share of the accounts would change cluster."""


class Potential(Settings):
    """How the potential of an account follows from its peers' sales."""

    level: Literal["cluster", "account"] = "cluster"
    """One ladder for all accounts of a cluster, or each account's own: the level that its features suggest, times the
    cluster's ladder of what customers buy over their own level."""
    preset: Literal["p85", "p80"] = "p85"
    """Named cut lines: p85 is 0.85, 0.90, 0.95; p80 starts at 0.80. The largest sales is always the last step."""
    cut_lines: CutLines | None = None
    """Percentiles of the peers' sales that form the steps, strictly increasing in (0, 1); in place of the preset."""
    boundary: Literal["at_or_below", "strictly_below"] = "at_or_below"
    """Whether an account exactly at a cut line stays at it or belongs to the next step."""
    top_step: Literal["max", "p99", "p99.5", "next_step"] = "max"
    """Potential above the last cut line: the largest sales of the peers, or a cap on it."""
    min_customers: Annotated[int, Field(ge=1, le=10**9)] = 25
    """Clusters with fewer customers are pooled with their parent."""
    stability: bool | None = None
    """Whether the model is fitted again on two redraws of 90 % of the rows, to say how far potentials move; absent:
    where clusters.k is "auto"."""
    interval_level: OpenShare = 0.95
    """Probability with which the interval of a potential holds the true cut value."""

    @property
    def lines(self) -> tuple[float, ...]:
        """Return the cut lines in force, strictly increasing, without the high-water mark."""
        return PRESETS[self.preset] if self.cut_lines is None else self.cut_lines


class Quadrant(Settings):
    """Where high begins, for potential and for sales."""

    threshold: Literal["percentile", "median", "absolute", "capacity"] = "percentile"
    """What the thresholds are: percentiles, medians, amounts of money, or as many accounts as can be covered."""
    level: Literal["account", "cluster"] = "account"
    """Whether accounts or whole clusters are placed in quadrants."""
    potential: Annotated[float, Field(ge=0)] | None = None
    """Threshold of potential: a percentile in (0, 1), 0.8 unless given, or money under "absolute"."""
    sales: Annotated[float, Field(ge=0)] | None = None
    """Threshold of sales: a percentile in (0, 1), 0.8 unless given, or money under "absolute"."""
    capacity: Count | None = None
    """Number of accounts that can be covered; for threshold = "capacity" only."""

    @model_validator(mode="before")
    @classmethod
    def _with_percentiles(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        threshold = data.get("threshold", "percentile")
        defaults = {"percentile": {"potential": 0.8, "sales": 0.8}, "capacity": {"sales": 0.8}}
        return {**defaults.get(str(threshold), {}), **data}
