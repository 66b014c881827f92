"""What a reader has before a page begins: tables of their own, job files, and on most pages a run with a history."""

from __future__ import annotations

import gzip
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.synthetic import write_market
from tests.end_to_end import market
from tests.end_to_end.page_blocks import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 900
JOB = """
device = "cpu"
input.path = "{data}"
output.path = "{scores}"
columns = {{ market_segment = "industry", name = "name", keep = ["country", "region", "technology", "web_visits"] }}
rows.non_negative = ["employees"]
features.categorical = ["industry"]
features.numeric = {{ employees = "log_standard", assets = "log_standard", subsidiaries = "log_standard" }}
clusters.k = 3
clusters.restarts = 2
campaigns.size = "employees"
potential.min_customers = 10
"""
OF_EXPORT = (
    "account_id", "name", "party_type", "industry", "country", "technology", "employees", "revenue", "it_spend",
    "sites", "founded_year", "export_share", "revenue_growth", "operating_margin", "sales", "sales_next_year",
)  # fmt: skip
"""Columns of the export of a CRM: those that jobs/laptop.toml names, and later sales for a backtest."""
PLANS = """role,service_level,hours,expansion,acquisition,protection
hunter,pooled,30,0.06,0.09,0.02
account_manager,pooled,20,0.1,0.02,0.05
"""
PROGRAMS = {
    "duckdb": """import sys
import duckdb

file, *options, query = sys.argv[1:]
answer = duckdb.connect(file).sql(query)
if "-csv" in options:
    answer.write_csv("/dev/stdout")
else:
    print(answer)
""",
    "make-market": """import sys
import pyarrow.csv
import pyarrow.parquet

pyarrow.csv.write_csv(pyarrow.parquet.read_table("data/market"), sys.stdout.buffer)
""",
}
"""Programs of others that pages call, as far as they call them."""


@dataclass(frozen=True)
class World:
    """A folder to copy for each page, with and without a run, and where the programs of others stand."""

    bare: Path
    scored: Path
    programs: Path


def build(folder: Path, python: str) -> World:
    """Make both folders; in `scored` is a run, another one that scores new sales, and a coverage of the last."""
    bare, scored, programs = (folder / name for name in ("bare", "scored", "programs"))
    _own_tables(bare)
    shutil.copytree(ROOT / "jobs", bare / "jobs", ignore=shutil.ignore_patterns("tables", "scores", "__pycache__"))
    (bare / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "recompute_potential.py", bare / "docs")
    (bare / "my-job.toml").write_text(JOB.format(data="data/market", scores="scores"), encoding="utf-8")
    (bare / "jobs" / "market.toml").write_text(JOB.format(data="../data/market", scores="../scores"), encoding="utf-8")
    shutil.copytree(bare, scored)
    job = JOB.format(data="data/market", scores="scores") + 'products.path = "sales_by_product.parquet"\n'
    (scored / "job.toml").write_text(job, encoding="utf-8")
    for call in (
        "run {0}/job.toml",
        "coverage {0}/scores",
        "score {0}/job.toml --set input.path=data/next",
        "coverage {0}/scores",
    ):
        done = CliRunner().invoke(app, ["-q", *call.format(scored).split()])
        assert done.exit_code == 0, f"{call}\n{done.output}"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(f"#!{python}\n{text}", encoding="utf-8")
        (programs / name).chmod(0o755)
    return World(bare, scored, programs)


