"""Forgetting accounts: no file has them afterwards, all else is what it was; old or new, killed wherever one likes."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError, RetryableError, UsageError
from tamscore.progress import Progress
from tamscore.questions.stored import open_run
from tamscore.store import commit, contents, csv_output, forgetting, forgotten, history, pruning, redaction, verify
from tamscore.store.checkpoints import CHECKPOINTS
from tamscore.store.location import files_below
from tamscore.store.pointer import RENEWAL, current_version, manifest_of, versions_in
from tamscore.store.redaction import Leaving
from tamscore.store.run_directory import RunDirectory
from tests.end_to_end import market
from tests.faults import objects, protocol

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.store.location import Location

SELLER, TWIN, STAYS = "A0000007", "A0000011", "A0000012"
"""The account that outsells all others, so that a notice names it; one of the best, which stands twice; one that stays.
"""
ERASED = (SELLER, TWIN)
CHANGES: dict[str, Any] = {
    "columns.name": "name",
    "columns.keep": ["note", "parent"],
    "engine": {"workers": 1},
    "coverage": {"team": {"hunter": 2}, "hours_per_person": 600},
}


def accounts() -> pa.Table:
    """A market in which one account outsells all others, one stands twice, and one names another as its parent."""
    table = market.accounts(240)
    ids = table["account_id"].to_pylist()
    sales = [1e9 if key == SELLER else amount for key, amount in zip(ids, table["sales"].to_pylist(), strict=True)]
    table = table.set_column(table.schema.get_field_index("sales"), "sales", pa.array(sales))
    table = table.append_column("parent", pa.array([SELLER if key == STAYS else "none" for key in ids]))
    return pa.concat_tables([table, table.slice(ids.index(TWIN), 1)])


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two versions, the second scored with the model of the first; a coverage; a version that a killed run has left."""
    folder = tmp_path_factory.mktemp("forget")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tamscore.store.partitions.PARTITION_ROWS", 100)
        market.write(accounts(), folder / "market", row_group=60)
        first = market.run(folder / "market", folder / "scores", CHANGES)
        pipeline.score(market.job(folder / "market", folder / "scores", CHANGES), Progress(), accept=True)
        ask("coverage", folder / "scores")
        unfinished = folder / "scores" / "versions" / "00000000000000cc"
        shutil.copytree(str(first.scores), unfinished / "scores")
        yield folder


def ask(*arguments: object, expected: int = 0) -> str:
    """What a command answers; it must end with that exit code."""
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == expected, done.output
    return done.output


@pytest.fixture
def output(built, tmp_path):
    """A copy of the output, to be changed."""
    shutil.copytree(built / "scores", tmp_path / "scores")
    return tmp_path / "scores"


def holders(output: Path, text: str) -> list[str]:
    """The files of an output that hold a text: in their bytes, or in a column of a table."""
    return [str(path) for path in files_below(output) if text in plain(path.name, path.read_bytes())]


def plain(name: str, data: bytes) -> str:
    """The bytes of a file, and the values of its columns and dictionaries if it is a table."""
    table = pq.read_table(io.BytesIO(data)).to_pydict() if name.endswith(".parquet") else {}
    file = pq.ParquetFile(io.BytesIO(data)).read() if table else None
    chunks = [chunk for column in (file.columns if file else ()) for chunk in column.chunks]
    levels = [chunk.dictionary.to_pylist() for chunk in chunks if pa.types.is_dictionary(chunk.type)]
    return f"{data.decode(errors='replace')} {table} {levels}"


def without(table: pa.Table, column: str = "account_id") -> list[dict[str, Any]]:
    """The rows of a table but for those of the erased accounts."""
    return [row for row in table.to_pylist() if row[column] not in ERASED]


def tables_of(output: Path, folders: tuple[str, ...]) -> dict[str, pa.Table]:
    """The tables in some folders of an output, by name."""
    found = sorted(output.rglob("*.parquet"))
    return {str(path.relative_to(output)): pq.read_table(path) for path in found if path.parent.name in folders}


