"""The answer does not depend on how the rows lie, how they are called, or how many workers take part: to the byte."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from tamscore.model import files as model
from tests.end_to_end import market

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tamscore.store.run_directory import RunDirectory

ROWS = 2400
SAMPLE: dict[str, Any] = {"clusters.fit_rows": 1000, "clusters.seed_rows": 1000}
FITS: dict[str, dict[str, Any]] = {
    "on a sample": SAMPLE | {"clusters.batch_rows": 200},
    "on every row as a sample": {"clusters.batch_rows": 512},
    "on all rows": {"clusters.fit_rows": "all", "clusters.seed_rows": 1000, "clusters.batch_rows": 300},
    "on a sample, then polished": SAMPLE | {"clusters.polish_passes": 3},
}
SCALED = {
    "features": {
        "numeric": {
            "employees": {"scaling": "quantile_normal", "missing_indicator": True},
            "growth": {"scaling": "robust", "weight": 2.0},
            "revenue": "log_standard",
        },
        "categorical": ["industry"],
    }
}
"""Every kind of statistic takes part: order, moments, knots, level counts."""


def sorted_by_sales(table: pa.Table) -> pa.Table:
    return table.sort_by([("sales", "descending"), ("account_id", "descending")])


def shuffled(table: pa.Table) -> pa.Table:
    return table.take(np.random.default_rng(9).permutation(table.num_rows))


def as_it_is(table: pa.Table) -> pa.Table:
    return table


LAYOUTS: dict[str, tuple[Callable[[pa.Table], pa.Table], dict[str, int], int]] = {
    "one worker": (as_it_is, {}, 1),
    "three workers, seven files": (as_it_is, {"files": 7}, 3),
    "64 files": (as_it_is, {"files": 64}, 2),
    "64 row groups": (as_it_is, {"row_group": ROWS // 64}, 2),
    "shuffled, seven files": (shuffled, {"files": 7}, 2),
    "shuffled, 64 files of several row groups": (shuffled, {"files": 64, "row_group": 11}, 3),
    "sorted by sales, seven files": (sorted_by_sales, {"files": 7}, 2),
    "sorted by sales, one file": (sorted_by_sales, {}, 3),
}


def assert_same(one: RunDirectory, other: RunDirectory) -> None:
    """Scores, model and tables are the same to the byte."""
    assert market.different(market.scores(one), market.scores(other)) == []
    assert (one.model / "arrays.safetensors").read_bytes() == (other.model / "arrays.safetensors").read_bytes()
    assert model.read_raw(one.model)[0]["parties"] == model.read_raw(other.model)[0]["parties"]
    for path in sorted(one.tables.glob("*.csv")):
        assert path.read_bytes() == (other.tables / path.name).read_bytes(), path.name


@pytest.fixture(scope="module", params=list(FITS.values()), ids=list(FITS))
def fit(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(SCALED | request.param)


@pytest.fixture(scope="module")
def plain_run(fit: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """The run that all others are held against: one file, one row group, two workers."""
    return market.score(market.accounts(ROWS, seed=1), tmp_path_factory.mktemp("plain"), fit)


@pytest.mark.parametrize(("order", "layout", "workers"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_same_rows_give_the_same_bytes(fit, plain_run, tmp_path, order, layout, workers):
    """Files, row groups, order of rows and number of threads show nowhere in scores, model and tables."""
    table = order(market.accounts(ROWS, seed=1))
    assert_same(plain_run, market.score(table, tmp_path, fit | {"engine": {"workers": workers}}, **layout))


def test_the_fits_differ_so_that_their_sameness_means_something(tmp_path):
    """Another seed, another sample, a polish each change the model: the equalities above compare real work."""
    sample, polished = FITS["on a sample"], FITS["on a sample, then polished"]
    changes = [SCALED | one for one in (sample, sample | {"clusters.seed": 1}, polished, FITS["on all rows"])]
    table = market.accounts(ROWS, seed=1)
    runs = [market.score(table, tmp_path / str(i), change) for i, change in enumerate(changes)]
    arrays = [(run.model / "arrays.safetensors").read_bytes() for run in runs]
    assert arrays[0] not in arrays[1:]


@pytest.mark.parametrize("fit_rows", [262_144, "all"])
def test_new_ids_change_no_account_where_the_clusters_are_plain(tmp_path, fit_rows):
    """Ids decide which rows are drawn first, and so may lead to another optimum; where there is one only, to it."""
    table = market.accounts(ROWS, seed=1)
    features = {"numeric": {"employees": "log_standard", "growth": "standard"}}
    changes: dict[str, Any] = {
        "features": features,
        "clusters": {"k": {"end_user": 4, "channel": 4}, "restarts": 8, "fit_rows": fit_rows},
        "columns.name": "name",
    }
    renamed = table.set_column(0, "account_id", pa.array([i * 7919 + 1 for i in range(ROWS)]))
    one, other = (market.score(t, tmp_path / n, changes) for t, n in ((table, "one"), (renamed, "other")))
    folds = ["look_alike", "expected_value", "tier"]  # what is left out of cross-fitted models goes by id
    ids = ["account_id", "priority", "priority_in_kind", *folds]  # ties, too
    scored = [market.scores(run).sort_by("name") for run in (one, other)]
    assert market.different(*(table.drop_columns(ids) for table in scored)) == []
    expected = [np.nansum(table["expected_value"].to_numpy()) for table in scored]
    assert expected[0] == pytest.approx(expected[1], rel=0.02)
    again = model.read_raw(other.model)[1]
    for name, array in model.read_raw(one.model)[1].items():
        if name.split(".")[1].startswith(("look_alike", "level")):
            continue  # folds, too
        tolerance = 1e-12 if name.endswith(".spread") else 0.0  # a standard deviation summed in order of the draw
        # Ids say which customers are left out of the first five models of the level; the last one has them all.
        same = slice(-1, None) if name.endswith((".level_weights", ".level_intercept")) else slice(None)
        np.testing.assert_allclose(again[name][same], array[same], rtol=tolerance, atol=0.0)
    assert purity(market.peer_group(ROWS, 1).tolist(), clusters_in_order(table, one)) > 0.96


def purity(groups: list[int], clusters: list[str]) -> float:
    """The share of rows that lie in the cluster where most rows of their group and party type lie."""
    pairs = Counter((group, cluster[0], cluster) for group, cluster in zip(groups, clusters, strict=True))
    most: dict[tuple[int, str], int] = {}
    for (group, party, _), count in pairs.items():
        most[group, party] = max(most.get((group, party), 0), count)
    return sum(most.values()) / len(groups)


def clusters_in_order(table: pa.Table, run: RunDirectory) -> list[str]:
    """The cluster of every row of the input."""
    scored = market.scores(run)
    of = dict(zip(scored["account_id"].to_pylist(), scored["cluster"].to_pylist(), strict=True))
    return [of[name] for name in table["account_id"].to_pylist()]


def test_where_the_input_lies_and_where_the_output_goes_is_no_part_of_a_run(tmp_path):
    """The same files elsewhere, other engines and workers: the same run key, so a run is known again."""
    table = market.accounts(300)
    one = market.score(table, tmp_path / "one")
    other = market.score(table, tmp_path / "other", {"engine": {"workers": 1}})
    assert one.run_key == other.run_key
    assert market.score(table, tmp_path / "third", {"clusters.seed": 1}).run_key != one.run_key


def part_bytes(run: RunDirectory) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(run.scores.glob("part-*.parquet"))}


def test_two_runs_of_one_input_write_the_same_files(tmp_path: Path):
    """The Parquet files themselves are the same, byte for byte, with one worker and with three."""
    table = market.accounts(ROWS, seed=1)
    runs = [
        market.score(table, tmp_path / str(workers), {"engine": {"workers": workers}}, files=7) for workers in (1, 3)
    ]
    assert part_bytes(runs[0]) == part_bytes(runs[1])
    assert len(part_bytes(runs[0])) == 7
