"""Week after week: a frozen model scores as it did and says what has drifted; a refresh keeps segments' names."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from tamscore import pipeline
from tamscore.errors import GateError, InputContractError, UsageError
from tamscore.model import files as model
from tamscore.progress import Progress
from tamscore.questions import what_if
from tamscore.questions.page_one import stakes_of
from tamscore.questions.pages.changes import drift
from tamscore.questions.stored import open_run
from tamscore.questions.what_if_page import chapter
from tamscore.report import write_report
from tamscore.store.commit import Placed
from tamscore.store.run_directory import RunDirectory
from tamscore.store.versions import find
from tamscore.view.blocks import Text
from tamscore.view.terminal import to_terminal
from tests.conftest import make_backend
from tests.end_to_end import market

ROWS = 2500


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A finished run of the first week."""
    return market.score(market.accounts(ROWS), tmp_path_factory.mktemp("first"), files=2)


def score(table, folder, earlier, changes=None, backend=None, own_ladders=False, **layout):
    """The run on a table with the frozen model of an earlier run, and what it noticed."""
    job = market.job(market.write(table, folder / "market", **layout), folder / "scores", changes)
    progress = Progress()
    done = pipeline.score(job, progress, str(earlier.path), own_ladders=own_ladders, accept=True, backend=backend)
    return done, progress.notices


def refresh(table, folder, earlier, changes=None, backend=None, accept=False):
    """The run on a table with a model refreshed from an earlier run."""
    job = market.job(market.write(table, folder / "market"), folder / "scores", changes)
    return pipeline.refresh(job, Progress(), str(earlier.path), accept=accept, backend=backend)


def clusters(done):
    table = market.scores(done)
    return dict(zip(table["account_id"].to_pylist(), table["cluster"].to_pylist(), strict=True))


def rows_of(done, name) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(done.tables / f"{name}.parquet").to_pylist()
    return rows


def with_column(table, name, values):
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values))


# --- the frozen model ---


@pytest.mark.parametrize(("files", "workers"), [(1, 1), (3, 2)])
def test_the_same_market_under_its_own_frozen_model_gets_the_same_scores(first, tmp_path, files, workers):
    """Every column of every account to the bit, whatever the files and workers; nothing has drifted."""
    done, _ = score(market.accounts(ROWS), tmp_path, first, {"engine": {"workers": workers}}, files=files)
    ours, theirs = market.scores(first), market.scores(done)
    for name in ours.column_names:
        assert market.bits(ours[name]) == market.bits(theirs[name]), name
    drift_rows = [row for row in rows_of(done, "drift") if row["verdict"] != "steady"]
    assert drift_rows == []
    assert done.manifest()["model"] == {
        "source": "frozen", "ladders": "frozen", "run": first.run_key, "accounts_known": ROWS,
        "accounts_relabelled": 0, "manifest_sha256": done.manifest()["model"]["manifest_sha256"],
    }  # fmt: skip


def test_a_frozen_model_outlives_the_run_that_used_it(first, tmp_path):
    """Scored with the model of a scored run, the market comes out the same: the model is handed on whole."""
    second, _ = score(market.accounts(ROWS), tmp_path / "second", first)
    third, _ = score(market.accounts(ROWS), tmp_path / "third", second)
    mine, theirs = (model.read_raw(done.model) for done in (first, third))
    assert mine[0] == theirs[0]
    assert {name: array.tobytes() for name, array in mine[1].items()} == {
        name: array.tobytes() for name, array in theirs[1].items()
    }


def test_what_if_says_that_ladders_of_scenarios_are_no_longer_frozen(first, tmp_path):
    done, _ = score(market.accounts(ROWS), tmp_path, first)
    asked = [
        what_if.scenario_of(one, (), 1) for one in ("cap: potential.top_step=p99", "few: quadrant.threshold=median")
    ]

    def said(run):
        return [one.text for one in chapter(what_if.ask(open_run(run.path), asked)).blocks if isinstance(one, Text)]

    (text,) = said(done)
    customers = sum(row["sales"] is not None and row["sales"] > 0 for row in market.scores(done).to_pylist())
    assert f"Ladders of cap are made of the sales of this run's {customers} customers" in text
    assert said(first) == []


