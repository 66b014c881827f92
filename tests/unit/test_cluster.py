"""`MiniBatchKMeans`: scikit-learn's protocol; one answer for any order, threads and device; edges that are decided."""

from __future__ import annotations

import pickle
from datetime import date
from typing import Any
from unittest.mock import Mock

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tamscore import MiniBatchKMeans
from tamscore import backend as backends
from tamscore.scoring.fit import centers
from tests.fake_gpu import FakeGpu

FEW: dict[str, Any] = {"n_init": 1, "n_starts": 4, "init_size": 500}
"""Enough for groups far apart."""


def groups(rows=2_000, seed=0):
    """Rows (n, 3) in four groups far apart, and the group of each."""
    random = np.random.default_rng(seed)
    label = random.integers(0, 4, rows)
    return 20 * np.eye(4, 3)[label] + random.normal(0, 1, (rows, 3)), label


def fitted(rows, k=4, **options):
    weights = {name: options.pop(name) for name in ("sample_weight", "ids") if name in options}
    return MiniBatchKMeans(k, **(FEW | options)).fit(rows, **weights)


def assert_same(one, other):
    """The same centers and inertia, to the bit."""
    assert np.array_equal(one.cluster_centers_, other.cluster_centers_)
    assert (one.inertia_, one.n_iter_, one.n_steps_) == (other.inertia_, other.n_iter_, other.n_steps_)


EXPECTED_FAILURES: dict[str, str] = {}
"""Checks of scikit-learn that must fail, each with its reason: there are none."""


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@parametrize_with_checks([MiniBatchKMeans()], expected_failed_checks=lambda _: EXPECTED_FAILURES, xfail_strict=True)
def test_it_is_an_estimator_of_scikit_learn(estimator, check):
    check(estimator)


def test_no_more_fits_follow_once_four_came_to_the_same(monkeypatch):
    """Of four groups far apart every fit finds the same; of fewer than four nothing is known."""
    rows, _ = groups()
    for most, expected in ((40, 4), (3, 3), (1, 1)):
        refined = Mock(side_effect=centers.refine)
        with monkeypatch.context() as patched:
            patched.setattr(centers, "refine", refined)
            fitted(rows, n_init=most)
        assert refined.call_count == expected


# one answer


@settings(max_examples=15)
@given(st.permutations(range(60)), st.integers(1, 6), st.integers(1, 3))
def test_the_order_of_rows_and_the_number_of_threads_change_nothing(order, k, threads):
    rows = np.random.default_rng(1).integers(0, 4, (60, 2)).astype(float)
    plain = MiniBatchKMeans(k, n_init=2, n_starts=1, batch_size=16).fit(rows)
    other = MiniBatchKMeans(k, n_init=2, n_starts=1, batch_size=16, n_jobs=threads).fit(rows[order])
    assert_same(plain, other)
    assert np.array_equal(plain.labels_[order], other.labels_)


def test_many_blocks_in_any_order_on_any_number_of_threads_give_the_same_bytes(rng):
    rows = rng.normal(size=(40_000, 2))
    order = rng.permutation(len(rows))
    plain = fitted(rows, 5, n_starts=1)
    for threads in (1, 3):
        other = fitted(rows[order], 5, n_init=1, n_jobs=threads)
        assert_same(plain, other)
        assert np.array_equal(plain.labels_[order], other.labels_)


def test_ids_draw_rows_in_any_order_and_other_ids_draw_others(rng):
    rows, ids = rng.normal(size=(3_000, 4)), np.arange(3_000)
    order = rng.permutation(len(rows))
    short = {"n_starts": 1, "init_size": 50, "max_iter": 1}
    plain = fitted(rows, 6, ids=ids, **short)
    assert_same(plain, fitted(rows[order], 6, ids=pl.Series(ids[order]), **short))
    assert_same(plain, fitted(rows, 6, ids=ids.astype(str).tolist(), **short))
    assert fitted(rows, 6, ids=ids + 1, **short).inertia_ != plain.inertia_
    assert fitted(rows, 6, **short).inertia_ != plain.inertia_


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3), min_size=40, max_size=40).filter(any))
def test_a_row_of_weight_two_is_two_rows_and_one_of_weight_zero_is_none(weights):
    rows = np.random.default_rng(2).integers(0, 50, (40, 2)).astype(float)
    rows[0] = 1e6 if not weights[0] else rows[0]
    weighed = MiniBatchKMeans(1, n_init=1, n_starts=1).fit(rows, sample_weight=weights)
    repeated = MiniBatchKMeans(1, n_init=1, n_starts=1).fit(np.repeat(rows, weights, axis=0))
    assert_same(weighed, repeated)
    assert weighed.score(rows, sample_weight=weights) == repeated.score(np.repeat(rows, weights, axis=0))


