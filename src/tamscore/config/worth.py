"""The sections of the job file that ask what customers are worth, and who should be called now."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tamscore.config.section import SectionSettings, SideTable
from tamscore.config.values import (  # noqa: TC001 - read at run time
    Column,
    ColumnList,
    Count,
    Day,
    OpenShare,
    Share,
    Storage,
)
from tamscore.schema import InputColumns


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
    """Last day that counts, such as 2026-10-31; later orders are passed over. Absent: the last of the orders."""
    copies: Literal["keep", "drop"] = "keep"
    """Lines with the account, date and amount of another one: orders of their own, or the same one written twice."""
    sales_before: Column | None = None
    """Column with what the account spent in the twelve months before those of sales; the orders tell it, too."""
    months_active: Column | None = None
    """Column with the months since the account's first order; absent: twelve. The orders tell it, too."""
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
    least_months: Annotated[float, Field(gt=0, le=12)] = 3.0
    """Fewest months that sales are spread over: the first order of a new customer is no monthly habit."""
    discount: Annotated[float, Field(ge=0)] = 0.1
    """Yearly rate at which later money counts less."""
    months: Count = 36
    """Months that are looked ahead."""
    seed36: bool = False
    """Whether the seed formula, revenue / order dates x 36, stands beside it; see what is wrong with it."""

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of the input that tell of an account."""
        named = (self.sales_before, self.months_active, self.revenue, self.order_dates, self.margin_column)
        return tuple(name for name in named if name)

    def amounts(self) -> tuple[str, ...]:
        """Return the columns of sales before, and of all that was ever spent."""
        return tuple(name for name in (self.sales_before, self.revenue) if name)

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the orders, where there are any."""
        if self.orders is None:
            return {}
        date = (self.order_date,)
        columns = InputColumns(self.order_account or account_id, self.order_amount, keep=date, dates=date)
        return {"orders": SideTable(self.orders, columns, self.min_match_share, "order_account")}


class Alerts(SectionSettings):
    """Who should be called now."""

    drop: OpenShare = 0.3
    """A customer whose sales fell by more than this share in a year, while its cluster did not, may be leaving."""
    intent: ColumnList = ()
    """Kept columns that speak of an intent to buy when they rise, such as visits; see columns.keep."""

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of intent."""
        return self.intent


class Segments(SectionSettings):
    """Whether each segment is worth being one, and what should be done about it."""

    acquisition_cost: Column | None = None
    """Column with what it costs to win the account."""
    network_effect: Column | None = None
    """Column with what the account brings through others, in the currency of sales."""
    weights: Annotated[tuple[float, float, float], Field(strict=False)] = (1.0, 1.0, 1.0)
    """Weights of lifetime value, acquisition cost and network effect in a segment's priority; 0 leaves one out."""
    cost_to_serve: Column | None = None
    """Column with what the account costs to serve in twelve months; above its margin it is flagged."""
    advocate: Column | None = None
    """Column that is above 0 for accounts that speak for us, such as references."""

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of the input that tell of an account."""
        named = (self.acquisition_cost, self.network_effect, self.cost_to_serve, self.advocate)
        return tuple(name for name in named if name)


class NextOffer(SectionSettings):
    """What to offer next: a product that many peers own and the account does not."""

    path: Storage
    """Table (Parquet or CSV) of sales by account and product; rows of the same pair are added up."""
    account_id: Column | None = None
    """Column of that table with the account's id; absent: columns.account_id."""
    min_match_share: Share = 0.5
    """Share of the rows of that table that must name an account of the market; the run stops where fewer do."""
    product: Column = "product"
    """Column of that table with the product."""
    sales: Column = "sales"
    """Column of that table with the sales; a product is owned where they come to more than 0."""
    owned: OpenShare = 0.4
    """Share of a cluster's customers that own a product, from which on it is offered to the others."""

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the table of sales by product."""
        columns = InputColumns(self.account_id or account_id, self.sales, keep=(self.product,))
        return {"path": SideTable(self.path, columns, self.min_match_share)}