def test_where_nobody_buys_any_more_frozen_ladders_tell_potential_and_nothing_is_expected(first, tmp_path):
    nothing = with_column(market.accounts(ROWS), "sales", np.zeros(ROWS))
    done, notices = score(nothing, tmp_path, first)
    assert any("every potential is that of the earlier run's ladders" in text for text in notices)
    scores = market.scores(done)
    assert scores["expected_value"].null_count == ROWS
    assert scores["whitespace"].null_count == 0
    for name in ("priority", "plays", "portfolio"):
        rows = rows_of(done, name)
        assert {row["expected_value"] for row in rows} == {None}, name
        assert sum(row["whitespace"] for row in rows) == pytest.approx(sum(scores["whitespace"].to_pylist()), abs=0.1)
    assert stakes_of(done, done.manifest() or {})["acquisition"]["expected"] is None
    write_report(open_run(done.path), Progress(), tmp_path / "report.html")


def test_frozen_cut_lines_do_not_follow_the_sales_and_fresh_ones_do(first, tmp_path):
    """Doubled sales: the ladders stay where they were, or double."""
    table = market.accounts(ROWS)
    doubled = with_column(table, "sales", pc.multiply(table["sales"], 2.0))
    frozen, _ = score(doubled, tmp_path / "frozen", first)
    fresh, _ = score(doubled, tmp_path / "fresh", first, own_ladders=True)
    before, same, twice = (rows_of(done, "potential") for done in (first, frozen, fresh))
    assert before == same
    for old, new in zip(before, twice, strict=True):
        assert new["top"] == pytest.approx(2 * old["top"])
        assert new["p85"] == pytest.approx(2 * old["p85"])
    scores = market.scores(frozen)
    above = np.nan_to_num(scores["sales"].to_numpy()) > scores["potential"].to_numpy()
    assert not above.any(), "an account above the frozen top keeps its own sales as potential"
    texts = [model.read_raw(done.model)[0]["parties"] for done in (first, frozen, fresh)]
    limits = [[party["limits"] for party in parties] for parties in texts]
    assert limits[0] == limits[1] != limits[2]


def test_the_fake_gpu_rescores_and_refreshes_as_the_host_does(first, tmp_path):
    """Drift, hysteresis, matching and all: the same tables and arrays to the byte."""
    table = moved(market.accounts(ROWS), 0.3)
    for name, how in (("score", lambda *args: score(*args)[0]), ("refresh", refresh)):
        written = []
        for device in ("host", "fake_gpu"):
            done = how(table, tmp_path / f"{name}-{device}", first, None, make_backend(device))
            parts = sorted(path for path in done.path.rglob("*") if path.suffix in {".parquet", ".safetensors"})
            written.append([(path.name, path.read_bytes()) for path in parts])
        assert len(written[0]) > 8
        assert written[0] == written[1]


def moved(table, by, seed=3):
    """The market a month on: every account's numbers a little different."""
    random = np.random.default_rng(seed)
    growth = table["growth"].to_numpy() + by * 0.02 * random.standard_normal(table.num_rows)
    return with_column(table, "growth", growth)


# --- refused ---


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"features.numeric": {"employees": "log_standard"}}, "features.numeric lacks 'growth', which the model was"),
        ({"features.winsorise": [0.01, 0.99]}, r"features.winsorise: expected \[0.001, 0.999\], under which"),
        (
            {"features.numeric": {"employees": "standard", "growth": "standard"}},
            "features.numeric.employees.scaling: expected 'log_standard', under which .*, got 'standard'",
        ),
        (
            {"potential.preset": "p80", "potential.stability": False},
            "^model: potential.preset: expected 'p85', under which the model was fitted, got 'p80'; use the job file",
        ),
        ({"potential.level": "account"}, "potential.level: expected 'cluster', .* got 'account'"),
        ({"quadrant.threshold": "median"}, "quadrant.threshold: expected 'percentile', .* got 'median'"),
        ({"clusters.seed": 9}, "clusters.seed: expected 0, under which the model was fitted, got 9"),
        ({"columns.market_segment": None}, "columns.market_segment: expected 'segment', .* got nothing"),
    ],
)
def test_a_job_that_does_not_match_the_model_is_refused_by_name(first, tmp_path, changes, expected):
    with pytest.raises(InputContractError, match=expected):
        score(market.accounts(50), tmp_path, first, changes)


def test_settings_that_do_not_touch_the_model_may_differ(first, tmp_path):
    """Hysteresis and the gate; and with fresh cut lines those of the ladders."""
    changes = {"clusters.hysteresis": 0.2, "clusters.max_relabelled_share": 0.5, "potential.preset": "p80"}
    done, _ = score(market.accounts(ROWS), tmp_path, first, changes, own_ladders=True)
    assert "p80" in rows_of(done, "potential")[0]