def test_seeds_are_drawn_from_copies_as_often_as_there_are_copies():
    """Of 5,000 rows with 90 % equal ones, about 90 % of the seed rows are those."""
    from tamscore.cluster.draws import RowDraws, draw, seed_rows
    from tamscore.cluster.matrix import Matrix
    from tamscore.stages.lattice import fit_lattice

    values = np.where(np.arange(5_000) < 4_500, 0.0, np.arange(5_000)).reshape(-1, 1)
    host = backends.load("cpu")
    drawn = draw(Matrix(values, None), fit_lattice(np, values), host, RowDraws(0, None, None))
    first = seed_rows(drawn, 0, 1_000, host)
    assert 860 < np.sum(first == first.min()) < 940


def test_seeds_change_the_draws_and_none_draws_anew(rng):
    rows = rng.normal(size=(2_000, 4))
    short = {"n_starts": 1, "init_size": 50, "max_iter": 1}
    assert fitted(rows, 6, **short).inertia_ == fitted(rows, 6, **short).inertia_
    assert len({fitted(rows, 6, random_state=seed, **short).inertia_ for seed in (0, 1, 2)}) == 3
    assert len({fitted(rows, 6, random_state=None, **short).inertia_ for _ in range(3)}) > 1


def test_each_fit_has_seed_rows_of_its_own_as_long_as_there_are_enough():
    from tamscore.cluster.draws import seed_rows
    from tamscore.stages.blocks import DrawnBlock

    host, numbers = backends.load("cpu"), np.arange(7, dtype=np.float32)[None]
    drawn = [DrawnBlock(numbers[:, :3], np.zeros(3)), DrawnBlock(numbers[:, 3:], np.zeros(4))]
    turns = [seed_rows(drawn, turn, 3, host)[0].tolist() for turn in range(4)]
    assert turns == [[0, 1, 2], [3, 4, 5], [4, 5, 6], [4, 5, 6]]
    assert seed_rows(drawn, 2, 9, host)[0].tolist() == list(range(7))


# it is k-means


def test_groups_far_apart_are_found_the_largest_first():
    rows, truth = groups()
    model = fitted(rows)
    assert len(set(zip(truth, model.labels_, strict=True))) == 4
    assert (np.diff(np.bincount(model.labels_)) <= 0).all()


def test_centers_are_means_labels_the_nearest_and_inertia_the_sum_of_squares(rng):
    rows = rng.lognormal(size=(5_000, 3))
    model = fitted(rows, 7)
    means = np.stack([rows[model.labels_ == j].mean(axis=0) for j in range(7)])
    assert np.allclose(model.cluster_centers_, means, rtol=0, atol=0.02)
    distances = np.linalg.norm(rows[:, None] - model.cluster_centers_, axis=2)
    assert np.allclose(model.transform(rows), distances, rtol=1e-9, atol=1e-6)
    assert np.array_equal(model.labels_, distances.argmin(axis=1))
    assert model.inertia_ == pytest.approx((distances.min(axis=1) ** 2).sum(), rel=1e-6)
    assert model.score(rows) == -model.inertia_


# what goes in, what comes out


@pytest.mark.parametrize("make", [pa.table, lambda columns: pa.table(columns).to_batches()[0], pl.DataFrame])
def test_frames_and_arrow_tables_keep_their_names(make, rng):
    columns = {"size": rng.normal(size=200), "age": rng.integers(0, 9, 200)}
    model = fitted(make(columns), 3)
    assert model.feature_names_in_.tolist() == ["size", "age"]
    assert_same(model, fitted(np.stack([*columns.values()], axis=1), 3))
    assert np.array_equal(model.predict(make(columns)), model.labels_)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(make({"size": columns["size"], "weight": columns["age"]}))


def test_set_output_gives_frames_with_names():
    rows = groups(100)[0]
    model = fitted(rows).set_output(transform="polars")
    assert model.transform(rows).columns == model.get_feature_names_out().tolist()
    assert model.get_feature_names_out()[0] == "minibatchkmeans0"


def test_an_arrow_column_of_text_is_named_and_one_with_gaps_refused():
    table = pa.table({"size": [1.0, 2.0], "city": ["Rome", "Oslo"]})
    with pytest.raises(ValueError, match="column 'city': expected numbers, got string"):
        fitted(table, 1)
    with pytest.raises(ValueError, match="NaN"):
        fitted(pa.table({"size": [1.0, None]}), 1)


