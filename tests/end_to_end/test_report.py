"""`tamscore report`: one page that needs nothing, says what the run has stored, and leaves out what it has not."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

from tamscore import backend, pipeline
from tamscore import report as reports
from tamscore.cli import app
from tamscore.errors import UsageError
from tamscore.progress import Progress
from tamscore.questions import show
from tamscore.questions.stored import open_run
from tamscore.report import page_of, write_report
from tamscore.report.chapters import chapters, one_pager
from tamscore.report.evidence import gather
from tamscore.sections import SECTIONS
from tamscore.sections.backtest.comparison import backtest
from tamscore.sections.coverage.cover import cover
from tamscore.sections.coverage.settings import Coverage
from tamscore.store import history
from tamscore.view.blocks import Figure
from tamscore.view.words import money
from tests.end_to_end import buyers, market
from tests.page import Page

ALL = [
    "page-one", "ranking", "headline", "quadrants", "clusters", "ladder", "campaigns", "coverage", "people", "moves",
    "limits", "explanations", "potential", "level", "choice-of-k", "look-alike", "backtest", "quality", "method",
]  # fmt: skip
HOSTILE = "<script>alert('x')</script> & $\\frac{$ ¥\u202e"
LIMIT = 3_000_000
CHANGES = {
    "columns.name": "name",
    "clusters.k": "auto",
    "clusters.k_range": [2, 5],
    "campaigns": {"size": "employees"},
    "rows.non_negative": ["note"],
}


def table_of(rows, seed):
    table = market.accounts(rows, seed=seed)
    names = [f"{name} {HOSTILE}" for name in table["name"].to_pylist()]
    industry = ["ret$ail_{<b>" if one == "retail" else one for one in table["industry"].to_pylist()]
    place = table.column_names.index
    table = table.set_column(place("name"), "name", pa.array(names))
    return table.set_column(place("industry"), "industry", pa.array(industry))


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A run with everything: a run before it, a choice of k, a coverage, a backtest; the same market a bit on."""
    folder = tmp_path_factory.mktemp("report")
    before = table_of(1_600, seed=3)
    market.write(before.slice(0, 1_500), folder / "then")
    random = np.random.default_rng(5)
    grown = [None if one is None else round(one * 1.5) for one in before["employees"].to_pylist()]
    moved = [
        b if chance < 0.2 else a
        for a, b, chance in zip(before["employees"].to_pylist(), grown, random.random(1_600), strict=True)
    ]
    sales = [None if one is None else one * 1.1 for one in before["sales"].to_pylist()]
    now = before.set_column(before.column_names.index("employees"), "employees", pa.array(moved, pa.int64()))
    now = now.set_column(now.column_names.index("sales"), "sales", pa.array(sales)).slice(100)
    market.write(now, folder / "now")
    market.run(folder / "then", folder / "scores", CHANGES)
    job = market.job(folder / "now", folder / "scores", {**CHANGES, "backtest": {"realised": "revenue"}})
    done = pipeline.run(job, Progress(), accept=True)
    team = Coverage.model_validate({"team": {"hunter": 2}}, strict=False)
    cover(open_run(done.output), team, backend.load("cpu"), Progress())
    backtest(job, done, Progress(), backend.load("cpu"))
    return open_run(done.output)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A run that has nothing but itself."""
    folder = tmp_path_factory.mktemp("bare")
    changes = {**market.PLAIN, "clusters.stability": False}
    return open_run(market.score(market.plain_accounts(300), folder, changes).output)


@pytest.fixture(scope="module")
def written(full, tmp_path_factory):
    """The file of the full report, and the page in it."""
    target = tmp_path_factory.mktemp("page") / "report.html"
    write_report(full, Progress(), target)
    return target, Page(target.read_text(encoding="utf-8"))


def stored_table(run, name):
    return pq.read_table(run.directory.tables / f"{name}.parquet").to_pylist()


def test_every_chapter_stands_in_its_place(written):
    _, page = written
    assert [one["id"] for one in page.having("section")] == ALL
    assert [one["href"] for one in page.having("a")][: len(ALL) + 1] == ["#content", *(f"#{name}" for name in ALL)]
    appendix = [one["id"] for one in page.having("section", class_="appendix")]
    assert appendix == ALL[ALL.index("explanations") :]


def test_what_a_run_has_not_is_left_out_and_named(bare, tmp_path):
    write_report(bare, Progress(), tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    gone = {"campaigns", "coverage", "people", "backtest", "choice-of-k", "moves"}
    assert [one["id"] for one in page.having("section")] == [name for name in ALL if name not in gone]
    cells = [row[0] for row in page.table("Not in this report").rows]
    absent = (section.absent.partition(":")[0] for name, section in SECTIONS.items() if name != "look_alike")
    words = ("choice of k", "Who moved", "People", "Did it work", *absent)
    assert len(cells) == len(words)
    assert all(any(word in one for one in cells) for word in words)
    assert all("Trust in clusters" not in table.caption for table in page.tables)
    assert any("The stability of clusters was not measured" in text for text in page.texts["p"])


def test_a_report_can_be_called_another_name_than_its_job_gives_it(bare, tmp_path):
    """A run takes no notice of [report], so a finished run says where a new one goes."""
    call = ["report", str(bare.directory.path), "--to", str(tmp_path / "r.html"), "--one-pager"]
    titled = CliRunner().invoke(app, [*call, "--set", "report.title=North & South", "--set", "report.currency=EUR"])
    assert titled.exit_code == 0, titled.stderr
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<title>North &amp; South" in text
    assert "EUR" in text
    refused = CliRunner().invoke(app, [*call, "--set", "clusters.k=3"])
    assert refused.exit_code == 2
    assert "expected a key of [report]" in refused.stderr
    assert CliRunner().invoke(app, [*call, "--set", "report.titel=x"]).exit_code == 2


@pytest.mark.parametrize(("title", "times"), [("North", 1), (None, 0)])
def test_a_run_that_is_there_already_says_that_its_report_keeps_its_title(tmp_path, title, times):
    first = market.score(market.plain_accounts(300), tmp_path, market.PLAIN)
    changes = {**market.PLAIN, "report": {"title": title} if title else {}}
    progress = Progress()
    again = pipeline.run(market.job(tmp_path / "market", tmp_path / "scores", changes), progress)
    assert again.run_key == first.run_key
    assert sum("[report] was another one" in text for text in progress.notices) == times


def test_the_page_needs_nothing_beside_itself(written):
    text = written[0].read_text(encoding="utf-8")
    assert not re.search(r"https?:|//\w+\.|@import|@font-face|url\((?!#)", text.replace('content="default-src', ""))
    links = [one[key] for _, one in written[1].elements for key in ("href", "src") if key in one]
    assert all(link.startswith(("#", "data:,")) for link in links)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    assert written[1].having("meta", content=policy)


def test_the_page_can_be_read_by_keyboard_and_by_ear(written):
    _, page = written
    ids = [one["id"] for _, one in page.elements if "id" in one]
    assert len(ids) == len(set(ids))
    assert all(link["href"][1:] in ids for link in page.having("a"))
    assert [tag for tag, _ in page.elements if tag in {"h1", "h2"}] == ["h1", *["h2"] * len(ALL)]
    figures = [one for one in page.having("svg") if one.get("role") == "img"]
    assert len(figures) == 2 * len(page.having("figure")) > 16
    assert all(len(one["aria-label"]) > 30 for one in figures)
    assert all(one.caption and one.heads for one in page.tables)
    assert all(one["tabindex"] == "0" and one["aria-label"] for one in page.having("div", role="region"))


def test_every_reference_inside_a_figure_is_to_something_in_it(written):
    text = written[0].read_text(encoding="utf-8")
    for figure in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        used = set(re.findall(r'(?:href="|url\()#([\w-]+)', figure))
        assert used <= set(re.findall(r'id="([\w-]+)"', figure))


def test_names_from_data_stay_texts(written):
    text = written[0].read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)" in text
    assert "<b>" not in text
    assert "\u202e" not in text


def test_the_numbers_are_those_of_the_stored_tables(full, written):
    _, page = written
    rows = {row["cluster"]: row for row in stored_table(full, "potential")}
    shown = page.table("Potential by cluster")
    assert {row[0] for row in shown.rows} == set(rows)
    for row in shown.rows:
        cells, steps = rows[row[0]], ("p85", "p90", "p95", "top")
        assert row[4:8] == [money(cells[step]) for step in steps]
        assert row[8] == f"{money(cells['low_p85'])} to {money(cells['high_p85'])}"
        assert row[10] == f"{cells['support']:,}"
    for row in page.table("Intervals of every step").rows:
        ends = [(rows[row[0]][f"low_{step}"], rows[row[0]][f"high_{step}"]) for step in ("p85", "p90", "p95", "top")]
        assert row[2:] == ["-" if None in pair else " to ".join(map(money, pair)) for pair in ends]
    for row in page.table("Whitespace by kind").rows:
        held = [one for one in stored_table(full, "quadrants") if [one["kind"], one["quadrant"]] == row[:2]]
        assert row[5] == f"{sum(one['accounts'] for one in held):,.0f}"
        assert row[6:9] == [money(sum(one[what] for one in held)) for what in ("sales", "potential", "whitespace")]
    totals = full.manifest["totals"]
    tiles = page.texts["dd"]
    assert f"{full.manifest['rows']['scored']:,}" in tiles
    assert all(money(totals[kind]["whitespace"]) in tiles for kind in totals)


def test_accounts_by_play_and_segments_of_the_portfolio_add_up_to_the_scores(full, written):
    """Each held against the scores; a prospect never stands among those to protect or expand."""
    scores, page = market.scores(full.directory).to_pylist(), written[1]
    for row in page.table("Accounts by play").rows:
        held = [one for one in scores if [one["kind"], one["play"]] == [row[0], row[1].replace(" ", "_")]]
        assert row[2] == f"{len(held):,}"
        assert row[5:] == [money(sum(one[name] or 0.0 for one in held)) for name in ("whitespace", "expected_value")]
    for row in page.table("Segments of the portfolio").rows:
        held = [one for one in scores if [one["kind"], segment_of(one)] == row[:2]]
        assert row[5] == f"{len(held):,}"
        assert row[8:] == [money(sum(one[name] or 0.0 for one in held)) for name in ("whitespace", "expected_value")]
    for name in ("portfolio", "plays"):
        assert sum(one["accounts"] for one in stored_table(full, name)) == len(scores)
    assert {one["portfolio_segment"] for one in stored_table(full, "portfolio")} >= {"global", "enterprise", "land"}
    for title in ("Accounts by play", "From clusters to segments of the portfolio"):
        assert any(text.startswith(title) and text.endswith(".") for text in page.texts["figcaption"])


def segment_of(row):
    """The segment of the portfolio of an account, by its quadrant, for a prospect by that of low sales."""
    low = {"blue": "yellow", "orange": "grey"} if row["kind"] == "acquisition" else {}
    colour = low.get(row["quadrant"], row["quadrant"])
    if colour == "blue":
        return "global" if row["tier"] == "A" else "enterprise"
    return {"yellow": "land", "orange": "account management"}.get(colour, "digital")


def test_the_ranking_lists_the_best_of_each_kind_with_two_digits(full, written):
    scores = market.scores(full.directory).to_pylist()
    for kind, noun in (("expansion", "customers"), ("acquisition", "prospects")):
        best = sorted((one for one in scores if one["kind"] == kind), key=lambda one: one["priority_in_kind"])[:50]
        best.sort(key=lambda one: one["party_type"] == "channel")
        shown = written[1].table(f"The first 50 {noun}").rows
        assert [row[0] for row in shown] == [one["party_type"].replace("_", " ") for one in best]
        assert [row[1] for row in shown] == [f"{one['priority_in_kind']:,}" for one in best]
        assert [row[2] for row in shown] == [one["account_id"] for one in best]
        assert [row[5:8] for row in shown] == [
            [money(one[m]) for m in ("sales", "potential", "whitespace")] for one in best
        ]
        anchors = [f"account-{one['party_type'].replace('_', '-')}-{one['priority']}" for one in best]
        texts = [
            text for text in written[1].texts["li"] if re.search(r"customers? like it buys? |above the ladder", text)
        ]
        for anchor, one in zip(anchors, best, strict=True):
            assert written[1].having("a", href=f"#{anchor}")
            assert written[1].having("li", id=anchor)
            assert any(text.startswith(f"{one['priority']:,}. ") and one["account_id"] in text for text in texts)


def test_people_begin_with_their_first_accounts(full, written):
    owners = {
        row["account_id"]: row["person"]
        for row in full.roles.plan.table.append_column("account_id", full.roles.plan.ids).to_pylist()
    }
    held: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(market.scores(full.directory).to_pylist(), key=lambda row: (row["priority"], row["account_id"])):
        if owner := owners[row["account_id"]]:
            held.setdefault(owner, []).append(row)
    assert len(held) == 2
    rows = written[1].table("Where each person begins").rows
    assert [row[:2] for row in rows] == [[name, row["account_id"]] for name in sorted(held) for row in held[name][:5]]
    people = written[1].table("What each person covers").rows
    assert [(row[0], row[2]) for row in people] == [(name, f"{len(held[name]):,}") for name in sorted(held)]


def test_changes_add_up_and_moves_are_those_of_the_accounts(full):
    found = gather(full, None, Progress())
    changed = found.changed
    assert changed is not None
    for kind in ("expansion", "acquisition"):
        whole = changed.after[kind] - changed.before[kind]
        assert sum(value for _, value in changed.steps(kind)) == pytest.approx(whole, abs=0.1)
    then = {
        row["account_id"]: row["cluster"]
        for row in market.scores(open_run(full.directory.output / changed.first).directory).to_pylist()
    }
    now = {row["account_id"]: row["cluster"] for row in market.scores(full.directory).to_pylist()}
    both = then.keys() & now.keys()
    assert (changed.in_both, changed.moved) == (len(both), sum(then[one] != now[one] for one in both))
    assert changed.reasons is None or sum(changed.reasons.values()) == changed.moved
    assert changed.moved > 0


def test_changes_name_the_run_that_they_are_compared_with(full, written, tmp_path):
    """Only a run that no one has named is "the run before": `--since` may name any."""
    first = open_run(full.directory.output / history.entries(full.directory.output, None)[0].version)
    write_report(full, Progress(), tmp_path / "report.html", since=first.directory.path)
    default, named = (file.read_text("utf-8") for file in (written[0], tmp_path / "report.html"))
    patterns = ("since {}<", "since {};", "Whitespace, from {} to this one", "Change of whitespace since {}.")
    for text in (*patterns, "known from {} "):
        assert text.format("the run before") in default
        assert text.format(f"run {first.name}") in named
    assert "the run before" not in named


def test_the_same_run_gives_the_same_bytes_in_another_process(full, written, tmp_path):
    call = [
        sys.executable,
        "-m",
        "tamscore",
        "report",
        str(full.directory.output),
        "--output",
        str(tmp_path / "again.html"),
    ]
    subprocess.run(call, check=True, env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True)
    assert (tmp_path / "again.html").read_bytes() == written[0].read_bytes()


BAND = {"expected_buyers": 8.0, "capture": 0.8, "cost": 20.0, "cost_per_buyer": 2.5, "against_everyone": 0.25}
DECILE = {"accounts": 10.0, "capture": 0.5, "lift": 5.0, "observed": 0.4, "predicted": 0.375, "contacts": 2.0}
SECTION_RECORDS: dict[str, Any] = {
    "propensity": {
        "mode": "probability",
        "deciles": [{**DECILE, "decile": float(i)} for i in range(1, 11)],
        "bands": [{**BAND, "band": "focus", "probability": "above 0.3", "accounts": 20}],
        "everyone": {**BAND, "band": "everyone", "probability": "", "accounts": 4321},
        "features": [{"feature": "size <b>", "mean_log_odds": 1.25}, {"feature": "growth", "mean_log_odds": 0.5}],
        "quality": {"auc": 0.875, "brier": 0.0625, "error": 0.01},
        "suspects": [],
        "kind": "trees",
        "calibration": "isotonic",
        "labels": {"bought": 40, "did_not_buy": 400},
        "window": {"label_start": "2026-01-01", "label_end": "2026-06-30"},
    },
    "lifetime_value": {
        "months": 36,
        "discount": 0.1,
        "missing": [],
        "values": {"lifetime_value": {"accounts": 31, "total": 6200.0}},
        "retention": [{"cluster": "E01", "customers": 31, "own": 0.8, "shrunk": 0.75}],
    },
    "alerts": {
        "drop": 0.3,
        "lists": {
            "may_leave": {"accounts": 7, "at_stake": 91_234.0},
            "win_back": {"accounts": 2_345, "at_stake": 4.5e6},
            "renew": {"accounts": 12, "at_stake": 120_000.0},
        },
        "renewals": {"from": "2026-07-01", "until": "2026-09-29"},
    },
}
"""What optional parts of the scores store in a manifest, shortened."""


def with_section_records(run, section_records):
    return replace(run, manifest={**run.manifest, "extras": section_records})


def test_propensity_and_lifetime_value_tell_what_is_stored(full):
    found = gather(with_section_records(full, SECTION_RECORDS), None, Progress(), compare=False)
    sentences_shown = chapters(found)
    anchors = [chapter.anchor for chapter in sentences_shown]
    assert anchors[anchors.index("coverage") : anchors.index("limits")] == [
        *("coverage", "propensity", "lifetime-value", "alerts", "people"),
    ]
    page = Page(page_of(found, sentences_shown))
    row = ["focus", "above 0.3", "20", "8", "80%", "20", "2.5", "0.25x"]
    assert page.table("Propensity bands").rows[0] == row
    assert page.table("Lift and calibration").rows[2] == ["3", "10", "37.5%", "40.0%", "5.0", "50%", "2.0"]
    assert page.table("What moves").rows == [["size <b>", "1.25"], ["growth", "0.50"]]
    assert page.table("Lifetime value").rows == [["lifetime value", "31", "6.2k", "200"]]
    text = " ".join(page.texts["p"])
    assert "AUC 0.875, Brier score 0.062" in text
    assert (
        "7 customers may be leaving (91k lost in a year); 2,345 accounts left (4.5M a year before); 12 renewals" in text
    )
    assert len(page.having("figure", id="figure-propensity")) == len(page.having("figure", id="figure-retention")) == 1


def test_a_probability_from_labels_of_buyers_alone_says_what_it_is(full):
    found = gather(
        with_section_records(full, {"propensity": {**SECTION_RECORDS["propensity"], "mode": "labelled"}}),
        None,
        Progress(),
        compare=False,
    )
    page = Page(page_of(found, [one for one in chapters(found) if one.anchor == "propensity"]))
    assert "A probability is that of being labelled a buyer" in " ".join(page.texts["p"])


def test_a_run_that_tells_who_will_buy_makes_a_chapter(tmp_path):
    """The record is that of a real run, so that both sides speak of the same keys."""
    done = market.score(buyers.reference(1, 2_000), tmp_path, buyers.CHANGES)
    report_files = write_report(open_run(done.output), Progress(), tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert {"propensity", "look-alike"} <= {chapter.anchor for chapter in report_files}
    record = (done.manifest() or {})["extras"]["propensity"]
    assert [row[0] for row in page.table("What moves").rows] == [row["feature"] for row in record["features"]]
    focus = [row for row in market.scores(done).to_pylist() if row["propensity_band"] == "focus"]
    focus.sort(key=lambda row: (-row["propensity"], row["account_id"]))
    assert len(focus) > 20
    assert [row[0] for row in page.table("Accounts in focus").rows] == [row["account_id"] for row in focus[:20]]


def test_figures_of_a_frozen_propensity_are_reported_as_those_of_the_run_that_learned_it(tmp_path):
    """Whether it was frozen from that run or from one that had it frozen itself."""
    table = buyers.reference(1, 2_000)
    learned = market.score(table, tmp_path, buyers.CHANGES)
    job = market.job(market.write(table.slice(0, 1_500), tmp_path / "later"), tmp_path / "later scores", buyers.CHANGES)
    once = pipeline.score(job, Progress(), str(learned.path), accept=True)
    twice = pipeline.score(job, Progress(), str(once.path), accept=True)
    for done, where in ((learned, ""), (once, f" in run {learned.run_key}"), (twice, f" in run {learned.run_key}")):
        found = gather(open_run(done.path), None, Progress(), compare=False)
        page = Page(page_of(found, [one for one in chapters(found) if one.anchor == "propensity"]))
        text = " ".join(page.texts["p"])
        assert f"times its share{where}; " in text
        assert f"left out{where}: AUC" in text
        assert (f"The model was learned{where}: lift, calibration" in text) == bool(where)
        console = Console(file=(out := StringIO()), width=200)
        console.print(show.render(found.summary, None))
        said = out.getvalue()
        assert f"on accounts left out{where}\n" in said
        assert (f", learned{where}; " in said) == bool(where)


def test_a_page_stays_small_whatever_the_market(full):
    found = gather(full, None, Progress(), compare=False)
    many = tuple(
        replace(one, cluster=f"E{i:04d}", name="a name as long as they get " * 4, basis="pooled")
        for i in range(500)
        for one in found.summary.clusters
    )
    known = {one.cluster for one in found.summary.clusters}
    large = replace(
        found,
        summary=replace(
            found.summary,
            clusters=(*found.summary.clusters, *(one for one in many if one.cluster not in known)),
            notices=("a notice " * 30,) * 500,
        ),
    )
    assert len(page_of(large, chapters(large)).encode()) < LIMIT


def test_figures_are_written_as_files(bare, tmp_path):
    report_files = write_report(bare, Progress(), tmp_path / "report.html", tmp_path / "figures")
    names = [block.name for chapter in report_files for block in chapter.blocks if isinstance(block, Figure)]
    files = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert files == sorted(f"{i:02d}-{name}.{form}" for i, name in enumerate(names, 1) for form in ("svg", "png"))
    for path in (tmp_path / "figures").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    for path in (tmp_path / "figures").glob("*.svg"):
        assert b"<path" in path.read_bytes()


def test_the_command_says_what_it_wrote_and_takes_none_for_no_comparison(full, tmp_path):
    call = ["report", str(full.directory.output), "--output", str(tmp_path / "r.html"), "--since", "none", "--json"]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    assert '"moves"' not in done.stdout
    assert str((tmp_path / "r.html").stat().st_size) in done.stdout


def test_without_its_packages_it_names_the_extra(full, monkeypatch, tmp_path):
    monkeypatch.setattr(reports, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"jinja2 and matplotlib not installed; pip install '.*\[report\]'"):
        write_report(full, Progress(), tmp_path / "report.html")


def shown_forms(value):
    """Every form in which a number of the JSON may stand on the first page."""
    yield from (f"{value:,.0f}", money(value), f"{100 * value:.2g}", f"{100 * value:+.0f}", f"{100 * value:+.1f}")


def leaves(value):
    """All numbers and texts of a JSON value."""
    if isinstance(value, dict):
        yield from (leaf for inner in value.items() for leaf in leaves(inner[1]))
    elif isinstance(value, list):
        yield from (leaf for inner in value for leaf in leaves(inner))
    elif value is not None and not isinstance(value, bool):
        yield value


NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?[kMBT]?(?![\w])")


def test_every_number_of_the_first_page_stands_in_the_json(full, tmp_path):
    """Counts of accounts named follow from the list itself; all others are held against `show --json`."""
    output = str(full.directory.output)
    done = CliRunner().invoke(app, ["report", output, "--one-pager", "--to", str(tmp_path / "one.html"), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["chapters"] == ["page-one"]
    page = Page((tmp_path / "one.html").read_text("utf-8"))
    record = json.loads(CliRunner().invoke(app, ["show", output, "--json"]).stdout)["page_one"]
    held = [*leaves(record), len(record["call"]), sum(record["quality"]["flagged"].values()), 0]
    forms = {form.strip("+-") for one in held if not isinstance(one, str) for form in shown_forms(one)}
    texts = " ".join(one for one in held if isinstance(one, str))
    forms |= set(NUMBER.findall(texts))
    page_texts = [text for tag in ("p", "li", "dd", "td") for text in page.texts[tag]]
    numbers = NUMBER.findall(" | ".join(text for text in page_texts if "run " not in text))
    assert len(numbers) > 100
    assert [one for one in numbers if one not in forms] == []
    assert {row[1] for row in page.table("Call first").rows} == {
        f"{one['name'][:35].rstrip()}…" if len(one["name"]) > 36 else one["name"] for one in record["call"]
    } - {None}


def test_show_opens_with_the_first_page_of_the_report(full, written):
    """The same sentences, whether on a terminal or on a page."""
    output = CliRunner().invoke(app, ["show", str(full.directory.output)]).stdout
    page = written[1].texts
    message = next(text for text in page["p"] if text.startswith("Call these"))
    assert output.startswith(message)
    points = [text for text in page["li"] if text.startswith(("Since ", "Hours ", "Trust ", "Data quality:", "Drift:"))]
    assert len(points) == 5
    assert all(text in " ".join(output.split()) for text in points)


def test_the_head_of_the_report_is_what_the_job_says(full):
    figures: dict[str, str | None] = {
        "title": "The year <b>",
        "company": "We",
        "currency": "EUR",
        "period": "2025",
        "owner": "Sales",
    }
    job = {**full.manifest["job"], "report": figures}
    found = gather(replace(full, manifest={**full.manifest, "job": job}), None, Progress(), accounts=False)
    found = replace(found, summary=replace(found.summary, page_one=replace(found.page_one, report=figures)))
    page = Page(page_of(found, one_pager(found)))
    assert page.texts["h1"] == ["The year <b>"]
    assert any(text.startswith("We · Market report") for text in page.texts["p"])
    assert any(text.startswith("2025 · Sales · ") for text in page.texts["p"])
    stake = found.page_one.stake["expansion"]
    assert f"EUR {money(stake.expected)}" in page.texts["dd"]
    assert any("Money in EUR, with two" in text for text in page.texts["p"])
