"""The rules that tie keys of the job file together; each is stated once and names the sections it looks at."""

from __future__ import annotations

import os
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

from tamscore.config.column_checks import (
    columns_are_listed_once,
    passed_columns_are_not_those_of,
    passed_columns_have_names_of_their_own,
    roles_are_distinct,
    written_columns_are_scored,
)
from tamscore.config.engine_checks import (
    scheduler_is_for_remote,
    scheduler_is_safe,
    workers_are_ours,
    workers_have_the_device,
)
from tamscore.config.feature_checks import (
    allowed_are_features,
    features_have_one_kind,
    features_say_what_an_account_is,
    there_is_a_feature,
)
from tamscore.config.input_checks import input_is_named_once
from tamscore.config.method_checks import (
    clusters_fit_their_rows,
    k_table_needs_party_type,
    quadrant_matches_threshold,
)
from tamscore.config.priority_checks import (
    costs_have_hours,
    growth_has_a_label,
    portfolio_keys_are_known,
    tiers_are_shares_or_numbers,
    tiers_leave_share,
)
from tamscore.config.problems import Problem
from tamscore.config.wording_checks import (
    converted_columns_are_read,
    currency_has_a_column,
    mapped_columns_are_read,
    names_are_distinct,
    rates_are_given_once,
    titled_columns_exist,
    words_are_mapped_once,
)
from tamscore.schema import OBJECT_SCHEMES
from tamscore.sections import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tamscore.config.job import Input, Output
    from tamscore.scoring.section import Rule


def _whole_path(text: str) -> PurePath:
    """Return the path with links and dots followed, but for links in a circle; an address as if it were one."""
    return PurePosixPath(text) if text.startswith(OBJECT_SCHEMES) else Path(os.path.realpath(text))


def _output_is_apart_from_the_input(input_: Input, output: Output) -> Iterator[Problem]:
    """Yield a problem where the scores would be written over, into or around the market; links and dots are followed.

    A file may lie beside its output, since only a folder is read as a whole.
    """
    if input_.path is None:
        return
    market, scores = _whole_path(input_.path), _whole_path(output.path)
    if market == scores:
        yield Problem(("output", "path"), "another path than input.path", output.path)
    elif market.is_relative_to(scores):
        yield Problem(("output", "path"), "a folder without the input in it", output.path, "name another folder")
    elif scores.is_relative_to(market):
        yield Problem(("output", "path"), "a folder outside input.path", output.path, "name another folder")


_RULES: tuple[Rule, ...] = (
    (input_is_named_once, ("input",)),
    (_output_is_apart_from_the_input, ("input", "output")),
    (roles_are_distinct, ("columns",)),
    (there_is_a_feature, ("features",)),
    (columns_are_listed_once, ("columns", "rows", "features")),
    (words_are_mapped_once, ("values",)),
    (names_are_distinct, ("names",)),
    (currency_has_a_column, ("columns", "currency")),
    (rates_are_given_once, ("currency",)),
    (passed_columns_have_names_of_their_own, ("columns",)),
    (features_have_one_kind, ("features",)),
    (features_say_what_an_account_is, ("columns", "features")),
    (allowed_are_features, ("features",)),
    (clusters_fit_their_rows, ("clusters",)),
    (k_table_needs_party_type, ("columns", "clusters")),
    (quadrant_matches_threshold, ("quadrant",)),
    (tiers_leave_share, ("priority",)),
    (tiers_are_shares_or_numbers, ("priority",)),
    (growth_has_a_label, ("priority", "propensity")),
    (portfolio_keys_are_known, ("portfolio",)),
    (costs_have_hours, ("portfolio",)),
    (scheduler_is_for_remote, ("engine",)),
    (scheduler_is_safe, ("engine",)),
    (workers_are_ours, ("engine",)),
    (workers_have_the_device, ("device", "engine")),
)


def _all_rules() -> Iterator[Rule]:
    """Yield the rules of every job file, then those of the sections that are registered."""
    yield from _RULES
    scored = [name for name, section in SECTIONS.items() if not section.folder]
    yield mapped_columns_are_read, ("values", "columns", "features", *scored)
    yield converted_columns_are_read, ("columns", "rows", "features", "currency", *scored)
    added = [name for section in SECTIONS.values() for name in section.column_names]
    yield titled_columns_exist(added), ("titles", "columns", "features", *scored)
    adding = {section.name: section.column_names for section in SECTIONS.values()}
    yield written_columns_are_scored(adding), ("output", "columns", *adding)
    for section in SECTIONS.values():
        yield passed_columns_are_not_those_of(section.name, section.column_names), ("columns", section.name)
        yield from section.rules


def broken_rules(sections: Mapping[str, object]) -> Iterator[Problem]:
    """Yield what breaks the rules among the sections at hand; a rule about a missing section is not asked."""
    for rule, needs in _all_rules():
        if sections.keys() >= set(needs):
            yield from rule(*(sections[name] for name in needs))
