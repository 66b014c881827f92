"""Families of a real table: the commands of docs/families.md run in order, and find what the page says.

They need the folder of raw tables beside the repository, and are skipped where it is absent.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from shutil import copy

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from jobs.trials import prepare
from tamscore.cli import app
from tamscore.questions.stored import open_run
from tests.end_to_end.market import scores
from tests.end_to_end.test_docs import ROOT, commands

RAW = prepare.RAW / "crunchbase_2013"
TRIALS = Path("jobs/trials")
NAME = "crunchbase_2013_families"
pytestmark = pytest.mark.skipif(not RAW.is_dir(), reason=f"the raw table {str(RAW)!r} is not there")


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> tuple[Path, str]:
    """The folder that the commands of the page were run in, in order, and all that they printed."""
    folder: Path = tmp_path_factory.mktemp("page")
    (folder / TRIALS / "tables").mkdir(parents=True)
    table, _ = prepare.crunchbase_2013_families(RAW)
    pq.write_table(table, folder / TRIALS / "tables" / f"{NAME}.parquet")
    copy(ROOT / TRIALS / f"{NAME}.toml", folder / TRIALS)
    page = (ROOT / "docs" / "families.md").read_text(encoding="utf-8").split("## Practice on a public table")[1]
    printed = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        asked = [*commands(page.split("\n## ")[0])]
        for words in asked:
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 0, f"{words}\n{done.output}"
            printed.append(done.output)
    assert len(asked) > 4
    return folder, "\n".join(printed)


def test_the_page_shows_what_the_commands_print(said):
    """Its tables lack the last columns, which would be too wide for the page."""
    _, printed = said
    page = (ROOT / "docs" / "families.md").read_text(encoding="utf-8").split("## Practice on a public table")[1]
    lines = [line for line in page.splitlines() if line.startswith(("families of several", "accounts of their own"))]
    assert len(lines) == 4
    for line in lines:
        assert line.split() in [printed_line.split()[: len(line.split())] for printed_line in printed.splitlines()]
    assert "the deepest 3 levels below its top" in printed
    assert "16,705 rows of families with 17,727 accounts" in printed


def test_families_are_who_the_last_deals_lead_to(said):
    folder, _ = said
    deals: dict[str, tuple[str, str]] = {}
    with (RAW / "crunchbase-acquisitions.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            bought = row["company_permalink"]
            key = (row["acquired_at"], row["acquirer_permalink"])
            if bought not in deals or key[0] > deals[bought][0]:
                deals[bought] = key
    rows = {row["account_id"]: row for row in scores(open_run(folder / TRIALS / "scores" / NAME).directory).to_pylist()}
    assert sum(account in deals for account in rows) == 1_669
    assert len({deals[account][1] for account in rows if account in deals}) == 1_035
    assert sum(deals[account][1] in rows for account in rows if account in deals) == 691
    members: dict[str, set[str]] = defaultdict(set)
    for account in rows:
        seen = [account]
        while seen[-1] in rows and (above := deals.get(seen[-1], ("", seen[-1]))[1]) not in seen:
            seen.append(above)
        circle = seen[-1] in rows and deals.get(seen[-1], ("", seen[-1]))[1] != seen[-1]
        top = min(seen[seen.index(deals[seen[-1]][1]) :]) if circle else seen[-1]
        members[top].add(account)
    found: dict[str, set[str]] = defaultdict(set)
    for account, row in rows.items():
        found[row["family_id"]].add(account)
    assert found == members
    assert len(members["/company/google"]) == 41
    assert "/company/grandcentral" in members["/company/google"]


def test_families_as_rows_have_the_funding_of_their_companies(said):
    folder, _ = said
    output = folder / TRIALS / "scores" / "crunchbase_2013_family_rows"
    accounts = scores(open_run(output.with_name(f"{output.name}-accounts")).directory)
    funding: dict[str, float] = defaultdict(float)
    for row in accounts.to_pylist():
        funding[row["family_id"]] += row["sales"] or 0.0
    rows = scores(open_run(output).directory).to_pylist()
    assert {row["account_id"]: row["sales"] or 0.0 for row in rows} == funding
    assert sum(row["family_members"] for row in rows) == accounts.num_rows == 17_727


def test_the_same_column_as_parents_is_refused(said):
    folder, _ = said
    job = folder / TRIALS / "parents.toml"
    text = (ROOT / TRIALS / f"{NAME}.toml").read_text(encoding="utf-8")
    job.write_text(text.replace("ultimate_parent_id", "parent_id"), encoding="utf-8")
    done = CliRunner().invoke(app, ["run", str(job)])
    assert done.exit_code == 3
    assert "691 of 1,669 rows met an account" in done.output
