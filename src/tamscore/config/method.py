"""The sections of the job file about the method, one frozen model each; `checks` has the rules that tie keys."""

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
    """The scaling of one numeric feature."""

    scaling: Scaling = "log_standard"
    """Scaling of the column; log_standard suits money and counts."""
    winsorise: Winsorise | None = None
    """Quantiles that values are clipped to, or false; absent: features.winsorise under standard, robust and minmax."""
    missing_indicator: bool | None = None
    """Whether a column that marks missing values is added; absent: features.missing_indicator."""
    weight: Positive = 1.0
    """Factor on the scaled column: with 2, its differences count double."""


class Features(Settings):
    """The features by which accounts are compared; never their purchases."""

    numeric: dict[Column, Annotated[NumericFeature, or_scaling_alone(NumericFeature)]] = Field(default_factory=dict)
    """Numeric columns; the name of a scaling is short for a table with that scaling."""
    categorical: ColumnList = ()
    """Columns with categories; one-hot encoded."""
    winsorise: Winsorise = (0.001, 0.999)
    """Quantiles that numeric columns under an affine scaling are clipped to, or false."""
    category_weight: Positive = 1.0
    """Standard deviations that one mismatch of a category counts."""
    category_floor: Share = 0.01
    """Least share of the rows of a category; categories with a smaller share are merged into 'other'."""
    missing_indicator: bool = False
    """Whether numeric columns get a column that marks missing values."""
    max_levels: Count = InputLimits.levels
    """Most categories of one column that are not merged; each is a feature of its own."""
    allow: ColumnList = ()
    """Features that the leakage guard allows: features that are known before an account buys, whatever they look
    like."""

    def winsor_limits(self, column: str) -> tuple[float, float] | None:
        """Return the quantiles in force for a numeric column, None if it is not clipped."""
        feature = self.numeric[column]
        if feature.winsorise is None:
            return self.winsorise or None if MODES[feature.scaling].affine else None
        return feature.winsorise or None

    def has_missing_indicator(self, column: str) -> bool:
        """Return whether a numeric column gets a column that marks its missing values."""
        own = self.numeric[column].missing_indicator
        return self.missing_indicator if own is None else own


class Leakage(Settings):
    """The guard against features that are sales in disguise."""

    action: Literal["block", "warn", "off"] = "block"
    """Action on suspects: block stops the run, warn gives a notice, off does not look for them."""
    separability: Annotated[float, Field(gt=0.5, le=1)] = 0.75
    """Area under the ROC curve of customers against prospects, given the other features, from which a feature is
    odd."""
    told_apart: OpenShare = 0.12
    """Share of the customers with values that one prospect in 200 has, from which a feature is odd."""
    correlation: OpenShare = 0.2
    """Rank correlation with sales among customers, given the other features, from which an odd feature is a suspect."""


class Clusters(Settings):
    """The clusters of peers."""

    k: ClusterCount
    """Number of clusters, "auto" to choose it in k_range by held-out sales, or a table with either by party type."""
    k_range: ClusterRange = (2, 30)
    """Fewest and most clusters that k = "auto" chooses from."""
    stability: bool = True
    """Whether clusters are tested on bootstraps and described by rules; costs a few percent of a run."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Key of every random draw; the same seed gives the same clusters."""
    fit_rows: FitRows = 262_144
    """Rows that the centers are fitted on: a deterministic sample of this size, or "all"."""
    seed_rows: Annotated[int, Field(ge=1000)] = 20_000
    """Rows of the sub-sample for the first centers; at least 100 for each cluster."""
    restarts: Count = 20
    """Starts of k-means++ on the sub-sample, of which the best counts. From 48 clusters on, a tenth as many, whose
    centers are moved while that helps."""
    batch_rows: Count = 4096
    """Rows that one mini-batch step draws."""
    max_passes: Count = 300
    """Most passes over the fit rows until the centers count as settled."""
    polish_passes: Annotated[int, Field(ge=0)] = 0
    """Lloyd passes over all rows after the fit."""
    hysteresis: Share = 0.02
    """Largest advantage of another cluster, as a share of the distance, with which an account stays in its earlier
    cluster; for runs that build on an earlier run."""
    max_relabelled_share: Share = 0.05
    """Largest share of the accounts that a refresh may move to another cluster; with more, it stops until a person
    accepts it."""


class Potential(Settings):
    """The potential of an account, from its peers' sales."""

    level: Literal["cluster", "account"] = "cluster"
    """One ladder for all accounts of a cluster, or one for each account: the level that its features suggest, times the
    cluster's ladder of customers' sales over their own level."""
    preset: Literal["p85", "p80"] = "p85"
    """Named cut lines: p85 is 0.85, 0.90, 0.95; p80 starts at 0.80. The last step is always the largest sales."""
    cut_lines: CutLines | None = None
    """Percentiles of the peers' sales that form the steps, strictly increasing in (0, 1); in place of the preset."""
    boundary: Literal["at_or_below", "strictly_below"] = "at_or_below"
    """Whether an account exactly at a cut line stays at it or belongs to the next step."""
    top_step: Literal["max", "p99", "p99.5", "next_step"] = "max"
    """Potential above the last cut line: the largest sales of the peers, or a cap on it."""
    min_customers: Annotated[int, Field(ge=1, le=10**9)] = 25
    """Clusters with fewer customers are pooled with their parent."""
    stability: bool | None = None
    """Whether the model is fitted again on two redraws of 90 % of the rows, to measure how far potentials move; absent:
    yes if clusters.k is "auto"."""
    interval_level: OpenShare = 0.95
    """Probability with which the interval of a potential contains the true cut value."""

    @property
    def lines(self) -> tuple[float, ...]:
        """Return the cut lines in force, strictly increasing, without the high-water mark."""
        return PRESETS[self.preset] if self.cut_lines is None else self.cut_lines


class Quadrant(Settings):
    """The limits of high potential and high sales."""

    threshold: Literal["percentile", "median", "absolute", "capacity"] = "percentile"
    """The kind of the limits: percentiles, medians, amounts of money, or a number of accounts that can be covered."""
    level: Literal["account", "cluster"] = "account"
    """Whether single accounts or whole clusters are placed in quadrants."""
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