def test_no_file_of_the_output_holds_an_account_that_was_forgotten(output):
    """S28: in bytes and in decoded tables, scored and rejected rows, lists, notices, coverage, unfinished versions,
    checkpoints.

    Only the column of another account that names it stays, and is told.
    """
    remaining = output / CHECKPOINTS / "00000000000000cc" / "census-00000"
    remaining.parent.mkdir(parents=True)
    remaining.write_text(SELLER)
    assert len(holders(output, SELLER)) > 5
    assert any(name.endswith("manifest.json") for name in holders(output, f"{SELLER!r} ('Company"))
    said = ask("forget", output, *ERASED)
    assert "forgot 2 accounts in 2 versions" in said
    assert re.search(r"^removed +00000000000000cc", said, re.MULTILINE)
    assert "column 'parent' names them in 2 rows of other accounts" in said
    assert "remove the accounts from the source table, too" in said
    assert holders(output, TWIN) == []
    for path in files_below(output):
        if "parent" in pq.read_schema(path).names if path.suffix == ".parquet" else False:
            table = pq.read_table(path).drop_columns("parent")
            assert SELLER not in str(table.to_pydict())
        else:
            assert SELLER not in plain(path.name, path.read_bytes()), path
    assert verify.problems_of_output(output) == []
    assert ask("verify", output)


def test_all_other_accounts_and_all_sums_are_what_they_were(output):
    """S28: rows, types, order to the bit; models and ladders byte for byte; rows in are accounted for."""
    every = ("scores", "tables")
    before = tables_of(output, every)
    models = {path: path.read_bytes() for path in files_below(output) if path.parent.name == "model"}
    rejected = tables_of(output, ("rejected",))
    question = ("what-if", output, "--set", "potential.preset=p80", "--json")
    answers = ask(*question)
    ask("forget", output, *ERASED)
    after = tables_of(output, every)
    assert {path: path.read_bytes() for path in models} == models
    changed = [name for name in after if after[name].num_rows != before[name].num_rows]
    assert {name.split("/")[-2] for name in changed} >= {"scores", "tables"}
    for name, table in after.items():
        assert table.schema.equals(before[name].schema, check_metadata=False), name
        held = "account_id" in table.column_names
        assert table.to_pylist() == (without(before[name]) if held else before[name].to_pylist()), name
    for name, table in tables_of(output, ("rejected",)).items():
        assert table.to_pylist() == without(rejected[name])
    assert ask(*question) == answers
    rows = open_run(output).manifest["rows"]
    assert rows["read"] == 241 == rows["scored"] + sum(rows["rejected"].values()) + rows["forgotten"]
    assert (rows["scored"], rows["rejected"]["duplicate_row"], rows["forgotten"]) == (238, 0, 3)
    assert open_run(output).manifest["forgotten"]["accounts"] == 2


def test_lists_in_csv_lose_the_records_and_keep_all_other_bytes(output):
    """S28: what is left of a list is what stood there."""
    path = next(output.glob("versions/*/tables/top_accounts.csv"))
    before = path.read_text().splitlines(keepends=True)
    ask("forget", output, TWIN)
    assert path.read_text().splitlines(keepends=True) == [line for line in before if TWIN not in line] != before


def test_the_ledger_has_a_salted_hash_and_whoever_asks_for_the_account_is_reported(output):
    """S28: never the id; a second forgetting says that nothing has it; history and show tell."""
    ask("forget", output, TWIN)
    lines = [json.loads(line) for line in (output / history.HISTORY).read_text().splitlines()]
    by_key = {entry["version"]: entry for entry in lines if entry["action"] == "forget"}
    assert [len(entry["forgotten"]["hashes"]) for entry in by_key.values()] == [1, 1]
    current = str(current_version(output))
    at = forgotten.forgotten_at(output, current, TWIN)
    assert at == by_key[current]["at"]
    assert forgotten.forgotten_at(output, current, STAYS) is None
    assert f"account {TWIN!r} was forgotten on {at}" in ask("explain", output, TWIN, expected=2)
    assert "no version has an account" in ask("forget", output, TWIN, expected=2)
    assert ask("history", output).count("1 account left it") == 2
    assert "2 forgotten" in ask("show", output)


