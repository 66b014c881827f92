"""A section of the job file joins a run whole: columns, tables, manifest, model; what is absent is named."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore import job_file, pipeline
from tamscore.config.section import SectionSettings, SideTable
from tamscore.errors import JobFileError
from tamscore.model import files as model
from tamscore.progress import Progress
from tamscore.schema import InputColumns
from tamscore.score_columns import ScoreColumn
from tamscore.scoring.score.sections import Findings
from tamscore.scoring.section import Section
from tamscore.sections import SECTIONS, register, registered_for_test
from tamscore.store import verify
from tamscore.store.placed import files_of
from tamscore.view.blocks import Chapter, Text
from tests.end_to_end import market

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tamscore.backend import Backend
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.sections import ScoredRows, State
    from tamscore.store.run_directory import RunDirectory

ROWS, SIZE = 900, "revenue"
PROVIDED = tuple(name for name, section in SECTIONS.items() if not (section.folder or section.always))


class Asked(SectionSettings):
    """What is doubled: a section that reads a column and a table of its own."""

    path: str
    """Table of nothing in particular."""

    def numbers(self) -> tuple[str, ...]:
        """Return one column of the market."""
        return (SIZE,)

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return one more table."""
        del account_id
        return {"path": SideTable(self.path, InputColumns("id", "amount"), min_match_share=0.0)}


@dataclass(frozen=True)
class Doubled:
    """A state that doubles a column of the input, and adds it up."""

    further: int

    def score(self, rows: ScoredRows, _: Backend) -> dict[str, pa.Array]:
        """Return the column doubled."""
        return {"doubled": pa.array(2 * rows.read([SIZE])[SIZE].to_numpy())}

    def count(self, scored: pa.Table) -> float:
        """Return its sum."""
        return float(scored["doubled"].to_numpy().sum())

    def findings(self, counts: Sequence[float]) -> Findings:
        """Return everything that a section may leave."""
        table = pa.table({"part": range(len(counts)), "total": counts})
        arrays = {"counts": np.array(counts)}
        return Findings({"total": sum(counts), "further": self.further}, {"doubled": table}, frozenset({"total"}),
                        ({"say": "so"}, arrays), ("said",))  # fmt: skip


class DoublingSection(Section[Asked]):
    """A section of a test."""

    name = "doubling"
    settings = Asked
    columns = (ScoreColumn("doubled", "number", "twice the revenue"),)

    def prepare(self, market: Market, settings: Asked) -> State | str:
        """Return what doubles; a market without customers lacks something."""
        del settings
        return Doubled(market.run.plan.tables["doubling.path"].rows) if market.clusters else "no cluster"

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return a chapter of one paragraph."""
        return Chapter(self.name, "Doubling", "Everything is doubled.", (Text(f"in all {record['total']:,.0f}"),))


class LackingSection(Section[Asked]):
    """A section that every market lacks something for."""

    name = "lacking"
    settings = Asked

    def prepare(self, market: Market, settings: Asked) -> State | str:
        """Return what is missing."""
        del market, settings
        return "no column growth"

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return a chapter without a block."""
        return Chapter(self.name, "Lacking", str(record))


class Later(SectionSettings):
    """What is asked afterwards; no score depends on it."""

    hours: float = 1.0
    """Hours of nothing in particular."""


