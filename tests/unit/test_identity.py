"""What clusters are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tamscore.stages import identity, naming
from tamscore.stages.space import Feature

NUMBERS = (Feature("net_revenue", "numeric"), Feature("age", "numeric"), Feature("growth", "numeric"))
LEVELS = (Feature("age", "missing"), Feature("industry", "level", "retail"))


def names(*rows: tuple[float, ...], features: tuple[Feature, ...] = NUMBERS, **more: Any) -> list[str]:
    return identity.cluster_names(features, np.array(rows), **more)


def test_a_name_tells_the_two_largest_differences_in_the_order_of_the_features():
    assert names((0.6, -2.4, 0.5)) == ["accounts with high net revenue and very low age"]


def test_a_cluster_near_the_mean_is_average():
    assert names((0.1, 0.4, -0.4)) == ["average accounts"]


def test_a_level_names_a_cluster_only_where_there_is_more_of_it():
    assert names((0.8, 0.9), (-0.8, -0.9), features=LEVELS) == ["retail accounts with unknown age", "average accounts"]


def test_clusters_with_the_same_two_words_in_any_order_are_distinguished_by_a_third():
    assert names((1.0, 0.9, 0.6), (0.9, 1.0, -0.7)) == [
        "accounts with high net revenue and high age",
        "accounts with high net revenue, high age and low growth",
    ]


def test_a_faint_difference_is_named_only_where_it_is_needed():
    same = (1.0, 0.9, 0.3)
    assert names(same, (0.9, 1.0, -0.3))[1] == "accounts with high net revenue, high age and fairly low growth"
    assert names((0.0, 0.0, 0.0), (0.0, 0.3, 0.0)) == ["average accounts", "accounts with fairly high age"]


def test_clusters_that_no_word_tells_apart_are_numbered():
    assert names((0.0, 0.1, 0.0), (0.1, 0.0, 0.0), (1.0, 0.0, 0.0), (1.1, 0.0, 0.0)) == [
        "average accounts",
        "average accounts (2)",
        "accounts with high net revenue",
        "accounts with high net revenue (2)",
    ]


COMPANY = (
    Feature("employees", "numeric"),
    Feature("subsidiaries", "numeric"),
    Feature("industry", "level", "manufacturing"),
    Feature("region", "level", "DE"),
)


def test_size_trade_place_and_counts_have_their_places_in_a_name():
    every = names((2.5, -0.6, 1.0, 0.9), (0.0, 0.0, 0.0, 0.0), features=COMPANY)
    assert every[0] == "very large manufacturing accounts"
    phrases = [naming.number_phrase("employees", True, "very"), naming.number_phrase("subsidiaries", False, "")]
    phrases += [naming.level_phrase("industry", "manufacturing"), naming.level_phrase("region", "DE")]
    assert naming.compose(phrases) == "very large manufacturing accounts in DE with few subsidiaries"


def test_titles_say_what_people_call_columns_and_levels():
    titles = {
        "subsidiaries": naming.ColumnTitle("sites"),
        "industry": naming.ColumnTitle(levels={"manufacturing": "manufacturers"}),
        "employees": naming.ColumnTitle(high="big", low="tiny"),
    }
    rows = ((0.0, 1.0, 0.9, 0.0), (-1.0, 0.0, 0.0, 0.9), (0.0, 3.0, 0.0, 0.0))
    assert names(*rows, features=COMPANY, titles=titles) == [
        "manufacturers with many sites",
        "tiny accounts in DE",
        "accounts with very many sites",
    ]


@pytest.mark.parametrize(
    ("title", "counted"), [("job openings", True), ("net sales", False), ("Gross Revenues", False), ("growth", False)]
)
def test_only_things_that_can_be_counted_are_many(title, counted):
    assert naming.is_countable(title) == counted


def test_names_that_clusters_have_stay_and_are_taken():
    parts = ("big plants", None, "accounts with high age")
    assert names((0.0, 1.0, 0.0), (0.0, 1.0, 0.4), (0.0, 1.0, 0.0), known=parts) == [
        "big plants",
        "accounts with high age and fairly high growth",
        "accounts with high age",
    ]


def test_differences_are_from_the_mean_of_all_rows_in_standard_deviations():
    """Clusters count by their rows, not each the same; a feature that does not vary differs nowhere."""
    centers, counts = np.array([[0.0, 5.0], [40.0, 5.0]]), np.array([30, 10])
    assert identity.differences(centers, counts, np.array([5.0, 0.0])).tolist() == [[-2.0, 0.0], [6.0, 0.0]]


def test_ids_are_short_and_unique_over_party_types():
    assert identity.cluster_ids("end_user", 2) == ["E01", "E02"]
    many = identity.cluster_ids("end_user", 120) + identity.cluster_ids("channel", 120)
    assert len(set(many)) == 240