def test_accounts_of_a_party_type_that_the_model_does_not_know_are_refused(tmp_path):
    ends = market.accounts(ROWS, channel=0.0)
    earlier = market.score(ends, tmp_path / "first", {"clusters.k": 4})
    with pytest.raises(InputContractError, match=r"accounts are of party type 'channel', which the model of run"):
        score(market.accounts(ROWS), tmp_path / "second", earlier, {"clusters.k": 4})


def test_a_party_type_without_accounts_this_week_keeps_its_place_in_the_model(first, tmp_path):
    """No channel partner this week: end users are scored as ever, and next week the model still knows the others."""
    table = market.accounts(ROWS)
    ends = table.filter(pc.equal(table["party_type"], "end_user"))
    scored, _ = score(ends, tmp_path / "scored", first)
    for second in (scored, refresh(ends, tmp_path / "refreshed", first, accept=True)):
        assert clusters(second).items() <= clusters(first).items()
        third, _ = score(table, tmp_path / f"after-{second.run_key}", second)
        assert clusters(third) == clusters(first)


def test_a_run_is_found_by_its_output_its_folder_and_the_first_digits_of_its_key(first, tmp_path):
    table = market.write(market.accounts(ROWS), tmp_path / "market")
    job = market.job(table, first.output)
    key = first.run_key
    for named in (str(first.output), str(first.path), key[:6], key[:6].upper(), str(first.output / key[:4])):
        assert (pipeline.score(job, Progress(), named).manifest() or {})["model"]["run"]
    for named in ("ffff0000", str(first.output / "ffff0000")):
        with pytest.raises(UsageError, match=rf"'ffff0000': no complete version begins so; there are .*{key}"):
            pipeline.score(job, Progress(), named)


# --- drift ---


def test_a_column_that_shifts_is_reported_by_its_name_and_no_other(first, tmp_path):
    table = market.accounts(ROWS)
    shifted = with_column(table, "growth", table["growth"].to_numpy() + 0.03)
    done, notices = score(shifted, tmp_path, first)
    drift_rows = {(row["party_type"], row["name"]): row for row in rows_of(done, "drift") if row["what"] == "feature"}
    assert drift_rows["end_user", "growth"]["psi"] >= 0.25
    assert drift_rows["end_user", "growth"]["verdict"] == "strongly shifted"
    assert drift_rows["end_user", "employees"]["verdict"] == "steady"
    assert any("column 'growth' has strongly shifted (stability index" in text for text in notices)
    assert done.manifest()["notices"] == notices


def test_the_index_of_a_column_is_that_of_its_shares_in_the_bins_of_the_fit(first, tmp_path):
    """Recomputed from the tables alone: deciles of the first week, shares of both weeks."""
    before, now = market.accounts(ROWS), moved(market.accounts(ROWS), 2.0)
    done, _ = score(now, tmp_path, first)
    party = "channel"
    of_party = (table.filter(pc.equal(table["party_type"], party)) for table in (before, now))
    columns = [table["growth"].to_numpy() for table in of_party]
    known = np.sort(columns[0][~np.isnan(columns[0])])
    edges = np.quantile(known, np.arange(0.1, 0.95, 0.1), method="inverted_cdf")
    shares = []
    for column in columns:
        bins = np.bincount(np.searchsorted(edges, column[~np.isnan(column)]), minlength=10)
        shares.append(np.maximum(np.append(bins, np.isnan(column).sum()) / len(column), 1e-4))
    index = np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0]))
    (row,) = [row for row in rows_of(done, "drift") if (row["party_type"], row["name"]) == (party, "growth")]
    assert row["psi"] == pytest.approx(index, abs=1e-12)


def test_a_new_category_is_reported_with_its_share(first, tmp_path):
    table = market.accounts(ROWS)
    fresh = np.where(np.arange(ROWS) % 10 == 0, "fusion", table["industry"].to_pylist())
    done, notices = score(with_column(table, "industry", fresh), tmp_path, first)
    drift_rows = {row["name"]: row["now"] for row in rows_of(done, "drift") if row["what"] == "category"}
    assert set(drift_rows) == {"industry = fusion"}
    assert drift_rows["industry = fusion"] == pytest.approx(0.1, abs=0.05)
    assert any("new category industry = fusion has" in text for text in notices)


