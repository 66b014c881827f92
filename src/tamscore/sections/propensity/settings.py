"""The section of the job file that asks who will buy."""

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
    """Column that is 1 for accounts that bought in the label window, 0 for those that did not, missing where nobody
    knows; absent: no propensity, see look_alike."""
    label_table: Storage | None = None
    """File, folder or glob (Parquet or CSV) that holds the label, joined by account id; absent: the input itself."""
    account_id: Column | None = None
    """Column of that table that identifies an account; absent: columns.account_id."""
    min_match_share: Share = 0.5
    """Share of the rows of label_table that must name an account of the market; the run stops where fewer do."""
    missing: Literal["unlabelled", "zero"] = "unlabelled"
    """Accounts without a label: unknown, or taken not to have bought."""
    feature_cutoff: Day | None = None
    """Last day that features may know of."""
    label_start: Day | None = None
    """First day of the label window; later than feature_cutoff."""
    label_end: Day | None = None
    """Last day of the label window."""
    feature_dates: dict[Column, Day] = Field(default_factory=dict)
    """Days that single features are from, where they differ from feature_cutoff; none may be later."""
    as_of: Column | None = None
    """Column with the day that a row's features are from; rows later than feature_cutoff are an error."""
    numeric: ColumnList = ()
    """Numeric columns to learn from; with categorical absent: the features of the job."""
    categorical: ColumnList = ()
    """Columns with categories to learn from."""
    max_rows: Annotated[int, Field(ge=1000)] = 50_000
    """Most accounts that are learned from: buyers first, drawn by account id."""
    class_prior: OpenShare | None = None
    """Share of all accounts that would buy in such a window, where the labelled ones are no fair sample of them."""
    calibration: Literal["auto", "isotonic", "sigmoid"] = "auto"
    """How scores become probabilities; auto takes isotonic from 1,000 buyers on."""
    bands: ProbabilityPair = (0.04, 0.30)
    """Probabilities below the first are low, above the second focus."""
    cost_per_contact: Positive = 1.0
    """What one contact costs, in the currency of sales."""

    @property
    def features(self) -> tuple[str, ...]:
        """Return the columns to learn from, empty where the job's features are meant."""
        return (*self.numeric, *self.categorical)

    def numbers(self) -> tuple[str, ...]:
        """Return the numeric features, and the label where the input holds it."""
        own = (self.label,) if self.label and self.label_table is None else ()
        return (*self.numeric, *own)

    def texts(self) -> tuple[str, ...]:
        """Return the categorical features."""
        return self.categorical

    def others(self) -> tuple[str, ...]:
        """Return the column of dates."""
        return (self.as_of,) if self.as_of else ()

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the table of labels, where there is one."""
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
