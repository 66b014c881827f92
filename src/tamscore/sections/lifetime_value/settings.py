"""The keys of [lifetime_value], and the rule about keys that exclude each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tamscore.config.problems import Problem
from tamscore.config.section import SectionSettings, SideTable
from tamscore.config.values import Column, Count, Day, Share, Storage  # noqa: TC001 - read at run time
from tamscore.schema import InputColumns

if TYPE_CHECKING:
    from collections.abc import Iterator


class LifetimeValue(SectionSettings):
    """The value of each customer from today on, from a table of orders or from columns of the input."""

    orders: Storage | None = None
    """Order lines (Parquet or CSV): account, date, amount; refunds are negative. Absent: columns of the input."""
    order_account: Column | None = None
    """Column of the orders with the account's id; absent: columns.account_id."""
    min_match_share: Share = 0.5
    """Share of the order lines that must name an account of the market; the run stops if fewer do."""
    order_date: Column = "date"
    """Column of the orders with their date."""
    order_amount: Column = "amount"
    """Column of the orders with their amount, in the currency of sales."""
    as_of: Day | None = None
    """Last day that counts, such as 2026-10-31; later orders are ignored. Absent: the last day of the orders.
    Without it the run stops if a few orders lie far after all others."""
    copies: Literal["keep", "drop"] = "keep"
    """Lines with the account, date and amount of another line: `keep` counts them as orders, `drop` as duplicates."""
    sales_before: Column | None = None
    """Column with the account's sales in the twelve months before those of sales; also known from orders."""
    revenue: Column | None = None
    """Column with all that the account has ever spent, for the seed formula; also known from orders."""
    order_dates: Column | None = None
    """Column with the number of days on which the account ordered, for the seed formula; also known from orders."""
    margin: Annotated[float, Field(gt=0, le=1)] | None = None
    """Margin as a share of sales for accounts without a value in margin_column; without both, no lifetime value."""
    margin_column: Column | None = None
    """Column with the account's margin as a share of sales; it may be negative."""
    retention: Share | None = None
    """Share of customers that stay a year, for runs without sales of the year before."""
    retention_months: Count = 12
    """Months within which a customer that stays is expected to buy again, for runs with orders."""
    discount: Annotated[float, Field(ge=0)] = 0.1
    """Yearly discount rate: by how much money a year later counts less."""
    months: Annotated[int, Field(ge=1, le=1200)] = 36
    """Months that the value looks ahead."""
    column: Column | None = None
    """Column with lifetime values from elsewhere, in the currency of sales; the program then computes none."""
    seed36: bool = False
    """Whether the seed formula, revenue / order dates x 36, is shown too; see its faults in docs/lifetime_value.md."""

    def numbers(self) -> tuple[str, ...]:
        """Return the numeric columns of the input that the section reads."""
        named = (self.sales_before, self.revenue, self.order_dates, self.margin_column, self.column)
        return tuple(name for name in named if name)

    def amounts(self) -> tuple[str, ...]:
        """Return the columns of sales before, of all that was ever spent, and of values from elsewhere."""
        return tuple(name for name in (self.sales_before, self.revenue, self.column) if name)

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the table of orders, if the job has one."""
        if self.orders is None:
            return {}
        date = (self.order_date,)
        columns = InputColumns(self.order_account or account_id, self.order_amount, keep=date, dates=date)
        return {"orders": SideTable(self.orders, columns, self.min_match_share, "order_account")}


def orders_or_columns(lifetime_value: LifetimeValue | None) -> Iterator[Problem]:
    """Yield a problem for each column of the input that repeats what a table of orders says."""
    if lifetime_value is not None and lifetime_value.orders is not None:
        for key in ("sales_before", "revenue", "order_dates"):
            if (column := getattr(lifetime_value, key)) is not None:
                hint = f"lifetime_value.orders has this figure; remove {key}, or the orders"
                yield Problem(("lifetime_value", key), "no column beside orders", column, hint)
