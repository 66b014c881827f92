"""Customer jobs in whole runs: planted ones are found, told for prospects, kept by later runs, acted upon."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner

from tamscore import job_file, pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError, JobFileError
from tamscore.progress import Progress
from tamscore.synthetic import write_market
from tests.conftest import make_backend
from tests.end_to_end import baskets, market

ROWS = 1500
COLUMNS = tuple(f"customer_job{rest}" for rest in ("", "_probability", "_basis", "_proposition", "_theme"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> dict[str, Any]:
    """A market with planted customer jobs, its finished run and its scores."""
    folder = tmp_path_factory.mktemp("jobs")
    changes = baskets.build(folder, ROWS)
    done = market.run(folder / "market", folder / "scores", changes)
    return {"folder": folder, "changes": changes, "run": done, "scores": market.scores(done).to_pylist()}


def record_of(done) -> dict[str, Any]:
    found: dict[str, Any] = (done.manifest() or {})["extras"]["jobs"]
    return found


def table_of(done, name) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(done.tables / f"{name}.parquet").to_pylist()
    return found


def agreement(scores, basis="products", party="end_user", rows=ROWS) -> float:
    """How far the customer jobs of accounts with a basis agree with the planted ones, as an adjusted Rand index."""
    true = baskets.true_jobs(rows)
    mine = [row for row in scores if row["customer_job_basis"] == basis and row["party_type"] == party]
    return float(adjusted_rand_score([true[row["account_id"]] for row in mine], [row["customer_job"] for row in mine]))


def test_planted_jobs_are_found_by_the_run_itself_and_come_out_again_in_halves(shop):
    assert agreement(shop["scores"]) >= 0.8
    party = record_of(shop["run"])["parties"][0]
    assert (party["party_type"], party["k"]) == ("end_user", baskets.JOBS)
    assert party["rand"] >= 0.9
    strengths = {one["k"]: one["strength"] for one in party["candidates"]}
    assert max(k for k, strength in strengths.items() if strength >= 0.8) == baskets.JOBS


def test_jobs_of_the_synthetic_market_are_found_again(tmp_path):
    write_market(tmp_path / "made", 12_000, seed=1, files=2, products=True)
    done = pipeline.run(job_file.load(tmp_path / "made" / "job.toml", ["device=cpu"]), Progress())
    true = {
        row["account_id"]: row["customer_job"] for row in pq.read_table(tmp_path / "made/customer_jobs").to_pylist()
    }
    rows = [row for row in market.scores(done).to_pylist() if row["customer_job_basis"] == "products"]
    mine = [row for row in rows if row["party_type"] == "end_user"]
    assert adjusted_rand_score([true[row["account_id"]] for row in mine], [row["customer_job"] for row in mine]) >= 0.8
    lines = pq.read_table(tmp_path / "made/products").to_pylist()
    bought: dict[str, float] = defaultdict(float)
    for line in lines:
        bought[line["account_id"]] += line["sales"]
    assert {row["account_id"]: round(bought[row["account_id"]], 2) for row in rows} == {
        row["account_id"]: row["sales"] for row in rows
    }


def test_jobs_are_named_by_products_whose_share_is_well_above_that_of_the_market(shop):
    names = {row["customer_job"] for row in table_of(shop["run"], "customer_jobs") if row["party_type"] == "end_user"}
    assert names == {" + ".join(pair) for pair in baskets.LEADING}
    mixes = table_of(shop["run"], "customer_job_mixes")
    for row in mixes:
        assert row["leads"] == (row["share"] >= 0.1 and row["share"] >= 1.5 * row["market_share"])
    for key in {(row["party_type"], row["customer_job"]) for row in mixes}:
        mine = [row["share"] for row in mixes if (row["party_type"], row["customer_job"]) == key]
        assert sum(mine) == pytest.approx(1.0, abs=1e-4)


def test_mean_shares_are_those_of_the_baskets_worked_out_again(shop):
    bought: dict[str, Counter[str]] = defaultdict(Counter)
    for line in pq.read_table(shop["folder"] / "products.parquet").to_pylist():
        bought[line["account_id"]][line["product"]] += line["sales"]
    shares: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    for row in shop["scores"]:
        if row["customer_job_basis"] == "products":
            basket = bought[row["account_id"]]
            shares[row["party_type"], row["customer_job"]].append(
                {name: one / basket.total() for name, one in basket.items()}
            )
    for row in table_of(shop["run"], "customer_job_mixes"):
        if row["product"] in baskets.PRODUCTS:
            mine = shares[row["party_type"], row["customer_job"]]
            expected = np.mean([one.get(row["product"], 0.0) for one in mine])
            assert row["share"] == pytest.approx(expected, abs=2e-6)


def test_customers_with_products_are_certain_and_others_have_the_likeliest_job(shop):
    """Prospects' jobs are right about as often as their probabilities say."""
    true, right, chance = baskets.true_jobs(ROWS), [], []
    job_of = {" + ".join(pair): job for job, pair in enumerate(baskets.LEADING)}
    for row in shop["scores"]:
        if row["customer_job_basis"] == "products":
            assert row["sales"] > 0
            assert row["customer_job_probability"] == 1.0
        elif row["party_type"] == "end_user":
            assert row["customer_job_basis"] == "look_alike"
            assert 1 / baskets.JOBS < row["customer_job_probability"] <= 1.0
            right.append(job_of[row["customer_job"]] == true[row["account_id"]])
            chance.append(row["customer_job_probability"])
    assert len(right) > 800
    assert np.mean(right) > 0.75
    assert np.mean(chance) == pytest.approx(np.mean(right), abs=0.08)


