"""Cases: every row's case has its cluster and its sales, and those who buy nothing share one in each cluster."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tamscore.scoring.score.distinct_accounts import find_distinct

NAN = float("nan")
CLUSTERS = 4
ROWS = st.lists(
    st.tuples(
        st.integers(0, CLUSTERS - 1),
        st.sampled_from([0.0, -0.0, NAN]) | st.floats(allow_nan=True, allow_infinity=False),
    )
)


def distinct_of(rows):
    cluster, sales = (np.array([row[at] for row in rows], kind) for at, kind in enumerate((np.int64, np.float64)))
    return cluster, sales, find_distinct(cluster, sales, CLUSTERS)


@given(ROWS)
def test_the_case_of_a_row_has_its_cluster_and_sales(rows):
    cluster, sales, found = distinct_of(rows)
    assert np.array_equal(found.cluster[found.of_rows], cluster)
    assert np.array_equal(found.sales[found.of_rows], sales, equal_nan=True)


@given(ROWS)
def test_there_are_no_more_cases_than_two_a_cluster_and_one_for_everybody_with_sales(rows):
    _, sales, found = distinct_of(rows)
    alone = sum(1 for value in sales if value and not np.isnan(value))
    assert len(found.cluster) == len(found.sales) == 2 * CLUSTERS + alone


def test_missing_sales_are_no_case_of_those_who_buy_nothing():
    """Where high sales begin at 0, the one is high and the other is not."""
    *_, found = distinct_of([(1, 0.0), (1, NAN), (1, -0.0), (2, 0.0), (1, NAN)])
    assert found.of_rows[0] == found.of_rows[2] != found.of_rows[1] == found.of_rows[4]
    assert len(set(found.of_rows.tolist())) == 3
