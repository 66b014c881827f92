"""Whitespace by product as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.blocks import Chapter, table
from tamscore.view.words import clean, count_text, exact, money, money_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tamscore.view.blocks import Table

_Record = dict[str, Any]
NAMES = ("open_product", "open_product_2", "open_product_3")
"""The columns of the products with the most whitespace."""
_LISTED = 15
"""So many products are shown."""
_WHY = (
    "the two differ: owners of one product are seldom owners of all, so that cut lines do not add up to one cut line; "
    "products that few peers own count as open for their owners alone"
)


def chapter(record: _Record) -> Chapter:
    """Return the chapter on what a run has recorded."""
    kinds = {row["kind"]: row for row in record["kinds"]}
    parts = [
        f"{money_text(kinds[kind]['product_whitespace'], record.get('currency'))} with {who}"
        for kind, who in (("expansion", "customers"), ("acquisition", "prospects"))
    ]
    message = f"Of {count_text(record['products'], 'product')}, {' and '.join(parts)} are open."
    return Chapter("products", "Whitespace by product", message, tuple(_blocks(record)))


def _blocks(record: _Record) -> Iterator[Table]:
    """Yield the products with the most whitespace, the families, and the comparison with the accounts' whitespace."""
    line = f"P{100 * record['line']:g}"
    run = record["potentials"].get("run")
    whose = f"; potentials are those of run {run}" if run else ""
    note = f"open: {line} of what owners in the cluster spend, less own sales; whole where it is offered{whose}"
    columns = "product|owners:count|sales:money|accounts:count|expansion:money|acquisition:money"
    names = ("product", "owners", "sales", "accounts", "expansion", "acquisition")
    rows = [[row[name] for name in names] for row in record["most"][:_LISTED]]
    yield table("Products with the most whitespace", columns, rows, note)
    if record["families"]:
        of_family = ("family", "products", "sales", "expansion", "acquisition")
        rows = [[row[name] for name in of_family] for row in record["families"]]
        columns = "family|products:count|sales:money|expansion:money|acquisition:money"
        yield table("Families of products", columns, rows)
    rows = [[row["kind"], row["whitespace"], row["product_whitespace"], row["difference"]] for row in record["kinds"]]
    columns = "kind:code|whitespace:money|by product:money|difference:signed_money"
    yield table("Whitespace of accounts and of products", columns, rows, f"{_WHY}{_apart(record)}")


def open_with(account: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the columns say of an account; nothing where its run did not write them."""
    total = account.get("product_whitespace")
    if total is None:
        return []
    pairs = [(account.get(name), account.get(f"{name}_whitespace")) for name in NAMES]
    named = [f"{clean(product)} {exact(amount)}" for product, amount in pairs if product and amount is not None]
    most = f"; most of it: {', '.join(named)}" if named else ""
    return [("open by product", f"{exact(total)}{most}")]


def _apart(record: _Record) -> str:
    """Return what the table of products leaves out of the market's sales, in words; "" if that is next to nothing."""
    gap = record["sales"] - record["sold"]
    if abs(gap) <= 0.01 * max(record["sales"], 1.0):
        return ""
    return f"; customers' sales by product come to {money(record['sold'])}, their sales to {money(record['sales'])}"
