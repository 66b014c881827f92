"""Raw rows become blocks: features in a stated order, mismatches of the configured size, the same on every backend."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tamscore.backend.coded import CodedBlock, dense
from tamscore.backend.host import HostBackend
from tamscore.stages import prepare, scale
from tamscore.stages.prepare import Vocabulary
from tamscore.stages.scale import NumericColumn
from tamscore.stages.space import Feature, RawRows, Space, fit_space, level_weight

HOST = HostBackend()
COLUMNS = (
    NumericColumn("employees", "log_standard", missing_indicator=True),
    NumericColumn("age", "robust", winsorise=(0.01, 0.99)),
    NumericColumn("share", "minmax", weight=3.0),
    NumericColumn("growth", "standard", winsorise=(0.01, 0.99)),
    NumericColumn("score", "quantile_normal", missing_indicator=True),
    NumericColumn("index", "none"),
    NumericColumn("flat", "standard"),
)
VOCABULARIES = (Vocabulary("industry", ("food", "retail")), Vocabulary("country", ("DE",)))


def host_rows(rng, m=700):
    numeric = {
        "employees": np.where(rng.random(m) < 0.2, np.nan, np.rint(rng.lognormal(4, 2, m))),
        "age": rng.integers(0, 200, m).astype(float),
        "share": rng.random(m),
        "growth": rng.standard_t(3, m),
        "score": np.where(rng.random(m) < 0.1, np.nan, rng.integers(1, 100, m)),
        "index": rng.normal(5000.0, 900.0, m),
        "flat": np.full(m, 7.0),
    }
    codes = {"industry": rng.integers(0, 4, m), "country": rng.integers(0, 3, m)}
    return RawRows(numeric, codes, rng.integers(0, 3, m))


def put(backend, raw):
    return RawRows(
        {name: backend.put(column) for name, column in raw.numeric.items()},
        {name: backend.put(column) for name, column in raw.codes.items()},
        backend.put(raw.segment),
    )


def fit(backend, raw, columns=COLUMNS, vocabularies=VOCABULARIES, category_weight=1.5):
    return fit_space(
        columns,
        vocabularies,
        category_weight,
        lambda c: prepare.order_statistics(prepare.sort_column(backend, raw.numeric[c.name], raw.segment, 3), c.shares),
        lambda scales: scale.bent_moments(backend, scales, raw.numeric, raw.segment),
    )


@pytest.fixture(scope="module")
def raw():
    return host_rows(np.random.default_rng(1))


@pytest.fixture(scope="module")
def space(raw):
    return fit(HOST, raw)[0]


def test_features_are_numbers_then_missing_indicators_then_levels(space):
    assert [feature.name for feature in space.features] == [
        *("employees", "age", "share", "growth", "score", "index"),
        *("employees missing", "score missing"),
        *(f"industry = {level}" for level in ("food", "retail", "other", "unknown")),
        *(f"country = {level}" for level in ("DE", "other", "unknown")),
    ]
    assert space.features[0] == Feature("employees", "numeric")


def test_constant_columns_are_dropped_and_named(raw):
    space, constant = fit(HOST, raw)
    assert constant == ("flat",)
    assert all(feature.column != "flat" for feature in space.features)


def test_a_space_of_categories_alone_needs_no_moments(raw):
    def never(*_):
        raise AssertionError("there is no column to ask about")

    space, constant = fit_space((), VOCABULARIES, 1.0, never, never)
    assert constant == ()
    assert space.block(HOST, raw).shape == (7, 700)


def test_blocks_are_the_same_bytes_on_every_backend(backend, raw, space):
    block = space.block(backend, put(backend, raw))
    assert backend.get(block).dtype == np.float32
    assert backend.get(block).tobytes() == space.block(HOST, raw).tobytes()


def test_a_space_fitted_on_another_backend_gives_the_same_block(backend, raw, space):
    """Moments differ in their last bits; what is kept of them does not."""
    other, _ = fit(backend, put(backend, raw))
    assert other.fitted_grid.unit == space.fitted_grid.unit
    assert other.block(HOST, raw).tobytes() == space.block(HOST, raw).tobytes()


def test_blocks_hold_whole_numbers_within_the_limit(raw, space):
    block = space.block(HOST, raw)
    assert np.array_equal(block, np.rint(block))
    assert (abs(block).max(axis=1) <= space.fitted_grid.limit).all()


def test_blocks_cut_the_rows_in_order(backend, raw, space):
    blocks = [backend.get(dense(backend.xp, block)) for block in space.blocks(backend, put(backend, raw))]
    assert all(0 < block.shape[1] <= backend.block_rows for block in blocks)
    assert np.concatenate(blocks, axis=1).tobytes() == space.block(HOST, raw).tobytes()


class Plain(HostBackend):
    """The host as a backend that takes no codes."""

    takes_codes = False


def test_blocks_have_codes_where_the_backend_takes_them_and_indicators_else(raw, space):
    coded, plain = (space.blocks(backend, raw)[0] for backend in (HOST, Plain()))
    assert isinstance(coded, CodedBlock)
    assert isinstance(plain, np.ndarray)
    assert coded.dense(np).tobytes() == plain.tobytes()
    assert coded.nbytes == len(raw) * space.row_bytes(HOST)
    assert plain.nbytes == len(raw) * space.row_bytes(Plain())


def test_a_part_holds_the_rows_between(raw):
    part = raw.part(10, 15)
    assert len(part) == 5
    assert np.array_equal(part.numeric["age"], raw.numeric["age"][10:15])
    assert np.array_equal(part.codes["country"], raw.codes["country"][10:15])


def test_numeric_features_are_the_scaled_columns(raw, space):
    block, unit = space.block(HOST, raw), space.fitted_grid.unit
    for j, one in enumerate(space.scales):
        scaled = one.apply(np, raw.numeric[one.name], raw.segment)
        assert abs(block[j] * unit - scaled).max() <= unit / 2


@pytest.mark.parametrize("standard_deviations", [0.5, 1.0, 100.0])
def test_one_mismatch_of_a_category_counts_as_so_many_standard_deviations(raw, standard_deviations):
    space, _ = fit(HOST, raw, columns=(), category_weight=standard_deviations)
    rows = RawRows({}, {"industry": np.array([0, 1, 3, 0]), "country": np.array([0, 0, 0, 2])}, np.zeros(4, int))
    block = space.block(HOST, rows).astype(float) * space.fitted_grid.unit
    distances = [np.linalg.norm(block[:, 0] - block[:, other]) for other in (1, 2, 3)]
    assert distances == pytest.approx([standard_deviations] * 3, rel=1e-5)
    both = np.linalg.norm(block[:, 1] - block[:, 3])
    assert both == pytest.approx(standard_deviations * np.sqrt(2), rel=1e-5), "two mismatches add up as squares"


def test_missing_indicators_are_on_where_the_number_is_missing(raw, space):
    names = [feature.name for feature in space.features]
    row = space.block(HOST, raw)[names.index("employees missing")]
    missing = np.isnan(raw.numeric["employees"])
    assert len(set(row[missing])) == 1
    assert row[missing][0] > 0
    assert (row[~missing] == 0).all()


def test_every_row_has_one_level_of_each_category(raw, space):
    at = [j for j, feature in enumerate(space.features) if feature.kind == "level" and feature.column == "industry"]
    on = space.block(HOST, raw)[at] > 0
    assert (on.sum(axis=0) == 1).all()
    assert np.array_equal(on.argmax(axis=0), raw.codes["industry"])


def test_rows_beyond_those_fitted_on_stay_on_the_grid(space):
    wild = RawRows(
        {one.name: np.array([3e38, -3e38, np.nan, 0.0]) for one in space.scales},
        {v.column: np.zeros(4, np.int64) for v in space.vocabularies},
        np.array([0, 1, 2, 0]),
    )
    block = space.block(HOST, wild)
    assert np.isfinite(block).all()
    assert (abs(block).max(axis=1) <= space.fitted_grid.limit).all()


def test_the_grid_reaches_every_value_fitted_on(raw, space):
    """Nothing that the space was fitted on is clipped by its grid."""
    for j, one in enumerate(space.scales):
        scaled = abs(one.apply(np, raw.numeric[one.name], raw.segment)).max()
        assert scaled <= space.fitted_grid.limit[j] * space.fitted_grid.unit


def test_values_of_very_different_sizes_share_one_grid(raw):
    """`none` in the thousands with weight 100 beside standardised columns: distances stay right to a part in 1e5."""
    columns = (NumericColumn("index", "none", weight=100.0), NumericColumn("growth", "standard"))
    space, _ = fit(HOST, raw, columns=columns, vocabularies=())
    block = space.block(HOST, raw).astype(float) * space.fitted_grid.unit
    exact = np.stack([100.0 * raw.numeric["index"], space.scales[1].apply(np, raw.numeric["growth"], raw.segment)])
    pairs = list(pairwise(range(200)))
    found = [np.linalg.norm(block[:, a] - block[:, b]) for a, b in pairs]
    wanted = [np.linalg.norm(exact[:, a] - exact[:, b]) for a, b in pairs]
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1.0)


def test_a_space_under_way_has_no_grid():
    with pytest.raises(ValueError, match="no grid yet"):
        _ = Space((), (), level_weight(1.0)).fitted_grid
