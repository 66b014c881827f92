"""Hints about cells from the name of a column: identifiers and codes, or amounts."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANYWHERE = frozenset(
    {"nace", "naics", "sic", "isic", "icd", "gics", "wz", "ean", "upc", "gtin", "isbn", "sku", "iban", "bic", "lei"}
    | {"duns", "siren", "siret", "phone", "telephone", "telefon", "tel", "fax", "mobile", "handy", "zip", "plz", "ip"}
    | {"postcode", "postleitzahl", "postal", "kostenstelle", "uuid", "guid", "version"}
)
_CURRENCIES = frozenset({"USD", "EUR", "GBP", "CHF", "JPY", "SEK", "NOK", "DKK", "PLN", "CZK", "INR", "CAD", "AUD"})
_DOLLARS = frozenset({"USD", "CAD", "AUD"})
_PARTIES = frozenset(
    {"account", "customer", "company", "client", "partner", "owner", "parent", "vendor", "supplier", "contact"}
    | {
        "kunde",
        "firma",
        "kontakt",
        "inhaber",
        "industry",
        "sector",
        "branch",
        "branche",
        "category",
        "segment",
        "class",
    }
)
_RATIOS = frozenset({"per", "by", "pro", "je", "avg", "average", "mean", "of", "ratio"})
_LAST = frozenset(
    {"id", "ids", "key", "code", "codes", "cd", "no", "nr", "number", "nummer", "konto", "ref", "release"}
)
_ENDINGS = ("nummer", "nr", "konto", "kennung", "schlüssel", "schluessel", "kostenstelle", "code")
_PAIRS = (("cost", "center"), ("cost", "centre"), ("customer", "account"), ("general", "ledger"))
_AMOUNTS = frozenset(
    {"sales", "revenue", "amount", "price", "cost", "costs", "value", "total", "turnover", "spend", "spent", "income"}
    | {"profit", "margin", "budget", "balance", "ebit", "ebitda", "salary", "fee", "fees", "arr", "mrr", "usd", "eur"}
    | {"gbp", "chf", "umsatz", "betrag", "preis", "wert", "kosten", "erlös", "erlöse", "summe", "saldo", "gewinn"}
    | {"menge", "quantity", "qty", "weight", "gewicht", "hours", "stunden", "rate", "quote", "factor", "faktor"}
    | {"share", "score", "montant", "importe", "ventas", "prix", "chiffre", "fatturato", "omsetning", "omzet"}
    | {"funding", "employees", "headcount", "staff", "mitarbeiter", "size", "visitors", "users", "followers"}
    | {"expansion", "acquisition", "protection"}
)


def _words_of(name: str) -> list[str]:
    """Return the words of a column's name in lower case: "customerId", "CUSTOMER_ID" and "customer id" are the same."""
    split = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])", " ", name)
    return re.findall(r"[^\W_]+", split.lower())


def is_code(name: str) -> bool:
    """Return whether the name says that the cells are identifiers or codes, such as "id", "NACE" or "Kunden-Nr."."""
    words = _words_of(name)
    if not words:
        return False
    pairs = set(pairwise(words))
    certain = words[-1] in _LAST or words[-1].endswith(_ENDINGS) or any(pair in pairs for pair in _PAIRS)
    party = words[-1] in _PARTIES and not _RATIOS & set(words)
    return certain or ((party or any(word in _ANYWHERE for word in words)) and not _has_amount(words))


def other_currency(name: str, signs: Iterable[str]) -> str:
    """Return the first currency of cells that contradicts the one in the name of their column, empty for none.

    A name such as "Umsatz (EUR)" holds one; $ fits several, kr and other signs are not compared.
    """
    named = {word.upper().replace("EURO", "EUR") for word in _words_of(name)} & _CURRENCIES
    known = {sign for sign in signs if sign in _CURRENCIES or (sign == "$" and not named & _DOLLARS)}
    return min(known - named, default="") if named else ""


def is_amount(name: str) -> bool:
    """Return whether the name says that the cells are amounts or measures, such as "Net Sales" or "umsatz_2024"."""
    return _has_amount(_words_of(name)) and not is_code(name)


def _has_amount(words: list[str]) -> bool:
    return any(word in _AMOUNTS or word.endswith(("umsatz", "betrag", "preis", "wert")) for word in words)
