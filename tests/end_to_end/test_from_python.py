"""Runs from Python: the files of the command line, numbers of a run from arrays, reads that are held against hashes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import tamscore
from tamscore import job_file
from tests.end_to_end import market

ROWS = 3_000


@pytest.fixture(scope="module")
def table():
    return market.accounts(ROWS)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    return {**market.JOB, "output": {"path": str(tmp_path_factory.mktemp("face") / "scores")}}


@pytest.fixture(scope="module")
def done(table, job):
    return tamscore.run(job, table)


def test_a_table_at_hand_gives_the_scores_of_the_same_table_in_a_file(done, table, tmp_path):
    written = market.score(table, tmp_path)
    assert market.scores(written).equals(market.gathered(done._run.parts()))
    assert done.manifest["rows"]["scored"] == done.scores().count_rows()


def test_the_same_table_in_other_chunks_is_the_same_run(done, table, job):
    assert tamscore.run(job, pa.concat_tables([table[:99], table[99:]])).key == done.key


def test_a_frame_gives_the_scores_of_the_table(done, table, job, tmp_path):
    frame = tamscore.run({**job, "output": {"path": str(tmp_path / "scores")}}, pl.DataFrame(table))
    columns = ["account_id", "cluster", "potential", "rank"]
    one, other = (run.scores().to_table(columns=columns).to_pylist() for run in (done, frame))
    assert one == other


def test_a_job_may_be_a_file_a_dict_or_a_loaded_job(done, table, job, tmp_path):
    loaded = job_file.parse({**job, "input": {"path": str(tmp_path)}})
    assert tamscore.run(loaded, table).key == done.key
    market.write(table, tmp_path / "market")
    numeric = json.dumps(market.JOB["features"]["numeric"]).replace(":", " =")
    text = f'input.path = "market"\noutput.path = "out"\nfeatures.numeric = {numeric}\nclusters.k = 2\ndevice = "cpu"\n'
    (tmp_path / "job.toml").write_text(text + "rows.max_sales_missing_share = 0.1\n")
    file = tmp_path / "job.toml"
    assert tamscore.load_job(file).clusters.k == 2
    first = tamscore.run(file, overrides=["clusters.k=3"])
    assert first.path.parent.parent == tmp_path / "out"
    assert len(first.tables["potential"]) == 3
    again = tamscore.score(str(file), model=first.path, overrides=["clusters.k=3"])
    assert again.manifest["model"]["source"] != "fitted"
    assert again.tables["potential"]["cluster"] == first.tables["potential"]["cluster"]
    fresh = tamscore.refresh(file, start=tmp_path / "out", overrides=["clusters.k=3"])
    assert len(fresh.tables["potential"]) == 3


def test_progress_is_quiet_unless_it_is_asked_for(done, table, job, capfd):
    tamscore.run(job, table)
    assert capfd.readouterr() == ("", "")
    tamscore.run(job, table, verbose=True)
    assert "nothing to do" in capfd.readouterr().err


def test_errors_come_as_they_are_and_metrics_are_left(table, job, tmp_path):
    wrong = {**job, "metrics": {"folder": str(tmp_path / "metrics")}, "rows": {"max_sales_missing_share": 0.0001}}
    with pytest.raises(tamscore.InputContractError, match="sales"):
        tamscore.run(wrong, table)
    left = json.loads((tmp_path / "metrics" / "latest.json").read_text())
    assert left["exit_code"] == 3


def test_ladders_and_whitespace_of_arrays_are_those_of_the_run(done):
    scores = done.scores().to_table(columns=None).combine_chunks()
    table = done.tables["potential"]
    for party in ("end_user", "channel"):
        rows = scores.filter(pc.equal(scores["party_type"].cast(pa.string()), party))
        ladders = tamscore.potential_table(rows["sales"], rows["cluster"], segments=rows["market_segment"])
        stored = table.filter(pc.equal(table["party_type"], party))
        own = ladders.to_arrow()
        for name in own.column_names:
            if name != "parent":
                same = own[name].to_pylist() == stored[name].cast(own[name].type).to_pylist()
                assert same or name == "basis", name
        money = tamscore.whitespace(rows["sales"], rows["cluster"], ladders)
        for name in ("potential", "whitespace", "step"):
            assert np.array_equal(getattr(money, name), rows[name].to_numpy()), name


def test_a_run_is_read_through_its_hashes(done, table, tmp_path):
    import shutil

    output = shutil.copytree(done.path.parent.parent, tmp_path / "copy")
    run = tamscore.open_run(output)
    part = next((run.path / "scores").glob("part-*.parquet"))
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    with pytest.raises(tamscore.InputContractError, match=part.name):
        run.scores().to_table()
    (run.path / "tables" / "potential.parquet").unlink()
    with pytest.raises(tamscore.InputContractError, match="missing"):
        _ = run.tables["potential"]
    with pytest.raises(KeyError, match="the run has campaigns"):
        _ = run.tables["potentials"]


def test_scores_are_read_by_columns_and_filters(done):
    scores = done.scores()
    few = scores.to_table(columns=["account_id", "whitespace"], filter=pc.field("whitespace") > 1000)
    assert 0 < few.num_rows < ROWS
    assert few.column_names == ["account_id", "whitespace"]


def test_an_account_is_explained_and_one_that_is_not_there_is_reported(done):
    account = done.scores().head(1).to_pylist()[0]
    assert done.explain(account["account_id"]).account["potential"] == account["potential"]
    with pytest.raises(tamscore.UsageError, match="no account"):
        done.explain("nobody")
    with pytest.raises(tamscore.UsageError):
        tamscore.open_run("nowhere")
    assert done.key in repr(done)


def test_accounts_with_whole_numbers_as_ids_are_explained_as_they_are_read(table, job, tmp_path):
    numbered = table.set_column(table.schema.get_field_index("account_id"), "account_id", pa.array(range(ROWS)))
    run = tamscore.run({**job, "output": {"path": tmp_path / "scores"}}, numbered)
    account = run.scores().head(1).to_pylist()[0]["account_id"]
    assert isinstance(account, int)
    assert run.explain(account).account["account_id"] == account
    with pytest.raises(tamscore.UsageError, match="no account '-1'"):
        run.explain(-1)


def test_a_job_of_paths_and_numbers_of_numpy_is_that_of_texts_and_numbers(done, table, job):
    k = {party: np.int64(number) for party, number in job["clusters"]["k"].items()}
    given = {**job, "output": {"path": Path(job["output"]["path"])}, "clusters": {**job["clusters"], "k": k}}
    assert tamscore.run(given, table).key == done.key


@pytest.mark.parametrize("data", ["market.parquet", np.ones((3, 2)), [{"account_id": 1}]])
def test_data_and_jobs_that_are_none_are_named(job, data):
    with pytest.raises(TypeError, match=r"data: expected an Arrow table or a DataFrame .*, got (builtins|numpy)\."):
        tamscore.run(job, data)
    with pytest.raises(TypeError, match="job: expected the path of a job file, a dict or a Job, got int"):
        tamscore.run(5)  # type: ignore[arg-type]
