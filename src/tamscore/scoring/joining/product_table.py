"""The one table of sales by product that a run reads, and what it must hold before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.errors import InputContractError
from tamscore.schema import Reason
from tamscore.scoring.joining.lookup import sorted_hashes
from tamscore.scoring.joining.product_lines import PartProducts, ProductColumns, products_of, sells_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.config import Job
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.store.partitions import Plan

EARLY = "products"
_MOST_PRODUCTS = 100_000


@dataclass(frozen=True)
class ProductCatalog:
    """The names of the different products in order, their families, and what was read of each partition.

    `family` holds the family of each product, None where the table has no column of families.
    """

    names: pa.Array
    parts: Sequence[PartProducts]
    family: pa.Array | None = None


@dataclass(frozen=True)
class ProductTablePlan:
    """The table of sales by product of a run: the section that names it, its path, its plan and its columns."""

    section: str
    path: str
    plan: Plan
    columns: ProductColumns


def product_table(run: Run) -> ProductTablePlan:
    """Return the table of sales by product that the job names, in [products] or else in [next_offer]."""
    section = _section_of(run.job)
    return table_of(run.job, section, run.plan.tables[f"{section}.path"])


def _section_of(job: Job) -> str:
    """Return the section of a job that names the table of sales by product."""
    return "products" if "products" in job.sections else "next_offer"


def table_of(job: Job, section: str, plan: Plan) -> ProductTablePlan:
    """Return the table of sales by product that a section of a job names, which has a plan."""
    settings: Any = job.sections[section]
    account_id = settings.account_id or job.columns.account_id
    family = getattr(settings, "family", None)
    columns = ProductColumns(account_id, settings.product, settings.sales, job.columns.id_form, family)
    return ProductTablePlan(section, settings.path, plan, columns)


def require_products(run: Run, parts: Sequence[PartRows]) -> None:
    """Raise InputContractError if the table has no products, too many, or no amount above 0 of a customer.

    The products are kept for after the fit, and the table is checked once, however many sections go by it. Returns can
    still cancel out all that customers bought.
    """
    if EARLY in run.early:
        return
    table = product_table(run)
    require_texts(table.path, table.plan, [table.columns.product, *filter(None, [table.columns.family])])
    run.early[EARLY] = read_products(run, table)
    customers = sorted_hashes(map(customers_in, parts))
    if not any(sells_to(partition, table.columns, customers) for partition in table.plan.partitions):
        raise InputContractError(no_owner(table, run.columns.sales))


def require_texts(path: str, plan: Plan, columns: Sequence[str]) -> None:
    """Raise InputContractError if one of some columns of a table holds lists, which are no texts."""
    for name in columns:
        kind = plan.schema.field(name).type
        if pa.types.is_nested(kind) and not pa.types.is_dictionary(kind):
            raise InputContractError(
                f"{path}: column {name!r} holds {kind}, expected a text in each row; write a row for each"
            )


def customers_in(part: PartRows) -> Any:
    """Return the hashes of the ids of rows that have sales and may be scored."""
    buyers = np.asarray(part.buyers, dtype=np.int64)
    return part.hashes[buyers[part.reason[buyers] == Reason.SCORED]]


def read_products(run: Run, table: ProductTablePlan) -> ProductCatalog:
    """Return the products of the table; raise InputContractError if there are none, or too many to be products."""
    parts = list(run.flow.map(products_of, table.plan.partitions, table.columns))
    names = pa.chunked_array([part.products for part in parts], pa.large_string()).unique().sort()
    if not 0 < len(names) <= _MOST_PRODUCTS:
        raise InputContractError(
            f"{table.path}: column {table.columns.product!r} has {len(names):,} different products, expected 1 to "
            f"{_MOST_PRODUCTS:,}; name the column of the product, or a coarser one"
        )
    return ProductCatalog(names, parts, families_of(table, names, parts))


def families_of(table: ProductTablePlan, names: pa.Array, parts: Sequence[PartProducts]) -> pa.Array | None:
    """Return the family of each product; raise InputContractError if a product has several, or none."""
    column = table.columns.family
    if column is None:
        return None
    family: dict[str, str] = {}
    for part in parts:
        for product, name in part.families:
            if family.setdefault(product, name) != name:
                raise InputContractError(
                    f"{table.path}: column {column!r}: product {product!r} is in {family[product]!r} and in {name!r}, "
                    "expected one family for each product; correct the table, or remove products.family"
                )
    if missing := [name for name in names.to_pylist() if name not in family]:
        raise InputContractError(
            f"{table.path}: column {column!r}: product {missing[0]!r} has no family, expected one for each product; "
            "correct the table, or remove products.family"
        )
    return pa.array([family[name] for name in names.to_pylist()], pa.large_string())


def no_owner(table: ProductTablePlan, sales: str) -> str:
    """Return what to say of a table by which no customer owns a product; `sales` is the market's column of sales."""
    return (
        f"{table.path}: column {table.columns.sales!r}: expected an amount above 0 of a customer (sales above 0 in the "
        f"market's column {sales!r}), got none in {table.plan.rows:,} lines; name the column of amounts in "
        f"{table.section}.sales, or take sales by product of the window of the market's sales"
    )