def test_accounts_far_from_every_cluster_are_counted(first, tmp_path):
    """One account in ten grows by a factor that no cluster knows."""
    table = market.accounts(ROWS)
    growth = np.where(np.arange(ROWS) % 10 == 0, 0.6, table["growth"].to_numpy())
    done, _ = score(with_column(table, "growth", growth), tmp_path, first, {"rows": market.JOB["rows"]})
    far = {row["party_type"]: row for row in rows_of(done, "drift") if row["what"] == "far"}
    assert far["end_user"]["now"] == pytest.approx(0.11, abs=0.03)
    assert far["end_user"]["verdict"] == "strongly shifted"


def test_drift_says_what_its_shares_are_shares_of(first, tmp_path):
    """A score places every account under the earlier model, a refresh those alone that it is fitted on."""
    table = market.accounts(ROWS)
    growth = np.where(np.arange(ROWS) % 10 == 0, 0.6, table["growth"].to_numpy())
    path = market.write(with_column(table, "growth", growth), tmp_path / "market")
    few = {"clusters.fit_rows": 1000, "clusters.seed_rows": 1000}
    fitted = market.run(path, tmp_path / "fitted", few)
    job = market.job(path, tmp_path / "scores", few)
    scored, refreshed = Progress(), Progress()
    runs = {
        "accounts": pipeline.score(job, scored, str(fitted.path)),
        "fit rows": pipeline.refresh(job, refreshed, str(first.path), accept=True),
    }
    for base, done in runs.items():
        rows = rows_of(done, "drift")
        assert {row["of"] for row in rows if row["what"] in {"far", "clusters", "cluster"}} == {base}
        assert {row["of"] for row in rows if row["what"] in {"feature", "category"}} == {"accounts drawn"}
        console = Console(file=(out := StringIO()), width=200)
        for block in drift(rows):
            console.print(to_terminal(block, None))
        assert f"of the {base}\n" in re.sub(r" +\n", "\n", out.getvalue())
    far = next(row for row in rows_of(runs["fit rows"], "drift") if row["what"] == "far")
    rows = (runs["fit rows"].manifest() or {})["fit"][far["party_type"]]["rows"]
    assert rows < ROWS / 2
    assert far["now"] * rows == pytest.approx(round(far["now"] * rows))
    assert any("of the fit rows lie far from every cluster" in text for text in refreshed.notices)
    assert not any("fit rows" in text for text in scored.notices)


# --- the refresh ---

PLACES = {"A": (0, 0), "B": (30, 0), "C": (30, 12), "D": (60, 0), "F": (0, 60)}
NEXT = {"A1": (0, -6), "A2": (0, 6), "B": (30, 6), "C": (30, 6), "N": (-40, 40), "F": (0, 60)}
SIZES = {"A": 600, "A1": 350, "A2": 250, "B": 400, "C": 300, "D": 300, "N": 300, "F": 500}
STARTS = {"A": 0, "A1": 0, "A2": 350, "B": 1000, "C": 2000, "D": 3000, "N": 4000, "F": 5000}
PLACED: dict[str, Any] = {
    "columns": {}, "features": {"numeric": {"x": "none", "y": "none"}, "winsorise": False},
    "clusters": {"k": 5, "restarts": 8, "max_relabelled_share": 0.05},
    "input.max_gone_share": 1.0, "input.max_customer_change": 1.0, "input.max_sales_change": 10.0,
}  # fmt: skip


def placed(places, seed=0):
    """A market with groups of accounts around these places; an account keeps id and sales while its group is there."""
    parts = []
    for name, (x, y) in places.items():
        random = np.random.default_rng([seed, STARTS[name]])
        n = SIZES[name]
        noise = random.standard_normal((2, n))
        numbers = STARTS[name] + np.arange(n)
        ids = [f"P{number:05d}" for number in numbers]
        sales = np.where(numbers * 7919 % 10 < 3, numbers * 104_729 % 499 + 1, 0).astype(float)
        parts.append(pa.table({"account_id": ids, "sales": sales, "x": x + noise[0], "y": y + noise[1]}))
    return pa.concat_tables(parts)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return market.score(placed(PLACES), tmp_path_factory.mktemp("places"), PLACED)


def home(done, name):
    """The cluster of the first account of a group."""
    return clusters(done)[f"P{STARTS[name]:05d}"]


