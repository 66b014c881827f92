"""The rules that tie keys of the job file together; each is stated once and names the sections it looks at."""

from __future__ import annotations

from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any

from tamscore.config.campaign_checks import (
    bands_are_distinct,
    campaign_ids_are_distinct,
    campaign_map_is_total,
    channels_are_distinct,
    segments_of_campaigns_are_there,
)
from tamscore.config.engine_checks import (
    scheduler_is_for_remote,
    scheduler_is_safe,
    workers_are_ours,
    workers_have_the_device,
)
from tamscore.config.problems import NOTHING, Problem, nearest
from tamscore.config.propensity_checks import (
    columns_are_learned_from_once,
    keys_of_a_label_need_one,
    the_label_comes_after_the_features,
    the_label_is_no_feature,
)
from tamscore.config.worth_checks import intent_is_kept, orders_or_columns
from tamscore.schema import EXTRA_COLUMNS, OBJECT_SCHEMES, REASON_COLUMN, SCORE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tamscore.config.job import Backtest, Columns, Input, Output, Rows
    from tamscore.config.method import Clusters, Features, Quadrant
from tamscore.config.problems import Place

ROLES = ("account_id", "sales", "party_type", "market_segment", "revenue", "name")


def roles_are_distinct(columns: Columns) -> Iterator[Problem]:
    """Yield the roles that share a column with an earlier role."""
    taken: dict[str, str] = {}
    for role in ROLES:
        column = getattr(columns, role)
        if column in taken:
            yield Problem(("columns", role), "a column of its own", column, f"columns.{taken[column]} names it too")
        elif column is not None:
            taken[column] = role


def there_is_a_feature(features: Features) -> Iterator[Problem]:
    """Yield a problem where accounts have nothing to be compared by."""
    if not features.numeric and not features.categorical:
        hint = "list columns under features.numeric or features.categorical"
        yield Problem(("features",), "at least one feature", NOTHING, hint)


def columns_are_listed_once(columns: Columns, rows: Rows, features: Features) -> Iterator[Problem]:
    """Yield the columns that a list names again."""
    lists = {
        ("columns", "keep"): columns.keep,
        ("rows", "non_negative"): rows.non_negative,
        ("features", "categorical"): features.categorical,
        ("features", "allow"): features.allow,
    }
    for place, listed in lists.items():
        for position, column in enumerate(listed):
            if column in listed[:position]:
                yield Problem((*place, position), "every column once", column, "remove the second")


def kept_columns_have_names_of_their_own(columns: Columns) -> Iterator[Problem]:
    """Yield the kept columns that the scores, or the rejected rows, have columns of the same name for."""
    for position, column in enumerate(columns.keep):
        if column in {*SCORE_COLUMNS, REASON_COLUMN}:
            hint = "the output has a column of that name; rename it in the input"
            yield Problem(("columns", "keep", position), "a name of its own", column, hint)


def kept_columns_are_not_those_of(name: str) -> Callable[..., Iterator[Problem]]:
    """Return the same rule for the columns that an optional section adds, asked where the section is there."""

    def rule(columns: Columns, section: object) -> Iterator[Problem]:
        for position, column in enumerate(columns.keep):
            if section is not None and column in EXTRA_COLUMNS[name]:
                hint = f"[{name}] adds a column of that name; rename it in the input"
                yield Problem(("columns", "keep", position), "a name of its own", column, hint)

    return rule


def features_have_one_kind(features: Features) -> Iterator[Problem]:
    """Yield the columns that are both numeric and categorical."""
    for position, column in enumerate(features.categorical):
        if column in features.numeric:
            hint = "features.numeric names it too"
            yield Problem(("features", "categorical", position), "a column of one kind", column, hint)


def features_say_what_an_account_is(columns: Columns, features: Features) -> Iterator[Problem]:
    """Yield the features that are the sales or the id in disguise."""
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
    """Yield the columns that are allowed and are no features."""
    known = (*features.numeric, *features.categorical)
    for position, column in enumerate(features.allow):
        if column not in known:
            yield Problem(("features", "allow", position), "a feature of this job", column, nearest(column, known))


def the_future_is_no_feature(columns: Columns, features: Features, backtest: Backtest) -> Iterator[Problem]:
    """Yield a problem where what came afterwards is the sales themselves, or has told the clusters what to say."""
    if backtest.table is None and backtest.realised is not None:
        place = ("backtest", "realised")
        if backtest.realised in {*features.numeric, *features.categorical}:
            yield Problem(place, "a column that is no feature", backtest.realised, "nobody knows it beforehand")
        if backtest.realised == columns.sales:
            hint = "name the column of the next window, or another table in backtest.table"
            yield Problem(place, "a column other than columns.sales", backtest.realised, hint)