def test_readers_of_every_kind_go_on(output, tmp_path):
    """S28: explain, diff, export, campaigns, coverage, alerts, rollback and prune take the version as it is now."""
    first = next(key for key in versions_in(output) if key not in {current_version(output), "00000000000000cc"})
    ask("export", output, "--to", tmp_path / "before.csv")
    said = ask("forget", output, *ERASED)
    assert f"written elsewhere: {tmp_path / 'before.csv'}" in said
    ask("explain", output, STAYS)
    ask("diff", output / first, output)
    ask("export", output, "--to", tmp_path / "export.csv")
    exported = list(csv.reader((tmp_path / "export.csv").read_text().splitlines()))
    assert len(exported) == 239
    assert not {SELLER, TWIN} & {cell for row in exported for cell in row}
    ask("coverage", output)
    ask("rollback", output, first)
    ask("prune", output, "--keep", "1")
    assert verify.problems_of_output(output) == []


def test_the_same_run_again_finds_nothing_to_do_and_says_that_its_input_has_them_still(built, output):
    """S29: for a run, and for one that was scored with the model of a version that accounts have left."""
    job = market.job(built / "market", output, CHANGES)
    first = next(key for key in versions_in(output) if key not in {current_version(output), "00000000000000cc"})
    ask("forget", output, *ERASED)
    before = versions_in(output)
    for again in (lambda log: pipeline.run(job, log), lambda log: pipeline.score(job, log, first)):
        log = Progress()
        again(log)
        assert any("nothing to do" in text and "2 accounts were forgotten from it" in text for text in log.notices)
    assert versions_in(output) == before
    assert verify.problems_of_output(output) == []


def test_a_damaged_version_is_not_rebuilt_with_those_whom_it_has_forgotten(built, output):
    """S29: the same input would bring them back."""
    job = market.job(built / "market", output, CHANGES)
    run = RunDirectory(output, pipeline.run(job, Progress()).run_key)
    ask("forget", output, SELLER)
    run.part(1).write_bytes(b"damaged")
    with pytest.raises(InputContractError, match=r"part-00001\.parquet: damaged.* would bring back 1 accounts"):
        pipeline.run(job, Progress())


def test_a_version_of_before_that_is_put_back_is_refused(output):
    """S29: the ledger does not vouch any more for a manifest from before accounts left."""
    run = RunDirectory(output, current_version(output) or "")
    before = {path: path.read_bytes() for path in files_below(run.path)}
    ask("forget", output, SELLER)
    for path, data in before.items():
        path.write_bytes(data)
    with pytest.raises(InputContractError, match="is not the manifest that its run wrote"):
        open_run(output)
    assert verify.problems_of_output(output)


def test_a_dry_run_changes_no_byte_and_tells_the_same(output):
    """S28: it tells which versions and files would change."""
    before = {path: path.read_bytes() for path in files_below(output)}
    answer = json.loads(ask("forget", output, *ERASED, "--dry-run", "--json"))
    assert {path: path.read_bytes() for path in files_below(output)} == before
    done = json.loads(ask("forget", output, *ERASED, "--json"))
    assert (answer.pop("dry_run"), done.pop("dry_run")) == (True, False)
    assert answer == done


def test_ids_come_from_the_command_line_and_from_a_file_and_unknown_ones_are_named(output, tmp_path):
    (tmp_path / "ids.txt").write_text(f"\ufeff{TWIN}\n\nnobody\n", encoding="utf-8")
    said = ask("forget", output, SELLER, "--from", tmp_path / "ids.txt")
    assert "forgot 2 accounts" in said
    assert "not found in any version: 'nobody'" in said
    before = {path: path.read_bytes() for path in files_below(output)}
    assert "no version has an account" in ask("forget", output, "nobody", expected=2)
    assert {path: path.read_bytes() for path in files_below(output) if path.name != commit.LOCK} == {
        path: data for path, data in before.items() if path.name != commit.LOCK
    }
    assert "expected the ids of accounts" in ask("forget", output, expected=2)
    (tmp_path / "ids.txt").write_bytes(b"\xff\n")
    assert "in UTF-8" in ask("forget", output, "--from", tmp_path / "ids.txt", expected=2)


