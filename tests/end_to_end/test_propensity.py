"""Who will buy: the reference case found again, honest where labels are thin, the same whoever computes it."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore import pipeline
from tamscore.errors import InputContractError
from tamscore.model import files as model
from tamscore.progress import Progress
from tamscore.questions import show
from tamscore.sections.propensity import stored_model as propensity_model
from tamscore.store.location import location
from tamscore.store.placed import files_of
from tests.end_to_end import buyers, market
from tests.fake_gpu import FakeGpu
from tests.frozen_host import FrozenHost

if TYPE_CHECKING:
    from tamscore.store.run_directory import RunDirectory

SMALL = 3000


def section(**keys):
    """The changes of `buyers` with other keys of [propensity]; None leaves one out."""
    asked = {**buyers.CHANGES["propensity"], **keys}
    return {**buyers.CHANGES, "propensity": {key: value for key, value in asked.items() if value is not None}}


def record(done):
    return manifest_of(done)["extras"]["propensity"]


def manifest_of(done: RunDirectory) -> dict[str, Any]:
    """The manifest of a complete run."""
    manifest: dict[str, Any] | None = done.manifest()
    assert manifest is not None
    return manifest


def column(done, name):
    return market.scores(done)[name].to_numpy()


@pytest.fixture(scope="module")
def table():
    return buyers.reference()


@pytest.fixture(scope="module")
def small():
    return buyers.reference(1, SMALL)


@pytest.fixture(scope="module")
def done(table, tmp_path_factory):
    """The reference case, scored."""
    return market.score(table, tmp_path_factory.mktemp("reference"), buyers.CHANGES, files=3)


@pytest.fixture(scope="module")
def scored(small, tmp_path_factory):
    """A small market, scored."""
    return market.score(small, tmp_path_factory.mktemp("small"), buyers.CHANGES)


def test_21000_accounts_lie_below_4_percent_and_4000_above_30_within_2_percent(done, table):
    """METHOD.md section 7, reference case: counts of both bands, and the buyers expected in all."""
    counts = {row["band"]: row["accounts"] for row in record(done)["bands"]}
    assert counts["low"] == pytest.approx(buyers.LOW, rel=0.02)
    assert counts["focus"] == pytest.approx(buyers.FOCUS, rel=0.02)
    assert record(done)["expected_buyers"] == pytest.approx(table["chance"].to_numpy().sum(), rel=0.02)


def test_probabilities_are_near_the_true_ones(done, table):
    truth = table.sort_by("account_id")["chance"].to_numpy()
    probabilities = column(done, "propensity")
    assert np.mean(np.abs(probabilities - truth)) < 0.02
    assert record(done)["quality"]["error"] < 0.02
    assert record(done)["quality"]["brier"] == pytest.approx(np.mean(truth * (1 - truth)), abs=0.002)


def test_tables_and_manifest_add_up_to_the_scores(done):
    probabilities, band = column(done, "propensity"), market.scores(done)["propensity_band"].to_pylist()
    assert band == ["low" if p < 0.04 else "focus" if p > 0.30 else "middle" for p in probabilities]
    rows = pq.read_table(done.tables / "propensity_bands.parquet").to_pylist()
    for row in rows[:-1]:
        here = probabilities[np.array(band) == row["band"]]
        assert row["accounts"] == len(here)
        assert row["expected_buyers"] == pytest.approx(here.sum(), abs=0.01)
    assert rows[-1]["accounts"] == len(probabilities)
    assert sum(row["accounts"] for row in record(done)["deciles"]) == pytest.approx(len(probabilities))


def test_calling_the_focus_costs_a_fraction_of_calling_everyone(done):
    rows = {row["band"]: row for row in pq.read_table(done.tables / "propensity_bands.parquet").to_pylist()}
    each = rows["focus"]["accounts"] / rows["focus"]["expected_buyers"]
    assert rows["focus"]["cost_per_buyer"] == pytest.approx(each, abs=0.01)
    assert rows["focus"]["against_everyone"] == pytest.approx(each / rows["everyone"]["cost_per_buyer"], rel=0.01)
    assert rows["focus"]["against_everyone"] < 0.25
    assert rows["focus"]["capture"] > 0.8


def test_reasons_name_what_the_chance_was_made_of(done, table):
    """Buyers in focus are large, most of them in software: that comes first; noise is no reason."""
    focus = np.array(market.scores(done)["propensity_band"].to_pylist()) == "focus"
    reasons = np.array(market.scores(done)["propensity_reasons"].to_pylist())
    large = table.sort_by("account_id")["size"].to_numpy(zero_copy_only=False) > np.exp(5.0)
    first = [text.split("; ")[0] for text in reasons[focus & large]]
    assert np.mean([text == "+ size high" for text in first]) > 0.95
    small_and_low = [text.split("; ")[0][0] for text in reasons[~focus & ~large]]
    assert np.mean([sign == "-" for sign in small_and_low]) > 0.5


def test_the_terminal_shows_bands_deciles_and_what_moves_them(done, capsys):
    from rich.console import Console

    console = Console(width=120, force_terminal=False)
    console.print(show.render(show.load(location(str(done.output))), 120))
    said = capsys.readouterr().out
    assert "PROPENSITY BANDS" in said
    assert "boosted trees, isotonic" in said
    assert "LIFT AND CALIBRATION BY DECILE" in said
    assert "everyone" in said


LAYOUTS = {"three workers, seven files": ({"files": 7}, 3), "64 row groups": ({"row_group": SMALL // 64}, 1)}


@pytest.mark.parametrize(("layout", "workers"), LAYOUTS.values(), ids=LAYOUTS)
def test_neither_layout_nor_workers_change_a_byte(layout, workers, small, scored, tmp_path):
    shuffled = small.take(np.random.default_rng(9).permutation(SMALL))
    other = market.score(shuffled, tmp_path, section() | {"engine.workers": workers}, **layout)
    assert market.scores(other).equals(market.scores(scored))
    assert record(other) == record(scored)


def test_a_fake_gpu_tells_the_same(small, scored, tmp_path):
    path = market.write(small, tmp_path / "market")
    other = pipeline.run(market.job(path, tmp_path / "scores", section()), Progress(), FakeGpu(1009))
    assert column(other, "propensity") == pytest.approx(column(scored, "propensity"), abs=2e-6)
    assert record(other)["quality"] == pytest.approx(record(scored)["quality"], abs=1e-5)


def test_a_sample_stands_for_the_whole(table, done, tmp_path):
    """8,000 rows, a third of them buyers, are weighted back: as many buyers are expected as from all 25,000."""
    other = market.score(table, tmp_path, section(max_rows=8000))
    assert record(other)["learned_from"] == 8000
    assert record(other)["expected_buyers"] == pytest.approx(record(done)["expected_buyers"], rel=0.06)
    assert record(other)["quality"]["auc"] == pytest.approx(record(done)["quality"]["auc"], abs=0.02)


def test_a_table_of_labels_is_as_good_as_a_column(small, scored, tmp_path):
    """Whole numbers or booleans, in another order, with accounts that the market does not have."""
    table = pa.table({"who": [*small["account_id"].to_pylist(), "nobody"], "won": [*small["bought"].to_pylist(), 1.0]})
    table = table.set_column(1, "won", table["won"].cast(pa.bool_()))
    pq.write_table(table.take(np.random.default_rng(3).permutation(SMALL + 1)), tmp_path / "labels.parquet")
    given = {"label": "won", "label_table": str(tmp_path / "labels.parquet"), "account_id": "who"}
    other = market.score(small, tmp_path, section(**given))
    assert np.array_equal(column(other, "propensity"), column(scored, "propensity"))


def test_who_is_not_in_a_table_of_buyers_has_not_bought_where_the_job_says_so(small, scored, tmp_path):
    bought = small.filter(small["bought"].to_numpy() == 1.0).select(["account_id", "bought"])
    pq.write_table(bought, tmp_path / "labels.parquet")
    other = market.score(small, tmp_path, section(label_table=str(tmp_path / "labels.parquet"), missing="zero"))
    assert np.array_equal(column(other, "propensity"), column(scored, "propensity"))


def with_labels(table, bought):
    place = table.column_names.index("bought")
    return table.set_column(place, "bought", pa.array(bought, pa.float64(), from_pandas=True))


def labels_among(table, remaining_buyers, remaining_others):
    """Labels of the first so many buyers and others; all other rows have none."""
    bought = table["bought"].to_numpy()
    full = np.full(len(bought), np.nan)
    for value, count in ((1.0, remaining_buyers), (0.0, remaining_others)):
        full[np.flatnonzero(bought == value)[:count]] = value
    return with_labels(table, full)


FEW = [(49, 500, "49 accounts are labelled 1 (bought)"), (200, 7, "7 accounts are labelled 0 (did not buy)")]


@pytest.mark.parametrize(("bought", "others", "expected"), FEW)
def test_too_few_labels_are_refused_with_the_number_needed(bought, others, expected, small, tmp_path):
    """And before anything is fitted: who waits for a fit should not learn of it then."""
    path = market.write(labels_among(small, bought, others), tmp_path / "market")
    progress = Progress()
    with pytest.raises(InputContractError) as caught:
        pipeline.run(market.job(path, tmp_path / "scores", section()), progress)
    assert expected in str(caught.value)
    assert [time.stage for time in progress.times] == ["census", "label_counts"]
    assert f"at least 50 are needed, {50 - min(bought, others)} more" in str(caught.value)
    assert not list(tmp_path.rglob("manifest.json"))


def test_buyers_with_nobody_to_compare_them_with_are_refused(small, tmp_path):
    """Every account is labelled 1: none is labelled 0, and none has no label."""
    table = with_labels(small, np.ones(small.num_rows))
    with pytest.raises(InputContractError, match=r"0 accounts are labelled 0 .* at least 50 are needed"):
        market.score(table, tmp_path, section())


def test_fifty_labels_of_each_kind_are_enough(small, tmp_path):
    done = market.score(labels_among(small, 50, 50), tmp_path, section())
    assert record(done)["calibration"] == "sigmoid"
    assert record(done)["labels"] == {"bought": 50, "did_not_buy": 50, "unlabelled": SMALL - 100}


def test_labels_of_buyers_alone_give_the_probability_of_being_labelled(small, tmp_path):
    """Half of the buyers are labelled: probabilities add up to those, rank as the truth does, and say what they are."""
    known = labels_among(small, int(small["bought"].to_numpy().sum() / 2), 0)
    done = market.score(known, tmp_path, section())
    probabilities = column(done, "propensity")
    truth = small.sort_by("account_id")["chance"].to_numpy()
    assert probabilities.mean() == pytest.approx((known["bought"].to_numpy() == 1).mean(), rel=0.1)
    assert probabilities.mean() < 0.6 * truth.mean()
    assert truth[np.argsort(-probabilities)[:300]].mean() > 0.45
    assert record(done)["mode"] == "labelled"
    assert record(done)["quality"]["brier"] > 0
    assert any("a probability is that of being labelled a buyer" in text for text in manifest_of(done)["notices"])
    assert "propensity_band" in market.scores(done).column_names


def test_with_a_class_prior_positives_alone_give_probabilities(small, tmp_path):
    """Half of the buyers are known: the prior says how many there are, and nobody is held for a non-buyer."""
    truth = small.sort_by("account_id")["chance"].to_numpy()
    known = labels_among(small, int(small["bought"].to_numpy().sum() / 2), 0)
    done = market.score(known, tmp_path, section(class_prior=float(truth.mean())))
    probabilities = column(done, "propensity")
    assert probabilities.mean() == pytest.approx(truth.mean(), rel=0.05)
    assert np.mean(np.abs(probabilities - truth)) < 0.08


def test_a_class_prior_corrects_labels_that_are_no_fair_sample(small, tmp_path):
    """As many others as buyers are labelled: without the prior the mean would be near a half."""
    truth = small["chance"].to_numpy()
    count = int(small["bought"].to_numpy().sum())
    done = market.score(labels_among(small, count, count), tmp_path, section(class_prior=float(truth.mean())))
    assert column(done, "propensity").mean() == pytest.approx(truth.mean(), rel=0.25)
    assert record(done)["quality"]["brier"] is None  # nothing to hold it against


def test_without_a_label_there_is_no_propensity_and_the_look_alike_is_named(small, tmp_path):
    done = market.score(small, tmp_path, {**buyers.CHANGES, "propensity": {}})
    assert not {name for name in market.scores(done).column_names if name.startswith("propensity")}
    assert "look_alike" in market.scores(done).column_names
    record = manifest_of(done)
    assert record["missing"]["propensity"].startswith("no label: name propensity.label; the column look_alike")
    assert any("propensity: not computed: no label" in text for text in record["notices"])


def test_a_label_other_than_1_or_0_is_refused(small, tmp_path):
    bought = small["bought"].to_numpy().copy()
    bought[17] = 2.0
    with pytest.raises(InputContractError, match=r"column 'bought': expected 1, 0 or nothing, got 2\.0"):
        market.score(with_labels(small, bought), tmp_path, section())


def test_features_from_after_the_cutoff_are_refused(small, tmp_path):
    days = [date(2025, 12, 31)] * SMALL
    days[5] = days[9] = date(2026, 1, 1)
    dated = small.append_column("day", pa.array(days))
    with pytest.raises(InputContractError, match=r"'day': 2 rows with a label are from after .* = 2025-12-31"):
        market.score(dated, tmp_path / "a", section(as_of="day"))
    bought = small["bought"].to_numpy().copy()
    bought[[5, 9]] = np.nan
    assert record(market.score(with_labels(dated, bought), tmp_path / "b", section(as_of="day")))


def test_an_account_twice_in_the_table_of_labels_is_refused(small, tmp_path):
    pq.write_table(small.select(["account_id", "bought"]).take([0, 1, 1]), tmp_path / "labels.parquet")
    with pytest.raises(InputContractError, match="1 rows repeat an account"):
        market.score(small, tmp_path, section(label_table=str(tmp_path / "labels.parquet")))


def test_a_feature_that_knows_the_window_is_pointed_at(small, tmp_path):
    leak = small.append_column("orders_after", pa.array(small["bought"].to_numpy() * 3.0))
    done = market.score(leak, tmp_path, section(numeric=["size", "orders_after"]))
    assert record(done)["suspects"] == ["orders_after"]
    assert any("'orders_after' tells buyers from others nearly alone" in text for text in manifest_of(done)["notices"])


def test_a_frozen_model_gives_new_accounts_what_it_would_have_given_them(small, scored, tmp_path):
    """Rescored without learning: the same probabilities, though the labels are gone; nothing is unpickled."""
    blank = with_labels(small, np.full(SMALL, np.nan))
    path = market.write(blank.slice(0, 1000), tmp_path / "market")
    job = market.job(path, tmp_path / "scores", section())
    again = pipeline.score(job, Progress(), str(scored.path), accept=True, backend=FrozenHost())
    before = dict(zip(market.scores(scored)["account_id"].to_pylist(), column(scored, "propensity"), strict=True))
    after = dict(zip(market.scores(again)["account_id"].to_pylist(), column(again, "propensity"), strict=True))
    assert after == {account: before[account] for account in after}
    assert record(again)["model"] == {"source": "frozen", "run": scored.run_key}
    assert sorted(file.suffix for file in (again.path / "model").iterdir()) == [".json", ".json"] + [".safetensors"] * 2


@pytest.mark.parametrize(("key", "value"), [("format", 99), ("kind", "oracle"), ("numbers", 3), ("base", "x")])
def test_a_stored_model_that_makes_no_sense_is_refused(key, value, scored):
    stored = model.read_section(scored.path / "model", "propensity", files_of(manifest_of(scored)))
    assert stored is not None
    assert propensity_model.parse(*stored, "model").design.columns == ("size", "growth", "industry")
    with pytest.raises(InputContractError, match=r"^model: propensity: .*; run its job again"):
        propensity_model.parse({**stored[0], key: value}, stored[1], "model")


def test_a_frozen_model_of_other_columns_is_refused(small, scored, tmp_path):
    path = market.write(small, tmp_path / "market")
    job = market.job(path, tmp_path / "scores", section(numeric=["size"]))
    with pytest.raises(InputContractError, match=r"was learned from size, growth, industry, the job names size"):
        pipeline.score(job, Progress(), str(scored.path))


def test_a_plain_run_loads_no_models_of_scikit_learn(tmp_path):
    """Who does not ask for propensity does not wait for it."""
    path = market.write(market.plain_accounts(400), tmp_path / "market")
    text = (
        "import sys; from tests.end_to_end import market; "
        f"market.run({str(path)!r}, {str(tmp_path / 'scores')!r}, market.PLAIN); "
        "print([name for name in ('ensemble', 'linear_model', 'isotonic') if f'sklearn.{name}' in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
