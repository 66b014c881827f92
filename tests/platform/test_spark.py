"""The statement that `tamscore sql --dialect spark` prints, executed by Spark: a path with every odd character."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tamscore.questions.sql_statement import statement
from tamscore.questions.stored import open_run
from tests.end_to_end import market
from tests.end_to_end.test_sql import ODD

pytestmark = pytest.mark.platform

PYTHON = Path(__file__).parents[2] / ".venv-spark" / "bin" / "python"
READ = """
import json, sys
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
spark = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").getOrCreate()
query, view, missing = json.load(sys.stdin)
rows = spark.sql(query.rstrip(";")).select("account_id", "potential", "cluster").collect()
spark.sql(view.rstrip(";"))
counted = spark.sql("SELECT count(*) FROM `a ``view```").collect()[0][0]
try:
    failed = str(spark.sql(missing.rstrip(";")).count())
except Exception as error:
    failed = type(error).__name__
print(json.dumps([[list(row) for row in rows], counted, failed]))
"""


def test_spark_reads_what_the_manifest_lists_and_misses_what_is_missing(tmp_path):
    run = market.score(market.plain_accounts(1000), tmp_path / ODD, market.PLAIN, files=3)
    stored = open_run(run.output)
    query, view = statement(stored, "spark"), statement(stored, "spark", "a `view`")
    asked = json.dumps([query, view, query.replace("part-00001", "part-00009")])
    done = subprocess.run([PYTHON, "-c", READ], input=asked, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    rows, counted, failed = json.loads(done.stdout)
    scores = market.scores(run).select(["account_id", "potential", "cluster"])
    assert sorted(rows) == [list(row.values()) for row in scores.to_pylist()]
    assert (counted, failed) == (1000, "AnalysisException")