def test_a_split_a_merger_a_birth_and_a_death_are_reported_and_everybody_else_keeps_the_name(places, tmp_path):
    done = refresh(placed(NEXT, 1), tmp_path, places, PLACED, accept=True)
    old = {name: home(places, name) for name in PLACES}
    new = {name: home(done, name) for name in NEXT}
    drift_rows = {(row["event"], row["cluster"], row["related"]) for row in rows_of(done, "events")}
    assert (new["A1"], new["B"], new["C"], new["F"]) == (old["A"], old["B"], old["B"], old["F"])
    assert {new["A2"], new["N"]} == {"E06", "E07"}
    assert drift_rows == {
        ("split", old["A"], new["A2"]), ("split", new["A2"], old["A"]), ("kept", old["B"], old["C"]),
        ("merged", old["C"], old["B"]), ("retired", old["D"], ""), ("new", new["N"], ""), ("kept", old["F"], ""),
    }  # fmt: skip
    assert done.manifest()["model"]["accounts_relabelled"] == SIZES["A2"] + SIZES["C"]


def test_too_many_changes_are_shown_and_nothing_is_published_until_somebody_accepts(places, tmp_path):
    before = find(places.output)
    with pytest.raises(GateError, match=r"30\.6% of 1,800 accounts would change cluster, allowed are 5\.0%") as stopped:
        refresh(placed(NEXT, 1), tmp_path, places, PLACED)
    assert stopped.value.exit_code == 4
    assert {row["event"] for row in stopped.value.plan} == {"kept", "split", "merged", "new", "retired"}
    files = [path for path in (tmp_path / "scores").rglob("*") if path.is_file() and path.name != "_lock"]
    assert {path.parent.parent.name for path in files} == {"_checkpoints"}
    assert find(places.output) == before
    lenient = {**PLACED, "clusters": {**PLACED["clusters"], "max_relabelled_share": 0.4}}
    assert refresh(placed(NEXT, 1), tmp_path / "lenient", places, lenient).is_complete()


def test_an_id_that_was_retired_is_never_given_again(places, tmp_path):
    """The segment that vanished comes back in the third month: under a new id, the seventh was the last."""
    second = refresh(placed(NEXT, 1), tmp_path / "second", places, PLACED, accept=True)
    back = {name: at for name, at in NEXT.items() if name != "C"} | {"D": PLACES["D"]}
    more = {**PLACED, "clusters": {**PLACED["clusters"], "k": 6}}
    third = refresh(placed(back, 2), tmp_path / "third", second, more, accept=True)
    assert home(third, "D") == "E08"
    assert home(third, "A1") == home(places, "A")


def test_scrambled_centers_give_every_account_the_same_id(places, tmp_path):
    """The clusters of the stored model in another order: the refresh is the same to the account."""
    plain = refresh(placed(PLACES, 1), tmp_path / "plain", places, PLACED)
    scramble(places, tmp_path / "scrambled", [3, 1, 4, 0, 2])
    again = refresh(placed(PLACES, 1), tmp_path / "again", RunDirectory(tmp_path / "scrambled", places.run_key), PLACED)
    assert clusters(plain) == clusters(again)
    assert {row["event"] for row in rows_of(again, "events")} == {"kept"}


def scramble(done, output, order):
    """A copy of a run whose model has its clusters in another order, ids with them."""
    here = output / "versions" / done.run_key
    (here / "scores").mkdir(parents=True)
    for path in done.scores.glob("part-*.parquet"):
        (here / "scores" / path.name).write_bytes(path.read_bytes())
    description, arrays = model.read_raw(done.model)
    (party,) = description["parties"]
    sales = np.split(arrays["end_user.customer_sales"], arrays["end_user.offsets"][1:-1])
    for name in ("centers", "counts", "reach", "cut_values", "support", "accounts"):
        arrays[f"end_user.{name}"] = arrays[f"end_user.{name}"][order]
    arrays["end_user.customer_sales"] = np.concatenate([sales[i] for i in order])
    arrays["end_user.offsets"] = np.cumsum([0, *(len(sales[i]) for i in order)])
    party["clusters"] = [party["clusters"][i] for i in order]
    party["ladder"] |= {key: [party["ladder"][key][i] for i in order] for key in ("basis", "parent")}
    files = {**model.write_raw(here / "model", description, arrays)}
    scores = {name: record for name, record in done.manifest()["files"].items() if name.startswith("scores/part-")}
    manifest = {**done.manifest(), "files": scores | {name: placed_.record() for name, placed_ in files.items()}}
    (here / "manifest.json").write_text(json.dumps(manifest))
    assert all(isinstance(one, Placed) for one in files.values())


