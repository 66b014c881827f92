"""Every joined table: told above the share of rows that must meet, refused below it, before anything is fitted."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import job_file, pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError, TamscoreError
from tamscore.progress import Progress
from tamscore.questions.readiness import check_parts
from tamscore.scoring import model_source
from tamscore.scoring.context import plan_of
from tamscore.sections.backtest.joining import require_early
from tests.end_to_end import market
from tests.end_to_end.buyers import WINDOW

ROWS = 400
KINDS = ("labels", "orders", "products")


class FitBeganError(Exception):
    """What the fit of these tests ends with: all that comes before has passed."""


@pytest.fixture
def no_fit(monkeypatch):
    def begin(*_):
        raise FitBeganError

    monkeypatch.setattr(model_source, "fit_parties", begin)


def written_by_other_hands(ids, met):
    """The ids with all but the first `met` replaced by strangers."""
    return [one if i < met else f"X{i}" for i, one in enumerate(ids)]


def table_of(kind, ids):
    """A table of that kind with one row an id, and the section that asks for it."""
    half = np.arange(len(ids)) % 2
    if kind == "labels":
        section = {"label": "bought", "label_table": "labels", "missing": "zero", **WINDOW}
        return "propensity", "label_table", section, {"account_id": ids, "bought": half}
    if kind == "orders":
        days = [date(2026, 1, 1 + i % 28) for i in range(len(ids))]
        columns = {"account_id": ids, "date": days, "amount": half + 1.0}
        return "lifetime_value", "orders", {"orders": "orders", "margin": 0.3, "retention": 0.8}, columns
    columns = {"account_id": ids, "product": [f"p{i}" for i in half], "sales": half + 1.0}
    return "next_offer", "path", {"path": "products"}, columns


def started(folder, kind, ids, accounts=None, **changes):
    """The progress of a run with a joined table up to its fit, and the error that it ends with."""
    accounts = accounts or market.plain_accounts(ROWS)
    section, key, asked, columns = table_of(kind, ids)
    path = folder / f"{kind}.parquet"
    pq.write_table(pa.table(columns), path)
    where = market.write(accounts, folder / "market")
    sections = {**market.PLAIN, section: {**asked, key: str(path)}, **changes}
    progress = Progress()
    with pytest.raises((FitBeganError, InputContractError)) as caught:
        pipeline.run(market.job(where, folder / "scores", sections), progress)
    return progress, caught.value


def ids_of(rows=ROWS):
    return market.plain_accounts(rows)["account_id"].to_pylist()


@pytest.mark.usefixtures("no_fit")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("met", [0, 199])
def test_a_table_of_which_too_few_rows_meet_is_refused_before_the_fit(tmp_path, kind, met):
    progress, error = started(tmp_path, kind, written_by_other_hands(ids_of(), met))
    assert isinstance(error, InputContractError)
    assert f"{kind}.parquet: {met} of 400 rows met an account; first stranger 'X{met}' (row {met + 1}, " in str(error)
    assert "min_match_share" in str(error)
    assert progress.reached == ("label_counts" if kind == "labels" else "match")  # all refusals are told at once


@pytest.mark.usefixtures("no_fit")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("met", [200, 340])
def test_a_table_of_which_many_rows_meet_nothing_is_taken_and_reported(tmp_path, kind, met):
    progress, error = started(tmp_path, kind, written_by_other_hands(ids_of(), met))
    assert isinstance(error, FitBeganError)
    (notice,) = [text for text in progress.notices if "rows met an account" in text]
    assert f"{kind}.parquet: {met} of 400 rows met an account; first stranger 'X{met}'" in notice
    assert ("count as not having bought" in notice) == (kind == "labels")


def products_of(accounts, amount, product="p"):
    """Sales by product with one line an account."""
    return {"account_id": accounts["account_id"], "product": [product] * len(accounts), "sales": amount}


def of_prospects(accounts):
    return (np.nan_to_num(accounts["sales"].to_numpy(zero_copy_only=False)) <= 0).astype(float)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (lambda a: products_of(a, np.zeros(len(a))), "column 'sales': expected an amount above 0 of a customer"),
        (lambda a: products_of(a, pa.nulls(len(a), pa.float64())), "got none in 400 lines"),
        (lambda a: products_of(a, of_prospects(a)), "got none in 400 lines"),
        (lambda a: products_of(a, np.ones(len(a)), None), "column 'product' has 0 different products"),
    ],
    ids=["zeros", "nulls", "prospects", "no-product"],
)
@pytest.mark.usefixtures("no_fit")
def test_check_and_run_refuse_the_same_sales_by_product(tmp_path, columns, expected):
    accounts = market.plain_accounts(ROWS)
    table = pa.table(
        columns(accounts), pa.schema([("account_id", pa.string()), ("product", pa.string()), ("sales", pa.float64())])
    )
    pq.write_table(table, tmp_path / "sold.parquet")
    sections = {**market.PLAIN, "next_offer": {"path": str(tmp_path / "sold.parquet")}}
    job = market.job(market.write(accounts, tmp_path / "market"), tmp_path / "scores", sections)
    with pytest.raises(InputContractError, match=expected) as caught:
        pipeline.run(job, Progress())
    assert f"{tmp_path / 'sold.parquet'}: " in str(caught.value)
    assert str(caught.value) in [finding.text for finding in check_parts(job, plan_of(job)) if finding.stops]


@pytest.mark.usefixtures("no_fit")
def test_one_amount_of_one_customer_is_enough_for_check_and_run(tmp_path):
    accounts = market.plain_accounts(ROWS)
    amount = np.zeros(ROWS)
    amount[int(np.flatnonzero(of_prospects(accounts) == 0)[0])] = 1.0
    pq.write_table(pa.table(products_of(accounts, amount)), tmp_path / "sold.parquet")
    sections = {**market.PLAIN, "next_offer": {"path": str(tmp_path / "sold.parquet")}}
    job = market.job(market.write(accounts, tmp_path / "market"), tmp_path / "scores", sections)
    with pytest.raises(FitBeganError):
        pipeline.run(job, Progress())
    assert not [finding.text for finding in check_parts(job, plan_of(job)) if finding.stops]


@pytest.mark.usefixtures("no_fit")
@pytest.mark.parametrize("kind", KINDS)
def test_few_strangers_draw_no_notice(tmp_path, kind):
    progress, error = started(tmp_path, kind, written_by_other_hands(ids_of(), 390))
    assert isinstance(error, FitBeganError)
    assert not [text for text in progress.notices if "met" in text]


@pytest.mark.usefixtures("no_fit")
@pytest.mark.parametrize("kind", KINDS)
def test_the_share_can_be_set_for_each_table(tmp_path, kind):
    section = table_of(kind, [])[0]
    ids = written_by_other_hands(ids_of(), 300)
    for share, expected in ((0.75, FitBeganError), (0.76, InputContractError)):
        folder = tmp_path / f"{share}"
        folder.mkdir()
        _, _, asked, columns = table_of(kind, ids)
        key = table_of(kind, ids)[1]
        pq.write_table(pa.table(columns), folder / "t.parquet")
        where = market.write(market.plain_accounts(ROWS), folder / "market")
        changes = {**market.PLAIN, section: {**asked, key: str(folder / "t.parquet"), "min_match_share": share}}
        with pytest.raises(expected):
            pipeline.run(market.job(where, folder / "scores", changes), Progress())


@pytest.mark.usefixtures("no_fit")
@pytest.mark.parametrize("kind", KINDS)
def test_blanks_around_the_ids_of_either_side_keep_nothing_apart(tmp_path, kind):
    padded = [f"{one}  " if i % 2 else f"\u00a0{one}" for i, one in enumerate(ids_of())]
    accounts = market.plain_accounts(ROWS)
    other = accounts.set_column(0, "account_id", pa.array([f" {one}" for one in ids_of()]))
    for name, rows in (("here", accounts), ("there", other)):
        (tmp_path / name).mkdir()
        progress, error = started(tmp_path / name, kind, padded, rows)
        assert isinstance(error, FitBeganError)
        assert not [text for text in progress.notices if "met" in text]


@pytest.mark.usefixtures("no_fit")
def test_a_swapped_column_of_ids_is_named(tmp_path):
    ids = ids_of()
    path = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"row": [f"L{i}" for i in range(ROWS)], "crm": ids, "bought": [1, 0] * 200}), path)
    section = {"label": "bought", "label_table": str(path), "account_id": "row", **WINDOW}
    job = market.job(
        market.write(market.plain_accounts(ROWS), tmp_path / "m"),
        tmp_path / "s",
        {**market.PLAIN, "propensity": section},
    )
    with pytest.raises(InputContractError, match=r"its column 'crm' meets 100%: name it in propensity\.account_id"):
        pipeline.run(job, Progress())


def test_two_ids_of_the_market_that_fold_to_one_are_duplicates(tmp_path):
    """Neither is merged into the other in silence: both are rejected, and the rest is scored under its own text."""
    ids = ids_of()
    ids[3], ids[7], ids[9] = f"{ids[2]} ", "Ae\u0301", "A\u00e9"
    ids[11] = f"  {ids[11]}"
    table = market.plain_accounts(ROWS).set_column(0, "account_id", pa.array(ids))
    done = market.score(table, tmp_path, {**market.PLAIN, "rows": {"max_rejected_share": 0.1}})
    rejected = market.rejected(done)
    assert sorted(rejected["account_id"].to_pylist()) == sorted([ids[2], ids[3], ids[7], ids[9]])
    assert set(rejected["reason"].to_pylist()) == {"duplicate_id"}
    assert ids[11] in market.scores(done)["account_id"].to_pylist()


def test_a_run_keeps_what_it_joined_in_the_manifest_and_says_it(tmp_path):
    section, key, asked, columns = table_of("orders", written_by_other_hands(ids_of(), 390))
    pq.write_table(pa.table(columns), tmp_path / "orders.parquet")
    changes = {**market.PLAIN, section: {**asked, key: str(tmp_path / "orders.parquet")}}
    done = market.score(market.plain_accounts(ROWS), tmp_path, changes)
    manifest = done.manifest() or {}
    (record,) = manifest["joins"]
    assert (record["rows"], record["met"], record["strangers"]) == (400, 390, 10)
    assert (record["first"], record["row"], record["key"]) == ("X390", 391, "account_id")
    job = tmp_path / "job.toml"
    job.write_text(toml_of(manifest["job"]))
    said = CliRunner().invoke(app, ["run", str(job)])
    assert said.exit_code == 0, said.output
    assert "390 of 400 rows met an account; first stranger 'X390' (row 391, 10 different)" in said.stdout


def toml_of(job):
    """The sections of a job that a run needs here, as TOML."""
    asked = {
        "input": {"path": job["input"]["path"]},
        "output": {"path": job["output"]["path"]},
        "clusters": {"k": 2, "restarts": 2},
        "features": {"numeric": {"x": "standard", "y": "standard"}},
        "engine": {"workers": 2},
        "lifetime_value": {key: job["lifetime_value"][key] for key in ("orders", "margin", "retention")},
    }
    return 'device = "cpu"\n' + "\n".join(f"[{name}]\n{keys_of(table)}" for name, table in asked.items())


def keys_of(table):
    inline = {key: json.dumps(value) for key, value in table.items() if not isinstance(value, dict)}
    nested = {
        key: "{" + ", ".join(f"{name} = {json.dumps(one)}" for name, one in value.items()) + "}"
        for key, value in table.items()
        if isinstance(value, dict)
    }
    return "\n".join(f"{key} = {value}" for key, value in (inline | nested).items())


def job_with_afterwards(folder, ids, **keys):
    """The job of a backtest against a table of sales afterwards."""
    pq.write_table(pa.table({"account_id": ids, "later": np.arange(len(ids), dtype=float)}), folder / "later.parquet")
    where = market.write(market.plain_accounts(ROWS), folder / "market")
    changes = {"realised": "later", "table": str(folder / "later.parquet"), **keys}
    return market.job(where, folder / "scores", {**market.PLAIN, "backtest": changes})


@pytest.mark.parametrize("missing", ["zero", "leave_out"])
@pytest.mark.parametrize("met", [0, 1, 199])
def test_a_backtest_against_a_table_that_does_not_match_is_refused_before_the_run(tmp_path, missing, met):
    job = job_with_afterwards(tmp_path, written_by_other_hands(ids_of(), met), missing=missing)
    with pytest.raises(InputContractError, match=rf"later\.parquet: {met} of 400 rows met.*backtest\.min_match_share"):
        require_early(job, Progress())
    assert not (tmp_path / "scores").exists()


@pytest.mark.parametrize(
    ("keys", "words", "code"),
    [
        ({"table": "nowhere.parquet"}, "backtest.table", 2),
        ({"realised": "latter"}, "'latter'", 3),
        ({"account_id": "acount_id"}, "'acount_id'", 3),
    ],
)
def test_a_wrong_path_or_column_of_a_backtest_fails_before_the_run(tmp_path, keys, words, code):
    job = job_with_afterwards(tmp_path, ids_of()).model_dump(mode="json")
    for key, value in keys.items():
        job["backtest"][key] = str(tmp_path / value) if key == "table" else value
    with pytest.raises(TamscoreError, match=words) as caught:
        require_early(job_file.parse(job, "job"), Progress())
    assert caught.value.exit_code == code


def owned(folder, ids, people, **keys):
    """What `tamscore coverage --json` says of owners, and how it ends."""
    pq.write_table(pa.table({"account_id": ids, "person": people}), folder / "owners.parquet")
    pq.write_table(pa.table({"person": ["Zoë", "Bob"], "role": ["hunter"] * 2}), folder / "people.parquet")
    settings = {"people": "people.parquet", "owners": "owners.parquet", "max_moves": 0, **keys}
    (folder / "cov.toml").write_text("[coverage]\n" + keys_of(settings))
    return CliRunner().invoke(app, ["coverage", str(folder / "scores"), "--config", str(folder / "cov.toml"), "--json"])


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("joined")
    market.score(market.plain_accounts(ROWS), folder, market.PLAIN)
    return folder


@pytest.mark.parametrize("name", ["zoë", " ZOË ", "Zoe\u0308", "zoe\u0308\u00a0"])
def test_an_owner_is_the_person_of_that_name_in_whatever_capitals_blanks_and_composition(scored, name):
    ids = ids_of()[:12]
    said = owned(scored, [f"{one} " for one in ids], [name] * 12)
    assert said.exit_code == 0, said.output
    result = json.loads(said.stdout)
    accounts = {row["account_id"]: row for row in pq.read_table(f"{result['path']}/accounts.parquet").to_pylist()}
    assert {accounts[one]["owner"] for one in ids} == {"Zoë"}
    assert {accounts[one]["person"] for one in ids} == {"Zoë"}
    assert [(one["key"], one["met"], one["rows"]) for one in result["joins"]] == [
        ("account_id", 12, 12),
        ("person", 12, 12),
    ]
    assert result["doubts"] == []


@pytest.mark.parametrize(
    ("ids", "people", "words"),
    [
        (12, ["Zoey"] * 7 + ["Bob"] * 5, "5 of 12 rows met a person; first stranger 'Zoey' (row 1); expected a person"),
        (12, ["Carl", "Dora"] * 6, "0 of 12 rows met a person; first stranger 'Carl' (row 1, 2 different)"),
        (5, ["Bob"] * 12, "5 of 12 rows met an account; first stranger 'X5' (row 6, 7 different)"),
        (0, ["Bob"] * 12, "0 of 12 rows met an account; first stranger 'X0' (row 1, 12 different)"),
    ],
)
def test_owners_that_meet_neither_accounts_nor_people_are_refused(scored, ids, people, words):
    said = owned(scored, written_by_other_hands(ids_of()[:12], ids), people)
    assert said.exit_code == 3
    assert words in said.stderr
    assert "owners.parquet" in said.stderr


def test_owners_who_are_none_of_the_people_are_named_with_their_accounts(scored):
    said = owned(scored, ids_of()[:12], ["Bob"] * 8 + ["Boob"] * 3 + ["Carl"])
    assert said.exit_code == 0, said.output
    doubts = json.loads(said.stdout)["doubts"]
    assert "'Boob' is none of the people; 3 accounts count as without an owner; did you mean 'Bob'?" in doubts[0]
    assert "'Carl' is none of the people; 1 accounts" in doubts[1]


@pytest.fixture(scope="module")
def regional(tmp_path_factory):
    """A market whose accounts lie in two regions, one of them in composed letters, and in none."""
    folder = tmp_path_factory.mktemp("regional")
    places = ["Zu\u0308rich", "Gen\u00e8ve ", "Basel", None]
    table = market.plain_accounts(ROWS).append_column("place", pa.array([places[i % 4] for i in range(ROWS)]))
    market.score(table, folder, {**market.PLAIN, "columns": {"keep": ["place"]}})
    return folder


def served(folder, regions):
    """What a coverage says where Ann serves these regions and Bob those of Basel, and the accounts of Ann."""
    rows = [
        {"person": "Ann", "role": "hunter", "regions": regions},
        {"person": "Bob", "role": "sdr", "regions": "basel"},
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "people.parquet")
    (folder / "cov.toml").write_text('[coverage]\npeople = "people.parquet"\nregion = "place"\nhours_per_person = 8000')
    said = CliRunner().invoke(app, ["coverage", str(folder / "scores"), "--config", str(folder / "cov.toml"), "--json"])
    assert said.exit_code == 0, said.output
    result = json.loads(said.stdout)
    return result, {one["person"]: one["accounts"] for one in result["people"]}["Ann"]


@pytest.mark.parametrize(
    "regions",
    [
        "Z\u00fcrich|Gen\u00e8ve",
        "z\u00fcRICH; gene\u0300ve",
        "Gen\u00e8ve \u00a0, Z\u00fcrich",
        "Z\u00fcrich/GEN\u00c8VE",
    ],
)
def test_people_serve_their_regions_in_whatever_capitals_composition_and_separators(regional, regions):
    result, accounts = served(regional, regions)
    _, plain = served(regional, "Zu\u0308rich|Gen\u00e8ve ")
    assert accounts == plain > 0
    assert result["doubts"] == ["nobody serves the 100 accounts without a region"]


def test_skills_that_count_for_nothing_are_doubted(scored, tmp_path):
    rows = [{"person": "Ann", "role": "hunter", "skills": "cloud"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "people.parquet")
    (tmp_path / "cov.toml").write_text('[coverage]\npeople = "people.parquet"\n')
    said = CliRunner().invoke(app, ["coverage", str(scored / "scores"), "--config", str(tmp_path / "cov.toml")])
    assert said.exit_code == 0, said.output
    assert "skills count for nothing, since coverage.skill names no column" in " ".join(said.stdout.split())


@pytest.mark.parametrize("regions", ["Zurich", "Genf", "Zürich and Genève"])
def test_a_person_who_gets_nobody_because_of_a_misspelt_region_is_named(regional, regions):
    result, accounts = served(regional, regions)
    assert accounts == 0
    doubts = "; ".join(result["doubts"])
    assert f"no account has the region {regions!r} of 'Ann'" in doubts
    assert "people.parquet: 'Ann' can get no account" in doubts
    assert "nobody serves the 100 accounts of region 'Genève '" in doubts


def test_two_people_whose_names_are_the_same_are_refused(scored, tmp_path):
    pq.write_table(pa.table({"person": ["Ann", " ann"], "role": ["hunter"] * 2}), tmp_path / "people.parquet")
    (tmp_path / "cov.toml").write_text('[coverage]\npeople = "people.parquet"\n')
    said = CliRunner().invoke(app, ["coverage", str(scored / "scores"), "--config", str(tmp_path / "cov.toml")])
    assert said.exit_code == 3
    assert "'Ann' stands twice" in said.stderr


@pytest.mark.parametrize(("met", "code"), [(4, 3), (5, 0)])
def test_account_plans_follow_the_same_rule(scored, tmp_path, met, code):
    rows = {"account_id": written_by_other_hands(ids_of()[:10], met), "role": ["Hunter "] * 10, "hours": [5.0] * 10}
    pq.write_table(pa.table(rows), tmp_path / "plans.parquet")
    (tmp_path / "cov.toml").write_text('[coverage]\nteam = {hunter = 1}\naccount_plans = "plans.parquet"\n')
    said = CliRunner().invoke(app, ["coverage", str(scored / "scores"), "--config", str(tmp_path / "cov.toml")])
    assert said.exit_code == code, said.output
    output = " ".join((said.stdout + said.stderr).split())
    assert f"{met} of 10 rows met an account; first stranger 'X{met}' (row {met + 1}" in output


@pytest.mark.parametrize(("met", "code"), [(0, 3), (4, 3), (5, 0), (10, 0)])
def test_overrides_follow_the_same_rule_before_anything_is_written(scored, tmp_path, met, code):
    ids = written_by_other_hands(ids_of()[:10], met)
    rows = "\n".join(f"{one} ,potential,{i},known better," for i, one in enumerate(ids))
    (tmp_path / "overrides.csv").write_text(f"account,field,value,reason,expiry\n{rows}\n", encoding="utf-8")
    ask = ["export", str(scored / "scores"), "--to", str(tmp_path / "up.csv"), "--fields", "potential"]
    said = CliRunner().invoke(app, [*ask, "--overrides", str(tmp_path / "overrides.csv")])
    assert said.exit_code == code, said.output
    assert f"overrides.csv: {met} of 10 rows met an account" in said.stdout + said.stderr
    assert (tmp_path / "up.csv").exists() == (code == 0)
    if code == 0:
        written = pa.csv.read_csv(tmp_path / "up.csv")
        assert written.num_rows - written["potential_override"].null_count == met
    else:
        loose = CliRunner().invoke(
            app, [*ask, "--overrides", str(tmp_path / "overrides.csv"), "--min-match-share", "0"]
        )
        assert loose.exit_code == 0, loose.output


@pytest.mark.usefixtures("no_fit")
@pytest.mark.parametrize("kind", ["orders", "products"])
@pytest.mark.parametrize(
    ("title", "words", "expected"),
    [
        ("CurrencyIsoCode", ["JPY", "EUR"], True),
        ("unit", ["USD", "gbp"], True),
        ("Währung", ["€", "$"], True),
        ("currency", ["EUR", " eur", None], False),
        ("kind", ["new", "old"], False),
    ],
)
def test_amounts_in_several_currencies_are_reported_of_every_joined_table(
    tmp_path, monkeypatch, kind, title, words, expected
):
    name, key, section, columns = table_of(kind, ids_of())
    more = [words[i // 2 % len(words)] for i in range(ROWS)]
    monkeypatch.setitem(globals(), "table_of", lambda *_: (name, key, section, {**columns, title: more}))
    progress, _ = started(tmp_path, kind, ids_of())
    notices = [text for text in progress.notices if "several currencies" in text]
    assert len(notices) == expected
    assert all(f"{kind}.parquet: column {title!r}" in text for text in notices)
