"""Which column plays which part: by its name first, then by its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from tamscore.first_job import names
from tamscore.first_job.columns import SampleColumn
from tamscore.first_job.party_types import PartyTypes, party_types_of
from tamscore.first_job.vocabulary import CODES, NAMES, NO_SALES, PLACES, Part

_CHANGES = frozenset({"growth", "wachstum", "croissance", "crecimiento", "crescita", "groei", "change", "delta", "yoy"})
_NAMED = 8
"""So many values are named."""
_MOST_CUSTOMERS = 0.95
"""A market has prospects: where more accounts have an amount, it may be one of their own."""
_DOUBTED = frozenset({"account_id", "sales", "name"})
_NO_KNOWN_WORDS = "most of its words are unknown, or too few rows are of one type: map each word under [values]"
_RANKS = frozenset({"rank", "ranking", "rang"})
_Fits: TypeAlias = Callable[[SampleColumn], bool]

_FEWEST_PER_SEGMENT, _MOST_SEGMENTS = 5, 200
"""Accounts of a market segment on average, and segments, of a column that is one."""
_FEWEST_AMOUNTS = 12
"""Numbers with fewer different values are classes rather than amounts."""
_CURRENCY_LETTERS, _MOST_CURRENCIES = 3, 200
_MOST_NEGATIVE = 0.05
"""Returns and credit notes are few; with more negative values a column may be a change or a balance."""


@dataclass(frozen=True)
class Role:
    """The column of a part with the reason; `doubt` says what a person should look at, empty if nothing."""

    part: Part
    column: str
    reason: str
    doubt: str = ""


def roles_of(columns: Sequence[SampleColumn], given: Mapping[str, str]) -> tuple[dict[Part, Role], PartyTypes | None]:
    """Return the role of each part that a column plays, and the words of the party types; `given` parts are fixed."""
    record: dict[Part, Role] = {}
    taken = set(given.values())
    for part, fits in _FITS.items():
        free = [column for column in columns if column.name.strip() and column.name not in taken]
        if part in given:
            record[part] = Role(part, given[part], "as you said")
        elif role := _role_of(part, list(filter(fits, free)), record) or _unread_sales(part, free):
            record[part] = _beside_unfit_ids(role, columns) if part == "account_id" else role
            taken.add(role.column)
    words = _party_types(columns, record)
    if words is None and "party_type" in given:
        record["party_type"] = replace(record["party_type"], doubt=_NO_KNOWN_WORDS)
    elif words is None:
        record.pop("party_type", None)
    return record, words


def _role_of(part: Part, columns: Sequence[SampleColumn], result: Mapping[Part, Role]) -> Role | None:
    """Return the column that plays a part best; None if none does."""
    scored = [(names.score(column.name, NAMES[part]), names.year_in(column.name), column) for column in columns]
    ranked = sorted((item for item in scored if item[0] > 0), key=lambda item: (-item[0], -item[1]))
    if not ranked:
        return _by_values(part, columns)
    best, _, column = ranked[0]
    if part == "revenue" and "sales" not in result:
        return None
    rivals = [column.name for score, _, column in ranked[1:] if int(score) == int(best)]
    return Role(part, column.name, f"called so, {_what(column)}", _doubt_of(part, best, column, rivals))


def _beside_unfit_ids(role: Role, columns: Sequence[SampleColumn]) -> Role:
    """Return the role of an id with the doubt that another column is called an id, but cannot be one."""
    called = [column for column in columns if names.score(column.name, NAMES["account_id"]) >= 1]
    if not called or role.column in {column.name for column in called}:
        return role
    first = called[0]
    shape = f"{first.distinct:,} different values in {first.filled:,} of {first.rows:,} rows"
    return replace(role, doubt=f"{role.doubt}; {first.name!r} is called an id, but holds {shape}")


def _unread_sales(part: Part, columns: Sequence[SampleColumn]) -> Role | None:
    """Return a column of texts that is called sales: reading it as numbers says what keeps it from being some."""
    called = [column for column in columns if column.kind == "text" and names.score(column.name, NAMES["sales"]) >= 1]
    return Role(part, called[0].name, "called so, but it holds texts") if part == "sales" and called else None


def _doubt_of(part: Part, score: float, column: SampleColumn, rivals: Sequence[str]) -> str:
    """Return what is in doubt about a column of a part; empty if nothing is."""
    doubts = [f"{', '.join(map(repr, rivals[:3]))} would fit, too"] if rivals and part in _DOUBTED else []
    if score < 1 and part in {"account_id", "sales"}:
        doubts.append("its name fits in part only")
    if part == "sales":
        doubts.extend(_doubts_of_sales(column))
    if part == "currency" and (column.missing_share or len(column.levels) > 1):
        doubts.append(_several_currencies(column))
    return "; ".join(doubts)


def _doubts_of_sales(column: SampleColumn) -> Iterator[str]:
    """Yield what makes it doubtful that amounts are those that were sold to the account."""
    negative, positive = float((column.numbers < 0).mean()), float((column.numbers > 0).sum()) / column.rows
    if negative > _MOST_NEGATIVE:
        yield f"{negative:.0%} of its values are negative, and count as no sales"
    if positive > _MOST_CUSTOMERS or names.score(column.name, NAMES["revenue"]) >= 1:
        yield "is it what you sold to the account, or the account's own revenue?"


def _several_currencies(column: SampleColumn) -> str:
    """Return what keeps amounts from being added up."""
    codes = ", ".join([*column.levels][:_NAMED])
    rates = " with [currency], its target and rates" if len(column.levels) > 1 else ""
    missing = f", and {column.missing_share:.1%} have none" if column.missing_share else ""
    return f"a run needs one currency in all rows with sales, found {codes}{missing}: convert or fill them{rates}"


def _by_values(part: Part, columns: Sequence[SampleColumn]) -> Role | None:
    """Return the first column whose values alone suit a part: an id hardly shared by two rows, texts first."""
    unranked = [column for column in columns if not names.has_word(column.name, _RANKS)]
    if part != "account_id" or not unranked:
        return None
    column = min(unranked, key=lambda column: column.kind != "text")
    doubt = "it may be no id of the account" if column.kind == "text" else "it may only number the rows"
    return Role(part, column.name, _what(column), f"{doubt}: ids must stay the same from week to week")


def _what(column: SampleColumn) -> str:
    """Return what a column holds, in a few words."""
    if column.is_unique and column.distinct < column.filled:
        return f"{column.filled - column.distinct:,} of {column.rows:,} rows repeat a value of another"
    if column.is_unique:
        return "no two rows share a value"
    if column.kind == "number":
        return f"{column.filled:,} numbers in {column.rows:,} rows"
    return f"{column.distinct:,} values in {column.filled:,} rows"


def _is_id(column: SampleColumn) -> bool:
    """Return whether a column can identify accounts."""
    return column.is_unique and (column.kind == "text" or (column.kind == "number" and column.whole))


def _is_sales(column: SampleColumn) -> bool:
    """Return whether a column can be what was sold: numbers, neither codes nor shares nor growth."""
    amounts = column.kind == "number" and column.distinct > _FEWEST_AMOUNTS and "/" not in column.name
    return amounts and not names.has_word(column.name, NO_SALES | CODES | PLACES)


def _is_name(column: SampleColumn) -> bool:
    """Return whether a column can hold names: texts, hardly any of which stands twice."""
    return column.kind == "text" and column.filled > 0 and column.repeats < 2


def _is_segment(column: SampleColumn) -> bool:
    """Return whether a column can be a market segment: few texts, with some accounts each."""
    some = column.kind == "text" and 1 < column.distinct <= _MOST_SEGMENTS
    return some and column.repeats >= _FEWEST_PER_SEGMENT


def _is_size(column: SampleColumn) -> bool:
    """Return whether a column can be a number of people."""
    return column.kind == "number" and column.distinct > 2 and not names.has_word(column.name, _CHANGES)


def _is_currency(column: SampleColumn) -> bool:
    """Return whether a column holds currencies: few texts, codes unless its name is plain."""
    few = column.kind == "text" and 0 < len(column.levels) <= _MOST_CURRENCIES
    codes = all(len(text) == _CURRENCY_LETTERS and text.isalpha() for text in column.levels)
    return few and (codes or names.score(column.name, NAMES["currency"]) >= 1)


_FITS: dict[Part, _Fits] = {
    "account_id": _is_id,
    "sales": _is_sales,
    "party_type": lambda column: column.kind == "text" and column.distinct > 1 and party_types_of(column) is not None,
    "market_segment": _is_segment,
    "revenue": _is_size,
    "name": _is_name,
    "currency": _is_currency,
    "size": _is_size,
}
"""What a column must be like to play a part; parts are given away in this order."""


def _party_types(columns: Sequence[SampleColumn], result: Mapping[Part, Role]) -> PartyTypes | None:
    """Return how the words of the column of party types are read; None if there is no such column."""
    role = result.get("party_type")
    column = next((column for column in columns if role and column.name == role.column), None)
    return None if column is None else party_types_of(column)
