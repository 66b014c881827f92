"""The rules that tie keys of `[features]` to others: features describe an account, and never its purchases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.config.problems import NOTHING, Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns
    from tamscore.config.method import Features
    from tamscore.config.problems import Place


def there_is_a_feature(features: Features) -> Iterator[Problem]:
    """Yield a problem if there is no feature to compare accounts by."""
    if not features.numeric and not features.categorical:
        hint = "list columns under features.numeric or features.categorical"
        yield Problem(("features",), "at least one feature", NOTHING, hint)


def features_have_one_kind(features: Features) -> Iterator[Problem]:
    """Yield the columns that are both numeric and categorical."""
    for position, column in enumerate(features.categorical):
        if column in features.numeric:
            hint = "features.numeric names it too"
            yield Problem(("features", "categorical", position), "a column of one kind", column, hint)


def features_say_what_an_account_is(columns: Columns, features: Features) -> Iterator[Problem]:
    """Yield the features that are the column of sales or of ids."""
    reasons = {
        columns.account_id: "an id says nothing about the account",
        columns.sales: "potential would echo what the account already buys",
    }
    named: list[tuple[Place, str]] = [(("features", "numeric", column), column) for column in features.numeric]
    named += [(("features", "categorical", position), column) for position, column in enumerate(features.categorical)]
    for place, column in named:
        if column in reasons:
            role = "sales" if column == columns.sales else "account_id"
            yield Problem(place, f"a column other than columns.{role}", column, reasons[column])


def allowed_are_features(features: Features) -> Iterator[Problem]:
    """Yield the allowed columns that are not features."""
    known = (*features.numeric, *features.categorical)
    for position, column in enumerate(features.allow):
        if column not in known:
            yield Problem(("features", "allow", position), "a feature of this job", column, nearest(column, known))
