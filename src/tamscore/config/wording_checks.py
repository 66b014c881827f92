"""The rules for maps of words and for currencies: each word means one thing, each column is one that the job reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.config.column_checks import ROLES
from tamscore.config.problems import NOTHING, Problem, nearest
from tamscore.config.section import SectionSettings
from tamscore.schema import COVERAGE_COLUMNS, SCORE_COLUMNS
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tamscore.config.job import Columns, Rows
    from tamscore.config.method import Features
    from tamscore.config.wording import Currency, Names, Titles, WordMaps


def words_are_mapped_once(values: WordMaps) -> Iterator[Problem]:
    """Yield the words that equal an earlier word except for capitals and blanks, and have another replacement."""
    for column, words in values.items():
        known: dict[str, str] = {}
        for word, target in words.items():
            first = known.setdefault(fold_word(word), word)
            if words[first] != target:
                hint = f"it is compared like {first!r}, without regard to capitals and blanks around it"
                yield Problem(("values", column, word), f"{words[first]!r} as for {first!r}", target, hint)


def mapped_columns_are_read(
    values: WordMaps, columns: Columns, features: Features, *sections: object
) -> Iterator[Problem]:
    """Yield the maps of columns that the job does not read as text."""
    roles = (columns.party_type, columns.market_segment, columns.currency)
    more = (name for section in sections if isinstance(section, SectionSettings) for name in section.texts())
    read = dict.fromkeys((*filter(None, roles), *features.categorical, *columns.keep, *more))
    numbers = {columns.account_id, columns.sales, columns.revenue, *features.numeric}
    for column in values:
        if column in numbers or column not in read:
            expected = "a column that the job reads as text or keeps"
            yield Problem(("values", column), expected, column, nearest(column, read))


def names_are_distinct(names: Names) -> Iterator[Problem]:
    """Yield the names that another cluster or segment already has."""
    known: dict[str, str] = {}
    for key, name in names.items():
        if (first := known.setdefault(fold_word(name), key)) != key:
            yield Problem(("names", key), "a name of its own", name, f"{first} has it already")


def titled_columns_exist(added: Collection[str]) -> Callable[..., Iterator[Problem]]:
    """Return the rule that titles name columns of the input or the scores; `added` are the columns of sections."""

    def rule(titles: Titles, columns: Columns, features: Features, *sections: object) -> Iterator[Problem]:
        roles = (getattr(columns, role) for role in ROLES)
        read = [*filter(None, roles), *columns.keep, *features.numeric, *features.categorical]
        for section in sections:
            if isinstance(section, SectionSettings):
                read += [*section.numbers(), *section.texts(), *section.others()]
        known = dict.fromkeys((*read, *SCORE_COLUMNS, *COVERAGE_COLUMNS, *added))
        for column in titles:
            if column not in known:
                expected = "a column that the job reads, or one of the scores"
                yield Problem(("titles", column), expected, column, nearest(column, known))

    return rule


def currency_has_a_column(columns: Columns, currency: Currency | None) -> Iterator[Problem]:
    """Yield a problem if rates are given but no column holds the currency of a row."""
    if currency is not None and columns.currency is None:
        hint = "name the column that holds each row's currency, or remove [currency]"
        yield Problem(("columns", "currency"), "a column for [currency]", NOTHING, hint)


def rates_are_given_once(currency: Currency | None) -> Iterator[Problem]:
    """Yield the currencies with two rates, and a target whose own rate is not 1."""
    if currency is None:
        return
    known: dict[str, str] = {}
    for name, rate in currency.rates.items():
        first = known.setdefault(fold_word(name), name)
        if currency.rates[first] != rate:
            yield Problem(("currency", "rates", name), f"the rate of {first!r}", rate, "remove one of the two")
        if fold_word(name) == fold_word(currency.target) and rate != 1.0:
            yield Problem(("currency", "rates", name), "1, since it is currency.target", rate)


def converted_columns_are_read(
    columns: Columns, rows: Rows, features: Features, currency: Currency | None, *sections: object
) -> Iterator[Problem]:
    """Yield the columns of amounts that the job does not read."""
    if currency is None:
        return
    more = (name for section in sections if isinstance(section, SectionSettings) for name in section.numbers())
    read = dict.fromkeys((*features.numeric, *rows.non_negative, *columns.keep, *more))
    read |= dict.fromkeys(filter(None, (columns.sales, columns.revenue)))
    for position, column in enumerate(currency.columns):
        if column not in read or column == columns.account_id:
            place = ("currency", "columns", position)
            yield Problem(place, "a column that the job reads as a number", column, nearest(column, read))
