"""The dictionary of the score columns: each is described, has the type it says, and is null only when it says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.types as t
import pytest
from typer.testing import CliRunner

import tamscore
from tamscore import pipeline
from tamscore.cli import app
from tamscore.cli.failures import exit_code
from tamscore.errors import TamscoreError
from tamscore.progress import Progress
from tamscore.questions.dictionary import OUTCOMES, score_columns
from tests.end_to_end import market
from tests.faults import everything
from tests.unit.test_first_job import HEADERS
from tests.unit.test_first_job import market as accounts

ROOT = Path(__file__).parents[2]
KNOWN = {column["column"]: column for column in score_columns()}
FITS = {
    "number": lambda kind: t.is_integer(kind) or t.is_floating(kind),
    "text": lambda kind: t.is_string(kind) or t.is_dictionary(kind),
    "true or false": t.is_boolean,
    "date": t.is_date,
}


@pytest.fixture(scope="module", params=["every section", "nobody buys", "sales are missing"])
def scores(request, tmp_path_factory) -> pa.Table:
    folder = tmp_path_factory.mktemp("columns")
    if request.param == "every section":
        pipeline.run(market.job(folder / "market", folder / "scores", everything.build(folder)), Progress())
        return tamscore.open_run(str(folder / "scores")).scores().to_table().drop_columns(["note"])
    table = accounts(HEADERS["English"])
    sales = np.zeros(len(table)) if request.param == "nobody buys" else np.asarray(table["Net Sales"])
    missing = (np.arange(len(table)) % 5 == 0) & (request.param != "nobody buys")
    columns = {"account_id": "Account ID", "sales": "Net Sales", "name": "Account Name", "market_segment": "Industry"}
    job = {
        "device": "cpu",
        "columns": columns,
        "rows": {"max_sales_missing_share": 1.0},
        "features": {"numeric": {"Employees": "log_standard"}},
        "clusters": {"k": 2},
        "output": {"path": str(folder / "scores")},
    }
    given = table.set_column(4, "Net Sales", pa.array(sales, mask=missing))
    return tamscore.run(job, given).scores().to_table()


def test_each_column_is_described_has_its_type_and_is_null_only_when_said(scores):
    assert not set(scores.schema.names) - set(KNOWN)
    for field in scores.schema:
        known = KNOWN[field.name]
        assert FITS[known["type"]](field.type), field
        assert known["null"] != "never" or not scores[field.name].null_count, field.name


def test_the_reference_is_current():
    call = [sys.executable, str(ROOT / "docs" / "score_columns.py")]
    made = subprocess.run(call, check=True, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    assert (ROOT / "docs" / "score_columns.md").read_bytes() == made.stdout, "make docs renews it"


def test_every_exit_code_of_an_error_is_reported():
    def below(kind: type[TamscoreError]) -> set[type[TamscoreError]]:
        return {kind}.union(*(below(one) for one in kind.__subclasses__()))

    assert {one.exit_code for one in below(TamscoreError)} <= OUTCOMES.keys()
    assert exit_code(ValueError()) in OUTCOMES
    for what in ("job", "scores", "exit-codes"):
        assert json.loads(CliRunner().invoke(app, ["schema", what]).stdout)
