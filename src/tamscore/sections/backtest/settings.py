"""The section of the job file about the sales of the next window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tamscore.config.problems import Problem
from tamscore.config.section import SectionSettings
from tamscore.config.values import Column, Count, LocalPath, Share  # noqa: TC001 - read at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns
    from tamscore.config.method import Features


class Backtest(SectionSettings):
    """Comparison of scores with the sales of the next window; no score depends on it."""

    realised: Column | None = None
    """Column with the account's sales in the next window."""
    table: LocalPath | None = None
    """File, folder or glob (Parquet or CSV) with that column, joined by account id; absent: the input itself."""
    account_id: Column | None = None
    """Column of that table that identifies an account; absent: columns.account_id."""
    min_match_share: Share = 0.5
    """Share of the rows of that table that must name an account of the market; the backtest stops if fewer do."""
    missing: Literal["leave_out", "zero"] = "leave_out"
    """Accounts without sales in the next window: left out and counted, or taken to have bought nothing."""
    challenger_rows: Count = 10_000
    """Most customers of each party type on which challengers are compared, drawn by account id."""
    neighbours: Count = 50
    """Number of neighbours of the nearest-neighbour challenger."""

    def amounts(self) -> tuple[str, ...]:
        """Return the column of later sales, if the input has it."""
        return (self.realised,) if self.realised is not None and self.table is None else ()


def the_future_is_no_feature(columns: Columns, features: Features, backtest: Backtest) -> Iterator[Problem]:
    """Yield a problem if the later sales are the sales themselves, or a feature of the clusters."""
    if backtest.table is None and backtest.realised is not None:
        place = ("backtest", "realised")
        if backtest.realised in {*features.numeric, *features.categorical}:
            yield Problem(place, "a column that is no feature", backtest.realised, "nobody knows it beforehand")
        if backtest.realised == columns.sales:
            hint = "name the column of the next window, or another table in backtest.table"
            yield Problem(place, "a column other than columns.sales", backtest.realised, hint)