def test_tables_add_up_to_the_scores(shop):
    for row in table_of(shop["run"], "customer_jobs"):
        key = (row["party_type"], row["customer_job"])
        mine = [one for one in shop["scores"] if (one["party_type"], one["customer_job"]) == key]
        assert row["accounts"] == len(mine) == row["customers"] + row["prospects"]
        assert row["customers_by_products"] == sum(one["customer_job_basis"] == "products" for one in mine)
        for name in ("potential", "whitespace", "sales", "expected_value"):
            assert float(row[name]) == pytest.approx(sum(one[name] or 0.0 for one in mine), abs=0.01)


def test_row_order_partitions_and_workers_change_no_byte(shop, tmp_path):
    random = np.random.default_rng(4)
    table = pq.read_table(shop["folder"] / "market")
    path = market.write(table.take(random.permutation(table.num_rows)), tmp_path / "market", files=4, row_group=170)
    lines = pq.read_table(shop["folder"] / "products.parquet")
    pq.write_table(lines.take(random.permutation(lines.num_rows)), tmp_path / "products.parquet", row_group_size=99)
    again = market.run(path, tmp_path / "scores", {**baskets.changes(tmp_path), "engine.workers": 1})
    assert market.different(market.scores(again), market.scores(shop["run"])) == []
    assert record_of(again) == record_of(shop["run"])


def test_a_fake_gpu_gives_the_jobs_of_the_host(shop, tmp_path):
    job = market.job(shop["folder"] / "market", tmp_path / "scores", shop["changes"])
    there = pipeline.run(job, Progress(), make_backend("fake_gpu"))
    ours, theirs = (market.scores(one).select(COLUMNS).to_pylist() for one in (shop["run"], there))
    assert theirs == ours


def later(shop, folder, rows=slice(200, 1400), seed=5):
    """A later market: some accounts have gone, and what customers buy has changed a little."""
    table = market.accounts(ROWS).slice(rows.start, rows.stop - rows.start)
    market.write(table, folder / "market")
    lines = pq.read_table(shop["folder"] / "products.parquet")
    remaining = np.random.default_rng(seed).random(lines.num_rows) < 0.9
    more = pa.table({"account_id": [lines["account_id"][0].as_py()], "product": ["novelty"], "sales": [1.0]})
    pq.write_table(pa.concat_tables([lines.filter(pa.array(remaining)), more]), folder / "products.parquet")
    return market.job(folder / "market", folder / "scores", baskets.changes(folder))


def test_a_frozen_model_keeps_its_jobs_and_what_it_reported_of_prospects(shop, tmp_path):
    again = pipeline.score(later(shop, tmp_path), Progress(), str(shop["run"].path), accept=True)
    before = {row["account_id"]: row for row in shop["scores"]}
    for row in market.scores(again).to_pylist():
        if (
            row["customer_job_basis"] == "look_alike"
            and before[row["account_id"]]["customer_job_basis"] == "look_alike"
        ):
            assert [row[name] for name in COLUMNS] == [before[row["account_id"]][name] for name in COLUMNS]
    names = [{row["customer_job"] for row in record_of(one)["jobs"]} for one in (again, shop["run"])]
    assert names[0] == names[1]
    assert record_of(again)["model"] == {"source": "frozen", "run": shop["run"].run_key}
    third = pipeline.score(later(shop, tmp_path / "third", seed=6), Progress(), str(again.path), accept=True)
    assert {row["customer_job"] for row in record_of(third)["jobs"]} == names[0]


