"""The synthetic market keeps its promises: repeatable, streamed, realistic, and true to its own truth file."""

from __future__ import annotations

import tomllib
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tamscore.errors import UsageError
from tamscore.synthetic import CATEGORICAL, NUMERIC, PARTY_TYPES, write, write_market
from tamscore.synthetic.draws import CHUNK_ROWS
from tamscore.synthetic.measures import LEVELS, MEASURES, MISSING_CATEGORY, NON_NEGATIVE
from tamscore.synthetic.names import ID_DIGITS, MAX_ROWS, account_ids
from tamscore.synthetic.rows import chunk_tables
from tamscore.synthetic.segments import SEGMENTS, SLOTS, draw_segments, slots

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 80_000


@pytest.fixture(scope="module")
def market_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("synthetic") / "demo"
    write_market(directory, ROWS, seed=7, files=3)
    return directory


@pytest.fixture(scope="module")
def market(market_directory: Path) -> pa.Table:
    return _table(market_directory / "market")


@pytest.fixture(scope="module")
def truth(market_directory: Path) -> pa.Table:
    return _table(market_directory / "truth")


@pytest.fixture(scope="module")
def job(market_directory: Path) -> dict[str, Any]:
    return tomllib.loads((market_directory / "job.toml").read_text(encoding="utf-8"))


def _table(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.iterdir())])


