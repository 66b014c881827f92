"""Exports: what changed and nothing else, by id, safe to open, with overrides beside the model's values."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.errors import InputContractError, UsageError
from tamscore.progress import Progress
from tamscore.questions import export, export_file, overrides
from tamscore.questions.stored import open_run
from tests.end_to_end import market

FIELDS = ("cluster", "potential", "whitespace", "penetration", "note")
DAY = date(2026, 6, 15)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return market.score(market.accounts(1500), tmp_path_factory.mktemp("first"), files=2)


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """A month later: some rows gone, some new, some sales changed."""
    table = market.accounts(1500)
    sales = table["sales"].to_pylist()
    sales[200:240] = [5000.0] * 40
    table = table.set_column(table.column_names.index("sales"), "sales", pa.array(sales)).slice(30)
    fresh = market.accounts(25, seed=9)
    fresh = fresh.set_column(0, "account_id", pa.array([f"N{i}" for i in range(25)]))
    return market.score(pa.concat_tables([table, fresh]), tmp_path_factory.mktemp("later"))


def exported(run, to, since=None, fields=FIELDS, held=None, **form):
    """The tally of an export."""
    stored = open_run(run.output)
    order = export.order_of(stored, fields, held or {}, DAY)
    earlier = None if since is None else open_run(since.output)
    return export_file.write(stored, earlier, order, export_file.Target(to, **form), Progress())


def cents(value):
    return None if value is None else Decimal(str(round(value, 2)))


def fields_of(done):
    rows = market.scores(done).to_pylist()
    money = ("potential", "whitespace")
    return {row["account_id"]: {f: cents(row[f]) if f in money else row[f] for f in FIELDS} for row in rows}


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_exactly_the_accounts_whose_fields_changed_or_that_are_new_are_exported(first, later, tmp_path):
    """Held against a plain comparison of both runs, amounts to the cent; gone accounts are counted."""
    before, after = fields_of(first), fields_of(later)
    expected = {account for account, row in after.items() if before.get(account) != row}
    tally = exported(later, tmp_path / "x.parquet", since=first)
    rows = pq.read_table(tmp_path / "x.parquet").to_pylist()
    assert len(rows) == len(expected)
    assert {row["account_id"]: {name: row[name] for name in FIELDS} for row in rows} == {a: after[a] for a in expected}
    assert {row["score_version"] for row in rows} == {later.run_key}
    assert (tally.new, tally.gone) == (25, 30)
    assert tally.new + tally.changed == tally.exported == len(expected)
    assert 100 < tally.changed < 1500


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_unchanged_rescoring_exports_nothing_but_the_header(first, tmp_path, suffix):
    """The same market scored again by another job key: another version, the same fields, no row."""
    again = market.run(
        first.output.parent / "market", tmp_path / "again", {"engine": {"workers": 1}, "rows.duplicates": "error"}
    )
    assert again.run_key != first.run_key
    to = tmp_path / f"x{suffix}"
    tally = exported(again, to, since=first, fields=[*FIELDS, "rank", "flags", "distance"])
    assert (tally.exported, tally.gone) == (0, 0)
    header = ["account_id", *FIELDS, "rank", "flags", "distance", "score_version", "row_hash"]
    if suffix == ".csv":
        assert to.read_text(encoding="utf-8").splitlines() == [",".join(f'"{name}"' for name in header)]
    else:
        assert pq.read_table(to).num_rows == 0
        assert pq.read_schema(to).names == header


def test_csv_and_parquet_tell_the_same_and_hashes_follow_the_fields(first, later, tmp_path):
    """The hash of a row is that of its fields: equal rows, equal hashes, whatever the format, version and id."""
    exported(first, tmp_path / "a.csv")
    exported(first, tmp_path / "a.parquet")
    exported(later, tmp_path / "b.parquet")
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    texts = read_csv(tmp_path / "a.csv")
    for row, text in zip(rows, texts, strict=True):
        assert text == {name: "" if value is None else f"{value}" for name, value in row.items()} | {
            "penetration": text["penetration"]
        }
        assert float(text["penetration"]) == row["penetration"]
    hashes: dict[tuple[Any, ...], str] = {}
    for row in [*rows, *pq.read_table(tmp_path / "b.parquet").to_pylist()]:
        content = tuple(row[name] for name in FIELDS)
        assert hashes.setdefault(content, row["row_hash"]) == row["row_hash"]
    assert len(set(hashes.values())) == len(hashes)


def risky(rows=1000):
    """A market with texts that a spreadsheet would run."""
    texts = ["=1+1", "+1+1", "-1", "@x", "\tx", "\rx", "plain", "'quoted", None, "a=b"]
    table = market.plain_accounts(rows)
    return table.append_column("remark", pa.array([texts[i % len(texts)] for i in range(rows)]))


def test_texts_that_a_spreadsheet_would_run_are_guarded_numbers_are_not(tmp_path):
    """In CSV alone, and the hash is that of the unguarded row."""
    table = risky().append_column("balance", pa.array([-float(i) for i in range(1000)]))
    done = market.score(table, tmp_path, market.PLAIN | {"columns": {"keep": ["remark", "balance"]}})
    for name in ("x.csv", "x.parquet"):
        exported(done, tmp_path / name, fields=["remark", "balance"])
    exported(done, tmp_path / "plain.csv", fields=["remark", "balance"], is_guarded=False)
    stored = pq.read_table(tmp_path / "x.parquet").to_pylist()
    bare = (tmp_path / "plain.csv").read_bytes()
    for row, text in zip(stored, read_csv(tmp_path / "x.csv"), strict=True):
        begins = (row["remark"] or "")[:1] in set("=+@\t\r") - {""}
        assert text["remark"] == ("'" if begins else "") + (row["remark"] or "")
        assert float(text["balance"]) == row["balance"]
        assert text["row_hash"] == row["row_hash"]
    assert b"=1+1" in bare
    assert b"'=1+1" not in bare


def test_ids_that_would_run_are_refused_in_csv_since_a_guarded_id_is_another_id(tmp_path):
    table = market.plain_accounts(1000)
    table = table.set_column(0, "account_id", pa.array([f"-A{i}" for i in range(1000)]))
    done = market.score(table, tmp_path, market.PLAIN)
    with pytest.raises(InputContractError, match=r"1,000 account ids such as '-A0' would run .*--no-guard"):
        exported(done, tmp_path / "x.csv", fields=["potential"])
    assert not (tmp_path / "x.csv").exists()
    assert exported(done, tmp_path / "x.csv", fields=["potential"], is_guarded=False).exported == 1000
    assert exported(done, tmp_path / "x.parquet", fields=["potential"]).exported == 1000


def test_negative_whole_numbers_as_ids_are_ids_like_any_other(tmp_path):
    """Nothing runs where a text is a plain number; the ids in the file are those of the market."""
    ids = pa.array([-i - 1 for i in range(1000)])
    done = market.score(market.plain_accounts(1000).set_column(0, "account_id", ids), tmp_path, market.PLAIN)
    assert exported(done, tmp_path / "x.csv", fields=["potential"]).exported == 1000
    assert {row["account_id"] for row in read_csv(tmp_path / "x.csv")} == {str(one) for one in ids.to_pylist()}


def written(path, rows):
    path.write_text("account,field,value,reason,expiry\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def held_in(path, run):
    return overrides.read(path, export.kinds_of(open_run(run.output)))


def test_overrides_stand_beside_the_models_values_until_they_expire(first, tmp_path):
    """The model's value stays; accounts with overrides come along unchanged, so that expired ones are cleared too."""
    ids = market.scores(first)["account_id"].to_pylist()
    path = written(
        tmp_path / "o.csv",
        [
            f"{ids[0]},potential,1234.5,signed frame contract,2026-06-15",
            f"{ids[1]},potential,99,told by the account team,2026-06-14",
            f"{ids[1]},play,expand,board decision,",
            f"{ids[2]},rank,1,not exported here,",
            "ZZ9,potential,1,nobody by that id,",
        ],
    )
    held = held_in(path, first)
    tally = exported(first, tmp_path / "x.parquet", since=first, fields=["potential", "play=Play__c"], held=held)
    rows = {row["account_id"]: row for row in pq.read_table(tmp_path / "x.parquet").to_pylist()}
    model = {row["account_id"]: row for row in market.scores(first).to_pylist()}
    assert rows.keys() == {ids[0], ids[1]}
    assert (tally.exported, tally.overridden, tally.expired, tally.met) == (2, 2, 1, {ids[0], ids[1]})
    live, expired = rows[ids[0]], rows[ids[1]]
    assert live["potential"] == cents(model[ids[0]]["potential"])
    assert live["potential_override"] == Decimal("1234.50")
    assert live["potential_override_reason"] == "signed frame contract"
    assert live["potential_override_expiry"] == DAY
    assert expired["potential_override"] is None
    assert (expired["Play__c"], expired["Play__c_override"]) == (model[ids[1]]["play"], "expand")
    assert live["row_hash"] != expired["row_hash"]