def test_a_refreshed_model_keeps_the_names_of_jobs_that_keep_their_customers(shop, tmp_path):
    again = pipeline.refresh(later(shop, tmp_path), Progress(), str(shop["run"].path), accept=True)
    assert record_of(again)["model"]["source"] == "refreshed"
    before = {row["account_id"]: row for row in shop["scores"]}
    rows = market.scores(again).to_pylist()
    mine = [row for row in rows if row["customer_job_basis"] == "products" and row["party_type"] == "end_user"]
    same = [row["customer_job"] == before[row["account_id"]]["customer_job"] for row in mine]
    assert np.mean(same) > 0.95


@pytest.mark.parametrize("again", [pipeline.score, pipeline.refresh])
def test_other_customer_jobs_than_those_of_the_model_are_refused(shop, tmp_path, again):
    job = market.job(shop["folder"] / "market", tmp_path / "scores", baskets.changes(shop["folder"], k=2))
    said = r"jobs.k: expected 'auto', by which run \w+ found its customer jobs, got 2; set it so, or fit a new model"
    with pytest.raises(InputContractError, match=said):
        again(job, Progress(), str(shop["run"].path), accept=True)


def test_propositions_and_themes_go_by_name_or_leading_product(shop, tmp_path):
    messages = {
        "ANVIL + bellows ": {"proposition": "Forge more in less time", "theme": "speed"},
        "etcher": {"theme": "precision"},
        "nothing": {"theme": "none"},
    }
    done = market.run(
        shop["folder"] / "market", tmp_path / "scores", baskets.changes(shop["folder"], messages=messages)
    )
    listed_rows = {
        (row["customer_job"], row["customer_job_proposition"], row["customer_job_theme"])
        for row in market.scores(done).to_pylist()
        if row["party_type"] == "end_user"
    }
    assert listed_rows == {
        ("anvil + bellows", "Forge more in less time", "speed"),
        ("drill + etcher", None, "precision"),
        ("gauge + hammer", None, None),
    }
    notices = (done.manifest() or {})["notices"]
    assert any("messages of no customer job and no leading product: 'nothing'" in text for text in notices)


def test_customer_jobs_are_segments_that_are_tested_and_addressed(shop, tmp_path):
    letter, visit = {"channel": "letter", "theme": "all"}, {"channel": "visit", "theme": "forge"}
    more = {
        "segments": {"own": ["industry", "customer_job"]},
        "campaigns": {"by": "customer_job", "map": {"anvil + bellows": visit}, "default": letter},
    }
    done = market.run(shop["folder"] / "market", tmp_path / "scores", {**shop["changes"], **more})
    industry = dict(
        zip(
            *(pq.read_table(shop["folder"] / "market")[name].to_pylist() for name in ("account_id", "industry")),
            strict=True,
        )
    )
    for row in market.scores(done).to_pylist():
        assert row["own_segment"] == f"{industry[row['account_id']]} · {row['customer_job'] or 'unknown'}"
        assert row["campaign_channel"] == ("visit" if row["customer_job"] == "anvil + bellows" else "letter")
    alone = market.run(
        shop["folder"] / "market", tmp_path / "alone", {**shop["changes"], "segments": {"own": ["customer_job"]}}
    )
    for row in market.scores(alone).to_pylist():
        assert row["own_segment"] == (row["customer_job"] or "unknown")
    segments = {row["own_segment"] for row in table_of(alone, "own_segments") if row["party_type"] == "end_user"}
    assert segments == {" + ".join(pair) for pair in baskets.LEADING}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"jobs": {}}, "products.path: expected a table of sales by product for [jobs]"),
        ({"segments": {"own": ["customer_job"]}}, "jobs: expected a section [jobs] for 'customer_job' in segments.own"),
        (
            {"campaigns": {"by": "customer_job", "default": {"channel": "a", "theme": "b"}}},
            'jobs: expected a section [jobs] for campaigns.by = "customer_job"',
        ),
        ({"campaigns": {"by": "customer_job"}}, "campaigns.default: expected a campaign"),
    ],
)
def test_what_customer_jobs_need_is_named_before_anything_is_read(tmp_path, changes, word):
    with pytest.raises(JobFileError) as refused:
        market.job(tmp_path, tmp_path / "scores", changes)
    assert word in str(refused.value)


