"""An optional part of the scores joins a run whole: columns, tables, manifest, model; what is absent is named."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore import extras, pipeline, schema, settings
from tamscore.config.extras import Extra as Section
from tamscore.passes.extra import Findings
from tamscore.progress import Progress
from tamscore.schema import InputColumns
from tamscore.store import model, verify
from tamscore.store.placed import files_of
from tests.end_to_end import market

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tamscore.backend import Backend
    from tamscore.passes.extra import Extra, ScoredRows
    from tamscore.store.run_directory import RunDirectory

ROWS, SIZE = 900, "revenue"


class Asked(Section):
    """A section that reads a column and a table of its own."""

    path: str

    def numbers(self) -> tuple[str, ...]:
        """One column of the market."""
        return (SIZE,)

    def tables(self, account_id: str) -> dict[str, tuple[str, InputColumns]]:
        """One more table."""
        del account_id
        return {"path": (self.path, InputColumns("id", "amount"))}


@dataclass(frozen=True)
class Doubled:
    """An extra that doubles a column of the input, and adds it up."""

    further: int
    name: str = "backtest"  # a section that every job has stands in

    def columns(self, rows: ScoredRows, _: Backend) -> dict[str, pa.Array]:
        """The column doubled."""
        return {"doubled": pa.array(2 * rows.read([SIZE])[SIZE].to_numpy())}

    def count(self, scored: pa.Table) -> float:
        """Its sum."""
        return float(scored["doubled"].to_numpy().sum())

    def findings(self, counts: Sequence[float]) -> Findings:
        """Everything an extra may leave."""
        table = pa.table({"part": range(len(counts)), "total": counts})
        arrays = {"counts": np.array(counts)}
        return Findings({"total": sum(counts), "further": self.further}, {"doubled": table}, frozenset({"total"}),
                        ({"say": "so"}, arrays), ("said",))  # fmt: skip


def doubled(of: extras.Market, _: Any) -> Extra | str:
    """The extra, prepared."""
    return Doubled(of.this.plan.tables["backtest.path"].rows)


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A market, and a job that has the extra; another one says that it lacks something."""
    pq.write_table(pa.table({"id": ["a"], "amount": [1.0]}), tmp_path / "more.parquet")
    asked = Asked(path=str(tmp_path / "more.parquet"))
    monkeypatch.setattr(settings, "extras_of", lambda _: {"backtest": asked})
    monkeypatch.setattr(extras, "EXTRAS", ("backtest", "coverage"))
    of_name = {"backtest": doubled, "coverage": lambda *_: "no column growth"}
    monkeypatch.setattr(extras, "module_of", lambda name: SimpleNamespace(prepare=of_name[name]))
    monkeypatch.setitem(schema.EXTRA_COLUMNS, "backtest", ("doubled",))
    return market.write(market.accounts(ROWS), tmp_path / "market", files=3)


def manifest_of(directory: RunDirectory) -> dict[str, Any]:
    """The manifest of a complete run."""
    manifest = directory.manifest()
    assert manifest is not None
    return manifest


def test_an_extra_leaves_its_columns_tables_record_and_model(joined, tmp_path):
    directory = pipeline.run(market.job(joined, tmp_path / "scores"), Progress())
    manifest = manifest_of(directory)
    scored = pq.read_table(directory.scores)
    assert scored.column_names[-2:] == ["flags", "doubled"]
    revenue = dict(zip(*(pq.read_table(joined)[name].to_pylist() for name in ("account_id", SIZE)), strict=True))
    told = dict(zip(*(scored[name].to_pylist() for name in ("account_id", "doubled")), strict=True))
    assert told == {account: 2 * revenue[account] for account in told}
    assert manifest["extras"] == {"backtest": {"total": sum(told.values()), "further": 1}}
    assert manifest["missing"] == {"coverage": "no column growth"}
    assert "backtest: said" in manifest["notices"]
    assert list(manifest["inputs"]["tables"]) == ["backtest.path"]
    assert pq.read_table(directory.tables / "doubled.parquet").num_rows == 3
    stored = model.read_extra(directory.model, "backtest", files_of(manifest))
    assert stored is not None
    assert stored[0] == {"say": "so"}
    assert verify.problems_of_output(directory.output) == []


def test_a_part_that_was_there_already_counts_as_one_made_now(joined, tmp_path):
    """What an extra tells of a part comes from the part's table, so that a resumed run tells the same."""
    job = market.job(joined, tmp_path / "scores")
    first = pipeline.run(job, Progress())
    whole = manifest_of(first)
    (first.path / "manifest.json").unlink()
    progress = Progress()
    again = manifest_of(pipeline.run(job, progress))
    assert any(notice.startswith("resumed: 3 of 3 parts") for notice in progress.notices)
    assert again["extras"] == whole["extras"]
    assert again["files"] == whole["files"]


def test_another_content_of_a_further_table_is_another_run(joined, tmp_path):
    job = market.job(joined, tmp_path / "scores")
    first = pipeline.run(job, Progress())
    pq.write_table(pa.table({"id": ["b"], "amount": [2.0]}), tmp_path / "more.parquet")
    assert pipeline.run(job, Progress()).run_key != first.run_key


def test_what_nobody_asks_for_is_missing_by_name(tmp_path):
    path = market.write(market.accounts(ROWS), tmp_path / "market")
    manifest = manifest_of(pipeline.run(market.job(path, tmp_path / "scores"), Progress()))
    assert manifest["extras"] == {}
    assert manifest["missing"] == {name: f"no [{name}] section" for name in extras.EXTRAS}
