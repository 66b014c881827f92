"""The rules that keep the future out of what a propensity is learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.config.problems import NOTHING, Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns
    from tamscore.config.method import Features
    from tamscore.sections.propensity.settings import Propensity

_SECTION = "propensity"
_NEEDS_LABEL = ("label_table", "account_id", "feature_cutoff", "label_start", "label_end", "as_of", "class_prior")


def keys_of_a_label_need_one(propensity: Propensity | None) -> Iterator[Problem]:
    """Yield the keys that say something about a label that is not there, and those that a label asks for."""
    if propensity is None:
        return
    if propensity.label is None:
        for key in _NEEDS_LABEL:
            if (value := getattr(propensity, key)) is not None:
                yield Problem((_SECTION, key), "no value without propensity.label", value, f"remove {key}")
        return
    for key, day in propensity.dates():
        if day is None:
            hint = "a label needs its window and the last day that features know of"
            yield Problem((_SECTION, key), "a date such as 2026-01-31", NOTHING, hint)
    if propensity.account_id is not None and propensity.label_table is None:
        yield Problem((_SECTION, "account_id"), "no value without label_table", propensity.account_id)


def the_label_comes_after_the_features(propensity: Propensity | None) -> Iterator[Problem]:
    """Yield what is out of order: cut-off, then the label window; and the features from after the cut-off."""
    if propensity is None or propensity.feature_cutoff is None:
        return
    cutoff, start, end = (day for _, day in propensity.dates())
    if cutoff and start and start <= cutoff:
        hint = "what is known by the cut-off must not look into the window"
        yield Problem((_SECTION, "label_start"), f"a day after feature_cutoff, {cutoff}", start, hint)
    if start and end and end < start:
        yield Problem((_SECTION, "label_end"), f"a day not before label_start, {start}", end)
    for column, day in propensity.feature_dates.items():
        if cutoff and day > cutoff:
            hint = "leave the feature out, or take an earlier state of it"
            yield Problem((_SECTION, "feature_dates", column), f"a day not after feature_cutoff, {cutoff}", day, hint)


def the_label_is_no_feature(columns: Columns, features: Features, propensity: Propensity | None) -> Iterator[Problem]:
    """Yield the label where it tells the clusters or itself what to say."""
    if propensity is None or propensity.label is None or propensity.label_table is not None:
        return
    place, label = (_SECTION, "label"), propensity.label
    if label in {*features.numeric, *features.categorical, *propensity.features}:
        yield Problem(place, "a column that is no feature", label, "nobody knows it by the cut-off")
    if label in {columns.account_id, columns.sales}:
        yield Problem(place, "a column of 1, 0 and missing values of its own", label)


def columns_are_learned_from_once(
    columns: Columns, features: Features, propensity: Propensity | None
) -> Iterator[Problem]:
    """Yield features that are the id, twice there or of two kinds, and dates of what is no feature."""
    if propensity is None:
        return
    seen: set[str] = set()
    for key in ("numeric", "categorical"):
        for position, column in enumerate(getattr(propensity, key)):
            place = (_SECTION, key, position)
            if column == columns.account_id:
                yield Problem(place, "a column other than columns.account_id", column, "an id says nothing")
            elif column in seen:
                yield Problem(place, "every column once", column, "remove the second")
            seen.add(column)
    known = dict.fromkeys(propensity.features or (*features.numeric, *features.categorical))
    for column in propensity.feature_dates:
        if column not in known:
            hint = nearest(column, known)
            yield Problem((_SECTION, "feature_dates", column), "a feature that is learned from", column, hint)
