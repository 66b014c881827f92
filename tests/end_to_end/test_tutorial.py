"""The tutorial runs as it stands: its Python, its commands in order, and what it says of their output."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.trials import prepare
from tamscore.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
RAW = prepare.RAW / "wholesale_customers" / "wholesale_customers.csv"


def blocks(language):
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(
    not RAW.is_file(), reason="the public tables are not in the folder 'shared/data' beside the repository"
)
def test_the_tutorial_goes_from_a_csv_file_to_a_list_for_each_person(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(RAW, tmp_path / "wholesale_customers.csv")
    for block in blocks("python"):
        exec(compile(block, str(PAGE), "exec"), {})  # noqa: S102 - our own page
    said = ""
    for line in "".join(blocks("sh")).splitlines():
        done = CliRunner().invoke(app, shlex.split(line)[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}"
        said += done.output
    for text in ("ready to run", "expansion 11M with 440 customers", "54,065", "278 accounts get a person"):
        assert text in said, text
    people = {path.name for path in (tmp_path / "lists").glob("person-*.csv")}
    assert people == {"person-ana.csv", "person-bruno.csv", "person-carla.csv"}
    assert (tmp_path / "report.html").stat().st_size > 100_000