def test_overrides_may_come_as_parquet_with_their_own_types(first, tmp_path):
    ids = market.scores(first)["account_id"].to_pylist()
    columns = {"account": ids[:1], "field": ["potential"], "value": [5.25], "reason": ["x"], "expiry": [DAY]}
    pq.write_table(pa.table(columns), tmp_path / "o.parquet")
    one = held_in(tmp_path / "o.parquet", first)[ids[0]]["potential"]
    assert (one.value, one.expiry) == (Decimal("5.25"), DAY)


def test_all_that_is_wrong_with_an_overrides_file_is_reported_at_once(first, tmp_path):
    path = written(
        tmp_path / "o.csv",
        [
            "A0000001,potental,1,slip,",
            "A0000001,potential,much,no number,",
            "A0000001,potential,1,,",
            "A0000001,potential,1,no day,soon",
            ",potential,1,nobody,",
            "A0000002,potential,1,once,",
            "A0000002,potential,2,twice,",
        ],
    )
    with pytest.raises(InputContractError) as caught:
        held_in(path, first)
    said = str(caught.value).splitlines()
    words = ["did you mean 'potential'", "got 'much'", "no reason", "got 'soon'", "names its account", "two overrides"]
    assert len(said) == len(words)
    assert all(word in line and f"{path}: row " in line for word, line in zip(words, said, strict=True))
    (tmp_path / "bad.csv").write_text("account,value\nA,1\n", encoding="utf-8")
    with pytest.raises(InputContractError, match="'field', 'reason', 'expiry' missing"):
        held_in(tmp_path / "bad.csv", first)


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    """Two weeks of a market that carries a text and an amount: some become empty, some get one, some never had one."""
    runs = []
    for week, empty in enumerate((range(600, 800), range(100))):
        table = market.plain_accounts(1000)
        texts = pa.array([None if i in empty else f"note {i}" for i in range(1000)])
        amounts = pa.array([None if i in empty or i == 999 else -i - 0.5 for i in range(1000)])
        channels = pa.array(["b" if week and i < 50 else "a" for i in range(1000)])
        table = table.append_column("note", texts).append_column("balance", amounts).append_column("way", channels)
        settings = market.PLAIN | {"columns": {"keep": ["note", "balance", "way"]}}
        runs.append(market.score(table, tmp_path_factory.mktemp(f"week{week}"), settings))
    return runs