class LaterSection(Section[Later]):
    """A topic that is asked about a finished run."""

    name = "later"
    folder = "later"
    settings = Later

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return a chapter without a block."""
        return Chapter(self.name, "Later", str(record))


@pytest.fixture
def joined(tmp_path: Path) -> Iterator[Path]:
    """A market, while two further sections are registered: one that has all it needs, and one that lacks something."""
    pq.write_table(pa.table({"id": ["a"], "amount": [1.0]}), tmp_path / "more.parquet")
    with registered_for_test(DoublingSection()), registered_for_test(LackingSection()):
        yield market.write(market.accounts(ROWS), tmp_path / "market", files=3)


def job_of(path: Path, output: Path) -> Any:
    """A job that asks for both."""
    asked = {"path": str(output.parent / "more.parquet")}
    return market.job(path, output, {"doubling": asked, "lacking": asked, "look_alike": {"enabled": False}})


def manifest_of(directory: RunDirectory) -> dict[str, Any]:
    """The manifest of a complete run."""
    manifest = directory.manifest()
    assert manifest is not None
    return manifest


def test_a_section_leaves_its_columns_tables_record_and_model(joined, tmp_path):
    directory = pipeline.run(job_of(joined, tmp_path / "scores"), Progress())
    manifest = manifest_of(directory)
    scored = pq.read_table(directory.scores)
    assert scored.column_names[-2:] == ["flags", "doubled"]
    revenue = dict(zip(*(pq.read_table(joined)[name].to_pylist() for name in ("account_id", SIZE)), strict=True))
    by_account = dict(zip(*(scored[name].to_pylist() for name in ("account_id", "doubled")), strict=True))
    assert by_account == {account: 2 * revenue[account] for account in by_account}
    assert manifest["extras"] == {"doubling": {"total": sum(by_account.values()), "further": 1}}
    lacks = {"look_alike": "look_alike.enabled = false", "lacking": "no column growth"}
    assert manifest["missing"] == {**{name: f"no [{name}] section" for name in PROVIDED}, **lacks}
    assert "doubling: said" in manifest["notices"]
    assert list(manifest["inputs"]["tables"]) == ["doubling.path", "lacking.path"]
    assert pq.read_table(directory.tables / "doubled.parquet").num_rows == 3
    stored = model.read_section(directory.model, "doubling", files_of(manifest))
    assert stored is not None
    assert stored[0] == {"say": "so"}
    assert verify.problems_of_output(directory.output) == []


def test_a_part_that_was_there_already_counts_as_one_made_now(joined, tmp_path):
    """What a section says of a part comes from the part's table, so that a resumed run tells the same."""
    job = job_of(joined, tmp_path / "scores")
    first = pipeline.run(job, Progress())
    whole = manifest_of(first)
    (first.path / "manifest.json").unlink()
    progress = Progress()
    again = manifest_of(pipeline.run(job, progress))
    assert any(notice.startswith("resumed: 3 of 3 parts") for notice in progress.notices)
    assert again["extras"] == whole["extras"]
    assert again["files"] == whole["files"]


def test_another_content_of_a_further_table_is_another_run(joined, tmp_path):
    job = job_of(joined, tmp_path / "scores")
    first = pipeline.run(job, Progress())
    pq.write_table(pa.table({"id": ["b"], "amount": [2.0]}), tmp_path / "more.parquet")
    assert pipeline.run(job, Progress()).run_key != first.run_key


def test_what_nobody_asks_for_is_missing_by_name(tmp_path):
    path = market.write(market.accounts(ROWS), tmp_path / "market")
    manifest = manifest_of(pipeline.run(market.job(path, tmp_path / "scores"), Progress()))
    assert manifest["extras"].keys() == {"look_alike"}
    assert manifest["missing"] == {name: f"no [{name}] section" for name in PROVIDED}


def test_the_job_file_knows_a_section_only_while_it_is_registered(joined, tmp_path):
    schema = job_file.json_schema()
    assert schema["properties"]["doubling"]["description"].startswith("What is doubled")
    assert "doubled" in {column.name for section in SECTIONS.values() for column in section.columns}
    with pytest.raises(ValueError, match="'doubling' is registered twice"):
        register(DoublingSection())
    with pytest.raises(JobFileError, match=r"\[doubling\] adds a column"):
        market.job(joined, tmp_path / "scores", {"doubling": {"path": "more"}, "columns.keep": ["doubled"]})


def test_a_topic_about_finished_runs_is_in_every_job_and_changes_no_run(tmp_path):
    path = market.write(market.accounts(ROWS), tmp_path / "market")
    with registered_for_test(LaterSection()):
        jobs = [market.job(path, tmp_path / "scores", changes) for changes in ({}, {"later": {"hours": 2.0}})]
        first, second = (pipeline.run(job, Progress()) for job in jobs)
        assert job_file.json_schema()["properties"]["later"]["description"] == "What is asked afterwards."
    assert [job.section(Later).hours for job in jobs] == [1.0, 2.0]
    assert first.run_key == second.run_key
    manifest = manifest_of(first)
    assert manifest["job"]["later"] == {"hours": 1.0}
    assert "later" not in manifest["missing"] | manifest["extras"]


def test_a_table_that_no_section_has_is_refused(tmp_path):
    with pytest.raises(JobFileError, match="doubling: expected one of the keys"):
        market.job(tmp_path, tmp_path / "scores", {"doubling": {"path": "more"}})


def test_a_run_loads_the_rooms_of_the_sections_that_it_has_and_of_no_others(tmp_path):
    path = market.write(market.plain_accounts(400), tmp_path / "market")
    changes = {**market.PLAIN, "look_alike": {}}
    text = (
        "import sys; from tests.end_to_end import market; "
        f"market.run({str(path)!r}, {str(tmp_path / 'scores')!r}, {changes!r}); "
        "print('\\n'.join(name for name in sys.modules if name.startswith('tamscore.sections.')))"
    )
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    named = {tuple(name.split(".")[2:]) for name in found.stdout.split()}
    packages = {name[0] for name in named if len(name) > 1 and name[1] not in {"settings", "rules"}}
    assert packages == {"campaigns", "look_alike"}
