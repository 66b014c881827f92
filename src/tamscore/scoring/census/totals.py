"""Rows that may be totals rather than accounts: a row with as much sales as all others, or a row called a total."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.census.money import TOP
from tamscore.store import tables
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tamscore.schema import InputColumns
    from tamscore.scoring.census.part_rows import PartRows

FEWEST = 10
"""Fewest other customers for the check; with fewer, an account may well sell as much as all others."""
_NEARLY = 0.995
"""Least ratio of a total to its accounts: a total is rounded, or a few of its accounts are missing."""
_EXACT = 1e-5
"""Largest relative difference between several totals together and the sum of all other accounts."""
_LARGE = 0.05
"""Share of all other sales from which a row that is called a total gets a notice."""
_LISTED = 5
"""Most rows named."""
_WORDS = frozenset(
    (
        *("total", "totals", "totale", "totali", "totaal", "totalt", "totales", "totaux", "sum", "summe", "summa"),
        *("suma", "soma", "somme", "somma", "gesamt", "gesamtsumme", "gesamtergebnis", "gesamtumsatz", "endsumme"),
        *("insgesamt", "ensemble", "celkem", "razem", "ogółem", "suma końcowa", "összesen", "toplam", "genel toplam"),
        *("yhteensä", "i alt", "sammanlagt", "итого", "всего", "合計", "総計", "总计", "合计", "總計", "합계", "총계"),
        *("all accounts", "all customers", "alle kunden", "tous les clients", "overall result", "report total"),
    )
)
"""Names of rows of totals, in full."""
_BEGINNINGS = (
    *("subtotal", "sub-total", "sub total", "grand total", "zwischensumme", "teilsumme", "gesamtsumme", "endsumme"),
    *("sous-total", "sous total", "total général", "total general", "totale generale", "total geral", "subtotaal"),
    *("eindtotaal", "totaal generaal", "subtotale", "summe ", "total:", "totaal:", "subtotalt", "ara toplam"),
)
"""Beginnings of the names of totals of a region or a group; "total" is missing, since companies begin with it."""


@dataclass(frozen=True)
class _Seller:
    """An account with large sales: its partition, its row, its sales."""

    part: PartRows
    row: int
    sales: float


def total_notices(parts: Sequence[PartRows], columns: InputColumns) -> list[str]:
    """Return notices on accounts with the largest sales that look like totals; none in an ordinary market."""
    sellers = _largest(parts)
    customers = sum(part.money.customers for part in parts)
    total = float(np.sum([part.money.total for part in parts]))
    if count := outselling(np.array([seller.sales for seller in sellers]), total, customers):
        return [_outselling_notice(sellers[:count], total, customers, columns)]
    return [*_named_notices(sellers, total, columns)]


def _largest(parts: Iterable[PartRows]) -> list[_Seller]:
    """Return the accounts with the largest sales of all partitions, the largest first."""
    sellers = [
        _Seller(part, int(row), float(sales))
        for part in parts
        for row, sales in zip(part.money.rows, part.money.largest, strict=True)
    ]
    return sorted(sellers, key=lambda seller: -seller.sales)[:TOP]


def outselling(sales: Any, total: float, customers: int) -> int:
    """Return how many of the largest accounts (t,) look like totals of all others; 0 if none does.

    Either the first alone sells as much as all others. Or the first few together sell as much as all others, as totals
    of groups do, or twice as much, if a grand total is among them; then their sales must differ, and there must be ten
    others for each of them. `total` is the net sum over all accounts; others that sell less than they return have no
    such total.
    """
    if customers > FEWEST and sales[0] >= _NEARLY * (total - sales[0]) > 0:
        return 1
    for count in range(2, min(len(sales), customers // (FEWEST + 1)) + 1):
        if sales[count - 2] == sales[count - 1]:
            return 0
        head = float(sales[:count].sum())
        rest = total - head
        if rest > 0 and min(abs(head - rest), abs(head - 2 * rest)) <= _EXACT * rest:
            return count
    return 0


def _outselling_notice(sellers: Sequence[_Seller], total: float, customers: int, columns: InputColumns) -> str:
    """Return a notice that names the accounts with as much sales as all others."""
    names = [f"{_name_of(seller, columns)} with {seller.sales:,.2f}" for seller in sellers[:_LISTED]]
    more = f" and {len(sellers) - _LISTED} more" if len(sellers) > _LISTED else ""
    rest = total - sum(seller.sales for seller in sellers)
    subject = "account" if len(sellers) == 1 else f"{len(sellers)} accounts"
    verb = "sells as much as" if len(sellers) == 1 else "sell as much as, or twice as much as,"
    return (
        f"column {columns.sales!r}: {subject} {', '.join(names)}{more} {verb} all {customers - len(sellers):,} other "
        f"customers together ({rest:,.2f}); a row of totals is no account: if it is one, remove it from the input"
    )


def _named_notices(sellers: Sequence[_Seller], total: float, columns: InputColumns) -> Iterator[str]:
    """Yield a notice on each large account whose id or name is a word for a total."""
    for seller in sellers:
        if seller.sales < _LARGE * (total - seller.sales):
            return
        if any(map(is_total, _words_of(seller, columns))):
            yield (
                f"account {_name_of(seller, columns)} has sales of {seller.sales:,.2f} and is called like a row of "
                "totals; if it is one, remove it from the input"
            )


def is_total(word: str) -> bool:
    """Return whether an id or a name is a word for a total."""
    folded = " ".join(fold_word(word).strip("*-:=#()[] .").split())
    return folded in _WORDS or folded.startswith(_BEGINNINGS)


def _words_of(seller: _Seller, columns: InputColumns) -> list[str]:
    """Return the id of an account, and its name if there is a column of names."""
    asked = [name for name in (columns.account_id, columns.name) if name]
    table = tables.read(seller.part.partition, asked)
    return [str(table[name][seller.row].as_py() or "") for name in asked]


def _name_of(seller: _Seller, columns: InputColumns) -> str:
    """Return the id of an account, with its name if that differs."""
    account, *name = _words_of(seller, columns)
    return f"{account!r} ({name[0]!r})" if name and name[0] not in {"", account} else repr(account)
