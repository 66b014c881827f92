"""`tamscore backtest`: the join with what came afterwards, known truth found again, results on disk and on paper."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import backend, job_file, pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError, JobFileError
from tamscore.progress import Progress
from tamscore.sections import SECTIONS
from tamscore.sections.backtest.comparison import backtest
from tamscore.sections.backtest.view import answer
from tamscore.store import history
from tamscore.store.run_directory import current_version
from tamscore.synthetic import write_market
from tests.end_to_end import market
from tests.terminal_pages import WIDTHS, printed, require_whole

BOUND = {"backtest.realised": "later", "backtest.challenger_rows": 300}


def with_later(table, later):
    return table.append_column("later", pa.array(later, from_pandas=True))


def looked_back(folder, table, changes=None):
    """The backtest of a market, and its run."""
    path = market.write(table, folder / "market")
    job = market.job(path, folder / "scores", {**BOUND, **(changes or {})})
    progress = Progress()
    done = pipeline.run(job, progress)
    return backtest(job, done, progress, backend.load("cpu")), done


def test_growth_is_what_was_bought_afterwards_less_what_was_bought(tmp_path):
    """Every account that was a customer buys half as much again; prospects buy 7."""
    table = market.accounts(1500, seed=2)
    sales = np.nan_to_num(table["sales"].to_numpy())
    result, _ = looked_back(tmp_path, with_later(table, np.where(sales > 0, 1.5 * sales, 7.0)))
    assert result.unknown == 0
    assert result.accounts == {"expansion": np.count_nonzero(sales > 0), "acquisition": np.count_nonzero(sales <= 0)}
    for one in result.tenths:
        assert one.growth == pytest.approx(7.0 if one.kind == "acquisition" else 0.5 * one.sales)
        assert one.realised - one.sales == pytest.approx(one.growth)
        assert one.grew == 1.0


def test_a_table_of_its_own_is_joined_by_id_in_whatever_order(tmp_path):
    table = market.accounts(800, seed=2)
    later = np.arange(800.0)
    shuffled = np.random.default_rng(0).permutation(800)
    other = pa.table({"id": table["account_id"], "later": later}).take(shuffled)
    pq.write_table(pa.concat_tables([other, pa.table({"id": ["nobody"], "later": [1e9]})]), tmp_path / "later.parquet")
    apart = {"backtest.table": str(tmp_path / "later.parquet"), "backtest.account_id": "id"}
    joined, _ = looked_back(tmp_path / "apart", table, apart)
    inside, _ = looked_back(tmp_path / "inside", with_later(table, later))
    assert joined.tenths == inside.tenths
    assert joined.losses == inside.losses


@pytest.mark.parametrize(("missing", "unknown"), [("leave_out", 200), ("zero", 0)])
def test_accounts_nothing_is_known_of_are_counted_or_have_bought_nothing(tmp_path, missing, unknown):
    later = np.where(np.arange(800) < 200, np.nan, 5.0)
    result, _ = looked_back(tmp_path, with_later(market.accounts(800, seed=2), later), {"backtest.missing": missing})
    assert result.unknown == unknown
    assert sum(result.accounts.values()) == 800 - unknown
    whole = sum(one.accounts * one.realised for one in result.tenths if one.ranked_by == "lot")
    assert whole == pytest.approx(600 * 5.0)


def test_an_account_that_stands_twice_afterwards_is_refused(tmp_path):
    table = market.accounts(300, seed=2)
    twice = [*table["account_id"].to_pylist(), table["account_id"][7].as_py()]
    pq.write_table(pa.table({"account_id": twice, "later": np.ones(301)}), tmp_path / "later.parquet")
    with pytest.raises(InputContractError, match=r"later.parquet: 1 scored accounts stand more than once.*'later'"):
        looked_back(tmp_path, table, {"backtest.table": str(tmp_path / "later.parquet")})


def test_the_truth_of_a_synthetic_market_is_found_again(tmp_path):
    """Prospects that later spend their wallet: the tenth with the most whitespace outgrows the lot by far."""
    write_market(tmp_path, 6000, 5)
    wallet = {"backtest.realised": "wallet", "backtest.table": str(tmp_path / "truth")}
    given = [f"{key}={json.dumps(value)}" for key, value in wallet.items()]
    job = job_file.load(
        tmp_path / "job.toml", [*given, 'device="cpu"', "clusters.restarts=2", "backtest.challenger_rows=200"]
    )
    done = pipeline.run(job, Progress())
    result = backtest(job, done, Progress(), backend.load("cpu"))
    assert result.rank_correlation["acquisition"] > 0.6
    first = {one.ranked_by: one for one in result.tenths if one.kind == "acquisition" and one.tenth == 1}
    assert first["whitespace"].growth_low > 3 * first["lot"].growth_high


@pytest.mark.parametrize("level", ["cluster", "account"])
def test_customers_of_equal_sales_come_first_and_tell_what_potential_is_worth(tmp_path, level):
    """Later sales are the sales of today and a tenth of what the peers' cut line says, which no size explains."""
    table = market.accounts(3000, seed=2, customers=0.8, channel=0.0)
    group = market.peer_group(3000, 2)
    sales = np.nan_to_num(table["sales"].to_numpy())
    later = np.where(sales > 0, sales + np.exp(group) + np.random.default_rng(1).standard_normal(3000), 0.0)
    result, _ = looked_back(tmp_path, with_later(table, later), {"clusters.k": 4, "potential.level": level})
    (found,) = result.pairs
    assert found.customers == result.accounts["expansion"]
    assert found.verdict == "yes"
    assert found.share is not None
    assert found.share > 0.65
    page = printed([answer(result)], 120)
    assert page.index("CUSTOMERS OF EQUAL SALES") < page.index("EXPANSION: WHITESPACE")
    assert "customers of equal sales the one with the higher potential bought more in" in page
    stored = pq.read_table(f"{result.path}/pairs.parquet").to_pylist()
    assert stored[0]["share"] == found.share