@pytest.mark.parametrize("city", [["1", "2"], [date(2026, 1, 1), date(2026, 1, 2)]], ids=["text", "date"])
def test_a_column_of_a_frame_that_holds_no_numbers_is_named(city):
    """Digits in a text and days are no sizes, though both could be read as numbers."""
    with pytest.raises(ValueError, match=r"column 'city': expected numbers, got (String|Date)"):
        fitted(pl.DataFrame({"size": [1.0, 2.0], "city": city}), 1)
    with pytest.raises(ValueError, match=r"X: expected numbers, got (<U1|datetime64)"):
        fitted(np.array([city, city], dtype=None if city[0] == "1" else "M8[D]"), 1)


def test_objects_are_read_if_they_are_numbers():
    assert_same(fitted(np.array([[1], [2.5]], dtype=object), 1), fitted([[1.0], [2.5]], 1))
    assert_same(fitted(pl.DataFrame({"old": [True, False]}), 1), fitted([[1.0], [0.0]], 1))
    with pytest.raises(ValueError, match="X: expected numbers, got object"):
        fitted(np.array([[1, "2"]], dtype=object), 1)


def test_single_precision_stays_and_finds_the_same_labels():
    rows = groups()[0].astype(np.float32)
    single, double = fitted(rows), fitted(rows.astype(np.float64))
    assert single.cluster_centers_.dtype == single.transform(rows).dtype == np.float32
    assert np.array_equal(single.labels_, double.labels_)
    assert np.array_equal(single.cluster_centers_, double.cluster_centers_.astype(np.float32))


def test_it_is_cloned_pickled_and_used_in_pipelines():
    rows = groups()[0]
    model = fitted(rows)
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    assert np.array_equal(again.predict(rows), model.labels_)
    assert_same(clone(model).fit(rows), model)
    assert make_pipeline(StandardScaler(), MiniBatchKMeans(4, **FEW)).fit_predict(rows).shape == (len(rows),)


# on a device


@pytest.fixture
def gpu(monkeypatch):
    """A device whose arrays lie where NumPy cannot read them, in the place of CUDA."""
    device = FakeGpu()
    monkeypatch.setitem(backends.DEVICE_LIBRARIES, "array_api_strict", "cuda")
    load = backends.load
    monkeypatch.setattr(backends, "load", lambda name: device if name == "cuda" else load(name))
    return device


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
def test_rows_on_a_device_give_the_same_bytes_and_all_stays_there(dtype, gpu):
    rows = (8 * groups(700)[0]).astype(dtype)
    host, device = fitted(rows), fitted(gpu.put(rows))
    pairs = [
        (host.cluster_centers_, device.cluster_centers_),
        (host.labels_, device.labels_),
        (host.predict(rows), device.predict(gpu.put(rows))),
        (host.transform(rows), device.transform(gpu.put(rows))),
    ]
    for here, there in pairs:
        assert np.array_equal(here, gpu.get(there)), "get refuses what does not lie on the device"
        assert str(there.dtype).endswith(str(here.dtype))
    assert (host.inertia_, host.score(rows)) == (device.inertia_, device.score(gpu.put(rows)))


def test_the_device_that_is_asked_for_computes_on_rows_of_the_host(gpu, monkeypatch):
    rows = groups(700)[0]
    seen: list[int] = []
    near = gpu.nearest

    def counted(*given):
        seen.append(1)
        return near(*given)

    monkeypatch.setattr(gpu, "nearest", counted)
    model = fitted(rows, device="cuda", sample_weight=np.arange(700) % 3)
    assert seen
    assert_same(model, fitted(rows, sample_weight=np.arange(700) % 3))
    assert isinstance(model.labels_, np.ndarray)


def test_a_model_serves_rows_wherever_they_lie(gpu):
    rows = groups(700)[0]
    host, device = fitted(rows), fitted(gpu.put(rows))
    assert np.array_equal(gpu.get(host.predict(gpu.put(rows))), device.predict(rows))


def test_rows_on_a_device_are_checked_as_those_of_the_host_are(gpu):
    rows = groups(50)[0]
    model = fitted(gpu.put(rows))
    bad = rows.copy()
    bad[3, 1] = np.inf
    for wrong, message in ((rows[:, :2], "2 features"), (rows[:, 0], "Expected 2D"), (bad, "infinity")):
        with pytest.raises(ValueError, match=message):
            model.predict(gpu.put(wrong))
    with pytest.raises(ValueError, match="device='cpu'"):
        fitted(gpu.put(rows), device="cpu")


