"""The keys of [lifetime_value], and the rule that ties them together."""

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
    """What each customer is worth from today on, from a table of orders or from columns of the input."""

    orders: Storage | None = None
    """Order lines (Parquet or CSV): who, when, how much; refunds are negative. Absent: columns of the input tell."""
    order_account: Column | None = None
    """Column of the orders with the account's id; absent: columns.account_id."""
    min_match_share: Share = 0.5
    """Share of the order lines that must name an account of the market; the run stops where fewer do."""
    order_date: Column = "date"
    """Column of the orders with their date."""
    order_amount: Column = "amount"
    """Column of the orders with their amount, in the currency of sales."""
    as_of: Day | None = None
    """Last day that counts, such as 2026-10-31; later orders are passed over. Absent: the last of the orders.
    Without it the run stops if a few orders lie far after all others."""
    copies: Literal["keep", "drop"] = "keep"
    """Lines with the account, date and amount of another one: orders of their own, or the same one written twice."""
    sales_before: Column | None = None
    """Column with what the account spent in the twelve months before those of sales; the orders tell it, too."""
    revenue: Column | None = None
    """Column with all that the account has ever spent, for the seed formula; the orders tell it, too."""
    order_dates: Column | None = None
    """Column with the number of days on which it ordered, for the seed formula; the orders tell it, too."""
    margin: Annotated[float, Field(gt=0, le=1)] | None = None
    """Margin as a share of sales, where margin_column has none; without either there is no lifetime value."""
    margin_column: Column | None = None
    """Column with the account's margin as a share of sales; it may be negative."""
    retention: Share | None = None
    """Share of customers that stay a year, where sales before do not tell it."""
    retention_months: Count = 12
    """Months within which a customer that stays is expected to buy again, where orders tell it."""
    discount: Annotated[float, Field(ge=0)] = 0.1
    """Yearly rate at which later money counts less."""
    months: Annotated[int, Field(ge=1, le=1200)] = 36
    """Months that are looked ahead."""
    column: Column | None = None
    """Column with lifetime values from elsewhere, in the currency of sales; the program then computes none."""
    seed36: bool = False
    """Whether the seed formula, revenue / order dates x 36, stands beside it; see what is wrong with it."""

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of the input that tell of an account."""
        named = (self.sales_before, self.revenue, self.order_dates, self.margin_column, self.column)
        return tuple(name for name in named if name)

    def amounts(self) -> tuple[str, ...]:
        """Return the columns of sales before, of all that was ever spent, and of values from elsewhere."""
        return tuple(name for name in (self.sales_before, self.revenue, self.column) if name)

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the orders, where there are any."""
        if self.orders is None:
            return {}
        date = (self.order_date,)
        columns = InputColumns(self.order_account or account_id, self.order_amount, keep=date, dates=date)
        return {"orders": SideTable(self.orders, columns, self.min_match_share, "order_account")}


def orders_or_columns(lifetime_value: LifetimeValue | None) -> Iterator[Problem]:
    """Yield the columns of the input that say what a table of orders says already."""
    if lifetime_value is not None and lifetime_value.orders is not None:
        for key in ("sales_before", "revenue", "order_dates"):
            if (column := getattr(lifetime_value, key)) is not None:
                hint = f"lifetime_value.orders tells it; remove {key}, or the orders"
                yield Problem(("lifetime_value", key), "no column beside orders", column, hint)