def lines_of(shop, folder, make):
    """The run on lines that are made of those of the shop."""
    lines = pq.read_table(shop["folder"] / "products.parquet")
    folder.mkdir(exist_ok=True)
    pq.write_table(make(lines), folder / "products.parquet")
    return market.run(shop["folder"] / "market", folder / "scores", baskets.changes(folder))


def test_tables_without_products_of_customers_are_refused(shop, tmp_path):
    with pytest.raises(InputContractError, match="0 different products"):
        lines_of(shop, tmp_path / "empty", lambda lines: lines.slice(0, 0))
    with pytest.raises(InputContractError, match="expected an amount above 0 of a customer"):
        lines_of(shop, tmp_path / "negative", lambda lines: lines.set_column(2, "sales", pa.array([-1.0] * len(lines))))
    with pytest.raises(InputContractError, match="rows met an account"):
        lines_of(
            shop, tmp_path / "strangers", lambda lines: lines.set_column(0, "account_id", pa.array(["x"] * len(lines)))
        )


def test_one_product_is_one_job_for_everybody(shop, tmp_path):
    done = lines_of(shop, tmp_path, lambda lines: lines.set_column(1, "product", pa.array(["anvil"] * len(lines))))
    for row in market.scores(done).to_pylist():
        assert (row["customer_job"], row["customer_job_probability"]) == ("mixed products", 1.0)
    assert {party["k"] for party in record_of(done)["parties"]} == {1}
    assert any("all customers count as one" in text for text in (done.manifest() or {})["notices"])


def test_one_customer_is_one_job_of_its_party_type_and_others_have_none(shop, tmp_path):
    one = next(
        row for row in shop["scores"] if row["customer_job_basis"] == "products" and row["party_type"] == "end_user"
    )
    done = lines_of(
        shop, tmp_path, lambda lines: lines.filter(pa.compute.equal(lines["account_id"], one["account_id"]))
    )
    rows = market.scores(done).to_pylist()
    assert [row["account_id"] for row in rows if row["customer_job_basis"] == "products"] == [one["account_id"]]
    assert {row["customer_job"] for row in rows if row["party_type"] == "channel"} == {None}
    assert {row["customer_job_probability"] for row in rows if row["party_type"] == "end_user"} == {1.0}


def test_pairs_that_come_to_nothing_and_unknown_ids_change_no_job(shop, tmp_path):
    account = next(row["account_id"] for row in shop["scores"] if row["customer_job_basis"] == "products")
    more = {
        "account_id": ["stranger", account, account],
        "product": ["inlay", "inlay", "odd"],
        "sales": [9.0, -1e6, -3.0],
    }
    fewer = {"account_id": [account], "product": ["inlay"], "sales": [1e6]}
    done = lines_of(shop, tmp_path, lambda lines: pa.concat_tables([lines, pa.table(more), pa.table(fewer)]))
    ours, theirs = (market.scores(one).select(COLUMNS[:1]) for one in (shop["run"], done))
    assert agreement(market.scores(done).to_pylist()) >= 0.8
    assert sum(a != b for a, b in zip(ours.to_pylist(), theirs.to_pylist(), strict=True)) <= 2


def test_a_number_of_jobs_that_the_job_file_names_is_taken(shop, tmp_path):
    done = market.run(shop["folder"] / "market", tmp_path / "scores", baskets.changes(shop["folder"], k=2))
    assert {party["k"] for party in record_of(done)["parties"]} == {2}
    assert all(not party["candidates"] for party in record_of(done)["parties"])


def test_show_explain_and_export_tell_of_customer_jobs(shop):
    output = str(shop["run"].output)
    page = " ".join(CliRunner().invoke(app, ["show", output]).stdout.split())
    assert "CUSTOMER JOBS" in page
    assert "anvil + bellows" in page
    account = next(row["account_id"] for row in shop["scores"] if row["customer_job_basis"] == "products")
    page = CliRunner().invoke(app, ["explain", output, account]).stdout
    assert "customer job" in page
    asked = CliRunner().invoke(app, ["show", output, "--json"])
    assert asked.exit_code == 0
    json.loads(asked.stdout)