def test_cells_that_held_a_value_get_the_text_that_clears_them(notes, tmp_path):
    """V42: cleared cells alone; what never held a value stays empty, so that nothing of others is cleared."""
    tally = exported(notes[1], tmp_path / "x.csv", notes[0], ["note=Note__c", "balance"], null="#N/A")
    rows = {row["account_id"]: row for row in read_csv(tmp_path / "x.csv")}
    ids = [row["account_id"] for row in market.scores(notes[1]).to_pylist()]
    market_ids = market.plain_accounts(1000)["account_id"].to_pylist()
    assert sorted(ids) == sorted(market_ids)
    assert rows.keys() == {market_ids[i] for i in (*range(100), *range(600, 800))}
    assert {rows[market_ids[i]]["Note__c"] for i in range(100)} == {"#N/A"}
    assert {rows[market_ids[i]]["balance"] for i in range(100)} == {"#N/A"}
    assert rows[market_ids[700]]["balance"] == "-700.5"
    assert (tally.emptied, tally.cleared) == (100, {"note": 100, "balance": 100})


def test_without_an_earlier_run_every_empty_cell_is_cleared(notes, tmp_path):
    """V42: a full load makes the other system say what the scores say."""
    exported(notes[1], tmp_path / "x.csv", fields=["note", "balance"], null="NULL")
    rows = read_csv(tmp_path / "x.csv")
    assert sum(row["note"] == "NULL" for row in rows) == 100
    assert sum(row["balance"] == "NULL" for row in rows) == 101
    assert not [row for row in rows if "" in row.values()]


