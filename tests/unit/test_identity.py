"""What clusters are called."""

from __future__ import annotations

import numpy as np

from tamscore.stages import identity
from tamscore.stages.space import Feature

NUMBERS = (Feature("net_revenue", "numeric"), Feature("age", "numeric"), Feature("growth", "numeric"))
LEVELS = (Feature("age", "missing"), Feature("industry", "level", "retail"))


def names(*rows: tuple[float, ...], features: tuple[Feature, ...] = NUMBERS) -> list[str]:
    return identity.cluster_names(features, np.array(rows))


def test_a_name_tells_the_two_largest_differences_largest_first():
    assert names((0.6, -2.4, 0.5)) == ["very low age · high net revenue"]


def test_a_cluster_near_the_mean_is_average():
    assert names((0.1, 0.4, -0.4)) == ["average"]


def test_a_level_names_a_cluster_only_where_there_is_more_of_it():
    assert names((0.8, 0.9), (-0.8, -0.9), features=LEVELS) == ["industry retail · age unknown", "average"]


def test_clusters_with_the_same_two_words_in_any_order_are_told_apart_by_a_third():
    assert names((1.0, 0.9, 0.6), (0.9, 1.0, -0.7)) == [
        "high net revenue · high age",
        "high age · high net revenue · low growth",
    ]


def test_a_faint_difference_is_named_only_where_it_is_needed():
    same = (1.0, 0.9, 0.3)
    assert names(same, (0.9, 1.0, -0.3))[1] == "high age · high net revenue · rather low growth"
    assert names((0.0, 0.0, 0.0), (0.0, 0.3, 0.0)) == ["average", "rather high age"]


def test_clusters_that_no_word_tells_apart_are_numbered():
    assert names((0.0, 0.1, 0.0), (0.1, 0.0, 0.0), (1.0, 0.0, 0.0), (1.1, 0.0, 0.0)) == [
        "average",
        "average (2)",
        "high net revenue",
        "high net revenue (2)",
    ]


def test_differences_are_from_the_mean_of_all_rows_in_standard_deviations():
    """Clusters count by their rows, not each the same; a feature that does not vary differs nowhere."""
    centers, counts = np.array([[0.0, 5.0], [40.0, 5.0]]), np.array([30, 10])
    assert identity.differences(centers, counts, np.array([5.0, 0.0])).tolist() == [[-2.0, 0.0], [6.0, 0.0]]


def test_ids_are_short_and_unique_over_party_types():
    assert identity.cluster_ids("end_user", 2) == ["E01", "E02"]
    many = identity.cluster_ids("end_user", 120) + identity.cluster_ids("channel", 120)
    assert len(set(many)) == 240