def _files(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def _column(table: pa.Table, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a column as float64, nulls as NaN."""
    values: np.ndarray[Any, np.dtype[np.float64]] = table[name].cast(pa.float64()).to_numpy()
    return values


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path):
    for name in ("one", "two"):
        write_market(tmp_path / name, 20_000, seed=3, files=4)
    first, second = _files(tmp_path / "one"), _files(tmp_path / "two")
    assert len(first) == 9
    assert first == second


def test_another_seed_gives_other_accounts_and_other_segments(tmp_path: Path):
    for seed in (0, 1):
        write_market(tmp_path / str(seed), 1_000, seed=seed, files=1)
    one, two = (_table(tmp_path / str(seed) / "market") for seed in (0, 1))
    for name in ("account_id", "name", *CATEGORICAL, *NUMERIC, "sales"):
        assert not one[name].equals(two[name]), name
    assert not np.array_equal(draw_segments(0).shift, draw_segments(1).shift)


def test_the_number_of_files_does_not_change_the_rows(tmp_path: Path, market: pa.Table, truth: pa.Table):
    write_market(tmp_path / "m", ROWS, seed=7, files=7)
    assert _table(tmp_path / "m" / "market").equals(market)
    assert _table(tmp_path / "m" / "truth").equals(truth)


def test_a_shorter_market_is_the_beginning_of_a_longer_one(tmp_path: Path, market: pa.Table):
    short = CHUNK_ROWS + 500
    write_market(tmp_path / "m", short, seed=7, files=2)
    assert _table(tmp_path / "m" / "market").equals(market.slice(0, short))


def test_a_chunk_does_not_depend_on_those_before_it():
    segments = draw_segments(5)
    alone = chunk_tables(segments, 5, 9)
    chunk_tables(segments, 5, 2)
    assert alone[0].equals(chunk_tables(segments, 5, 9)[0])
    assert not alone[0]["employees"].equals(chunk_tables(segments, 5, 2)[0]["employees"])


@pytest.mark.parametrize(("rows", "files", "sizes"), [(1, 16, [1]), (10, 4, [2, 3, 2, 3]), (1_000, 1, [1_000])])
def test_rows_are_dealt_evenly_to_at_most_so_many_files(tmp_path: Path, rows: int, files: int, sizes: list[int]):
    write_market(tmp_path / "m", rows, files=files)
    for folder in ("market", "truth"):
        parts = sorted((tmp_path / "m" / folder).iterdir())
        assert [part.name for part in parts] == [f"part-{i:05d}.parquet" for i in range(len(sizes))]
        assert [pq.read_metadata(part).num_rows for part in parts] == sizes


def test_by_default_there_are_sixteen_files(tmp_path: Path):
    write_market(tmp_path / "m", 1_000)
    assert len(list((tmp_path / "m" / "market").iterdir())) == 16


def test_row_groups_are_full_but_for_the_last_of_a_file_and_compressed_with_zstd(tmp_path: Path):
    write_market(tmp_path / "m", 150_000, files=1)
    for folder in ("market", "truth"):
        metadata = pq.read_metadata(tmp_path / "m" / folder / "part-00000.parquet")
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        assert sizes == [131_072, 18_928]
        assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_damaged_page_is_noticed(tmp_path: Path, market_directory: Path):
    """Page checksums are written: one flipped byte inside a page fails the read that verifies them."""
    source = market_directory / "market" / "part-00000.parquet"
    page = pq.read_metadata(source).row_group(0).column(0)
    damaged = bytearray(source.read_bytes())
    damaged[page.data_page_offset + page.total_compressed_size // 2] ^= 0xFF
    (tmp_path / "damaged.parquet").write_bytes(damaged)
    with pytest.raises(OSError, match="CRC"):
        pq.ParquetFile(tmp_path / "damaged.parquet", page_checksum_verification=True).read(columns=["account_id"])


def test_memory_holds_one_row_group_whatever_the_rows(monkeypatch: pytest.MonkeyPatch):
    """A pass over many row groups asks for chunks in order, each once, and holds no group longer than its turn."""
    asked: list[int] = []

    def chunk(number: int) -> tuple[pa.Table, pa.Table]:
        asked.append(number)
        table = pa.table({"row": np.arange(CHUNK_ROWS) + number * CHUNK_ROWS})
        return table, table

    monkeypatch.setattr(write, "ROW_GROUP_ROWS", 2 * CHUNK_ROWS)
    groups = write._row_groups(chunk, 0, 100 * CHUNK_ROWS)
    assert asked == []
    for turn, (market, _) in enumerate(groups):
        assert asked == list(range(2 * turn + 2))
        assert market["row"].to_numpy().tolist() == list(range(2 * turn * CHUNK_ROWS, 2 * (turn + 1) * CHUNK_ROWS))


def test_arrow_memory_does_not_grow_with_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """After each row group Arrow holds no more than after the first, give or take one chunk."""
    held: list[int] = []
    monkeypatch.setattr(write, "ROW_GROUP_ROWS", CHUNK_ROWS)
    before = pa.total_allocated_bytes()
    write_market(tmp_path / "m", 12 * CHUNK_ROWS, files=2, progress=lambda _: held.append(pa.total_allocated_bytes()))
    one_chunk = chunk_tables(draw_segments(0), 0, 0)[0].nbytes
    assert len(held) == 12
    assert max(held) - before < 4 * one_chunk


def test_progress_hears_of_the_rows_so_far_after_every_row_group(tmp_path: Path):
    heard: list[int] = []
    write_market(tmp_path / "m", 1_000, files=4, progress=heard.append)
    assert heard == [250, 500, 750, 1_000]


def test_columns_are_those_promised(market: pa.Table, truth: pa.Table):
    assert market.column_names == ["account_id", "name", "party_type", *CATEGORICAL, *NUMERIC, "sales"]
    assert truth.column_names == ["account_id", "segment", "wallet", "chance", "bought"]
    assert len(NUMERIC) == len(set(NUMERIC)) == 29
    for measure in MEASURES:
        assert market.schema.field(measure.name).type == pa.from_numpy_dtype(np.dtype(measure.dtype)), measure.name


def test_as_many_buy_as_their_chances_say_in_every_tenth(truth: pa.Table):
    """The label of the quarter that follows is drawn with the chance that stands beside it."""
    chance, bought = truth["chance"].to_numpy(), truth["bought"].to_numpy()
    assert 0.01 < chance.mean() < 0.06
    for part in np.array_split(np.argsort(chance), 10):
        spread = np.sqrt(np.sum(chance[part] * (1 - chance[part])))
        assert abs(bought[part].sum() - chance[part].sum()) < 4 * spread + 1


def test_account_ids_are_unique_across_files_and_not_in_file_order(market: pa.Table):
    ids = market["account_id"].to_pylist()
    assert len(set(ids)) == ROWS
    assert all(len(text) == 1 + ID_DIGITS and text[0] == "C" and text[1:].isdigit() for text in ids)
    rising = np.mean(np.diff([int(text[1:]) for text in ids]) > 0)
    assert 0.3 < rising < 0.7


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_account_ids_stay_unique_up_to_the_largest_market(seed: int):
    """Ids step through all ten-digit numbers by a step prime to 10, and 64 bits hold the product at the last row."""
    first, second = (int(text[1:]) for text in account_ids(seed, 0, 2).to_pylist())
    step = (second - first) % 10**ID_DIGITS
    assert gcd(step, 10) == 1
    last = int(account_ids(seed, MAX_ROWS - 1, 1)[0].as_py()[1:])
    assert last == (first + (MAX_ROWS - 1) * step) % 10**ID_DIGITS


def test_truth_is_aligned_with_the_market(market: pa.Table, truth: pa.Table):
    assert truth["account_id"].equals(market["account_id"])
    assert truth["wallet"].null_count == truth["segment"].null_count == 0
    assert set(truth["segment"].to_pylist()) == set(range(SEGMENTS))


def test_nobody_buys_more_than_the_wallet_and_customers_buy_a_fair_part_of_it(market: pa.Table, truth: pa.Table):
    sales, wallet = _column(market, "sales"), _column(truth, "wallet")
    share = sales[sales > 0] / wallet[sales > 0]
    assert share.max() <= 1
    assert share.min() > 0
    assert 0.35 < np.median(share) < 0.65


def test_customers_are_a_small_share_of_every_segment(market: pa.Table, truth: pa.Table):
    customer = _column(market, "sales") > 0
    for segment in range(SEGMENTS):
        member = _column(truth, "segment") == segment
        assert 0.05 <= customer[member].mean() <= 0.30, segment
    assert 0.05 <= customer.mean() <= 0.20


def test_a_few_sales_are_negative_and_a_few_missing(market: pa.Table):
    sales = _column(market, "sales")
    assert 0.0005 < np.isnan(sales).mean() < 0.005
    assert 5 <= np.sum(sales < 0) < 0.01 * np.sum(sales > 0)
    assert np.array_equal(np.round(sales, 2), sales, equal_nan=True)
    assert not np.any(np.signbit(sales[sales == 0]))


@pytest.mark.parametrize("name", NUMERIC)
def test_numbers_are_missing_at_their_rate(market: pa.Table, name: str):
    expected = next(measure.missing for measure in MEASURES if measure.name == name)
    found = market[name].null_count / ROWS
    assert expected <= 0.20
    assert found == pytest.approx(expected, rel=0.2, abs=0.003)
    if expected == 0:
        assert found == 0


@pytest.mark.parametrize("name", CATEGORICAL)
def test_categories_are_skewed_and_missing_at_their_rate(market: pa.Table, name: str):
    assert market[name].null_count / ROWS == pytest.approx(MISSING_CATEGORY[name], rel=0.1)
    known = market[name].drop_null()
    assert set(known.unique().to_pylist()) == set(LEVELS[name])
    counts = np.sort(pc.value_counts(known).field("counts").to_numpy())[::-1]
    assert counts[0] > 5 * counts[-1]


def test_small_companies_report_less(market: pa.Table):
    """Some columns are missing not at random: their gaps fall as companies grow."""
    employees = _column(market, "employees")
    known = employees > 0
    small, large = employees[known] < 20, employees[known] > 500
    for measure in MEASURES:
        if measure.missing_small:
            gap = np.isnan(_column(market, measure.name))[known]
            assert gap[small].mean() > 1.2 * gap[large].mean(), measure.name


def test_party_types_split_93_to_7_and_never_share_a_segment(market: pa.Table, truth: pa.Table):
    channel = pc.equal(market["party_type"], "channel").to_numpy()
    assert set(market["party_type"].unique().to_pylist()) == set(PARTY_TYPES)
    assert channel.mean() == pytest.approx(0.07, abs=0.005)
    segment = _column(truth, "segment")
    assert not set(segment[channel]) & set(segment[~channel])


def test_amounts_are_heavy_tailed_with_outliers_and_only_headcount_is_ever_negative(market: pa.Table):
    for measure in MEASURES:
        value = _column(market, measure.name)
        value = value[~np.isnan(value)]
        if measure.kind == "amount":
            assert value.mean() > 3 * np.median(value), measure.name
        if measure.name in NON_NEGATIVE and measure.name != "employees":
            assert value.min() >= 0, measure.name
    employees = _column(market, "employees")
    assert 0 < np.sum(employees < 0) < 20
    revenue_each = np.log10(_column(market, "revenue") / np.abs(employees))
    center = np.nanmedian(revenue_each)
    assert np.sum(np.abs(revenue_each - center) > 2.2) > 5


def test_shares_years_and_scores_stay_in_range(market: pa.Table):
    bounds = {"share": (0, 1), "year": (1600, 2024), "score": (1, 100), "rate": (-2, 2)}
    for measure in MEASURES:
        if measure.kind in bounds:
            low, high = bounds[measure.kind]
            value = _column(market, measure.name)
            assert low <= np.nanmin(value) < np.nanmax(value) <= high, measure.name


def test_within_a_segment_larger_companies_have_larger_wallets(market: pa.Table, truth: pa.Table):
    employees, wallet, segment = _column(market, "employees"), _column(truth, "wallet"), _column(truth, "segment")
    known = (employees > 0) & (employees < 1e6)
    for number in range(SEGMENTS):
        rows = known & (segment == number)
        assert np.corrcoef(np.log(employees[rows]), np.log(wallet[rows]))[0, 1] > 0.6, number


def test_no_feature_follows_sales_once_size_and_segment_are_known(market: pa.Table, truth: pa.Table):
    """No leakage: in one segment, what the wallet leaves unexplained in sales is noise to every feature."""
    sales, wallet, segment = _column(market, "sales"), _column(truth, "wallet"), _column(truth, "segment")
    rows = (sales > 0) & (segment == np.argmax(np.bincount(segment[sales > 0].astype(int))))
    rest = np.log(sales[rows] / wallet[rows])
    for name in NUMERIC:
        value = _column(market, name)[rows]
        known = ~np.isnan(value)
        rank = np.argsort(np.argsort(value[known]))
        assert abs(np.corrcoef(rank, rest[known])[0, 1]) < 4.5 / np.sqrt(known.sum()), name


def test_a_discrete_draw_by_slots_keeps_the_shares():
    shares = np.array([0.5, 0.3, 0.15, 0.05])
    assert np.bincount(slots(shares), minlength=4) / SLOTS == pytest.approx(shares, abs=1 / SLOTS)


def test_the_job_file_names_every_column_and_nothing_that_is_not_there(job: dict[str, Any], market: pa.Table):
    assert tuple(job["features"]["numeric"]) == NUMERIC
    assert tuple(job["features"]["categorical"]) == CATEGORICAL
    assert {*job["columns"].values(), *job["rows"]["non_negative"], job["campaigns"]["size"]} <= {*market.column_names}
    assert job["clusters"]["k"] == {"end_user": 11, "channel": 4}
    assert (job["input"]["path"], job["output"]["path"]) == ("market", "scores")
    assert job["columns"]["market_segment"] == "industry"


def test_columns_that_fall_below_zero_are_not_put_on_a_log_scale(job: dict[str, Any], market: pa.Table):
    for name, scaling in job["features"]["numeric"].items():
        if np.nanmin(_column(market, name)) < 0 and name != "employees":
            assert scaling != "log_standard", name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 0}, r"rows: expected an integer from 1 to \d+, got 0"),
        ({"rows": MAX_ROWS + 1}, "rows: expected"),
        ({"rows": 10, "seed": -1}, "seed: expected an integer from 0 to 4294967295, got -1"),
        ({"rows": 10, "seed": 2**32}, "seed: expected"),
        ({"rows": 10, "files": 0}, "files: expected"),
    ],
)
def test_arguments_out_of_range_are_refused_before_anything_is_written(tmp_path: Path, arguments, message):
    with pytest.raises(UsageError, match=message):
        write_market(tmp_path / "m", **arguments)
    assert not (tmp_path / "m").exists()


def test_a_directory_that_holds_something_is_refused_and_left_alone(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="expected a new or empty directory"):
        write_market(tmp_path, 10)
    assert _files(tmp_path) == {"mine.txt": b"precious"}


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path):
    (tmp_path / "m").write_text("a file")
    with pytest.raises(UsageError, match="expected a new or empty directory"):
        write_market(tmp_path / "m", 10)


def test_an_empty_directory_is_used(tmp_path: Path):
    write_market(tmp_path, 10, files=1)
    assert sorted(_files(tmp_path)) == ["job.toml", "market/part-00000.parquet", "truth/part-00000.parquet"]


def test_an_interrupted_write_leaves_whole_parts_only_and_no_job_file(tmp_path: Path):
    def stop(done: int) -> None:
        if done > 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_market(tmp_path / "m", 1_000, files=2, progress=stop)
    assert sorted(_files(tmp_path / "m")) == ["market/part-00000.parquet", "truth/part-00000.parquet"]
    assert _table(tmp_path / "m" / "market").num_rows == 500


def test_families_add_parents_and_change_nothing_else(market_directory: Path, market: pa.Table, tmp_path: Path) -> None:
    """Most accounts have a parent that stands before them in their part; a few name themselves or nobody."""
    write_market(tmp_path / "demo", ROWS, seed=7, files=3, families=True)
    found = _table(tmp_path / "demo" / "market")
    assert found.drop_columns(["parent_id"]).equals(market)
    assert _files(tmp_path / "demo" / "truth") == _files(market_directory / "truth")
    place = {account: row for row, account in enumerate(found["account_id"].to_pylist())}
    links = [(row, place.get(parent)) for row, parent in enumerate(found["parent_id"].to_pylist()) if parent]
    assert 0.65 < len(links) / ROWS < 0.85
    known = [(row, above) for row, above in links if above is not None]
    assert all(above <= row for row, above in known)
    assert 0.001 < sum(above == row for row, above in known) / ROWS < 0.004
    assert 0.001 < (len(links) - len(known)) / ROWS < 0.004
    text = (tmp_path / "demo" / "job.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["columns"]["parent_id"] == "parent_id"
    assert tomllib.loads(text)["families"] == {}