def test_a_market_whose_accounts_are_others_is_matched_by_place(places, tmp_path):
    """New ids for everybody, as after a change of the CRM: the clusters go on where they were."""
    table = placed(PLACES, 1)
    renamed = with_column(table, "account_id", [f"Q{name}" for name in table["account_id"].to_pylist()])
    done = refresh(renamed, tmp_path, places, PLACED)
    assert {row["event"] for row in rows_of(done, "events")} == {"kept"}
    assert {name[1:]: cluster for name, cluster in clusters(done).items()} == clusters(places)


def test_a_party_type_that_is_new_is_fitted_anew_beside_the_refreshed_one(tmp_path):
    table = market.accounts(ROWS)
    ends = table.filter(pc.equal(table["party_type"], "end_user"))
    earlier = market.score(ends, tmp_path / "first", {"clusters.k": 4})
    done = refresh(table, tmp_path / "second", earlier, {"clusters.k": 4})
    assert {row["event"] for row in rows_of(done, "events")} == {"kept"}
    assert set(clusters(done).values()) == {f"{letter}0{i}" for letter in "EC" for i in range(1, 5)}
    assert (done.manifest() or {})["model"]["accounts_known"] == ends.num_rows


@pytest.mark.parametrize("fit_rows", [262_144, "all"])
def test_a_refresh_is_within_a_thousandth_of_a_fresh_fit_and_keeps_the_ids(first, tmp_path, fit_rows):
    """On a sample or on every row; the settings of the fit may differ from those of the first model."""
    table, changes = moved(market.accounts(ROWS), 0.5), {"clusters.fit_rows": fit_rows, "clusters.polish_passes": 1}
    refreshed = refresh(table, tmp_path / "warm", first, changes)
    cold = market.score(table, tmp_path / "cold", changes)
    before, after = clusters(first), clusters(refreshed)
    mean = np.mean([before[name] == cluster for name, cluster in after.items()])
    assert mean >= 0.95
    fits = [(done.manifest() or {})["fit"] for done in (refreshed, cold)]
    for party, fit in fits[0].items():
        assert fit["inertia_per_row"] <= 1.001 * fits[1][party]["inertia_per_row"]
    names = [{row["cluster"]: row["name"] for row in rows_of(done, "potential")} for done in (first, refreshed)]
    assert names[0] == names[1]


def test_accounts_at_a_boundary_do_not_flap(tmp_path):
    """An account that steps over the boundary by a hair stays; without hysteresis it goes, and would come back."""
    near = {"x": [0.0] * 50 + [10.0] * 50 + [4.9], "y": [0.0] * 101}
    base = {"account_id": [f"A{i:03d}" for i in range(101)], "sales": [float(i % 3) for i in range(101)]}
    changes = {**PLACED, "clusters": {"k": 2, "restarts": 2}}
    week = pa.table(base | near)
    earlier = market.score(week, tmp_path / "first", changes)
    stepped = with_column(week, "x", [*near["x"][:-1], 5.2])
    for share, same in ((0.0, False), (0.1, True)):
        job = {**changes, "clusters": {**changes["clusters"], "hysteresis": share}}
        done, _ = score(stepped, tmp_path / str(share), earlier, job)
        assert (clusters(done)["A100"] == clusters(earlier)["A100"]) is same
    row = market.scores(done).to_pylist()[-1]
    assert row["margin"] < 0 < row["distance"]


def test_a_model_that_saw_no_customers_knows_no_potential_of_those_that_come(tmp_path):
    """What it does not know counts as nothing in every sum, from the steps to what-if and the report."""
    segments: dict[str, Any] = {"segments": {}}
    nobody = market.score(market.accounts(ROWS, customers=0.0), tmp_path / "first", segments)
    done, _ = score(market.accounts(ROWS), tmp_path / "second", nobody, segments)
    assert {row["whitespace"] for row in rows_of(done, "steps")} == {0}
    stored = open_run(done.output)
    as_it_is, other = what_if.ask(stored, [what_if.scenario_of("potential.preset=p80", (), 1)])
    assert as_it_is.kinds[:, 1:].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert np.isfinite(other.kinds).all()
    write_report(stored, Progress(), tmp_path / "r.html", None)
