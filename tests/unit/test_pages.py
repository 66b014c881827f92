"""The pages of a run as a terminal shows them: every number whole, no line too wide, every column shown or named."""

from __future__ import annotations

import dataclasses
import io
import re
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from tamscore.questions import show
from tamscore.questions.pages import changes, choice, ranking
from tamscore.questions.tables import Sums
from tamscore.view.blocks import (
    Block,
    Cell,
    Chapter,
    Column,
    Figure,
    Point,
    Points,
    Table,
    Terms,
    Text,
    Tile,
    Tiles,
    table,
)
from tamscore.view.fitting import columns_that_fit
from tamscore.view.page import render
from tamscore.view.terminal import to_terminal
from tests.unit.test_show import SUMMARY, account, cluster

if TYPE_CHECKING:
    from tamscore.view.words import Unit

WIDTHS = [60, 80, 100, 120, 200]
LARGE = Sums(1_234_567, 9.87e11, 1.23e12, 4.56e11)
CANDIDATE = {
    "party_type": "end_user", "admitted": True, "chosen": False, "error": 0.0123, "thinnest": 12_345.0, "kept": 0.98,
    "elbow": 0.5, "calinski_harabasz": 123_456.7, "davies_bouldin": 0.875, "silhouette": None,
}  # fmt: skip
CAMPAIGN = {"segments": "small", "channel": "professional-network ads", "theme": "scale, integration, return"}
DECILE = {"accounts": 123_456.0, "capture": 0.5, "lift": 5.0, "observed": 0.4, "predicted": 0.375, "contacts": 2.0}
BAND = {"expected_buyers": 8e6, "capture": 0.8, "cost": 2e7, "cost_per_buyer": 2.5, "against_everyone": 0.25}
SECTION_RECORDS: dict[str, Any] = {
    "propensity": {
        "mode": "probability", "kind": "trees", "calibration": "isotonic", "suspects": ["orders"],
        "deciles": [{**DECILE, "decile": float(i)} for i in range(1, 11)],
        "bands": [{**BAND, "band": "focus", "probability": "above 0.3", "accounts": 1_234_567}],
        "everyone": {**BAND, "band": "everyone", "probability": "", "accounts": 7_654_321},
        "features": [{"feature": "size", "mean_log_odds": 1.25}],
        "quality": {"auc": 0.875, "brier": 0.0625, "error": 0.01},
        "labels": {"bought": 40, "did_not_buy": 400},
        "window": {"label_start": "2026-01-01", "label_end": "2026-06-30"},
    },
    "lifetime_value": {
        "months": 36, "discount": 0.1, "missing": [], "values": {"lifetime_value": {"accounts": 31, "total": 6.2e9}},
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
    "products": {
        "products": 12, "line": 0.85, "level": 0.95, "potentials": {"source": "frozen", "run": "0123abcd"},
        "kinds": [
            {"kind": kind, "whitespace": 4.5e9, "product_whitespace": 5.25e9, "difference": -7.5e8}
            for kind in ("expansion", "acquisition")
        ],
        "sold": 1.25e9, "sales": 2.5e9,
        "most": [
            {"product": "cloud storage", "owners": 54_321, "sales": 1.2e9, "accounts": 1_234_567, "expansion": 2.5e9,
             "acquisition": 3.5e9, "whitespace": 6e9},
        ],
        "families": [
            {"family": "cloud", "products": 3, "sales": 1.2e9, "expansion": 2.5e9, "acquisition": 3.5e9,
             "whitespace": 6e9},
        ],
    },
    "next_offer": {
        "owned": 0.25, "accounts": 1_234_567, "kinds": {"acquisition": 1_000_000, "expansion": 234_567},
        "most": [{"cluster": "E01", "product": "cloud storage", "share": 0.6, "value": 1.2e6, "offered_to": 54_321}],
    },
}  # fmt: skip
FULL = dataclasses.replace(
    SUMMARY,
    totals={"expansion": LARGE, "acquisition": LARGE},
    clusters=(
        *(cluster("end_user", f"E{i:02d}", kinds={"expansion": LARGE, "acquisition": LARGE}) for i in range(1, 12)),
        cluster("channel", "C01", low_support=True, basis="pooled"),
    ),
    top=tuple(
        account(account_id=f"C{i:010d}", priority=i, name="東京海上日動火災保険株式会社" * 2) for i in range(1, 11)
    ),
    campaigns=tuple(
        CAMPAIGN | {"campaign_id": "large-network-ads-4c0a2f8f", "kind": kind, "accounts": 1_234_567, "whitespace": 5e9}
        for kind in ("expansion", "acquisition")
    ),
    leakage=({"feature": "orders", "party_type": "end_user", "verdict": "suspect", "reason": "made of sales " * 9},),
    choice_of_k=tuple(CANDIDATE | {"k": k, "loss": 1 / k, "chosen": k == 3} for k in range(2, 9)),
    stability=(
        {"cluster": "E01", "similarity": 0.98, "grade": "highly stable", "rule": "size below 40 " * 5, "f1": 0.97},
        {"cluster": "C01", "similarity": None, "grade": "doubtful", "rule": "", "f1": 0.5},
    ),
    events=(
        {
            "cluster": "E01", "event": "split", "related": "E02", "name": "low payroll · high sites",
            "accounts": 1_234_567, "fit_rows_before": 54_321, "fit_rows_now": 43_210, "fit_rows_shared": 32_100,
        },
    ),
    drift=(
        {
            "party_type": "end_user", "what": "feature", "name": "annual_revenue_growth", "psi": 0.123,
            "verdict": "shifted", "detail": "above 52: 49.8% → 61.2%", "before": None, "now": None,
        },
        {
            "party_type": "channel", "what": "far", "name": "far from every cluster", "psi": None,
            "verdict": "steady", "detail": "", "before": 0.01, "now": 0.02, "of": "fit rows",
        },
    ),
    extras=SECTION_RECORDS,
)  # fmt: skip
PAGES = {"market": FULL, "cluster": dataclasses.replace(FULL, cluster="E01", apart=(("size", 1.25), ("growth", -0.5)))}


def printed(block, width):
    stream = io.StringIO()
    console = Console(file=stream, width=width or 400, markup=False, emoji=False, highlight=False)
    console.print(to_terminal(block, width))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def tables_of(blocks):
    found = (block.table if isinstance(block, Figure) else block for block in blocks)
    return [block for block in found if isinstance(block, Table) and block.rows]


def as_words(texts):
    """A pattern for texts that stand in this order, each between blanks."""
    return re.compile(".*".join(rf"(?<!\S){re.escape(text)}(?!\S)" for text in texts))


def hold_against_values(block, width):
    """Fail if a line is too wide, a number or an id is not whole, or a column is neither shown nor named."""
    lines, shown = printed(block, width), columns_that_fit(block, width)
    assert all(cell_len(line) <= (width or 400) for line in lines)
    rest = iter(lines)
    for texts in block.words:
        if shown:
            solid = [texts[at] for at in shown if block.columns[at].is_number or block.columns[at].unit == "id"]
            pattern = as_words(text for text in solid if text)
            assert any(pattern.search(line) for line in rest), solid
        else:
            pairs = zip(block.columns, texts, strict=True)
            wanted = [f"{column.head} {text}" for column, text in pairs if column.rank == 1 and column.is_number]
            assert all(any(line.split() == text.split() for line in rest) for text in wanted)
    named = " ".join(" ".join(lines).split()).partition("not shown: ")[2]
    first = [at for at, column in enumerate(block.columns) if column.rank == 1]
    left = [column.head for at, column in enumerate(block.columns) if at not in (shown or first)]
    assert named == (f"{', '.join(left)}; widen the terminal or use --json" if left else "")


@pytest.mark.parametrize("width", [*WIDTHS, 40, None])
@pytest.mark.parametrize("summary", PAGES.values(), ids=PAGES)
def test_every_number_of_show_is_that_of_its_block_and_whole(summary, width):
    blocks = list(show.page(summary))
    assert len(tables_of(blocks)) > (15 if summary.cluster is None else 10)
    for block in tables_of(blocks):
        hold_against_values(block, width)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_of_show_is_wider_than_the_terminal(width):
    for summary in PAGES.values():
        stream = io.StringIO()
        Console(file=stream, width=width).print(show.render(summary, width))
        assert max(map(cell_len, stream.getvalue().splitlines())) <= width


COLUMNS = {
    80: (
        *("potential by cluster: id name accounts customers P85 P90 P95 top basis",),
        *("segment sizes: id accounts share customers buying sales expansion acquisition",),
        *("whitespace by kind and quadrant: kind quadrant play role accounts whitespace share",),
        *("call first: priority|account id|name|whitespace|likely|expected|tier",),
        *("life of the clusters: id|event|related|name|accounts|fit rows before|now|shared",),
        *("choice of k, end user: k|status|loss|± error|fewest customers|kept|elbow|CH|DB|silhouette",),
    ),
    100: ("call first: priority|account id|name|whitespace|likely|expected|tier|play",),
}
"""What a terminal of 80 and one of 100 columns show at least, on a market of usual size."""
USUAL = dataclasses.replace(
    FULL, clusters=SUMMARY.clusters, totals=SUMMARY.totals, choice_of_k=tuple(
        row | {"calinski_harabasz": 2277.0, "thinnest": 39.0} for row in FULL.choice_of_k
    ),
)  # fmt: skip


@pytest.mark.parametrize(("width", "wanted"), [(width, text) for width, texts in COLUMNS.items() for text in texts])
def test_terminals_of_usual_width_show_what_matters(width, wanted):
    title, _, heads = wanted.partition(": ")
    block = next(block for block in tables_of(show.page(USUAL)) if block.caption.lower() == title)
    shown = [block.columns[at].head for at in columns_that_fit(block, width)]
    assert set(heads.split("|" if "|" in heads else " ")) <= set(shown)


def test_top_accounts_carry_the_id_that_explain_takes():
    block = ranking.top_accounts(FULL.top, None)
    assert [column.head for column in block.columns if column.unit == "id"] == ["account id", "cluster"]
    for width in (*WIDTHS, 40):
        assert all(row["account_id"] in " ".join(printed(block, width)) for row in FULL.top)


def test_the_criteria_for_the_eye_say_what_they_would_have_taken():
    rows = [CANDIDATE | {"k": k, "loss": 0.5, "elbow": -k, "davies_bouldin": 1 / k} for k in (2, 3, 4)]
    block = choice.candidates("end_user", rows)
    assert block.note.endswith("for the eye: elbow 2, Calinski-Harabasz 2, Davies-Bouldin 4")
    assert [row[2].bar for row in block.rows] == [0.0] * 3


def test_clusters_that_changed_come_first_among_their_events():
    rows = [FULL.events[0] | {"cluster": name, "event": event} for name, event in (("E01", "kept"), ("E02", "split"))]
    assert [row[0].value for row in changes.events(rows).rows] == ["E02", "E01"]
    assert changes.events(rows[:1]).folded


UNITS: dict[Unit, Any] = {
    "text": st.text(st.characters(blacklist_categories=["Cs", "Z"]), max_size=40),
    "name": st.sampled_from(["Galbridge Insurance Group", "東京海上日動火災保険", "x"]),
    "id": st.integers(1, 10**12).map(str),
    "count": st.integers(0, 10**9),
    "money": st.floats(0.01, 1e12),
    "span": st.tuples(st.floats(0.01, 1e9), st.floats(0.01, 1e9)),
}


@given(data=st.data(), width=st.integers(30, 200))
def test_no_number_of_any_table_is_cut_at_any_width(data, width):
    ranks: Any = st.sampled_from([1, 2, 3])
    units = data.draw(st.lists(st.sampled_from([*UNITS]), min_size=1, max_size=9))
    columns = [Column(f"head {place}", unit, data.draw(ranks)) for place, unit in enumerate(units)]
    rows = [tuple(Cell(data.draw(UNITS[unit])) for unit in units) for _ in range(data.draw(st.integers(1, 4)))]
    hold_against_values(Table("Any", tuple(columns), (tuple(rows),)), width)


@pytest.mark.parametrize("width", [1, 2, 5, 12])
def test_a_terminal_of_next_to_no_width_is_drawn_on_as_well(width):
    for block in show.page(FULL):
        assert all(cell_len(line) <= max(width, 2) for line in printed(block, width))


SAMPLES: dict[type, Block] = {
    Figure: Figure("f", "a figure", "what it shows", lambda canvas: canvas.panel().plot([1, 2])),
    Table: table("a table", "column", [("a cell",)]),
    Tiles: Tiles((Tile("a tile", "1"),)),
    Text: Text("a text"),
    Points: Points((Point("", "a point"),), "points"),
    Terms: Terms((("a term", "its value"),)),
}
WORDS = ("a figure", "a cell", "a tile", "a text", "a point", "its value")


@pytest.mark.parametrize("kind", get_args(Block))
def test_every_kind_of_block_has_a_form_on_terminal_and_page(kind):
    block, word = SAMPLES[kind], dict(zip(SAMPLES, WORDS, strict=True))[kind]
    assert word in " ".join(printed(block, 80))
    assert word in render([Chapter("c", "chapter", "message", (block,))], "heading", "about", "run")


def test_a_kind_of_block_that_is_not_known_is_refused():
    @dataclasses.dataclass(frozen=True)
    class Song:
        kind: str = "song"

    song: Any = Song()
    with pytest.raises(TypeError, match="to_terminal: no form for Song"):
        to_terminal(song, 80)
    with pytest.raises(TypeError, match="render: no form for Song"):
        render([Chapter("c", "chapter", "message", (song,))], "heading", "about", "run")