def test_a_damaged_version_stops_it_before_anything_changes(output):
    """S28: nothing is known of what a damaged file holds."""
    run = RunDirectory(output, versions_in(output)[-1])
    run.part(0).write_bytes(run.part(0).read_bytes()[:-1])
    before = (output / history.HISTORY).read_bytes()
    with pytest.raises(InputContractError, match="was changed after its run"):
        forgetting.forget(output, ERASED)
    assert (output / history.HISTORY).read_bytes() == before
    assert not (output / RENEWAL).exists()


KEYS = ("00000000000000aa", "00000000000000bb")


def version(output: Location, key: str) -> RunDirectory:
    """A complete, current version of two parts and a list; account 3 is in all of them."""
    directory = RunDirectory(output, key)
    directory.prepare([])
    files: dict[str, commit.Placed] = {}
    with directory.lock():
        for index, ids in enumerate(([1, 2, 3], [4, 5])):
            table = pa.table({"account_id": ids, "sales": [float(i) for i in ids]})
            placed = commit.place_parquet(table, directory.part(index))
            part = {directory.name_of(directory.part(index)): placed}
            directory.commit_part(index, part, {"scored": len(ids), "rejected": 0})
            files |= part
        best = pa.table({"account_id": [3, 1]})
        files["tables/top_accounts.csv"] = commit.place_csv(best, directory.tables / "top_accounts.csv")
        directory.seal({"rows": {"read": 5, "scored": 5, "rejected": {}}, "notices": ["account '3' is large"]}, files)
    return directory


def state_of(output: Location) -> list[str]:
    """Whether each version is old or new, as its manifest says; every file of it must be so."""
    states = []
    for key in KEYS:
        directory, manifest = RunDirectory(output, key), manifest_of(output, key) or {}
        new = "forgotten" in manifest
        ids = [i for part in directory.parts() for i in contents.whole(part, ["account_id"])["account_id"].to_pylist()]
        assert ids == ([1, 2, 4, 5] if new else [1, 2, 3, 4, 5])
        listed = contents.verify_content(directory.tables / "top_accounts.csv")
        assert listed == (b'"account_id"\n1\n' if new else b'"account_id"\n3\n1\n')
        assert directory.is_complete()
        states.append("new" if new else "old")
    problems = [problem for problem in verify.problems_of_output(output) if "_tmp-" not in problem]
    assert problems == []
    return states


def settled(output: Location) -> bool:
    """Whether nothing is left to do, and no byte of a file that is not there any more tells of account 3."""
    below = [str(path) for path in files_below(output)]
    return not any("_tmp-" in path or f"/{RENEWAL}/" in path for path in below)


def test_a_forgetting_killed_at_any_step_leaves_each_version_old_or_new_and_the_next_command_ends_it(tmp_path):
    """S30: kill -9 at every step; readers find no state between, whoever holds the output next makes it whole."""
    for key in KEYS:
        version(tmp_path / "whole", key)
    step, killed, seen = 1, True, set()
    while killed:
        output = tmp_path / f"{step}"
        shutil.copytree(tmp_path / "whole", output)
        killed = protocol.killed_at(step, lambda output=output: forgetting.forget(output, ["3"]))  # type: ignore[misc]
        seen.add(tuple(state_of(output)))
        with pruning.lock(output, "pin"):
            pass
        states = state_of(output)
        assert states in (["old", "old"], ["new", "new"]), step
        assert settled(output), step
        if states == ["old", "old"]:
            forgetting.forget(output, ["3"])
        assert state_of(output) == ["new", "new"]
        assert len([entry for entry in history.entries(output) if entry.action == "forget"]) == 2, step
        shutil.rmtree(output)
        step += 37
    assert step > 250
    assert seen == {("old", "old"), ("new", "old"), ("new", "new")}


