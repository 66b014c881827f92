"""The look-alike: terms, folds, calibration, and the log odds of rows, worked out one row at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tamscore.backend.host import HostBackend
from tamscore.stages import look_alike as look
from tamscore.stages import look_alike_fit as fitting
from tamscore.stages.draw import draw_number
from tamscore.stages.grid import Grid
from tamscore.stages.prepare import Vocabulary
from tamscore.stages.ridge import probability
from tamscore.stages.scale import ColumnScale
from tamscore.stages.space import RawRows, Space

ROWS = 3_000


def space_of():
    scales = tuple(
        ColumnScale(name, "none", np.zeros(1), -np.inf, np.inf, missing_indicator=name == "age")
        for name in ("size", "age")
    )
    return Space(scales, (Vocabulary("land", ("de", "fr")),), 1.0, Grid(2.0**-10, np.full(7, 2.0**14)))


def market(seed=0, rows=ROWS):
    """Raw rows on the host, draw numbers, and sales: customers are large, from a size on they are many, and French."""
    random = np.random.default_rng(seed)
    size, age, land = random.normal(size=rows), random.normal(size=rows), random.integers(0, 3, rows)
    age[random.random(rows) < 0.1] = np.nan
    odds = -2.0 + 2.0 * np.maximum(size, 0) + 1.0 * (land == 1)
    customer = random.random(rows) < 1 / (1 + np.exp(-odds))
    raw = RawRows({"size": size, "age": age}, {"land": land}, np.zeros(rows, np.int64))
    numbers = random.integers(0, 2**63, rows, dtype=np.uint64)
    return raw, numbers, np.where(customer, 10.0, 0.0), 1 / (1 + np.exp(-odds))


def fitted(raw, numbers, sales, excluded=()):
    space = space_of()
    chosen = fitting.chosen_rows(sales)
    assert chosen is not None
    at, weight = chosen
    block = space.block(HostBackend(), raw.taken(np, at))
    return fitting.fit_look_alike(space, fitting.FitRows(block, numbers[at], sales[at] > 0, weight), excluded, 7)


def on(backend, raw):
    numeric = {name: backend.put(column) for name, column in raw.numeric.items()}
    return RawRows(numeric, {name: backend.put(code) for name, code in raw.codes.items()}, backend.put(raw.segment))


def odds_of(backend, model, raw, folds):
    there = on(backend, raw)
    return look.log_odds(backend, space_of(), model, space_of().block(backend, there), there, folds)


def test_log_odds_are_the_sum_of_what_every_feature_adds_under_the_model_of_the_fold(backend):
    raw, numbers, sales, _ = market(rows=600)
    model = fitted(raw, numbers, sales)
    folds = np.arange(600, dtype=np.int8) % (look.FOLDS + 1)
    found = odds_of(backend, model, raw, folds)
    assert found.dtype == np.float32
    block = space_of().block(HostBackend(), raw).astype(np.float64)
    for row in range(0, 600, 7):
        place = folds[row]
        expected = model.offsets[place]
        for j in range(7):
            expected += model.slopes[place, j] * block[j, row]
        for j in range(2):
            expected += model.hinges[place, j] * max(block[j, row] - model.bends[j], 0.0)
        assert found[row] == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_parts_of_a_block_have_the_bytes_of_the_whole(backend):
    raw, numbers, sales, _ = market(rows=500)
    model = fitted(raw, numbers, sales)
    folds = (np.arange(500) % 6).astype(np.int8)
    whole = odds_of(backend, model, raw, folds)
    parts = [odds_of(backend, model, raw.part(a, a + 77), folds[a : a + 77]) for a in range(0, 500, 77)]
    assert np.array_equal(whole, np.concatenate(parts))


def test_probabilities_are_those_of_the_market_they_come_from():
    """The truth bends, and the model has one bend: it comes near on rows that it has not seen, in every decile."""
    raw, numbers, sales, _ = market()
    model = fitted(raw, numbers, sales)
    other, _, _, truth = market(seed=1)
    found = probability(odds_of(HostBackend(), model, other, np.full(ROWS, look.REST, np.int8)).astype(float))
    order = np.argsort(truth)
    for part in np.array_split(order, 10):
        assert found[part].mean() == pytest.approx(truth[part].mean(), abs=0.04)
    assert found.mean() == pytest.approx(truth.mean(), abs=0.015)
    assert model.area == pytest.approx(0.76, abs=0.06)


def test_without_the_bend_the_same_market_is_distinguished_worse():
    raw, numbers, sales, _ = market()
    model = fitted(raw, numbers, sales)
    other, _, _, truth = market(seed=1)
    rest = np.full(ROWS, look.REST, np.int8)
    bent = odds_of(HostBackend(), model, other, rest)
    flat = odds_of(HostBackend(), replace(model, hinges=np.zeros_like(model.hinges)), other, rest)
    errors = [np.mean((probability(one.astype(float)) - truth) ** 2) for one in (bent, flat)]
    assert errors[0] < errors[1]


def test_the_model_of_a_fold_has_not_seen_the_fold():
    """Customers of one fold become prospects and the other way round: its own regression stays what it was."""
    raw, numbers, sales, _ = market(rows=800)
    block = space_of().block(HostBackend(), raw)
    design = fitting.LookAlikeDesign.of(block, np.ones(7, bool), 2)
    fold, terms = look.fold_of(numbers), design.terms(block)
    turned = np.where(fold == 2, sales == 0, sales > 0)
    made = [
        fitting.cross(terms, fitting.FitRows(block, numbers, customer, np.ones(800)), fold, 1.0)
        for customer in (sales > 0, turned)
    ]
    same = [np.array_equal(*pair) for pair in zip(made[0].by_fold, made[1].by_fold, strict=True)]
    assert same == [False, False, True, False, False]


def test_rows_in_the_fit_have_the_fold_they_were_left_out_with_and_all_others_the_rest():
    raw, numbers, sales, _ = market(rows=800)
    model = fitted(raw, numbers, sales)
    hashes = np.arange(5_000, dtype=np.uint64) << np.uint64(45)
    drawn = draw_number(hashes, model.seed)
    found = model.folds(hashes)
    assert np.array_equal(found == look.REST, drawn > np.uint64(model.last))
    seen = found != look.REST
    assert np.array_equal(found[seen], look.fold_of(drawn[seen]))
    counts = np.bincount(found[seen], minlength=look.FOLDS)
    assert counts.min() > 0.15 * seen.sum()


def test_excluded_columns_take_no_part():
    raw, numbers, sales, _ = market(rows=900)
    model = fitted(raw, numbers, sales, ("size",))
    names = [feature.column for feature in space_of().features]
    assert not model.slopes[:, [name == "size" for name in names]].any()
    assert not model.hinges[:, 0].any()
    assert model.slopes[:, names.index("land")].any()
    assert model.excluded == ("size",)


def test_customers_and_prospects_weigh_as_many_as_they_are(monkeypatch):
    monkeypatch.setattr(fitting, "CUSTOMERS", 60)
    monkeypatch.setattr(fitting, "PROSPECTS", 100)
    sales = np.array([1.0, 0.0, -3.0, 0.0, np.nan] * 100)
    chosen = fitting.chosen_rows(sales)
    assert chosen is not None
    rows, weight = chosen
    assert len(rows) == 160
    buys = sales[rows] > 0
    assert not np.isnan(sales[rows]).any()
    assert weight.sum() == pytest.approx(160)
    assert weight[buys].sum() / weight.sum() == pytest.approx(100 / 400)
    assert np.array_equal(rows, np.sort(rows))


@pytest.mark.parametrize("customers", [0, 49])
def test_too_few_customers_or_prospects_make_no_look_alike(customers):
    sales = np.where(np.arange(500) < customers, 1.0, 0.0)
    assert fitting.chosen_rows(sales) is None
    assert fitting.chosen_rows(1.0 - sales) is None


def test_features_that_say_nothing_give_everyone_the_share_of_customers():
    raw, numbers, sales, _ = market(rows=2_000)
    shuffled = np.random.default_rng(5).permutation(sales)
    found = probability(odds_of(HostBackend(), fitted(raw, numbers, shuffled), raw, np.full(2_000, look.REST, np.int8)))
    assert found.std() < 0.03
    assert found.mean() == pytest.approx((sales > 0).mean(), abs=0.01)
