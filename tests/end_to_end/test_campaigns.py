"""Campaigns of a run: every account in one, ids that stay, a list for every channel, counts wherever people look."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.errors import JobFileError
from tamscore.sections.campaigns.settings import Campaign
from tamscore.store import forgetting
from tests.end_to_end import market

BY_BAND = {"campaigns": {"size": "employees"}}
LETTER = {"channel": "letter", "theme": "all"}
BY_SEGMENT: dict[str, Any] = {
    "by": "market_segment",
    "map": {
        "retail": {"channel": "Shop fairs", "theme": "price", "message": "=1+1", "id": "R-1"},
        "steel": {"channel": "letter", "theme": "return"},
    },
    "default": LETTER,
}


def campaigns_of(done):
    return pq.read_table(done.tables / "campaigns.parquet").to_pylist()


def ask(*arguments):
    done = CliRunner().invoke(app, ["campaigns", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def by_segment(tmp_path_factory):
    """Read in row groups, since each of them has a dictionary of its own, and some accounts have no segment."""
    folder = tmp_path_factory.mktemp("segment")
    return market.score(market.accounts(600), folder, {"campaigns": BY_SEGMENT}, row_group=150)


@pytest.fixture(scope="module")
def by_band(tmp_path_factory):
    return market.score(market.accounts(600), tmp_path_factory.mktemp("band"), BY_BAND)


def test_every_account_gets_the_campaign_of_its_market_segment_or_the_default(by_segment):
    channels = {"retail": ("Shop fairs", "=1+1", "R-1"), "steel": ("letter", "return", None)}
    for row in market.scores(by_segment).to_pylist():
        channel, message, name = channels.get(row["market_segment"], ("letter", "all", None))
        assert (row["campaign_channel"], row["campaign_message"]) == (channel, message)
        assert name is None or row["campaign_id"] == name
    assert len({row["campaign_id"] for row in market.scores(by_segment).to_pylist()}) == 3


def test_clusters_have_campaigns_and_one_that_is_not_there_is_named(tmp_path):
    rules = {"by": "cluster", "map": {"E01": {"channel": "fair", "theme": "x"}, "E77": LETTER}, "default": LETTER}
    done = market.score(market.accounts(600), tmp_path, {"campaigns": rules})
    for row in market.scores(done).to_pylist():
        assert row["campaign_channel"] == ("fair" if row["cluster"] == "E01" else "letter")
    assert any("no account is of 'E77'" in notice for notice in (done.manifest() or {})["notices"])


def test_a_live_market_segment_without_campaign_stops_the_run_before_anything_is_fitted(tmp_path):
    rules = {key: value for key, value in BY_SEGMENT.items() if key != "default"}
    with pytest.raises(JobFileError, match="got none for accounts without one, 'banking', 'software'; add them"):
        market.score(market.accounts(600), tmp_path, {"campaigns": rules})
    assert not list((tmp_path / "scores").glob("versions/*/scores/*"))
    whole = dict.fromkeys(market.INDUSTRIES, LETTER)
    table = market.accounts(600).set_column(3, "segment", pa.array([*market.INDUSTRIES] * 150))
    done = market.score(table, tmp_path / "whole", {"campaigns": {"by": "market_segment", "map": whole}})
    assert set(market.scores(done)["campaign_channel"].to_pylist()) == {"letter"}


def test_ids_stay_while_segment_channel_and_theme_do():
    """Whatever else changes: the market, the message, other campaigns."""
    one = Campaign(channel="E-mail", theme="price")
    assert one.id_for("small") == Campaign(channel="E-mail", theme="price", message="new").id_for("small")
    assert one.id_for("small") == "small-e-mail-4fa13ae8"
    others = [("large", "E-mail", "price"), ("small", "letter", "price"), ("small", "E-mail", "return")]
    ids = {Campaign(channel=c, theme=t).id_for(segment) for segment, c, t in others}
    assert len({one.id_for("small"), *ids}) == 4


def test_the_table_counts_the_accounts_of_every_campaign(by_band):
    scores = market.scores(by_band).to_pylist()
    counted = Counter((row["campaign_id"], row["kind"]) for row in scores)
    open_: Counter[tuple[str, str]] = Counter()
    for row in scores:
        open_[row["campaign_id"], row["kind"]] += row["whitespace"]
    rows = campaigns_of(by_band)
    assert [row["segments"] for row in rows[::2]] == ["small", "large", "enterprise"]
    for row in rows:
        key = row["campaign_id"], row["kind"]
        assert row["accounts"] == counted[key]
        assert row["whitespace"] == pytest.approx(open_[key], abs=0.01)
    assert sum(row["accounts"] for row in rows) == 600


def test_the_table_is_the_same_for_any_number_of_partitions(by_band, tmp_path):
    done = market.score(market.accounts(600), tmp_path, BY_BAND, files=4, row_group=50)
    assert campaigns_of(done) == campaigns_of(by_band)


def test_show_tells_of_campaigns_and_a_run_without_them_does_not(by_band, tmp_path):
    page = CliRunner().invoke(app, ["show", str(by_band.path)]).stdout
    assert "CAMPAIGNS" in page
    assert campaigns_of(by_band)[0]["campaign_id"] in page
    machine = json.loads(CliRunner().invoke(app, ["show", str(by_band.path), "--json"]).stdout)
    assert machine["campaigns"] == campaigns_of(by_band)
    plain = market.score(market.accounts(600), tmp_path)
    assert "CAMPAIGNS" not in CliRunner().invoke(app, ["show", str(plain.path)]).stdout
    refused = CliRunner().invoke(app, ["campaigns", str(plain.path)])
    assert refused.exit_code == 2
    assert "no campaigns; name campaigns.size" in refused.stderr


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_every_account_stands_in_the_list_of_its_channel_once(by_segment, tmp_path, form):
    output = json.loads(ask(by_segment.path, "--to", tmp_path / "lists", "--format", form, "--json"))
    assert sorted(path.name for path in (tmp_path / "lists").iterdir()) == [f"letter.{form}", f"shop-fairs.{form}"]
    scores = {row["account_id"]: row for row in market.scores(by_segment).to_pylist()}
    seen = []
    for one in output["lists"]:
        rows = (pa.csv.read_csv if form == "csv" else pq.read_table)(one["file"]).to_pylist()
        assert len(rows) == one["accounts"]
        for row in rows:
            score = scores[row["account_id"]]
            assert score["campaign_channel"] == one["channel"]
            assert (row["campaign_id"], row["cluster"]) == (score["campaign_id"], score["cluster"])
            seen.append(row["account_id"])
    assert sorted(seen) == sorted(scores)
    assert output["campaigns"] == campaigns_of(by_segment)


def test_a_list_that_somebody_changed_is_replaced_only_when_asked_and_forget_names_each_list(by_segment, tmp_path):
    first = json.loads(ask(by_segment.path, "--to", tmp_path / "lists", "--json"))["lists"]
    ask(by_segment.path, "--to", tmp_path / "lists")
    (tmp_path / "lists" / "other.txt").write_text("mine")
    ask(by_segment.path, "--to", tmp_path / "lists")
    changed = Path(first[-1]["file"])
    before = {one["file"]: Path(one["file"]).read_bytes() for one in first[:-1]}
    changed.write_text("mine")
    again = CliRunner().invoke(app, ["campaigns", str(by_segment.path), "--to", str(tmp_path / "lists")])
    assert again.exit_code == 2
    assert f"{changed}: was changed after campaigns wrote it" in again.stderr
    assert changed.read_text() == "mine"
    assert {file: Path(file).read_bytes() for file in before} == before
    ask(by_segment.path, "--to", tmp_path / "lists", "--overwrite")
    assert changed.read_text() != "mine"
    account = market.scores(by_segment)["account_id"][0].as_py()
    named = {one.path for one in forgetting.plan(by_segment.output, [account]).handed_out}
    assert named >= {str(tmp_path / "lists"), *(str(Path(one["file"])) for one in first)}


def test_a_text_that_would_run_as_a_formula_is_guarded_in_lists(by_segment, tmp_path):
    ask(by_segment.path, "--to", tmp_path / "guarded")
    ask(by_segment.path, "--to", tmp_path / "plain", "--no-guard")
    messages = [
        set(pa.csv.read_csv(tmp_path / folder / "shop-fairs.csv")["campaign_message"].to_pylist())
        for folder in ("guarded", "plain")
    ]
    assert messages == [{"'=1+1"}, {"=1+1"}]


def test_lists_since_a_run_hold_who_came_to_the_channel_and_count_who_left(by_segment, tmp_path):
    """A month later the steel accounts are spoken to at fairs."""
    rules = {**BY_SEGMENT, "map": {**BY_SEGMENT["map"], "steel": BY_SEGMENT["map"]["retail"]}}
    market.write(market.accounts(600), tmp_path / "market")
    later = market.run(tmp_path / "market", tmp_path / "scores", {"campaigns": rules})
    output = json.loads(ask(later.path, "--to", tmp_path / "lists", "--since", by_segment.path, "--json"))
    steel = [row["account_id"] for row in market.scores(later).to_pylist() if row["market_segment"] == "steel"]
    lists = {one["channel"]: one for one in output["lists"]}
    fair = pa.csv.read_csv(lists["Shop fairs"]["file"])["account_id"].to_pylist()
    assert sorted(fair) == sorted(steel)
    assert (lists["letter"]["accounts"], lists["letter"]["gone"]) == (0, len(steel))


def test_the_page_of_the_command_names_campaigns_and_files(by_band, tmp_path):
    page = ask(by_band.path, "--to", tmp_path, "--fields", "campaign_id,whitespace=open")
    assert "ease of use, price" in page
    assert f"accounts in {tmp_path}/email.csv" in page
    assert pa.csv.read_csv(tmp_path / "email.csv").column_names[:3] == ["account_id", "campaign_id", "open"]


BY_TIER: dict[str, Any] = {
    "by": "tier",
    "map": {"A": {"channel": "visit", "theme": "return"}, "B": {"channel": "call", "theme": "return"}},
    "default": LETTER | {"likely_channel": "call"},
    "likely_from": 0.06,
}


@pytest.mark.parametrize(
    ("campaigns", "level", "known"),
    [
        (BY_TIER, "tier", {"A": "visit", "B": "call"}),
        ({"by": "play", "map": {"expand": {"channel": "visit", "theme": "more"}}, "default": LETTER}, "play",
         {"expand": "visit"}),
    ],
)  # fmt: skip
def test_campaigns_go_by_tier_or_play_and_likely_wins_to_a_channel_of_their_own(tmp_path, campaigns, level, known):
    done = market.score(market.accounts(900), tmp_path, {"campaigns": campaigns})
    rows = market.scores(done).to_pylist()
    likely = [row for row in rows if row["p_basis"] != "win_rate" and row["probability"] >= 0.06]
    assert likely
    for row in rows:
        default = "call" if level == "tier" and row in likely else "letter"
        assert row["campaign_channel"] == known.get(row[level], default)
    segments_by_campaign = {row["campaign_id"]: row["segments"] for row in campaigns_of(done)}
    assert (sorted(segments_by_campaign.values()) == ["A", "B", "default", "default (likely)"]) == (level == "tier")
    assert Counter(row["campaign_id"] for row in rows) == {
        name: sum(row["accounts"] for row in campaigns_of(done) if row["campaign_id"] == name)
        for name in segments_by_campaign
    }


def test_own_segments_have_campaigns(tmp_path):
    campaigns = {"by": "own_segment", "map": {"retail": {"channel": "visit", "theme": "x"}}, "default": LETTER}
    changes = {"campaigns": campaigns, "segments": {"own": ["industry"]}}
    rows = market.scores(market.score(market.accounts(900), tmp_path, changes)).to_pylist()
    assert {row["campaign_channel"] == "visit" for row in rows if row["own_segment"] == "retail"} == {True}
    assert {row["campaign_channel"] for row in rows if row["own_segment"] != "retail"} == {"letter"}


@pytest.mark.parametrize(
    ("campaigns", "word"),
    [
        ({"by": "tier", "map": {"E": LETTER}, "default": LETTER}, "campaigns.map.E: expected one of A, B, C, D"),
        ({"by": "tier", "map": {"A": LETTER}}, "campaigns.map.B: expected a campaign for this tier"),
        (
            {"by": "tier", "default": LETTER | {"budget": 0.5}},
            "campaigns.default.budget: expected at least one cost_per_contact, 1",
        ),
        ({"by": "own_segment", "default": LETTER}, 'segments.own: expected columns for campaigns.by = "own_segment"'),
    ],
)
def test_campaigns_of_tiers_and_own_segments_are_complete_before_anything_is_read(tmp_path, campaigns, word):
    with pytest.raises(JobFileError) as refused:
        market.job(tmp_path, tmp_path / "scores", {"campaigns": campaigns})
    assert word in str(refused.value)


LIMITED: dict[str, Any] = {
    "by": "tier",
    "map": {
        "A": {"channel": "visit", "theme": "x", "contacts": 7},
        "B": {"channel": "call", "theme": "x", "budget": 100.0, "cost_per_contact": 4.0, "contacts": 60},
        "C": {"channel": "letter", "theme": "x", "least_probability": 0.05},
    },
    "default": {"channel": "email", "theme": "x"},
}


def listed_in(folder, channel):
    return [row["account_id"] for row in pyarrow.csv.read_csv(folder / f"{channel}.csv").to_pylist()]


@pytest.mark.parametrize("layout", [{}, {"row_group": 150}])
def test_lists_hold_the_accounts_that_promise_most_within_contacts_and_budget(tmp_path, layout):
    done = market.score(market.accounts(900), tmp_path, {"campaigns": LIMITED}, **layout)
    rows = market.scores(done).to_pylist()
    ask(done.output, "--to", tmp_path / "lists")
    for tier, channel, most in (("A", "visit", 7), ("B", "call", 25)):
        mine = [row for row in rows if row["tier"] == tier]
        mine.sort(key=lambda row: (-row["expected_value"], row["priority"], row["party_type"] == "channel"))
        assert len(mine) > most
        assert set(listed_in(tmp_path / "lists", channel)) == {row["account_id"] for row in mine[:most]}
    likely = {row["account_id"] for row in rows if row["tier"] == "C" and row["probability"] >= 0.05}
    assert set(listed_in(tmp_path / "lists", "letter")) == likely
    assert 0 < len(likely) < sum(row["tier"] == "C" for row in rows)
    assert len(listed_in(tmp_path / "lists", "email")) == sum(row["tier"] == "D" for row in rows)
    limits = {
        row["contacts"]: row["listed"] for row in pq.read_table(done.tables / "campaign_limits.parquet").to_pylist()
    }
    assert limits == {7: 7, 25: 25, None: len(likely)}


@pytest.mark.parametrize("layout", [{}, {"row_group": 150}])
def test_likely_wins_and_the_others_of_a_segment_share_its_limit(tmp_path, layout):
    """The limit is the segment's, not that of each channel: who promises most of both is listed."""
    visit = {"channel": "visit", "likely_channel": "call", "theme": "x", "budget": 60.0, "cost_per_contact": 2.0}
    changes = {
        "campaigns": {"by": "tier", "default": visit, "likely_from": 0.055},
        "priority": {"win_rate": {"expansion": 0.05}},
    }
    done = market.score(market.accounts(900), tmp_path, changes, **layout)
    rows = market.scores(done).to_pylist()
    ask(done.output, "--to", tmp_path / "lists")
    rows.sort(key=lambda row: (-row["expected_value"], row["priority"], row["party_type"] == "channel"))
    first = rows[:30]
    for channel in ("visit", "call"):
        mine = {row["account_id"] for row in first if row["campaign_channel"] == channel}
        assert mine
        assert set(listed_in(tmp_path / "lists", channel)) == mine
    limits = pq.read_table(done.tables / "campaign_limits.parquet").to_pylist()
    assert {row["contacts"] for row in limits} == {30}
    assert sum(row["listed"] for row in limits) == 30
    assert {row["campaign_id"]: row["shared_with"] for row in limits} == {
        row["shared_with"]: row["campaign_id"] for row in limits
    }


def test_who_falls_out_of_a_limited_list_has_left_it(tmp_path):
    first = market.score(market.accounts(900), tmp_path / "first", {"campaigns": LIMITED})
    fewer = {"map": {**LIMITED["map"], "A": {"channel": "visit", "theme": "x", "contacts": 3}}}
    later = market.run(tmp_path / "first" / "market", tmp_path / "first" / "scores", {"campaigns": LIMITED | fewer})
    invocation = ask(later.output, "--to", tmp_path / "lists", "--since", first.run_key, "--json")
    visit = next(one for one in json.loads(invocation)["lists"] if one["channel"] == "visit")
    assert visit["gone"] == 4