def _own_tables(folder: Path) -> None:
    """Write the reader's own tables into a folder."""
    write_market(folder / "made", ROWS, files=1, orders=True, products=True, families=True)
    whole = pq.read_table(folder / "made" / "market")
    random, rows = np.random.default_rng(0), len(whole)
    ids, sales = whole["account_id"].to_pylist(), np.nan_to_num(np.asarray(whole["sales"]))
    more: dict[str, Any] = {
        "region": random.choice(["north", "south"], rows),
        "currency": random.choice(["EUR", "USD", "JPY"], rows),
        "partner": random.choice(["Reseller", "End Customer", ""], rows),
        "sales_next_year": (sales * random.lognormal(0, 0.2, rows)).round(2),
    }
    for name, values in more.items():
        whole = whole.append_column(name, pa.array(values))
    market.write(whole, folder / "data" / "market")
    later = whole.set_column(whole.column_names.index("sales"), "sales", whole["sales_next_year"])
    market.write(later, folder / "data" / "next")
    export = folder / "crm-export.csv"
    pacsv.write_csv(whole.select(OF_EXPORT), export)
    (folder / "export.csv.gz").write_bytes(gzip.compress(export.read_bytes(), 1))
    orders, products = (pq.read_table(folder / "made" / name) for name in ("orders", "products"))
    pq.write_table(orders, folder / "orders.parquet")
    pq.write_table(products, folder / "sales_by_product.parquet")
    pq.write_table(
        pa.table({"account_id": ids, "title": random.choice(["CFO", "user", "head of finance"], rows)}),
        folder / "contacts.parquet",
    )
    pq.write_table(pa.table({"account_id": ids, "bought": (sales > 0).astype(float)}), folder / "labels.parquet")
    texts = {
        "people.csv": "person,role,hours\nAnn,hunter,1100\nBo,account_manager,900\n",
        "plans.csv": PLANS,
        "own.csv": f"account_id,role,hours\n{ids[0]},hunter,12\n",
        "data/owners.csv": f"account_id,person\n{ids[1]},Ann\n",
        "won.csv": "account_id,amount\n" + "".join(f"{name},100\n" for name in ids[::9]),
        "overrides.csv": f"account,field,value,reason,expiry\n{ids[0]},play,defend,they said so,\n",
        "team.toml": '[coverage]\npeople = "people.csv"\n',
        "erased.txt": f"{ids[5]}\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    shutil.rmtree(folder / "made")
    _lake(folder, whole)


def _lake(folder: Path, table: pa.Table) -> None:
    """Write a Delta table of 13 versions, and a DuckDB file with the market."""
    import deltalake
    import duckdb

    lake = str(folder / "lake" / "companies")
    for _ in range(13):
        deltalake.write_deltalake(lake, table, mode="overwrite")
    with duckdb.connect(folder / "crm.duckdb") as base:
        base.register("given", table.select(OF_EXPORT))
        base.execute("create table market as select * from given")


def stand_in(text: str) -> str:
    """Return a command or a block with what there is here in place of what its page names."""
    return reduce(lambda given, item: re.sub(item[0], partial(item[1], given), given), PLACEHOLDERS.items(), text)


def _output(text: str) -> Path:
    """Return the output that a command speaks of."""
    return Path(re.findall(r"[\w./-]*\bscores\b", text)[0])


def _version(text: str, _: object) -> str:
    """Return the key of the first version that its output had."""
    ledger = (_output(text) / "_history.jsonl").read_text(encoding="utf-8")
    return str(re.findall(r'"version": "(\w+)"', ledger)[0])


def _account(text: str, found: re.Match[str]) -> str:
    """Return the id of an account of its output: another one for an account that a page compares with."""
    place = int(found.group() in _SECOND)
    part = min(_output(text).glob("versions/*/scores/part-*.parquet"))
    return str(pq.read_table(part, columns=["account_id"])["account_id"][place])


def _plan(text: str, _: object) -> str:
    """Return the name of the last coverage of its output, which is one of the current run."""
    folders = [path for path in (_output(text) / "coverage").iterdir() if path.is_dir()]
    return max(folders, key=lambda path: path.stat().st_mtime_ns).name


_SECOND = {"C5100200431", "4712"}
PLACEHOLDERS: dict[str, Callable[[str, re.Match[str]], str]] = {
    r"\bC\d{10}\b|\b471[12]\b": _account,
    r"(?<=--plan )3fa9\b": _plan,
    r"\b3fa9c0d1e2b34a56\b|\b3fa9\b|(?<=scores/)81bc\b": _version,
    r"(\bsynth \w+ --rows) \d+\b(?! --families)": lambda _, found: f"{found.group(1)} {ROWS} --files 2",
    r"(\bbench --rows) \d+": lambda _, found: f"{found.group(1)} 2000",
    r"(?<=owners = \")(?=owners\.csv)": lambda *_: "data/",
    r"\b2027-03-31\b": lambda *_: (datetime.now(UTC).date() + timedelta(days=90)).isoformat(),
    r"(?<=[\"':= ])/(?=var/|lake/|data/)": lambda *_: "",
}
"""What pages name and no one has, each with what stands in for it. The day is one that has not come yet.
A market of families stays as large as it is: a holdout of them needs so many customers."""
