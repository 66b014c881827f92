"""`tamscore sql`: the printed statement reads what the manifest lists, wherever the output lies."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from tamscore.cli import app
from tests.end_to_end import market

ODD = 'it\'s "odd" [x] {a,b} * ? é %20 k=v \\ ` $x'


def printed(*arguments: Any) -> str:
    done = CliRunner().invoke(app, ["sql", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two versions of an output whose path has every odd character, and files that no version has."""
    folder = tmp_path_factory.mktemp("odd") / ODD
    tables = (market.plain_accounts(1000), market.plain_accounts(1000).slice(100))
    done = [
        market.run(market.write(table, folder / f"week{week}", files=3), folder / "scores", market.PLAIN)
        for week, table in enumerate(tables)
    ]
    (done[1].scores / "part-00003.parquet").write_bytes((done[0].scores / "part-00000.parquet").read_bytes())
    (done[1].scores / "_tmp-1-part-00004.parquet.part").write_bytes(b"half")
    return done


def test_duckdb_reads_the_current_version_and_nothing_that_was_left_beside(runs):
    rows = duckdb.sql(printed(runs[1].output)).to_arrow_table()
    assert "k" not in rows.column_names
    files = [runs[1].scores / f"part-0000{number}.parquet" for number in range(3)]
    assert rows.sort_by("account_id").to_pylist() == market.gathered(files).to_pylist()
    assert duckdb.sql(printed(runs[0].path, "--dialect", "duckdb")).to_arrow_table().num_rows == 1000


def test_duckdb_makes_a_view_under_any_name(runs):
    with duckdb.connect() as connection:
        for run, rows in ((runs[0], 1000), (runs[1], 900)):
            connection.execute(printed(run.path, "--view", 'odd "view"; --'))
            assert connection.execute('SELECT count(*) FROM "odd ""view""; --"').fetchall() == [(rows,)]


def test_a_part_that_is_missing_is_an_error_not_fewer_rows(tmp_path):
    run = market.score(market.plain_accounts(1000), tmp_path, market.PLAIN, files=3)
    run.scores.joinpath("part-00001.parquet").unlink()
    statement = printed(run.output)
    with pytest.raises(duckdb.IOException, match=r"part-00001\.parquet"):
        duckdb.sql(statement)


def test_the_statement_of_spark_names_each_part_once(runs):
    """tests/platform/test_spark.py executes it."""
    lines = printed(runs[1].output, "--dialect", "spark").splitlines()
    assert len(lines) == 3
    assert all(line.count("parquet.`file:/") == 1 and "/part-0000" in line for line in lines)
    assert 'odd" \\[x\\] \\{a,b\\} \\* \\? é %20 k=v \\\\ `` $x/scores' in lines[0]


def test_addresses_of_object_stores_are_those_that_each_engine_takes():
    from tamscore.questions import sql_statement

    file = "s3://bucket/scores/versions/3fa9/scores/part-00000.parquet"
    assert f"'{file}'" in sql_statement.duckdb_select([file])
    assert sql_statement.spark_select([file]).endswith(f" parquet.`{file.replace('s3:', 's3a:')}`")
    assert sql_statement.spark_path("gs://bucket/x") == "gs://bucket/x"


def test_a_damaged_manifest_and_an_unknown_dialect_are_refused(runs, tmp_path):
    assert CliRunner().invoke(app, ["sql", str(runs[0].path), "--dialect", "oracle"]).exit_code == 2
    assert CliRunner().invoke(app, ["sql", str(tmp_path)]).exit_code == 2