def test_a_backtest_changes_no_score_and_no_run(tmp_path):
    table = with_later(market.accounts(600, seed=2), np.arange(600.0))
    result, done = looked_back(tmp_path, table)
    plain = market.run(tmp_path / "market", tmp_path / "scores")
    assert plain.run_key == done.run_key == result.run
    assert not plain.path.is_relative_to(result.path)


def test_a_backtest_becomes_current_only_where_nothing_is(tmp_path):
    """Last year is looked back at beside the scores of this week: those stay what everybody works with."""
    write_market(tmp_path, 1500, 5)
    output = tmp_path / "scores"
    later = (tmp_path / "job.toml", "--realised", "wallet", "--table", "truth", "--json")
    first = json.loads(call(*later).stdout)["run"]
    assert current_version(output) == first
    loaded = job_file.load(tmp_path / "job.toml", ["clusters.restarts=2", "clusters.seed=7", 'device="cpu"'])
    weekly = pipeline.run(loaded, Progress()).run_key
    swaps = [entry for entry in history.entries(output) if entry.is_swap]
    for seed in ("0", "9"):  # the run that is there already, and one that is made for it
        assert json.loads(call(*later, "--set", f"clusters.seed={seed}").stdout)["run"] != weekly
        assert current_version(output) == weekly
    assert [entry for entry in history.entries(output) if entry.is_swap] == swaps


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backtest.realised": "sales"}, r"backtest.realised: expected a column other than columns.sales, got 'sales'"),
        ({"backtest.realised": "growth"}, r"backtest.realised: expected a column that is no feature, got 'growth'"),
    ],
)
def test_what_came_afterwards_is_neither_sales_nor_feature(tmp_path, changes, said):
    with pytest.raises(JobFileError, match=said):
        market.job(tmp_path, tmp_path / "out", changes)


@pytest.fixture(scope="module")
def backtest_job(tmp_path_factory):
    """A job file on a small synthetic market, without a word on backtests."""
    folder = tmp_path_factory.mktemp("market")
    write_market(folder, 3000, 5)
    return folder / "job.toml"


def call(*arguments):
    quick = ("--set", "device=cpu", "--set", "clusters.restarts=2", "--set", "backtest.challenger_rows=150")
    return CliRunner().invoke(app, ["backtest", *map(str, arguments), *quick])


def test_the_command_prints_tables_writes_files_and_answers_in_json(backtest_job):
    later = ("--realised", "wallet", "--table", "truth")
    page, machine = call(backtest_job, *later), call(backtest_job, *later, "--json")
    assert (page.exit_code, machine.exit_code) == (0, 0), page.output + machine.output
    result = json.loads(machine.stdout)
    for word in (
        "ACQUISITION: WHITESPACE AGAINST GROWTH",
        "by random ranking",
        "THE PRICE OF SIMPLICITY",
        "boosted trees",
    ):
        assert word in page.stdout
    folder = backtest_job.parent / "scores" / "backtests"
    assert str(next(folder.iterdir())) == result["path"]
    assert pq.read_table(f"{result['path']}/tenths.parquet").to_pylist() == result["tenths"]
    assert pq.read_table(f"{result['path']}/challengers.parquet").to_pylist() == result["losses"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A backtest with tenths of both kinds, losses, and accounts that nothing is known of."""
    rows = 1500
    later = np.where(np.arange(rows) % 9 == 0, np.nan, np.random.default_rng(3).lognormal(8, 3, rows))
    return looked_back(tmp_path_factory.mktemp("compared"), with_later(market.accounts(rows, seed=2), later))[0]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_number_is_whole_on_a_terminal_of_any_width(compared, width):
    assert len(answer(compared).blocks) >= 4
    require_whole([answer(compared)], width)


def test_what_is_stored_reads_as_the_command_said(compared):
    stored = json.loads((Path(compared.path) / "backtest.json").read_text("utf-8"))
    assert printed([SECTIONS["backtest"].view(stored)], 120).strip() in printed([answer(compared)], 120)


def test_without_a_column_for_what_came_afterwards_the_command_says_what_it_wants(backtest_job):
    refused = call(backtest_job)
    assert refused.exit_code == 2
    assert "backtest.realised: expected the column with the sales of the next window, got nothing" in refused.stderr