def test_a_forgetting_in_an_object_store_killed_at_any_request_leaves_each_version_old_or_new(monkeypatch):
    """S30: before and after every request that writes or removes."""
    pytest.importorskip("obstore", reason="object storage is an extra")
    objects.fresh(monkeypatch)
    step, dead, seen = 3, True, set()
    while dead:
        for answered in (False, True):
            output = objects.place(f"{step}-{answered}")
            for key in KEYS:
                version(output, key)
            with objects.killed_at(step, monkeypatch, answered=answered) as made:
                forgetting.forget(output, ["3"])
            dead = made[0] >= step
            seen.add(tuple(state_of(output)))
            with pruning.lock(output, "pin"):
                pass
            assert state_of(output) in (["old", "old"], ["new", "new"])
            assert settled(output)
        step += 31
    assert step > 60
    assert seen == {("old", "old"), ("new", "old"), ("new", "new")}


def test_who_was_thought_dead_renews_nothing_more(monkeypatch):
    """F14, S30: frozen while another takes the output: the next file that it would put in place is refused."""
    pytest.importorskip("obstore", reason="object storage is an extra")
    objects.fresh(monkeypatch)
    output: Any = objects.place("output")
    version(output, KEYS[0])
    with monkeypatch.context() as patch:
        patch.setattr("tamscore.store.objects.lease.MARK", "another process")
        with commit.hold_commit(output, "run"):
            patch.undo()
            with pytest.raises(RetryableError, match="held by process"):
                commit.require_held(output)


@pytest.mark.parametrize(("ids", "asked"), [([1, 22, 3], "22"), (["a", "b\u0301", " c "], "c"), ([1, 22], "22")])
def test_ids_are_compared_as_the_version_compares_them(tmp_path, ids, asked):
    """S28: integers as texts, texts without blanks around them."""
    directory = RunDirectory(tmp_path, KEYS[0])
    with directory.lock():
        placed = commit.place_parquet(pa.table({"account_id": ids}), directory.part(0))
        files = {directory.name_of(directory.part(0)): placed}
        directory.commit_part(0, files, {"scored": len(ids), "rejected": 0})
        rows = {"read": len(ids), "scored": len(ids), "rejected": {}}
        directory.seal({"rows": rows}, files)
    forgetting.forget(tmp_path, [asked])
    left = pq.read_table(directory.part(0))["account_id"].to_pylist()
    assert left == [key for key in ids if str(key).strip() != asked]
    with pytest.raises(UsageError):
        forgetting.plan(tmp_path, [asked])


def test_crm_ids_of_both_lengths_are_one_account():
    """S28: where the job compares ids so."""
    short, long = "0015g00000AbCdE", "0015g00000AbCdEAAU"
    leaving = Leaving((short,), "crm18")
    assert leaving.folded([short])[0][:15] == short
    assert leaving.among(pa.chunked_array([[short, leaving.folded([short])[0], "x"]])).to_pylist() == [
        True,
        True,
        False,
    ]
    assert Leaving((short,)).among(pa.chunked_array([[short, long]])).to_pylist() == [True, False]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), st.data())
def test_a_csv_without_some_accounts_is_what_would_be_written_without_them(rows, data):
    """S28: whatever quotes, line ends and formulas the cells hold."""
    gone = data.draw(st.sampled_from([key for key, _ in rows]))
    leaving = Leaving((gone,))

    def written(pairs: list[tuple[str, str]]) -> bytes:
        table = pa.table({"account_id": [key for key, _ in pairs], "name": [name for _, name in pairs]})
        table = table.cast(pa.schema([("account_id", pa.string()), ("name", pa.string())]))
        sink = io.BytesIO()
        csv_output.write([table], table.schema, sink)
        return sink.getvalue()

    stays = [pair for pair in rows if leaving.folded([pair[0]])[0] not in leaving.asked]
    assert redaction.csv_without(written(rows), ("account_id",), leaving) == written(stays)


def test_texts_name_nobody_who_was_forgotten():
    """S28: with the name behind the id; an id within another word, or another id, is left alone."""
    text = "account 'A1' ('O\\'Neil (x)') sells as much as 'A12' and A1"
    assert redaction.redact({"a": [text, "A1", 7]}, {"A1"}) == {
        "a": ["account (forgotten) sells as much as 'A12' and A1", "(forgotten)", 7]
    }
