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
from tamscore.sections.next_offer.ownership_model import FOLDS, bins_of, learn, scores_of


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


def most_owned(backend, owned, label, column):
    given_ = [backend.put(np.array(one)) for one in (np.array(owned, float), label, column)]
    return backend.get(next_offer.choose_most_owned(backend.xp, *given_)).tolist()


def test_the_first_product_that_is_lacked_is_offered_and_none_where_there_is_none(backend):
    owned = [[0, 0, 0], [0, 1, 0], [1, 1, 0], [1, 1, 1], [0, 0, 0]]
    column = [[1, 0, 2], [-1, -1, -1]]
    assert most_owned(backend, owned, [0, 0, 0, 0, 1], column) == [0, 1, 2, -1, -1]


def likeliest(backend, owned, weights, probability, *, by_value=False, value=((1.0, 1.0), (1.0, 1.0))):
    xp = backend.xp
    column = [[0, 1], [1, -1]]
    given_ = [backend.put(np.array(one)) for one in (column, value, weights, probability)]
    column, value, weights, probability = given_
    ranking = next_offer.Ranking(column, value, weights, probability, by_value)
    label = backend.put(np.array([0] * (len(owned) - 1) + [1]))
    found = next_offer.choose_likeliest(xp, backend.put(np.array(owned, float)), label, ranking)
    return backend.get(found.place).tolist(), backend.get(found.probability).tolist()


WEIGHTS = [[0.0, 0.5], [0.2, 0.0], [0.3, 0.1], [0.6, 0.0]]
"""Two products, two clusters: who owns the first likely owns the second."""


def test_the_likeliest_product_is_offered_by_what_is_owned_and_by_the_cluster(backend):
    ramp = np.arange(1000) / 1000
    place, probability = likeliest(backend, [[0, 0], [1, 0], [0, 1], [1, 1], [0, 0]], WEIGHTS, ramp)
    assert place == [0, 1, 0, -1, 0]  # the last cluster offers the second product alone
    assert probability[:3] == [0.3, 0.6, 0.5]
    assert probability[4] == 0.0


def test_by_expected_value_a_dear_product_goes_before_a_likely_one(backend):
    ramp, value = np.arange(1000) / 1000, ((1.0, 10.0), (1.0, 1.0))
    assert likeliest(backend, [[0, 0], [0, 0]], WEIGHTS, ramp)[0][0] == 0
    assert likeliest(backend, [[0, 0], [0, 0]], WEIGHTS, ramp, by_value=True, value=value)[0][0] == 1


def planted(rows=4000, seed=0):
    """Two kinds of customers, of which one owns products 0 and 1, the other 2 and 3, nine times of ten."""
    random = np.random.default_rng(seed)
    kind = random.random(rows) < 0.5
    chance = np.where(kind[:, None], [0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9])
    owned = (random.random((rows, 4)) < chance).astype(float)
    return owned, random.integers(0, 2, rows), random.integers(0, 5, rows)


def in_folds(*parts):
    """The blocks of each fold of blocks with a fold for each account."""
    return [[(owned[fold == one], label[fold == one]) for owned, label, fold in parts] for one in range(FOLDS)]


def test_the_model_finds_what_goes_together_and_its_probabilities_come_true():
    owned, label, fold = planted()
    model = learn(in_folds((owned, label, fold)), 4, 2)
    assert model.brier < 0.75 * model.brier_share
    assert model.error[model.penalty] == min(model.error.values())
    fresh, label, _ = planted(seed=1)
    probabilities = model.probability[bins_of(np, scores_of(np, fresh, label, model.weights))]
    assert probabilities.max() - probabilities.min() > 0.5
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
        here = (probabilities >= low) & (probabilities < high)
        assert not here.any() or abs(probabilities[here].mean() - fresh[here].mean()) < 0.03


def test_scores_never_go_by_the_product_itself():
    owned, label, fold = planted()
    weights = learn(in_folds((owned, label, fold)), 4, 2).weights
    assert np.diag(weights[:4]).tolist() == [0.0] * 4
    for product in range(4):
        other = owned.copy()
        other[:, product] = 1 - other[:, product]
        one, changed = (scores_of(np, rows, label, weights)[:, product] for rows in (owned, other))
        assert np.array_equal(one, changed)


@given(cut=st.integers(0, 300), order=st.randoms(use_true_random=False))
def test_blocks_and_the_order_of_accounts_change_no_weight_and_no_score(cut, order):
    owned, label, fold = planted(300)
    rows = list(range(300))
    order.shuffle(rows)
    whole = learn(in_folds((owned, label, fold)), 4, 2)
    parts = [(owned[at], label[at], fold[at]) for at in (rows[:cut], rows[cut:])]
    again = learn(in_folds(*parts), 4, 2)
    assert np.array_equal(again.weights, whole.weights)
    assert np.array_equal(again.probability, whole.probability)
    scores = scores_of(np, owned, label, whole.weights)
    assert np.array_equal(scores_of(np, owned[rows], label[rows], whole.weights), scores[rows])


def notices_on(*products):
    """What is said of offers of these products."""
    nothing: Any = None
    state = NextOfferState("account_id", "text", (), pa.array([], pa.large_string()), nothing, nothing, 0.1)
    return state.notices([{"product": name} for name in products])


@pytest.mark.parametrize("name", ["Total", "Gesamtergebnis", "SUBTOTAL north", "合計"])
def test_an_offer_that_is_called_like_a_total_is_named(name):
    assert [name in text for text in notices_on("Pumps", name, name)] == [True]


def test_ordinary_products_draw_no_notice():
    assert notices_on("Total Quality Kit", "Summer tyres", "Totally") == ()


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([(0, 0), (0, 0)], []),
        ([(2, 0), (1, 0)], ["p: of 10 lines some are left out (missing_product 3)"]),
        ([(0, 4), (1, 0)], ["p: of 10 lines some are left out (missing_product 1, infinite_amount 4)"]),
    ],
)
def test_lines_that_are_left_out_are_counted_by_reason(counts, expected):
    names = ("missing_product", "infinite_amount")
    parts = [PartProducts(pa.array([], pa.large_string()), dict(zip(names, pair, strict=True))) for pair in counts]
    assert list(left_out("p", 10, parts)) == expected