def test_in_a_list_of_some_accounts_those_that_came_from_another_are_cleared_too(notes, tmp_path):
    """V42: they are new to the list, not to the other system; who left the list is counted."""
    stored, since = (open_run(run.output) for run in (notes[1], notes[0]))
    tallies = []
    for way in "ab":
        order = replace(export.order_of(stored, ["note"], {}, DAY), only=("way", way))
        target = export_file.Target(tmp_path / f"{way}.csv", null="#N/A")
        tallies.append(export_file.write(stored, since, order, target, Progress()))
    assert [(tally.new, tally.changed, tally.gone, tally.emptied) for tally in tallies] == [
        (0, 250, 50, 50),
        (50, 0, 0, 50),
    ]
    assert {row["note"] for row in read_csv(tmp_path / "b.csv")} == {"#N/A"}


def test_an_account_that_is_new_has_nothing_to_clear(first, later, tmp_path):
    """V42: its empty cells stay empty."""
    exported(later, tmp_path / "x.csv", since=first, null="#N/A")
    fresh = [row for row in read_csv(tmp_path / "x.csv") if row["account_id"].startswith("N")]
    assert len(fresh) == 25
    assert not [row for row in fresh if "#N/A" in row.values()]


@pytest.mark.parametrize("compared", [True, False])
def test_overrides_that_have_expired_are_cleared(notes, tmp_path, compared):
    """V42: value, reason and day of an override that no longer holds; one without an end has no day to tell."""
    ids = market.plain_accounts(1000)["account_id"].to_pylist()[300:303]
    held: Any = {
        ids[0]: {"note": overrides.Override("mine", "told", date(2026, 6, 14))},
        ids[1]: {"note": overrides.Override("mine", "told", None)},
    }
    since = notes[0] if compared else None
    exported(notes[1], tmp_path / "x.csv", since, ["note"], held, null="#N/A")
    rows = {row["account_id"]: row for row in read_csv(tmp_path / "x.csv")}
    cells = ["note_override", "note_override_reason", "note_override_expiry"]
    assert [rows[ids[0]][name] for name in cells] == ["#N/A", "#N/A", "#N/A"]
    assert [rows[ids[1]][name] for name in cells] == ["mine", "told", "#N/A"]
    assert rows[ids[0]]["note"] == "note 300"


