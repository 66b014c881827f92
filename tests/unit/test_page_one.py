"""The first page as blocks: what it says where little is known, and what it leaves out so that it fits one sheet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from tamscore.questions.named_accounts import EACH, firsts, likeliest
from tamscore.questions.page_one import (
    HEAD,
    ChangesSince,
    ClusterTrust,
    Drift,
    FigureChange,
    Hours,
    PageOne,
    Quality,
    Stake,
)
from tamscore.questions.pages import page_one
from tamscore.questions.tables import Cluster
from tamscore.view.blocks import Points, Table, Tiles
from tamscore.view.words import money_text

STAKE = Stake(accounts=5, sales=1_000.0, ceiling=9_000.0, expected=700.0, called_accounts=0, called=None)
PAGE = PageOne(
    report=dict.fromkeys(HEAD),
    call=(),
    stake={"expansion": STAKE, "acquisition": replace(STAKE, expected=None)},
    line="p80",
    leaving=None,
    since=None,
    hours=(),
    trust=ClusterTrust(clusters=3, graded=0, sound=0, unstable=(), thin=(), model=None),
    quality=Quality(read=10, scored=9, rejected=1, flagged={}, suspects=()),
    drift=Drift(compared=0, moved=(), broken=()),
)
CALL = {
    "account_id": "C1", "name": "A name", "party_type": "channel", "kind": "acquisition", "priority": 3, "rank": 7,
    "sales": 0.0, "whitespace": 1_234.0, "probability": 0.125, "p_basis": "look_alike", "expected_value": 150.0,
    "play": "land_and_adopt", "suggested_role": "hunter", "next_offer": None,
}  # fmt: skip


def points(page):
    """The statements of the first page by their lead-in."""
    return {
        point.lead: point.text for block in page_one.blocks(page) if isinstance(block, Points) for point in block.points
    }


def test_where_nothing_is_open_there_is_nobody_to_call():
    chapter = page_one.chapter(PAGE)
    assert chapter.message == "Nothing is open with any account, so there is none to call first."
    assert not any(isinstance(block, Table) for block in chapter.blocks)
    sentences_shown = points(PAGE)
    assert sentences_shown["Since the last run:"] == "there is no earlier run to compare with."
    assert "tamscore coverage makes one" in sentences_shown["Hours:"]
    assert sentences_shown["Trust in clusters:"] == "whether the 3 clusters come out again was not asked for."
    assert sentences_shown["Data quality:"] == "1 of 10 rows rejected (10%), 0 values marked."


def test_a_market_where_nobody_buys_is_called_one():
    nobody = replace(PAGE, stake={**PAGE.stake, "expansion": replace(STAKE, accounts=0)})
    assert page_one.chapter(nobody).message.startswith("No account buys anything yet")


@pytest.mark.parametrize(("value", "borrows"), [(None, False), (5.0, True)])
def test_a_ladder_of_no_customers_leans_on_nobody(value, borrows):
    one = Cluster("end_user", "E1", "small", 0, "none", "none", True, {"p85": value}, {"p85": (None, None)}, {}, 3, 1.0)
    assert one.borrows is borrows


def test_kinds_are_never_added_up_and_the_ceiling_is_explained():
    blocks = [*page_one.blocks(replace(PAGE, report={**PAGE.report, "currency": "€"}))]
    tiles = next(block for block in blocks if isinstance(block, Tiles))
    assert [(tile.label, tile.value) for tile in tiles.tiles] == [
        ("expected from customers", "€700"),
        ("expected from prospects", "-"),
    ]
    assert all("ceiling €9.0k" in tile.detail for tile in tiles.tiles)
    assert "P80" in page_one.ceiling(PAGE)
    assert "do not plan with it" in page_one.ceiling(PAGE)


def test_an_account_says_why_whose_it_is_and_what_comes_next():
    row = page_one.call(CALL, several=True)
    assert [getattr(one, "value", one) for one in row] == [
        *(3, "A name", "1.2k open; 12% likely (looks alike)", 150.0, "hunter", "land and adopt", "channel", "C1"),
    ]
    assert row[1].link == "#account-channel-3"
    known = {**CALL, "person": "P" * 60, "next_offer": "a product", "sales": 50.0, "name": None, "p_basis": "win_rate"}
    row = page_one.call(known, several=False)
    assert [getattr(one, "value", one) for one in row][1:6] == [
        *("C1", "1.2k open, buys 50; 12% likely (assumed)", 150.0, f"{'P' * 27}…", "land and adopt: a product"),
    ]
    at_risk = page_one.call({**known, "whitespace": 0.0, "p_basis": None, "value_at_risk": 30.0}, several=False)
    assert at_risk[2] == "0 open, buys 50; 30 at risk"


def test_the_first_accounts_say_what_their_order_goes_by_and_that_expected_money_does_not():
    [table] = (block for block in page_one.blocks(replace(PAGE, call=(CALL,))) if isinstance(block, Table))
    assert "what is open times how likely it is won, plus sales at risk" in table.note
    assert "expected counts what peers buy on average, so it does not follow this order" in table.note


def test_long_lists_end_so_that_the_page_fits_one_sheet():
    hours = tuple(Hours(role=f"role_{i}", people=1, needed=100.0 * i, there=50.0) for i in range(6))
    names = tuple(f"E{i:02d}" for i in range(6))
    sentences_shown = points(
        replace(
            PAGE,
            hours=hours,
            trust=replace(PAGE.trust, graded=6, sound=0, unstable=names),
            drift=Drift(compared=9, moved=names, broken=("sales",)),
        )
    )
    assert sentences_shown["Hours a year:"].startswith("role 5 500 needed, 50 there; role 4")
    assert sentences_shown["Hours a year:"].endswith("; 2 more roles lack fewer.")
    assert "E00, E01, E02, E03 and 2 more would not" in sentences_shown["Trust in clusters:"]
    assert sentences_shown["Drift:"].startswith("limits of the input are broken: sales; E00")


def test_what_changed_names_the_run_and_only_what_moved():
    measures = (
        FigureChange(what="customers", before=100.0, now=110.0, change=0.1),
        FigureChange(what="sales", before=5_000.0, now=5_000.0, change=0.0),
        FigureChange(what="expected_expansion", before=None, now=1.0, change=None),
    )
    sentences_shown = points(
        replace(PAGE, since=ChangesSince(run="3fa9", named=True, measures=measures, new=12, gone=2))
    )
    assert sentences_shown == {
        **sentences_shown,
        "Since run 3fa9:": "customers 100 to 110 (+10%); 12 accounts new, 2 gone.",
    }


@pytest.mark.parametrize(
    ("currency", "text"), [(None, "1.2k"), ("EUR", "EUR 1.2k"), ("€", "€1.2k"), ("US$", "US$ 1.2k")]
)
def test_amounts_name_their_currency(currency, text):
    assert money_text(1_234.0, currency) == text
    assert money_text(None, currency) == "-"


def test_the_first_accounts_of_each_person_and_those_in_focus_are_found_across_parts():
    random = np.random.default_rng(0)
    every = pa.table(
        {
            "account_id": [f"A{i:03d}" for i in random.permutation(60)],
            "priority": random.permutation(60),
            "propensity": np.round(random.random(60), 1),
            "person": [f"P{i % 4}" for i in range(60)],
        }
    )
    rows = every.to_pylist()
    parts = [every.slice(0, 25), every.slice(25, 0), every.slice(25)]
    found = firsts(parts)
    for name in ("P0", "P1", "P2", "P3"):
        mine = sorted((row for row in rows if row["person"] == name), key=lambda row: row["priority"])
        assert list(found[name]) == mine[:EACH]
    likely = sorted(rows, key=lambda row: (-row["propensity"], row["account_id"]))
    assert list(likeliest(parts)) == likely[:20]
    assert (firsts([]), likeliest([])) == ({}, ())
