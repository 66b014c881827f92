"""What is offered is owned by enough peers, lacked by the account, and the best of that kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.scoring.joining.product_lines import PartProducts
from tamscore.scoring.product_sales import left_out, offered_products
from tamscore.sections.next_offer import offers as next_offer
from tamscore.sections.next_offer.columns import NextOfferState


def test_a_product_is_eligible_from_the_share_on_and_only_in_thick_clusters():
    owners, customers = np.array([[40, 39, 0], [40, 100, 0], [20, 20, 20]]), np.array([100, 100, 24])
    found = offered_products(owners, customers, 0.4, 25)
    assert found.tolist() == [[True, False, False], [True, True, False], [False] * 3]


def test_without_a_share_a_product_that_nobody_owns_is_still_no_offer():
    assert offered_products(np.array([[1, 0]]), np.array([30]), 0.0, 25).tolist() == [[True, False]]


def offers():
    return next_offer.rank_offers(
        [np.array([3, 5, 8]), np.array([], int)],
        [np.array([0.5, 0.9, 0.5]), np.array([])],
        [np.array([10.0, 10.0, 100.0]), np.array([])],
    )


def test_offers_go_by_how_many_peers_own_them_and_then_by_value():
    assert offers().product.tolist() == [[5, 8, 3], [-1, -1, -1]]
    assert offers().value[0].tolist() == [10.0, 100.0, 10.0]
    assert offers().share[0].tolist() == [0.9, 0.5, 0.5]
    assert offers().counts.tolist() == [3, 0]


def lacking(backend, owned, label, counts):
    given_ = [backend.put(np.array(one, np.int64)) for one in (owned, label, counts)]
    return backend.get(next_offer.first_lacking(backend.xp, *given_)).tolist()


def test_the_best_product_that_is_lacked_is_offered_and_none_where_there_is_none(backend):
    assert lacking(backend, [0b000, 0b001, 0b011, 0b111, 0b000], [0, 0, 0, 0, 1], [3, 0]) == [0, 1, 2, -1, -1]


@given(owned=st.lists(st.integers(0, 2**next_offer.MOST - 1), min_size=1, max_size=9), count=st.integers(0, 62))
def test_the_first_bit_that_is_not_set_is_found(owned, count):
    found = next_offer.first_lacking(np, np.array(owned), np.zeros(len(owned), int), np.array([count]))
    expected = [next((j for j in range(count) if not value >> j & 1), -1) for value in owned]
    assert found.tolist() == expected


def notices_on(*products):
    """What is said of offers of these products."""
    nothing: Any = None
    told = NextOfferState("account_id", "text", (), pa.array([], pa.large_string()), nothing, nothing, 0.1)
    return told.notices([{"product": name} for name in products])


@pytest.mark.parametrize("name", ["Total", "Gesamtergebnis", "SUBTOTAL north", "合計"])
def test_an_offer_that_is_called_like_a_total_is_named(name):
    assert [name in text for text in notices_on("Pumps", name, name)] == [True]


def test_ordinary_products_draw_no_notice():
    assert notices_on("Total Quality Kit", "Summer tyres", "Totally") == ()


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([(0, 0), (0, 0)], []),
        ([(2, 0), (1, 0)], ["p: of 10 lines some are left out (missing_product 3)"]),
        ([(0, 4), (1, 0)], ["p: of 10 lines some are left out (missing_product 1, infinite_amount 4)"]),
    ],
)
def test_lines_that_are_left_out_are_counted_by_reason(counts, told):
    names = ("missing_product", "infinite_amount")
    parts = [PartProducts(pa.array([], pa.large_string()), dict(zip(names, pair, strict=True))) for pair in counts]
    assert list(left_out("p", 10, parts)) == told
