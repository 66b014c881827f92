"""Pages about finished runs on terminals of any width: every number whole, no line too long, what is left out named."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from tamscore import pipeline, terminal
from tamscore.cli import app
from tamscore.progress import Progress
from tamscore.view.blocks import Table, table, without_empty
from tamscore.view.terminal import titled_chapter, to_terminal
from tamscore.view.words import value_text
from tests.end_to_end import market, shop
from tests.end_to_end.test_check import JOB

ROWS = 1500
WIDTHS = (60, 80, 100, 120, 200)
SCENARIOS = ("--scenario", "cap: potential.top_step=next_step", "--scenario", "median: quadrant.threshold=median")
PAGES = {
    "explain": ("explain", "FIRST", "ACCOUNT"),
    "diff": ("diff", "FIRST", "LATER"),
    "alerts": ("alerts", "LATER", "--since", "FIRST"),
    "what-if": ("what-if", "FIRST", *SCENARIOS),
    "campaigns": ("campaigns", "FIRST"),
    "history": ("history", "SCORES"),
    "prune": ("prune", "SCORES", "--keep", "1", "--dry-run"),
    "forget": ("forget", "SCORES", "ACCOUNT", "--dry-run"),
    "check": ("check", "FOLDER/job.toml"),
    "import": ("import", "FOLDER/accounts.csv", "FOLDER/new", "--dry-run"),
}
"""The command that prints each page; words in capitals stand for what the market below has."""
WITH_JSON = tuple(PAGES)[:5]


def grown(accounts):
    """The accounts a month later: sales of a third are others, some are much larger than they were, some are new."""
    random = np.random.default_rng(3)
    sales = accounts["sales"].to_numpy(zero_copy_only=False).copy()
    sales = np.where(random.random(ROWS) < 0.3, random.lognormal(6, 2, ROWS).round(2), sales)
    employees = np.array([one or 10 for one in accounts["employees"].to_pylist()])
    employees[random.random(ROWS) < 0.1] = round(np.exp(8.0))
    ids = [f"N{i}" if i < 20 else one for i, one in enumerate(accounts["account_id"].to_pylist())]
    for name, values in (("sales", sales), ("employees", employees), ("account_id", ids)):
        accounts = accounts.set_column(accounts.column_names.index(name), name, pa.array(values))
    return accounts


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """What the words in capitals stand for: an output with a run and, a month later, another one under its model."""
    folder = tmp_path_factory.mktemp("pages")
    changes = {**shop.build(folder, ROWS), "columns.name": "name", "campaigns": {"size": "employees"}}
    market.run(folder / "market", folder / "scores", {**changes, "potential": {"preset": "p80"}})  # for prune to remove
    first = market.run(folder / "market", folder / "scores", changes)
    later_market = market.write(grown(market.accounts(ROWS)), folder / "later")
    job = market.job(later_market, folder / "scores", changes)
    later = pipeline.score(job, Progress(), str(first.path), accept=True)
    (folder / "job.toml").write_text(JOB, encoding="utf-8")
    lines = [f"a{i},{1234567 * i}.5,{i:05d},{'long text ' * 9}" for i in range(200)]
    (folder / "accounts.csv").write_text("\n".join(["id,revenue,postal_code_of_the_head_office,note", *lines, ""]))
    account = next(row["account_id"] for row in market.scores(first).to_pylist() if row["step"] == 2)
    return {"FIRST": first.path, "LATER": later.path, "SCORES": first.output, "ACCOUNT": account, "FOLDER": folder}


def call(words, page, *options):
    """What came of the command of a page."""
    arguments = [re.sub(r"^[A-Z]{5,}", lambda name: str(words[name[0]]), word) for word in PAGES[page]]
    done = CliRunner().invoke(app, [*arguments, *options])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def chapters(words):
    """The chapter that each command puts on the terminal."""
    found: dict[str, list[Any]] = {page: [] for page in PAGES}
    with pytest.MonkeyPatch.context() as patch:
        for page, put in found.items():
            patch.setattr(terminal, "put_chapter", put.append)
            call(words, page)
    return {page: chapter for page, (chapter,) in found.items()}


def printed(drawn, width):
    """The lines of what is drawn on a terminal of that width."""
    out = io.StringIO()
    Console(file=out, width=width, markup=False, emoji=False, highlight=False).print(drawn)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def tables_of(chapter):
    return [block for block in chapter.blocks if isinstance(block, Table) and block.rows]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_its_terminal_and_has_every_number_of_its_tables(chapters, page, width):
    chapter = chapters[page]
    lines = printed(titled_chapter(chapter, width), width)
    assert max(map(cell_len, lines)) <= width
    assert chapter.title.replace(" ", "") in "".join(lines).replace(" ", "")
    for block in tables_of(chapter):
        part = printed(to_terminal(block, width), width)
        assert "\n".join(part) in "\n".join(lines)
        has_every_number(block, part, width)


def has_every_number(block, lines, width):
    """Numbers and ids of the columns that are not named as left out stand in one line for each row, as they are."""
    left = left_out(lines)
    heads = [column.head for column in block.columns]
    assert len(set(heads)) == len(heads)
    assert set(left) <= {column.head for column in block.columns if column.rank > 1}
    assert not (left and width == WIDTHS[-1])
    shown = [at for at, column in enumerate(block.columns) if column.head not in left]
    solid = [at for at in shown if block.columns[at].is_number or block.columns[at].unit == "id"] or shown
    rest = iter(lines)
    for row in block.rows:
        wanted = [word for at in solid for word in value_text(row[at].value, block.columns[at].unit).split()]
        assert any(stands_in(wanted, line) for line in rest), wanted


def left_out(lines):
    """The heads of the columns that are said not to be shown."""
    named = re.search(r"not shown: (.*); widen the terminal or use --json$", " ".join(" ".join(lines).split()))
    return named[1].split(", ") if named else []


def stands_in(wanted, line):
    """Whether words stand in a line in this order, each whole."""
    rest = iter(line.split())
    return all(word in rest for word in wanted)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_for_a_file_leaves_nothing_out(chapters, words, page):
    """One line a row, however long, and what the command prints is what is held here."""
    text = call(words, page)
    assert "not shown" not in text
    for block in tables_of(chapters[page]):
        lines = text.splitlines()
        for row in block.words:
            assert any(stands_in(" ".join(row).split(), line) for line in lines), row


def column(chapter, place, head):
    """The values under a head of the table of a chapter at a place."""
    block = tables_of(chapter)[place]
    at = [column.head for column in block.columns].index(head)
    return [row[at].value for row in block.rows]


def test_the_values_on_a_page_are_those_of_the_json(chapters, words):
    explain, diff, alerts, what_if, campaigns = (json.loads(call(words, page, "--json")) for page in WITH_JSON)
    assert column(chapters["explain"], 0, "value") == [step["value"] for step in explain["ladder"]]
    assert column(chapters["explain"], 2, "new potential") == [move["potential"] for move in explain["moves"]]
    kinds = [diff["kinds"][kind] for kind in ("expansion", "acquisition")]
    sign = {"kept": 1, "new": 1, "gone": -1}
    wanted = [sign[group] * kind[group]["potential"] for kind in kinds for group in sign]
    assert [value or 0 for value in column(chapters["diff"], 0, "potential")] == wanted
    assert column(chapters["diff"], 1, "accounts") == [
        one["accounts"] for kind in kinds for cause, one in kind["causes"].items() if cause != "level"
    ], "there are no levels of accounts at level cluster"
    assert column(chapters["diff"], 2, "after") == [one["potential_after"] for one in diff["movers"]]
    for place, kind in enumerate(("buying", "churn")):
        assert column(chapters["alerts"], place, "at stake") == [one["at_stake"] for one in alerts[kind]["top"]]
    for kind in ("expansion", "acquisition"):
        amounts = [one["totals"][kind]["whitespace"] for one in what_if]
        assert column(chapters["what-if"], 0, kind) == pytest.approx(amounts, abs=0.01)
        amounts = [row["whitespace"] for row in campaigns["campaigns"] if row["kind"] == kind]
        assert column(chapters["campaigns"], 0, kind) == amounts


def test_columns_that_hold_nothing_are_left_out():
    block = without_empty(table("", "a|b:count|c:money", [("x", 0, None), ("", 1, None)]))
    assert [column.head for column in block.columns] == ["a", "b"]
    assert block.words == [["x", "0"], ["", "1"]]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1234.0, "signed_money", "+1.2k"), (-50.0, "signed_money", "-50"), (0.12, "change", "+12%"), (0, "change", "0%")],
)
def test_changes_are_written_with_their_sign(value, unit, text):
    assert value_text(value, unit) == text