def clusters_fit_their_rows(clusters: Clusters) -> Iterator[Problem]:
    """Yield the cluster counts that exceed the rows the centers are sought in."""
    limit = clusters.seed_rows if clusters.fit_rows == "all" else min(clusters.seed_rows, clusters.fit_rows)
    counts = clusters.k.items() if isinstance(clusters.k, dict) else ((None, clusters.k),)
    most, auto = clusters.k_range[1], "auto" in (clusters.k.values() if isinstance(clusters.k, dict) else (clusters.k,))
    if auto and most > limit:
        hint = "raise clusters.seed_rows and clusters.fit_rows"
        yield Problem(("clusters", "k_range", 1), f"at most {limit} clusters", most, hint)
    for party_type, k in counts:
        if k != "auto" and k > limit:
            place = ("clusters", "k") if party_type is None else ("clusters", "k", party_type)
            yield Problem(place, f"at most {limit} clusters", k, "raise clusters.seed_rows and clusters.fit_rows")


def k_table_needs_party_type(columns: Columns, clusters: Clusters) -> Iterator[Problem]:
    """Yield a problem where k differs by party type and no column tells the party type."""
    if isinstance(clusters.k, dict) and columns.party_type is None:
        yield Problem(("clusters", "k"), "an integer", clusters.k, "a table needs columns.party_type")


def _limits(quadrant: Quadrant) -> Iterator[tuple[str, Any]]:
    return ((key, getattr(quadrant, key)) for key in ("potential", "sales", "capacity"))


def quadrant_matches_threshold(quadrant: Quadrant) -> Iterator[Problem]:
    """Yield the thresholds that are missing, out of range, or without effect."""
    needed = {
        "percentile": ("potential", "sales"),
        "absolute": ("potential", "sales"),
        "capacity": ("sales", "capacity"),
    }
    threshold = quadrant.threshold
    for key, value in _limits(quadrant):
        place = ("quadrant", key)
        if key not in needed.get(threshold, ()) and value is not None:
            yield Problem(place, f'no value for threshold = "{threshold}"', value, f"remove {key}")
        elif key in needed.get(threshold, ()) and value is None:
            yield Problem(place, f'a number for threshold = "{threshold}"')
        elif value is not None and key != "capacity" and threshold != "absolute" and not 0 < value < 1:
            hint = 'for an amount of money set threshold = "absolute"'
            yield Problem(place, "a percentile > 0 and < 1", value, hint)


def whole_path(text: str) -> PurePath:
    """Return the path with links and dots followed; an address as if it were one."""
    return PurePosixPath(text) if text.startswith(OBJECT_SCHEMES) else Path(text).resolve()


def output_is_apart_from_the_input(input_: Input, output: Output) -> Iterator[Problem]:
    """Yield a problem where the scores would be written over, into or around the market; links and dots are followed.

    A file may lie beside its output, since only a folder is read as a whole.
    """
    market, scores = whole_path(input_.path), whole_path(output.path)
    if market == scores:
        yield Problem(("output", "path"), "another path than input.path", output.path)
    elif market.is_relative_to(scores):
        yield Problem(("output", "path"), "a folder without the input in it", output.path, "name another folder")
    elif scores.is_relative_to(market):
        yield Problem(("output", "path"), "a folder outside input.path", output.path, "name another folder")


CHECKS: tuple[tuple[Callable[..., Iterator[Problem]], tuple[str, ...]], ...] = (
    (output_is_apart_from_the_input, ("input", "output")),
    (roles_are_distinct, ("columns",)),
    (there_is_a_feature, ("features",)),
    (columns_are_listed_once, ("columns", "rows", "features")),
    (kept_columns_have_names_of_their_own, ("columns",)),
    *((kept_columns_are_not_those_of(name), ("columns", name)) for name in EXTRA_COLUMNS),
    (features_have_one_kind, ("features",)),
    (features_say_what_an_account_is, ("columns", "features")),
    (allowed_are_features, ("features",)),
    (the_future_is_no_feature, ("columns", "features", "backtest")),
    (clusters_fit_their_rows, ("clusters",)),
    (k_table_needs_party_type, ("columns", "clusters")),
    (quadrant_matches_threshold, ("quadrant",)),
    (bands_are_distinct, ("campaigns",)),
    (campaign_map_is_total, ("campaigns",)),
    (segments_of_campaigns_are_there, ("columns", "campaigns")),
    (campaign_ids_are_distinct, ("campaigns",)),
    (channels_are_distinct, ("campaigns",)),
    (keys_of_a_label_need_one, ("propensity",)),
    (the_label_comes_after_the_features, ("propensity",)),
    (the_label_is_no_feature, ("columns", "features", "propensity")),
    (columns_are_learned_from_once, ("columns", "features", "propensity")),
    (orders_or_columns, ("lifetime_value",)),
    (intent_is_kept, ("columns", "alerts")),
    (scheduler_is_for_remote, ("engine",)),
    (scheduler_is_safe, ("engine",)),
    (workers_are_ours, ("engine",)),
    (workers_have_the_device, ("device", "engine")),
)


def broken_rules(sections: Mapping[str, object]) -> Iterator[Problem]:
    """Yield what breaks the rules among the sections at hand; a rule about a missing section is not asked."""
    for check, needs in CHECKS:
        if sections.keys() >= set(needs):
            yield from check(*(sections[name] for name in needs))
