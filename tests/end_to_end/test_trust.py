"""The choice of k, stability and rules in whole runs: chosen by sales, on record, shown, the same for any workers."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from bench.leaks import wallet_correlation
from tamscore import job_file, pipeline
from tamscore.progress import Progress
from tamscore.questions import show
from tamscore.synthetic import write_market
from tests.end_to_end import market

AUTO = {"clusters.k": "auto", "clusters.k_range": [2, 8], "clusters.seed_rows": 2000}


def choice(done):
    return pq.read_table(done.tables / "choice_of_k.parquet").to_pylist()


def shown(done, width=None):
    stream = io.StringIO()
    Console(file=stream, width=width or 400).print(show.render(show.load(done.output), width))
    return stream.getvalue()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trust") / "demo"
    write_market(folder, 20_000, seed=0)
    return folder


def run(folder, output, *changes):
    places = (f'output.path="{output}"', "clusters.restarts=4", "clusters.seed_rows=6000")
    changes = ("clusters.stability=false", 'leakage.action="off"', *changes)
    return pipeline.run(job_file.load(folder / "job.toml", [*places, *changes]), Progress())


def test_the_chosen_k_finds_the_wallets_better_than_the_k_of_other_criteria(demo, tmp_path):
    auto = run(demo, tmp_path / "auto", "clusters.k=auto", "clusters.k_range=[2, 24]")
    found = wallet_correlation(auto, demo / "truth")
    assert found >= 0.85
    of_party = [[row for row in choice(auto) if row["party_type"] == party] for party in ("end_user", "channel")]
    rivals = {
        tuple(max(rows, key=lambda row: row[name])["k"] for rows in of_party)
        for name in ("elbow", "calinski_harabasz", "silhouette")
    }
    for end_user, channel in rivals:
        k = f"clusters.k={{ end_user = {end_user}, channel = {channel} }}"
        rival = run(demo, tmp_path / f"{end_user}-{channel}", k)
        assert found >= wallet_correlation(rival, demo / "truth")


def test_k_is_chosen_for_the_party_types_that_ask_for_it_and_is_that_of_the_model(tmp_path):
    done = market.score(market.accounts(3000), tmp_path, AUTO | {"clusters.k": {"end_user": "auto", "channel": 2}})
    rows = choice(done)
    assert {row["party_type"] for row in rows} == {"end_user"}
    assert [row["k"] for row in rows] == [2, 3, 4, 5, 6, 8]
    (chosen,) = (row["k"] for row in rows if row["chosen"])
    clusters = pq.read_table(done.tables / "potential.parquet").to_pylist()
    assert sum(row["party_type"] == "end_user" for row in clusters) == chosen
    assert sum(row["party_type"] == "channel" for row in clusters) == 2
    assert f"end_user: {chosen} clusters, chosen among 6 from 2 to 8" in "\n".join((done.manifest() or {})["notices"])


def test_the_four_groups_of_a_plain_market_are_chosen(tmp_path):
    """Groups far apart whose sales differ: three would mix two of them, a fifth has nothing to add."""
    done = market.score(market.accounts(4000, channel=0.0), tmp_path, AUTO | {"features.categorical": []})
    assert [row["k"] for row in choice(done) if row["chosen"]] == [4]


def test_choice_stability_and_rules_are_the_same_bytes_for_any_workers_and_partitions(tmp_path):
    table = market.accounts(3000)
    one = market.score(table, tmp_path / "one", AUTO | {"engine": {"workers": 1}})
    many = market.score(table, tmp_path / "many", AUTO | {"engine": {"workers": 3}}, files=4)
    for name in ("choice_of_k", "stability", "leakage"):
        ours, theirs = ((done.tables / f"{name}.parquet").read_bytes() for done in (one, many))
        assert ours == theirs


def test_too_few_customers_to_choose_by_give_the_fewest_clusters_and_a_word(tmp_path):
    done = market.score(market.accounts(1200, customers=0.03, channel=0.0), tmp_path, AUTO)
    assert choice(done) == []
    assert "too few to choose clusters.k by, 100 are needed; took 2" in "\n".join((done.manifest() or {})["notices"])


def test_show_tells_suspects_choice_stability_and_rules_to_people_and_machines(tmp_path):
    table = market.accounts(5000)
    table = table.append_column("orders", [table["sales"].to_numpy(zero_copy_only=False) / 40.0])
    features = {"employees": "log_standard", "growth": "standard", "orders": "log_standard"}
    done = market.score(
        table, tmp_path, AUTO | {"clusters.restarts": 2, "features.numeric": features, "features.allow": ["orders"]}
    )
    text = shown(done)
    for title in (
        "FEATURES THAT LOOK LIKE SALES",
        "CHOICE OF K, END USER",
        "CHOICE OF K, CHANNEL",
        "TRUST IN CLUSTERS",
    ):
        assert title in text
    allowed = [line for line in text.splitlines() if line.startswith("orders")]
    assert len(allowed) == 2
    assert all("allowed" in line and "tells customers from prospects" in line for line in allowed)
    assert sum(" chosen " in line and "among" not in line for line in text.splitlines()) == 2
    stable = pq.read_table(done.tables / "stability.parquet").to_pylist()
    for row in stable:
        assert row["rule"] in text
        assert 0 <= row["f1"] <= 1
    found = json.loads(show.to_json(show.load(done.output)))
    assert [row["cluster"] for row in found["stability"]] == [row["cluster"] for row in stable]
    assert max(map(len, shown(done, 100).splitlines())) <= 100


def test_groups_that_are_there_are_stable_and_their_rules_fit(tmp_path):
    done = market.score(market.accounts(4000, channel=0.0), tmp_path, {"clusters.k": 4, "features.categorical": []})
    rows = pq.read_table(done.tables / "stability.parquet").to_pylist()
    assert {row["grade"] for row in rows} == {"highly stable"}
    assert min(row["f1"] for row in rows) > 0.9
    assert all("employees" in row["rule"] for row in rows)


def test_a_run_may_do_without_bootstraps_and_rules(tmp_path):
    done = market.score(market.accounts(600), tmp_path, {"clusters.stability": False})
    assert pq.read_table(done.tables / "stability.parquet").num_rows == 0
    assert "TRUST IN CLUSTERS" not in shown(done)


def test_show_reads_neither_the_model_nor_the_scores(tmp_path):
    done = market.score(market.accounts(600), tmp_path)
    page = shown(done)
    for folder in (done.model, done.path / "scores"):
        shutil.rmtree(str(folder))
    assert shown(done) == page


def moves_in(done):
    return pq.read_table(done.tables / "potential_stability.parquet").to_pylist()


def test_a_run_that_chooses_k_says_how_far_potentials_move(tmp_path):
    done = market.score(market.accounts(3000), tmp_path, AUTO | {"clusters.k": {"end_user": "auto", "channel": 2}})
    rows = moves_in(done)
    assert [(row["party_type"], row["redraw"]) for row in rows] == [("end_user", "1"), ("end_user", "2")]
    assert all(0 <= row[name] <= 1 for row in rows for name in ("moved", "top_overlap"))
    (chosen,) = (row for row in choice(done) if row["chosen"])
    assert chosen["moved"] == pytest.approx(max(row["moved"] for row in rows))
    record = (done.manifest() or {})["fit"]["end_user"]["potential_stability"]
    assert [one["moved"] for one in record] == pytest.approx([row["moved"] for row in rows], abs=1e-6)
    assert "STABILITY OF POTENTIALS" in shown(done)


@pytest.mark.parametrize("level", ["cluster", "account"])
def test_with_a_given_k_potentials_are_tried_where_the_job_asks_for_it(tmp_path, level):
    given = {"clusters.k": {"end_user": 4, "channel": 2}, "potential.level": level}
    assert moves_in(market.score(market.accounts(3000), tmp_path / "plain", given)) == []
    done = market.score(market.accounts(3000), tmp_path / "asked", given | {"potential.stability": True})
    rows = moves_in(done)
    assert {row["party_type"] for row in rows} == {"end_user", "channel"}
    assert max(row["moved"] for row in rows if row["party_type"] == "end_user") < 0.2  # four groups far apart
    scores = [market.scores(market.score(market.accounts(3000), tmp_path / one, given)) for one in ("plain", "asked")]
    assert scores[0].equals(scores[1])


def test_how_potentials_move_does_not_depend_on_how_the_table_is_cut(tmp_path):
    asked = {"potential.stability": True}
    one = market.score(market.accounts(2000), tmp_path / "one", asked)
    many = market.score(market.accounts(2000), tmp_path / "many", asked | {"engine": {"workers": 1}}, files=5)
    ours, theirs = ((done.tables / "potential_stability.parquet").read_bytes() for done in (one, many))
    assert ours == theirs


def test_potentials_that_move_draw_a_warning_with_remedies(tmp_path):
    """One smooth cloud in ten clusters: no two fits cut it alike."""
    random = np.random.default_rng(0)
    size = random.standard_normal((2, 2500))
    sales = np.where(random.random(2500) < 0.5, np.exp(5.0 + 2.0 * size[0] + size[1]), 0.0)
    table = market.accounts(2500, channel=0.0)
    for name, column in (("employees", np.exp(size[0]) * 100), ("growth", size[1]), ("sales", sales)):
        table = table.set_column(table.column_names.index(name), name, pa.array(column))
    changes = {"clusters.k": 10, "potential.stability": True, "leakage": {"action": "off"}}
    done = market.score(table, tmp_path, changes)
    (text,) = (one for one in (done.manifest() or {})["notices"] if "move by more than 20%" in one)
    assert "what may move less: potential.level = 'account', or a smaller clusters.k" in text
