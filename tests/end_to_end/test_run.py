"""A whole run: every row accounted for, ids and kept columns untouched, tables that agree, markets found again."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from scipy.stats import spearmanr
from sklearn.cluster import KMeans

from tamscore import config, job_file, pipeline, synthetic
from tamscore.errors import TamscoreError
from tamscore.progress import Progress
from tamscore.schema import Reason
from tests.end_to_end import market

KMEANS_REFERENCE = Path(__file__).parents[2].parent / "shared" / "data" / "kmeans_reference"


def replaced(table: pa.Table, **columns: dict[int, Any]) -> pa.Table:
    """The table with single values replaced: column name to row number to value."""
    for name, values in columns.items():
        cells = table[name].to_pylist()
        for row, value in values.items():
            cells[row] = value
        table = table.set_column(table.column_names.index(name), name, pa.array(cells, table[name].type))
    return table


def with_bad_rows(table: pa.Table) -> tuple[pa.Table, dict[int, str]]:
    """The table with rows of every reason planted, and the reason by row number."""
    ids = table["account_id"].to_pylist()
    bad = replaced(
        table,
        account_id={0: None, 1: "", 2: " \t", 3: ids[900], 4: ids[5]},
        sales={10: np.inf, 11: -np.inf, 12: None, 13: np.nan, 14: 1e15, 15: -1e300},
        party_type={20: "reseller", 21: None, 22: "End-Users"},
        growth={30: np.inf, 31: -1e39},
    )
    missing = {row for row, sold in enumerate(bad["sales"].to_pylist()) if sold is None or sold != sold}  # noqa: PLR0124
    reasons = dict.fromkeys(missing, "sales_missing")
    reasons |= {0: "missing_id", 1: "missing_id", 2: "missing_id", 10: "sales_not_finite", 11: "sales_not_finite"}
    reasons |= dict.fromkeys((14, 15), "sales_too_large")
    reasons |= dict.fromkeys((3, 900, 4, 5), "duplicate_id") | dict.fromkeys((20, 21, 22), "party_type_unknown")
    return bad, reasons | dict.fromkeys((30, 31), "feature_not_finite")


@pytest.mark.parametrize("files", [1, 5])
def test_rows_read_are_rows_scored_plus_rows_rejected_each_with_its_reason(tmp_path, files):
    """Bad rows of every reason are planted: the rejected files hold exactly them, the scores exactly the others."""
    table, reasons = with_bad_rows(market.accounts(1200))
    table = table.append_column("row", pa.array(range(1200)))
    scored_once = {reason.code for reason in Reason if reason.is_harmless}
    assert {*reasons.values()} == {reason.code for reason in Reason if reason is not Reason.SCORED} - scored_once
    changes = {"rows": market.JOB["rows"] | {"sales_missing": "reject"}, "columns.keep": ["row", "note"]}
    done = market.score(table, tmp_path, changes, files=files)
    rows = (done.manifest() or {})["rows"]
    assert rows["rejected"] == Counter(reasons.values()) | dict.fromkeys(scored_once, 0)
    assert rows["read"] == 1200 == rows["scored"] + sum(rows["rejected"].values())
    rejected = market.rejected(done)
    assert dict(zip(rejected["row"].to_pylist(), rejected["reason"].to_pylist(), strict=True)) == reasons
    assert rejected.num_rows == len(reasons)
    scored = market.scores(done)
    assert sorted(scored["row"].to_pylist()) == sorted(set(range(1200)) - set(reasons))
    assert scored["note"].to_pylist() == table["note"].take(scored["row"]).to_pylist()
    assert rejected["note"].to_pylist() == table["note"].take(rejected["row"]).to_pylist()


def test_rejected_rows_change_no_number_of_the_scored_ones(tmp_path):
    """A market with bad rows of every reason among its rows is scored as the market without them."""
    good = market.accounts(1200)
    bad, reasons = with_bad_rows(market.accounts(1200, seed=7))
    bad = bad.take(sorted(row for row, why in reasons.items() if why not in {"sales_missing", "duplicate_id"}))
    ids = [f"bad {name}" if name and name.strip() else name for name in bad["account_id"].to_pylist()]
    twice = replaced(good.slice(0, 2), account_id={0: "bad twice", 1: "bad twice"})
    mixed = pa.concat_tables([bad.set_column(0, "account_id", pa.array(ids)), good, twice]).combine_chunks()
    run = market.score(mixed, tmp_path / "mixed", files=3)
    counts = {name: count for name, count in (run.manifest() or {})["rows"]["rejected"].items() if count}
    tally = Counter(why for why in reasons.values() if why not in {"sales_missing", "duplicate_id"})
    assert counts == tally | {"duplicate_id": 2}
    assert market.different(market.scores(run), market.scores(market.score(good, tmp_path / "good"))) == []


IDS: dict[str, Any] = {
    "near two to the 63rd": pa.array([2**63 - 1 - i for i in range(60)], pa.int64()),
    "negative": pa.array([-(2**63) + i for i in range(60)], pa.int64()),
    "beyond int64": pa.array([2**64 - 1 - i for i in range(60)], pa.uint64()),
    "leading zeros": pa.array([f"{i:012d}" for i in range(60)]),
    "zeros that make the difference": pa.array(["0" * i + "7" for i in range(60)]),
    "spaces around and within": pa.array([f" x{' ' * i}y " for i in range(60)]),
    "unicode": pa.array([f"Ünïcode \N{OGHAM SPACE MARK} 株式会社 \N{PILE OF POO} {i}" for i in range(60)]),
    "decomposed": pa.array(["e\u0301" * (i + 1) for i in range(60)]),
    "quotes, commas, line ends": pa.array([f'",;\n\r\t\\\0{i}' for i in range(60)]),
    "long": pa.array(["x" * 5000 + str(i) for i in range(60)]),
}


@pytest.mark.parametrize("ids", IDS.values(), ids=IDS.keys())
def test_ids_come_out_as_they_went_in(tmp_path, ids):
    """Same type, same values, none taken for another, none for a duplicate."""
    done = market.score(market.plain_accounts(60).set_column(0, "account_id", ids), tmp_path, market.PLAIN)
    scored = market.scores(done)
    assert scored.schema.field("account_id").type == ids.type
    assert sorted(scored["account_id"].to_pylist()) == sorted(ids.to_pylist())


def test_kept_columns_come_out_as_they_went_in(tmp_path):
    columns = {
        "whole": pa.array([2**63 - 1 - i for i in range(60)]),
        "real": pa.array([float("nan"), -0.0, 5e-324, *[0.1 * i for i in range(57)]]),
        "half": pa.array(np.arange(60).astype(np.float32) / 3),
        "money": pa.array([Decimal(f"12345678901234567890.{i:02d}") for i in range(60)]),
        "text": pa.array([None, "", *["é" * i for i in range(58)]]),
        "list": pa.array([None, [], *[[{"a": i}] for i in range(58)]]),
    }
    table = market.plain_accounts(60)
    for name, column in columns.items():
        table = table.append_column(name, column)
    done = market.score(table, tmp_path, market.PLAIN | {"columns": {"keep": list(columns)}}, files=3)
    scored = market.scores(done)
    assert market.different(scored.select(list(columns)), table.select(list(columns))) == []


@pytest.mark.parametrize("name", ["cluster", "rank", "potential", "kind", "flags"])
def test_a_kept_column_named_like_an_output_column_is_not_lost_in_silence(tmp_path, name):
    """Either the run refuses it, or its values come out; they never give way to others without a word."""
    values = [f"mine {i}" for i in range(60)]
    table = market.plain_accounts(60).append_column(name, pa.array(values))
    try:
        done = market.score(table, tmp_path, market.PLAIN | {"columns": {"keep": [name]}})
    except TamscoreError:
        return
    assert any(values == column.to_pylist() for column in market.scores(done).columns)


def test_odd_rows_are_flagged_and_counted(tmp_path):
    """Negative sales, sales above the account's own revenue, missing sales, impossible values: scored, with a flag."""
    table = replaced(
        market.accounts(600).append_column("staff", pa.array([5] * 600)),
        sales={0: -5.0, 1: 9e9, 2: None, 3: 7.0, 4: None},
        staff={3: -1, 4: -1},
        revenue={1: 10.0, 3: None},
    )
    table = table.append_column("row", pa.array(range(600)))
    changes = {"rows": market.JOB["rows"] | {"non_negative": ["staff"]}, "columns.keep": ["row"]}
    done = market.score(table, tmp_path, changes)
    flags = dict(zip(*(market.scores(done)[name].to_pylist() for name in ("row", "flags")), strict=True))
    assert [flags[row] for row in range(5)] == [
        "negative_sales", "sales_above_revenue", "sales_missing", "negative_value", "sales_missing|negative_value",
    ]  # fmt: skip
    counted = Counter(flag for text in flags.values() for flag in text.split("|") if flag)
    assert (done.manifest() or {})["rows"]["flagged"] == dict.fromkeys(
        ("sales_missing", "negative_sales", "sales_above_revenue", "negative_value"), 0
    ) | dict(counted)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return market.score(market.accounts(1500, seed=8), tmp_path_factory.mktemp("done"), files=4)


