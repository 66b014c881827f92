"""What a table of sales by product must hold, looked at before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.errors import InputContractError
from tamscore.schema import Reason
from tamscore.scoring.joining.lookup import sorted_hashes
from tamscore.sections.next_offer.ownership import no_owner
from tamscore.sections.next_offer.product_lines import PartProducts, ProductColumns, products_of, sells_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.sections.next_offer.settings import NextOffer

EARLY = "next_offer.products"
TABLE = "next_offer.path"
MOST_PRODUCTS = 100_000


@dataclass(frozen=True)
class Products:
    """The names of the different products in order, and what was read of each partition."""

    names: pa.Array
    parts: Sequence[PartProducts]


def check_early(this: Run, parts: Sequence[PartRows], settings: NextOffer) -> None:
    """Raise InputContractError if the table has no products, too many, or no amount above 0 of a customer.

    The products are kept for after the fit. Returns can still cancel out all that customers bought.
    """
    this.early[EARLY] = read_products(this, settings)
    columns, plan = columns_of(this, settings), this.plan.tables[TABLE]
    customers = sorted_hashes(map(customers_in, parts))
    if not any(sells_to(partition, columns, customers) for partition in plan.partitions):
        raise InputContractError(no_owner(settings.path, columns, this.columns.sales, plan.rows))


def customers_in(part: PartRows) -> Any:
    """Return the hashes of the ids of rows that have sales and may be scored."""
    buyers = np.asarray(part.buyers, dtype=np.int64)
    return part.hashes[buyers[part.reason[buyers] == Reason.SCORED]]


def read_products(this: Run, settings: NextOffer) -> Products:
    """Return the products of the table; raise InputContractError if there are none, or too many to be products."""
    parts = list(this.flow.map(products_of, this.plan.tables[TABLE].partitions, columns_of(this, settings)))
    names = pa.chunked_array([part.products for part in parts], pa.large_string()).unique().sort()
    if not 0 < len(names) <= MOST_PRODUCTS:
        raise InputContractError(
            f"{settings.path}: column {settings.product!r} has {len(names):,} different products, expected 1 to "
            f"{MOST_PRODUCTS:,}; name the column of the product, or a coarser one"
        )
    return Products(names, parts)


def columns_of(this: Run, settings: NextOffer) -> ProductColumns:
    """Return where the table has the account, the product and the sales."""
    account_id = settings.account_id or this.columns.account_id
    return ProductColumns(account_id, settings.product, settings.sales, this.columns.id_form)
