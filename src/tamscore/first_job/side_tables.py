"""Further tables of a first job: orders, products, people and labels, and which of their columns is what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.first_job import names
from tamscore.first_job.reading import sampled_table
from tamscore.first_job.vocabulary import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.first_job.columns import SampleColumn

_ACCOUNT = (
    "account id", "customer id", "client id", "company id", *NAMES["account_id"], "account", "customer", "kunde",
    "client", "cliente", "klant",
)  # fmt: skip
_DATES = (
    "order date", "invoice date", "date", "bestelldatum", "rechnungsdatum", "datum", "date de commande", "date facture",
    "fecha", "fecha de pedido", "data ordine", "data", "orderdatum", "day", "purchase date",
)  # fmt: skip
_AMOUNTS = (
    "net amount", "amount", "net sales", "sales", "umsatz", "betrag", "nettobetrag", "montant", "montant ht", "importe",
    "importo", "bedrag", "value", "revenue", "total", "price", "dollar value",
)  # fmt: skip
_PRODUCTS = (
    "product", "product id", "product name", "sku", "item", "article", "artikel", "artikelnummer", "produkt", "produit",
    "producto", "prodotto", "product family", "stock code",
)  # fmt: skip
_PERSON = ("person", "role")
_LABELS = (
    "bought",
    "label",
    "won",
    "converted",
    "purchased",
    "target",
    "y",
    "outcome",
    "kauf",
    "gekauft",
    "achat",
    "compra",
)


@dataclass(frozen=True)
class SideTables:
    """The paths of further tables, None where there is none."""

    orders: str | None = None
    products: str | None = None
    people: str | None = None
    labels: str | None = None


@dataclass(frozen=True)
class SideSection:
    """A section of the job file that a further table is for: its name, its keys, and what a person should add.

    One that is incomplete is written as a comment, since a run would refuse it.
    """

    name: str
    keys: dict[str, Any]
    notes: tuple[str, ...] = ()
    is_incomplete: bool = False


def sections_of(tables: SideTables, account: str, folder_path: Any) -> list[SideSection]:
    """Return the sections of further tables; `account` is the market's column of ids, `folder_path` writes a path.

    Raise UsageError naming the table and the column that it lacks.
    """
    sections = []
    if tables.orders:
        sections.append(_orders(tables.orders, account, folder_path(tables.orders)))
    if tables.products:
        sections.append(_products(tables.products, account, folder_path(tables.products)))
        sections.append(SideSection("next_offer", {}))
    if tables.labels:
        sections.append(_labels(tables.labels, account, folder_path(tables.labels)))
    if tables.people:
        sections.append(_people(tables.people, folder_path(tables.people)))
    return sections


def _orders(path: str, account: str, written: str) -> SideSection:
    """Return the section of a table of orders."""
    columns = sampled_table(path, "--orders").columns
    keys = {"orders": written, "order_account": _account_column(columns, account, path)}
    keys["order_date"] = _required_column(columns, _DATES, ("date",), path, "a date")
    keys["order_amount"] = _required_column(columns, _AMOUNTS, ("number",), path, "an amount")
    note = "add margin = 0.3 (your margin as a share of sales) for lifetime values"
    return SideSection("lifetime_value", _without_default(keys, "order_account", account), (note,))


def _products(path: str, account: str, written: str) -> SideSection:
    """Return the section of a table of sales by product."""
    columns = sampled_table(path, "--products").columns
    keys = {"path": written, "account_id": _account_column(columns, account, path)}
    keys["product"] = _required_column(columns, _PRODUCTS, ("text", "number"), path, "a product")
    keys["sales"] = _required_column(columns, _AMOUNTS, ("number",), path, "an amount")
    return SideSection("products", _without_default(keys, "account_id", account))


def _labels(path: str, account: str, written: str) -> SideSection:
    """Return the section of a table that says who bought."""
    columns = sampled_table(path, "--labels").columns
    keys = {"label_table": written, "account_id": _account_column(columns, account, path)}
    keys["label"] = _required_column(columns, _LABELS, ("number", "flag"), path, "1 for buyers and 0 for others")
    note = "add feature_cutoff, label_start and label_end, the days that features and labels are from"
    return SideSection("propensity", _without_default(keys, "account_id", account), (note,), is_incomplete=True)


def _people(path: str, written: str) -> SideSection:
    """Return the section of a table of people, which must have the columns of one."""
    there = [column.name for column in sampled_table(path, "--people").columns]
    if lacking := [name for name in _PERSON if name not in there]:
        raise UsageError(
            f"{path}: expected columns {', '.join(_PERSON)}, lacks {', '.join(lacking)}; rename or add them"
        )
    return SideSection("coverage", {"people": written})


def _without_default(keys: dict[str, Any], key: str, default: str) -> dict[str, Any]:
    """Return the keys without one that says what is the default anyway."""
    return {name: value for name, value in keys.items() if name != key or value != default}


def _account_column(columns: Sequence[SampleColumn], account: str, path: str) -> str:
    """Return the column of ids: the one that the market calls so, else one that is called like an id."""
    if any(column.name == account for column in columns):
        return account
    return _required_column(columns, _ACCOUNT, ("text", "number"), path, "the account's id")


def _required_column(
    columns: Sequence[SampleColumn], wanted: tuple[str, ...], kinds: tuple[str, ...], path: str, what: str
) -> str:
    """Return the column that fits best; raise UsageError if none does."""
    scored = [(names.score(column.name, wanted), column.name) for column in columns if column.kind in kinds]
    best = max(scored, key=lambda pair: pair[0], default=(0.0, ""))
    if not best[0]:
        there = ", ".join(f"{column.name!r} ({column.kind if column.filled else 'empty'})" for column in columns)
        expected = f"a column with {what} ({' or '.join(kinds)})"
        raise UsageError(f"{path}: expected {expected}, found {there}; cast or rename one, such as {wanted[0]!r}")
    return best[1]