def test_the_manifest_holds_the_digest_of_every_file(done):
    manifest = done.manifest() or {}
    there = {str(path.relative_to(done.path)) for path in done.path.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == there - {"manifest.json"}
    for name, record in manifest["files"].items():
        data = (done.path / name).read_bytes()
        assert record == {"bytes": len(data), "xxh3": xxhash.xxh3_128_hexdigest(data)}, name


def test_tables_agree_with_the_scores(done):
    """Accounts and money by cluster, quadrant and kind in the tables are the sums over the scores."""
    scored = market.scores(done).to_pylist()
    for name, keys in (("segments", ("cluster", "kind")), ("quadrants", ("party_type", "quadrant", "kind"))):
        for row in pq.read_table(done.tables / f"{name}.parquet").to_pylist():
            mine = [account for account in scored if all(account[key] == row[key] for key in keys)]
            assert row["accounts"] == len(mine)
            for measure in ("sales", "potential", "whitespace"):
                assert row[measure] == pytest.approx(sum(account[measure] or 0.0 for account in mine), abs=0.006)
    assert sum(row["accounts"] for row in pq.read_table(done.tables / "segments.parquet").to_pylist()) == 1500
    totals = (done.manifest() or {})["totals"]
    for kind, sums in totals.items():
        mine = [account for account in scored if account["kind"] == kind]
        assert sums["accounts"] == len(mine)
        assert sums["whitespace"] == pytest.approx(sum(account["whitespace"] for account in mine), abs=0.006)


def test_top_accounts_are_the_first_in_the_order_of_priority(done):
    """The places of both party types side by side; then account id, rising: the same fifty, in that order."""
    scored = market.scores(done).to_pylist()
    order = sorted(scored, key=lambda row: (row["priority"], row["account_id"]))
    top = pq.read_table(done.tables / "top_accounts.parquet")["account_id"].to_pylist()
    assert top == [row["account_id"] for row in order[:50]]


def test_tables_for_people_say_what_tables_for_machines_say(done):
    """Every cell of a CSV table is that of the Parquet table, numbers to the cent."""
    for path in sorted(done.tables.glob("*.parquet")):
        rows = pq.read_table(path).to_pylist()
        with path.with_suffix(".csv").open(newline="", encoding="utf-8") as stream:
            listed_rows = list(csv.DictReader(stream))
        assert len(listed_rows) == len(rows)
        for row, text in zip(rows, listed_rows, strict=True):
            for name, value in row.items():
                if isinstance(value, float):
                    assert float(text[name]) == pytest.approx(value, abs=0.0051), (path.name, name)
                else:
                    assert text[name] == plainly(value), (path.name, name)


def plainly(value: object) -> str:
    """A value as CSV files hold it."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_where_nobody_buys_there_is_no_potential_and_no_false_number(tmp_path):
    """Potential, whitespace and penetration are null for all, the basis says none, and nobody ranks before another."""
    table = market.accounts(600).drop_columns("sales").append_column("sales", pa.array([0.0] * 600))
    run = market.score(table, tmp_path)
    scored = market.scores(run)
    for name in ("potential", "whitespace", "penetration", "relative_potential"):
        assert scored[name].null_count == 600
    assert set(scored["basis"].to_pylist()) == {"none"}
    assert set(scored["kind"].to_pylist()) == {"acquisition"}
    assert set(scored["relative_message"].to_pylist()) == {""}
    assert set(scored["rank"].to_pylist()) == {1}
    assert set(scored["quadrant"].to_pylist()) <= {"grey", "teal"}


def synthetic_job(folder: Path, rows: int, *changes: str) -> config.Job:
    synthetic.write_market(folder / "made", rows, seed=5, files=4)
    quick = ("device=cpu", "clusters.restarts=3", "engine.workers=2", f"output.path={folder / 'scores'}")
    return job_file.load(folder / "made" / "job.toml", [*quick, *changes])


def test_prospects_potential_follows_their_true_wallet(tmp_path):
    """On a market whose wallets are known the rank correlation is at least 0.75: prospects are found, not guessed."""
    run = pipeline.run(synthetic_job(tmp_path, 60_000), Progress())
    truth = market.gathered(sorted((tmp_path / "made" / "truth").glob("*.parquet")))
    scored = market.scores(run)
    assert scored["account_id"].to_pylist() == truth["account_id"].to_pylist()
    prospects = np.array(scored["kind"].to_pylist()) == "acquisition"
    potential, wallet = scored["potential"].to_numpy()[prospects], truth["wallet"].to_numpy()[prospects]
    assert prospects.sum() > 30_000
    assert spearmanr(potential, wallet).statistic >= 0.75


def numeric_columns(folder: Path) -> list[str]:
    """Six measures of the synthetic market that are there whatever their names."""
    table = pq.read_table(next(iter(sorted((folder / "made" / "market").glob("*.parquet")))))
    return [field.name for field in table.schema if field.type in (pa.float32(), pa.int32())][:6]


def scaled_matrix(table: pa.Table, names: list[str]) -> Any:
    """The matrix (m, d) that log_standard promises: median filled in, signed log, mean 0, deviation 1."""
    columns = []
    for name in names:
        x = table[name].cast(pa.float64()).to_numpy()
        x = np.where(np.isnan(x), np.nanquantile(x, 0.5, method="inverted_cdf"), x)
        x = np.sign(x) * np.log1p(np.abs(x))
        columns.append((x - x.mean()) / x.std())
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("fit_rows", [262_144, "all"])
def test_inertia_is_within_a_thousandth_of_the_best_of_several_full_kmeans_runs(tmp_path, fit_rows):
    """On the same scaled matrix, built apart with NumPy; distances and labels are those of that matrix too."""
    synthetic.write_market(tmp_path / "made", 12_000, seed=6, files=3)
    names = numeric_columns(tmp_path)
    changes = {
        "columns": {},
        "features": {"numeric": dict.fromkeys(names, "log_standard")},
        "clusters": {"k": 8, "restarts": 10, "fit_rows": fit_rows},
    }
    run = market.run(tmp_path / "made" / "market", tmp_path / "scores", changes)
    scored = market.scores(run)
    table = market.gathered(sorted((tmp_path / "made" / "market").glob("*.parquet")))
    matrix = scaled_matrix(table, names)
    best = min(KMeans(8, n_init=1, random_state=seed).fit(matrix).inertia_ for seed in range(8))
    distance = scored["distance"].to_numpy().astype(np.float64)
    assert float(np.sum(distance**2)) <= 1.001 * best
    assert sum(fit["inertia"] for fit in (run.manifest() or {})["fit"].values()) == pytest.approx(
        np.sum(distance**2), rel=1e-6
    )
    labels = np.unique(scored["cluster"].to_pylist(), return_inverse=True)[1]
    centers = np.stack([matrix[labels == c].mean(axis=0) for c in range(8)])
    distances = np.sqrt(((matrix[:, None, :] - centers) ** 2).sum(axis=2))
    np.testing.assert_allclose(distance, distances[np.arange(len(labels)), labels], rtol=0.02, atol=0.02)
    assert np.mean(distances.argmin(axis=1) == labels) > 0.995


REFERENCES = sorted(path.name for path in KMEANS_REFERENCE.glob("g2mg*.csv")) or ["(none)"]


@pytest.mark.skipif(not KMEANS_REFERENCE.is_dir(), reason=f"no reference tables at {KMEANS_REFERENCE}")
@pytest.mark.parametrize("name", REFERENCES)
def test_published_tables_reach_the_best_known_sum_of_squares(tmp_path, name):
    from pyarrow import csv as arrow_csv

    table = arrow_csv.read_csv(KMEANS_REFERENCE / name)
    features = [column for column in table.column_names if column.startswith("x")]
    rows = table.num_rows
    table = table.append_column("account_id", pa.array(range(rows))).append_column("sales", pa.array([0.0] * rows))
    changes = {
        "columns": {},
        "features": {"numeric": dict.fromkeys(features, "none")},
        "clusters": {"k": 2, "restarts": 10},
    }
    run = market.score(table, tmp_path, changes)
    with (KMEANS_REFERENCE / "best_known_sse.csv").open(newline="", encoding="utf-8") as stream:
        known = {row["dataset"]: float(row["best_known_sse"]) for row in csv.DictReader(stream)}
    distance = market.scores(run)["distance"].to_numpy().astype(np.float64)
    assert float(np.sum(distance**2)) <= known[f"g2mg/{name}"] * (1 + 1e-5)


def test_five_companies_on_two_features_come_out_as_scikit_learn_groups_them(tmp_path):
    """Standard scaling and k = 3: the labels of StandardScaler and KMeans(3, random_state=0), up to their names."""
    from sklearn.preprocessing import StandardScaler

    revenue, staff = [10.0, 12.0, 100.0, 110.0, 500.0], [50.0, 60.0, 300.0, 310.0, 2000.0]
    table = pa.table({"account_id": list("abcde"), "sales": [1.0, 2.0, 3.0, 4.0, 5.0], "x": revenue, "y": staff})
    features = {"numeric": {"x": "standard", "y": "standard"}, "winsorise": False}
    run = market.score(table, tmp_path, market.PLAIN | {"clusters.k": 3, "features": features})
    labels = KMeans(3, random_state=0, n_init=10).fit_predict(StandardScaler().fit_transform(np.c_[revenue, staff]))
    pairs = set(zip(market.scores(run)["cluster"].to_pylist(), labels.tolist(), strict=True))
    assert len(pairs) == 3
