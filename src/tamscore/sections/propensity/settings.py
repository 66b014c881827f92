"""The section [propensity] of the job file: labels, features and calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from tamscore.config.section import SectionSettings, SideTable
from tamscore.config.values import (  # noqa: TC001 - read at run time
    Column,
    ColumnList,
    Day,
    OpenShare,
    Positive,
    ProbabilityPair,
    Share,
    Storage,
)
from tamscore.schema import InputColumns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date


class Propensity(SectionSettings):
    """Who will buy: a calibrated probability, learned from who bought in a dated window."""

    label: Column | None = None
    """Column that is 1 for accounts that bought in the label window, 0 for those that did not, and missing if unknown.
    Absent: no propensity, see look_alike."""
    label_table: Storage | None = None
    """File, folder or glob (Parquet or CSV) with the label, joined by account id; absent: the input itself."""
    account_id: Column | None = None
    """Column of label_table with the account id; absent: columns.account_id."""
    min_match_share: Share = 0.5
    """Share of the rows of label_table that must name an account of the market; the run stops if fewer do."""
    missing: Literal["unlabelled", "zero"] = "unlabelled"
    """Meaning of a missing label: unlabelled (unknown), or zero (did not buy)."""
    feature_cutoff: Day | None = None
    """Last day of the data in the features."""
    label_start: Day | None = None
    """First day of the label window; later than feature_cutoff."""
    label_end: Day | None = None
    """Last day of the label window."""
    feature_dates: dict[Column, Day] = Field(default_factory=dict)
    """Days of single features, if they differ from feature_cutoff; none may be later."""
    as_of: Column | None = None
    """Column with the day of the features of a row; a labelled row later than feature_cutoff stops the run."""
    numeric: ColumnList = ()
    """Numeric columns to train on. If numeric and categorical are absent: the features of the job."""
    categorical: ColumnList = ()
    """Categorical columns to train on."""
    max_rows: Annotated[int, Field(ge=1000)] = 50_000
    """Most accounts to train on: buyers first, drawn by account id."""
    class_prior: OpenShare | None = None
    """Share of all accounts that buy in such a window; set it if the labelled accounts are not a fair sample of all."""
    calibration: Literal["auto", "isotonic", "sigmoid"] = "auto"
    """Calibration of scores to probabilities; auto takes isotonic from 1,000 buyers on, else sigmoid."""
    bands: ProbabilityPair = (0.04, 0.30)
    """Limits of the bands: probabilities below the first are low, above the second focus."""
    cost_per_contact: Positive = 1.0
    """Cost of one contact, in the currency of sales."""

    @property
    def features(self) -> tuple[str, ...]:
        """Return the columns to learn from, empty for the features of the job."""
        return (*self.numeric, *self.categorical)

    def numbers(self) -> tuple[str, ...]:
        """Return the numeric features, and the label if the input holds it."""
        own = (self.label,) if self.label and self.label_table is None else ()
        return (*self.numeric, *own)

    def texts(self) -> tuple[str, ...]:
        """Return the categorical features."""
        return self.categorical

    def others(self) -> tuple[str, ...]:
        """Return the column of dates."""
        return (self.as_of,) if self.as_of else ()

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the table of labels, if there is one."""
        if self.label is None or self.label_table is None:
            return {}
        counted = "; accounts without a label count as not having bought (propensity.missing = 'zero')"
        columns = InputColumns(self.account_id or account_id, self.label)
        unmatched = counted if self.missing == "zero" else ""
        how: dict[str, Any] = {"has_amounts": False, "for_fitting": True, "unmatched": unmatched}
        return {"label_table": SideTable(self.label_table, columns, self.min_match_share, **how)}

    def dates(self) -> Iterator[tuple[str, date | None]]:
        """Yield the days that a label needs, by key."""
        yield from ((key, getattr(self, key)) for key in ("feature_cutoff", "label_start", "label_end"))