# edges


def test_fewer_distinct_rows_than_clusters_make_fewer_clusters_and_a_warning():
    rows = [[1.0], [1.0], [5.0], [5.0], [5.0]]
    with pytest.warns(ConvergenceWarning, match=r"\(2\) found smaller than n_clusters \(4\)"):
        model = MiniBatchKMeans(4).fit(rows)
    assert model.cluster_centers_.tolist() == [[5.0], [1.0]]
    assert model.transform(rows).shape == (5, 2)
    assert model.inertia_ == 0


@pytest.mark.parametrize("value", [0.0, 1e9, -1e-12])
def test_rows_that_are_all_equal_are_one_cluster_at_their_place(value):
    model = MiniBatchKMeans(1).fit(np.full((9, 2), value))
    assert model.cluster_centers_.tolist() == [[value, value]]
    assert model.inertia_ == 0


def test_one_row_is_one_cluster():
    model = MiniBatchKMeans(1).fit([[3.0, 4.0]])
    assert model.labels_.tolist() == [0]
    assert model.transform([[0.0, 0.0]]).tolist() == [[5.0]]


@pytest.mark.parametrize("factor", [1e-140, 1e-9, 1e9, 2.0**400])
def test_the_unit_of_the_columns_does_not_matter(factor):
    rows = groups()[0]
    model = fitted(rows * factor)
    assert np.array_equal(model.labels_, fitted(rows).labels_)
    assert np.allclose(model.cluster_centers_ / factor, fitted(rows).cluster_centers_, atol=1e-5)


def test_rows_far_beyond_those_of_the_fit_go_to_their_nearest_center():
    model = MiniBatchKMeans(2).fit([[0.0, 0.0], [0.0, 1.0], [10.0, 0.0], [10.0, 1.0]])
    far = np.array([[4.9, 1e6], [5.1, 1e6], [-1e9, 0.5], [1e9, 0.5]])
    assert (model.predict(far) == np.linalg.norm(far[:, None] - model.cluster_centers_, axis=2).argmin(axis=1)).all()
    assert model.score([[20.0, 1e9]]) == pytest.approx(-(1e18), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_clusters": 0}, "n_clusters: expected a whole number from 1 on, got 0"),
        ({"n_clusters": 2.0}, "n_clusters"),
        ({"n_init": True}, "n_init"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"device": "gpu"}, "device: expected None, 'cpu' or 'cuda', got 'gpu'"),
        ({"init_size": 3}, "init_size: expected at least n_clusters=8"),
        ({"random_state": 2**70}, "Seed must be between 0"),
        ({"n_clusters": 21}, "n_samples=20 should be >= n_clusters=21"),
    ],
)
def test_parameters_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        MiniBatchKMeans(**options).fit(np.arange(20.0)[:, None])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sample_weight": [1, 0.5, 1]}, r"sample_weight\[1\]: expected a whole number"),
        ({"sample_weight": [1, 1, -1]}, r"sample_weight\[2\]"),
        ({"sample_weight": [1, np.nan, 1]}, r"sample_weight\[1\]"),
        ({"sample_weight": [0, 0, 0]}, "zero for every row"),
        ({"sample_weight": [2**29, 2**29, 1]}, "at most"),
        ({"sample_weight": [1, 1e15, 1]}, "expected a sum of at most 536,870,912, got 1,000,000,000,000,002"),
        ({"sample_weight": [1, np.inf, 1]}, "expected a sum of at most 536,870,912, got inf"),
        ({"sample_weight": [1, 1]}, "one weight for each row"),
        ({"ids": ["a", "b"]}, "one id for each of 3 rows, got 2"),
        ({"ids": ["a", None, "c"]}, "one id for each of 3 rows, got 2"),
        ({"ids": ["a", "b", "a"]}, "expected each id once, got 'a'"),
    ],
)
def test_weights_and_ids_that_are_none_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        MiniBatchKMeans(1).fit([[0.0], [1.0], [2.0]], **given)


def test_values_too_far_apart_for_squares_are_refused():
    with pytest.raises(ValueError, match="column 1: values spread over 2e\\+200; divide them first"):
        MiniBatchKMeans(1).fit([[0.0, 1e200], [1.0, -1e200]])


def test_before_the_fit_there_is_nothing_to_ask():
    for question in ("predict", "transform", "score"):
        with pytest.raises(NotFittedError):
            getattr(MiniBatchKMeans(), question)([[1.0]])
