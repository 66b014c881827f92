"""The keys of [next_offer]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tamscore.config.problems import NOTHING, Problem
from tamscore.config.product_table import ProductTable, columns_differ
from tamscore.config.section import SideTable
from tamscore.config.values import OpenShare  # noqa: TC001 - read at run time
from tamscore.schema import InputColumns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns


class NextOffer(ProductTable):
    """The next offer: a product that many peers own and the account does not."""

    owned: OpenShare = 0.05
    """Share of a cluster's customers that must own a product before it is offered to the others."""
    by: Literal["probability", "expected_value", "share"] = "probability"
    """Which product is offered. probability: the one that the account most likely owns, judged by its other products
    and its cluster. expected_value: the one with the largest probability times value. share: the one that most
    customers of the cluster own."""

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the table of sales by product, if the section names one."""
        if self.path is None:
            return {}
        columns = InputColumns(self.account_id or account_id, self.sales, keep=(self.product,))
        return {"path": SideTable(self.path, columns, self.min_match_share)}


def the_table_is_named_once(products: ProductTable | None, next_offer: NextOffer | None) -> Iterator[Problem]:
    """Yield a missing table, and keys that repeat the table of [products]."""
    if next_offer is None:
        return
    if products is None:
        if next_offer.path is None:
            yield Problem(("next_offer", "path"), "a table", NOTHING, "or add [products], whose table serves too")
        return
    for key, field in ProductTable.model_fields.items():
        if (value := getattr(next_offer, key)) != field.default:
            yield Problem(("next_offer", key), "no value beside [products]", value, f"say it in products.{key}")


def columns_are_their_own(columns: Columns, next_offer: NextOffer | None) -> Iterator[Problem]:
    """Yield the keys that name the same column as another key."""
    yield from columns_differ("next_offer", columns, next_offer, ("product", "sales"))