@pytest.mark.parametrize(
    ("name", "form", "words"),
    [
        ("x.parquet", {"null": "#N/A"}, "--null: expected a CSV file"),
        ("x.parquet", {"bom": True}, "--bom: expected a CSV file"),
        ("x.csv", {"null": "=NA()"}, "is no formula, got '=NA"),
        ("x.csv", {"null": " "}, "such as '#N/A'"),
    ],
)
def test_forms_that_make_no_sense_are_refused(notes, tmp_path, name, form, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        exported(notes[1], tmp_path / name, fields=["note"], **form)
    assert not list(tmp_path.iterdir())


def test_a_value_that_is_the_text_for_cleared_cells_is_refused(notes, tmp_path):
    """V42: a loader would take the value away."""
    with pytest.raises(InputContractError, match="whose value is 'note 500'"):
        exported(notes[1], tmp_path / "x.csv", fields=["note"], null="note 500")
    assert not list(tmp_path.iterdir())


def test_ids_that_differ_in_capitals_only_are_reported(tmp_path):
    """V42: loaders without case-sensitive ids write both into one record."""
    table = market.plain_accounts(1000)
    ids = [*(f"Acme{i}" for i in range(990)), *(f"aCME{i}" for i in range(5)), *(f"Z{i}" for i in range(5))]
    done = market.score(table.set_column(0, "account_id", pa.array(ids)), tmp_path, market.PLAIN)
    stored, progress = open_run(done.output), Progress()
    order = export.order_of(stored, ["potential"], {}, DAY)
    tally = export_file.write(stored, None, order, export_file.Target(tmp_path / "x.csv"), progress)
    assert tally.case_twins == 10
    assert "10 account ids differ from others in capitals only" in progress.notices[0]
    assert exported(done, tmp_path / "y.csv", fields=["play"]).exported == 1000


def test_ids_that_differ_in_more_than_capitals_are_not_reported(first, tmp_path):
    assert exported(first, tmp_path / "x.csv").case_twins == 0


def test_the_command_counts_what_became_empty_and_names_the_remedy(notes, tmp_path):
    """V42: with the option or without; JSON has the numbers by field."""
    call = ["export", str(notes[1].output), "--since", str(notes[0].output), "--fields", "note"]
    call += ["--to", str(tmp_path / "x.csv")]
    bare = CliRunner().invoke(app, call).stdout
    assert "100 accounts with values that became empty (note 100): most loaders" in bare
    assert "--null" in bare
    output = CliRunner().invoke(app, [*call, "--null", "#N/A", "--bom"]).stdout
    assert "100 accounts with values that became empty (note 100): the file says so" in output
    assert (tmp_path / "x.csv").read_bytes().startswith(b'\xef\xbb\xbf"account_id"')
    assert json.loads(CliRunner().invoke(app, [*call, "--json"]).stdout)["cleared"] == {"note": 100}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (["potental"], "did you mean 'potential'"),
        (["potential", "potential"], "every column and header once"),
        (["potential=row_hash"], "every column and header once"),
        (["potential=x", "play=x"], "every column and header once"),
    ],
)
def test_fields_that_make_no_file_are_refused(first, tmp_path, fields, words):
    with pytest.raises(UsageError, match=words):
        exported(first, tmp_path / "x.csv", fields=fields)


def test_the_command_writes_and_counts(first, later, tmp_path):
    """Defaults, renamed key, JSON counts; a failed command leaves the file that was there."""
    call = ["export", str(later.output), "--since", str(first.output), "--to", str(tmp_path / "x.csv")]
    said = CliRunner().invoke(app, call)
    assert said.exit_code == 0, said.output
    assert "25 new" in said.stdout
    assert "30 accounts of the earlier run are gone" in said.stdout
    counts = json.loads(CliRunner().invoke(app, [*call, "--fields", "account_id=Id,potential=P__c", "--json"]).stdout)
    assert counts["exported"] == counts["new"] + counts["changed"]
    there = (tmp_path / "x.csv").read_bytes()
    assert there.startswith(b'"Id","P__c","score_version","row_hash"')
    assert CliRunner().invoke(app, [*call, "--fields", "nothing"]).exit_code == 2
    assert CliRunner().invoke(app, [*call, "--on", "someday"]).exit_code == 2
    assert CliRunner().invoke(app, [*call[:-1], str(tmp_path / "x.txt")]).exit_code == 2
    assert (tmp_path / "x.csv").read_bytes() == there


@pytest.mark.parametrize(("command", "name"), [("export", "x.csv"), ("report", "x.html")])
def test_a_file_that_somebody_has_changed_is_replaced_only_when_asked(first, tmp_path, command, name):
    to = tmp_path / name
    call = [command, str(first.output), "--to", str(to)]
    assert CliRunner().invoke(app, call).exit_code == 0
    assert CliRunner().invoke(app, call).exit_code == 0, "one that is as it was written may be written again"
    to.write_text("called twice, no answer\n", encoding="utf-8")
    refused = CliRunner().invoke(app, call)
    assert refused.exit_code == 2
    assert f"was changed after {command} wrote it; add --overwrite" in refused.stderr
    assert to.read_text("utf-8") == "called twice, no answer\n"
    assert CliRunner().invoke(app, [*call, "--overwrite"]).exit_code == 0
    assert to.stat().st_size > 1000
