"""Clusters carry the names that people give them, and columns the titles; exports choose accounts and name columns."""

from __future__ import annotations

import csv
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.errors import JobFileError, UsageError
from tamscore.progress import Progress
from tamscore.questions.export import only_of
from tamscore.questions.stored import open_run
from tests.end_to_end import market

TITLES: dict[str, Any] = {
    "employees": {"high": "big", "low": "tiny"},
    "growth": "momentum",
    "industry": {"levels": {"retail": "retailers"}},
}
NAMED: dict[str, Any] = {"names": {"E01": "Corner shops", "C02": "Partners abroad"}, "titles": TITLES}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return market.score(market.accounts(1500, seed=4), tmp_path_factory.mktemp("named"), NAMED)


def names_of(run):
    rows = pq.read_table(run.tables / "potential.parquet").to_pylist()
    return {row["cluster"]: row["name"] for row in rows}


def notices(run):
    return [text for text in (run.manifest() or {})["notices"] if text.startswith("names:")]


def test_names_of_the_job_and_titles_stand_in_every_table(done):
    names = names_of(done)
    assert (names["E01"], names["C02"]) == ("Corner shops", "Partners abroad")
    others = " ".join(name for cluster, name in names.items() if cluster not in NAMED["names"])
    assert "momentum" in others
    assert "growth" not in others
    assert "big" in others or "tiny" in others
    for table in ("segments", "stability"):
        rows = pq.read_table(done.tables / f"{table}.parquet").to_pylist()
        assert {row["cluster"]: row["name"] for row in rows} == names
    assert any("new model was fitted: check" in text for text in notices(done))
    assert "Corner shops" in CliRunner().invoke(app, ["show", str(done.output)]).stdout


def test_names_stay_with_their_ids_where_a_model_is_kept(done, tmp_path):
    """Frozen and refreshed, with and without names in the job; a later name of the job counts."""
    path = done.output.parent / "market"
    plain = {"titles": TITLES}
    for how, record in ((pipeline.score, NAMED), (pipeline.score, plain), (pipeline.refresh, NAMED)):
        job = market.job(path, tmp_path / f"{how.__name__}{len(record)}", record)
        again = how(job, Progress(), str(done.path), accept=True)
        assert names_of(again) == names_of(done)
        assert [("keep their names" in text) for text in notices(again)] == [True] * ("names" in record)
    renamed = {**NAMED, "names": {"E01": "Shops"}}
    again = pipeline.score(market.job(path, tmp_path / "renamed", renamed), Progress(), str(done.path))
    assert names_of(again) == {**names_of(done), "E01": "Shops"}


def test_a_name_without_a_cluster_is_reported(done, tmp_path):
    job = {"names": {"E77": "Nobody"}}
    assert "no cluster E77" in notices(market.run(done.output.parent / "market", tmp_path, job))[0]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"names": {"E01": "Same", "E02": " same "}}, r"names.E02: expected a name of its own"),
        ({"titles": {"employes": "staff"}}, r"titles.employes: expected a column .* did you mean 'employees'"),
        ({"titles": {"employees": {"hihg": "big"}}}, r"titles.employees.hihg: expected one of the keys"),
    ],
)
def test_a_job_with_names_or_titles_of_nothing_is_refused(changes, expected):
    with pytest.raises(JobFileError, match=expected):
        market.job("market", "scores", changes)


def exported(done, to, *more):
    return CliRunner().invoke(app, ["export", str(done.output), "--to", str(to), *more])


def test_only_the_accounts_asked_for_are_exported(done, tmp_path):
    rows = market.scores(done).to_pylist()
    for option, column, value in (
        ("expand", "play", "expand"),
        ("quadrant=yellow", "quadrant", "yellow"),
        ("low_support=yes", "low_support", True),
    ):
        assert exported(done, tmp_path / "x.parquet", "--only", option).exit_code == 0
        found = pq.read_table(tmp_path / "x.parquet")["account_id"].to_pylist()
        assert sorted(found) == sorted(row["account_id"] for row in rows if row[column] == value)
    for option, expected in (
        ("expnd", "did you mean"),
        ("colour=blue", "no column"),
        ("low_support=maybe", "yes or no"),
        ("sales=5", "expected one of texts"),
    ):
        assert exported(done, tmp_path / "y.parquet", "--only", option).exit_code == 2
        with pytest.raises(UsageError, match=expected):
            only_of(open_run(done.output), option)


def test_titles_head_the_columns_and_own_headers_stay(done, tmp_path):
    fields = "account_id,potential,rank_in_kind,play=Play__c"
    assert exported(done, tmp_path / "x.csv", "--titles", "--fields", fields).exit_code == 0
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    assert header == ["account_id", "potential", "rank in kind", "Play__c", "score_version", "row_hash"]
