"""Files that ask for too much, change under the run, lie beside the planned ones, or bring names that bite."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather, orc
from pyarrow.parquet import encryption

from tamscore import pipeline
from tamscore.errors import InputContractError, MemoryLimitError, TamscoreError
from tamscore.progress import Progress
from tamscore.schema import LONGEST_ID, LONGEST_TEXT, InputColumns, InputLimits, Partition, Piece
from tamscore.store import partitions, tables
from tamscore.store.sources import copies
from tests.end_to_end import market

COLUMNS = InputColumns("account_id", "sales", numeric=("x", "y"))
ROWS = 60


def refused(folder: Path, message: str, changes: dict[str, Any] | None = None, where: Path | None = None) -> None:
    """The run on the market of a folder is refused with that text and exit code 3, and nothing is published."""
    with pytest.raises(InputContractError, match=message) as caught:
        market.run(where or folder / "market", folder / "scores", market.PLAIN | {"rows": {}} | (changes or {}))
    assert caught.value.exit_code == 3
    assert not (folder / "scores" / "_CURRENT.json").exists()


# Too much: I07, I19, I22


BOMBS: dict[str, pa.Table] = {
    "text that compresses": pa.table({"id": ["x" * 1000] * 20_000}),
    "equal numbers": pa.table({"id": np.zeros(3_000_000)}),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_file_that_would_grow_beyond_the_limit_is_refused_by_its_footer(tmp_path, monkeypatch, kind):
    """I07: a decompression bomb is refused before a page is decoded, with file, row group, sizes and remedy."""
    path = tmp_path / "bomb.parquet"
    pq.write_table(BOMBS[kind], path, compression="zstd", row_group_size=10_000_000, use_dictionary=kind[0] == "e")
    assert path.stat().st_size < 100_000
    columns = InputColumns("id", "id", limits=InputLimits(row_group_bytes=15_000_000))
    monkeypatch.setattr(pq, "ParquetFile", None)
    with pytest.raises(
        InputContractError, match=r"bomb\.parquet: row group 0 takes up [24]\d,\d{3},\d{3} bytes .* are 15,000,000"
    ):
        footer_only_plan(path, columns)


def footer_only_plan(path: Path, columns: InputColumns) -> None:
    from tamscore.store import footers

    footers.group_rows(path, pq.read_metadata(path), columns)


def test_a_row_group_too_large_for_the_memory_granted_is_refused(tmp_path):
    """I22: one huge row group is refused by the plan; the same rows in small row groups are taken."""
    table = market.plain_accounts(2000)
    changes: dict[str, Any] = {"input.max_row_group_bytes": 40_000}
    market.write(table, tmp_path / "market")
    refused(tmp_path, r"row group 0 takes up .*allowed are 40,000; write the file with smaller row groups", changes)
    where = market.write(table, tmp_path / "small", row_group=200)
    assert market.run(where, tmp_path / "scores", market.PLAIN | changes).manifest()


LONG_TEXT_REPEATED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from tamscore.errors import InputContractError
from tamscore.schema import Partition, Piece
from tamscore.store import tables
try:
    tables.read(Partition(0, (Piece(sys.argv[1], (0,), 50_000),), 300_000_000), ["id"])
except InputContractError as error:
    print(error)
"""


def test_a_long_text_repeated_by_reference_is_refused_before_it_is_there(tmp_path):
    """I07: one text of 1 MB that 50,000 rows refer to would take 50 GB; a process with 3 GiB refuses it, and lives."""
    path = tmp_path / "repeated.parquet"
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(50_000, np.int32)), pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table({"id": text}), path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 10_000
    done = subprocess.run([sys.executable, "-c", LONG_TEXT_REPEATED, path], capture_output=True, text=True, check=True)
    assert "repeated.parquet: row groups (0,): column 'id' takes up more than 300,000,000 bytes" in done.stdout


def changed(**columns: Any) -> pa.Table:
    """The plain market with some columns replaced or added."""
    table = market.plain_accounts(ROWS)
    for name, values in columns.items():
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, pa.array(values))
        else:
            table = table.append_column(name, pa.array(values))
    return table


def with_first(value: str, name: str = "account_id") -> list[str]:
    return [value, *market.plain_accounts(ROWS)[name].to_pylist()[1:]] if name == "account_id" else [value] * ROWS


@pytest.mark.parametrize(
    ("column", "length", "changes"),
    [
        ("account_id", LONGEST_ID + 1, {}),
        ("account_id", 50_000_000, {}),
        ("text", LONGEST_TEXT + 1, {"features.categorical": ["text"]}),
        ("text", 50_000_000, {"columns.market_segment": "text"}),
        ("text", LONGEST_TEXT + 1, {"columns.party_type": "text"}),
    ],
)
def test_a_giant_text_is_refused_where_texts_are_compared(tmp_path, column, length, changes):
    """I19: the message shows the beginning of the text, its length and the limit."""
    market.write(changed(**{column: ["x" * length, *(f"t{i}" for i in range(1, ROWS))]}), tmp_path / "market")
    refused(tmp_path, rf"column '{column}': 'x{{40}}'… is {length:,} bytes long, at most [0-9,]+ are taken", changes)


def test_texts_up_to_the_limit_are_taken(tmp_path):
    """I19: ids and categories of exactly the longest length come out as they went in."""
    table = changed(account_id=with_first("é" * (LONGEST_ID // 2)), text=["x" * LONGEST_TEXT, "b"] * (ROWS // 2))
    done = market.score(table, tmp_path, market.PLAIN | {"features.categorical": ["text"]})
    assert "é" * (LONGEST_ID // 2) in market.scores(done)["account_id"].to_pylist()


@pytest.mark.parametrize("fit_rows", [262_144, "all"])
def test_too_many_categories_are_refused_with_their_number(tmp_path, fit_rows):
    """I19: with a floor of 0 every category would be a feature; above features.max_levels the run stops."""
    market.write(changed(text=[f"t{i}" for i in range(ROWS)]), tmp_path / "market")
    changes = {"features.categorical": ["text"], "features.category_floor": 0, "features.max_levels": ROWS - 1}
    changes |= {"clusters.fit_rows": fit_rows}
    refused(
        tmp_path, r"market: column 'text' has 60 categories .*allowed are 59; raise features.category_floor", changes
    )
    done = market.run(tmp_path / "market", tmp_path / "s", market.PLAIN | changes | {"features.max_levels": ROWS})
    assert done.manifest()


@pytest.mark.parametrize("files", [1, 3])
def test_too_many_market_segments_are_refused(tmp_path, files):
    """I19: in one partition or over all of them; an id taken for a segment would make as many medians as accounts."""
    market.write(changed(text=[f"t{i}" for i in range(ROWS)]), tmp_path / "market", files=files)
    changes = {"columns.market_segment": "text", "rows.max_market_segments": ROWS - 1}
    refused(
        tmp_path, r"column 'text' has more than 59 different values; name a coarser one, or raise rows\.max", changes
    )
    done = market.run(tmp_path / "market", tmp_path / "s", market.PLAIN | changes | {"rows.max_market_segments": ROWS})
    assert done.manifest()


def test_a_category_that_is_an_id_is_counted_and_folded(tmp_path):
    """I19: 20,000 different categories do no harm under the default floor: all fold into 'other'."""
    rows = 20_000
    table = market.plain_accounts(rows).append_column("text", pa.array([f"t{i}" for i in range(rows)]))
    done = market.score(table, tmp_path, market.PLAIN | {"features.categorical": ["text"]})
    assert (done.manifest() or {})["rows"]["scored"] == rows


def test_hundreds_of_tiny_files_are_read_in_a_few_partitions(tmp_path):
    """I22: they are read together, the scores are those of one file."""
    table = market.accounts(3000)
    tiny = market.score(table, tmp_path / "tiny", files=300)
    whole = market.score(table, tmp_path / "whole")
    assert len(list(tiny.scores.glob("*.parquet"))) == 1
    assert not market.different(market.scores(tiny), market.scores(whole))


def test_a_spoilt_file_among_many_read_together_is_named(tmp_path, monkeypatch):
    """I22: not the first of them, not all of them: the one; in a text column as in a feature."""
    monkeypatch.setattr(partitions, "MANY_FILES", 1)
    where = market.write(market.plain_accounts(ROWS), tmp_path / "market", files=5)
    for column in (0, 2):
        path = where / "part-00003.parquet"
        good = path.read_bytes()
        pq.write_table(pq.read_table(path), path, compression="none", use_dictionary=False, write_page_checksum=True)
        chunk = pq.read_metadata(path).row_group(0).column(column)
        data = bytearray(path.read_bytes())
        data[chunk.data_page_offset + chunk.total_compressed_size - 3] ^= 1
        path.write_bytes(data)
        refused(tmp_path, r"part-00003\.parquet: row groups \(0,\): .*write the file again")
        path.write_bytes(good)


# Damage without a checksum: I04


def test_damage_without_a_checksum_shows_only_in_the_digest_of_the_input(tmp_path):
    """I04: a limit, told: a page without checksum may read wrong; the digest of the inputs, and so the run, differs."""
    path = tmp_path / "a.parquet"
    pq.write_table(market.plain_accounts(ROWS), path, compression="none", use_dictionary=False)
    before = partitions.plan(str(path), COLUMNS)
    (sales,) = tables.read(before.partitions[0], ["sales"]).columns
    data = bytearray(path.read_bytes())
    data[pq.read_metadata(path).row_group(0).column(1).data_page_offset + 100] ^= 64
    path.write_bytes(data)
    after = partitions.plan(str(path), COLUMNS)
    assert tables.read(after.partitions[0], ["sales"])["sales"].to_pylist() != sales.to_pylist()
    assert after.digest != before.digest


def test_memory_that_runs_out_while_reading_names_the_partition(tmp_path, monkeypatch):
    """I07: a page that asks for more than there is ends as out of memory, exit code 6, with what to do."""
    where = market.write(market.plain_accounts(ROWS), tmp_path) / "part-00000.parquet"

    def full(*_: Any, **__: Any) -> None:
        raise pa.ArrowMemoryError("malloc of size 1099511627776 failed")

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", full)
    with pytest.raises(MemoryLimitError, match=r"part-00000\.parquet: row groups \(0,\): out of memory .*workers") as e:
        tables.read(Partition(0, (Piece(str(where), (0,), ROWS),)), ["x"])
    assert e.value.exit_code == 6


# Types: I13, I18


def test_numbers_of_any_type_are_widened_to_the_same_float(tmp_path):
    """I13: whole numbers, fractions, float32, decimals, file by file: the scores are those of float64 throughout."""
    table = market.plain_accounts(400).set_column(2, "x", pa.array((np.arange(400) % 7) * 3.0))
    kinds = [pa.int8(), pa.uint64(), pa.float32(), pa.decimal128(9, 2), pa.float64()]
    for i, kind in enumerate(kinds):
        part = table.slice(80 * i, 80)
        market.write(part.set_column(2, "x", part["x"].cast(kind)), tmp_path / f"{i}")
        (tmp_path / "market").mkdir(exist_ok=True)
        (tmp_path / f"{i}" / "part-00000.parquet").rename(tmp_path / "market" / f"part-{i}.parquet")
    mixed = market.run(tmp_path / "market", tmp_path / "mixed", market.PLAIN)
    plain = market.score(table, tmp_path / "plain", market.PLAIN)
    assert not market.different(market.scores(mixed), market.scores(plain))


def test_whole_numbers_beyond_float64_are_kept_exactly(tmp_path):
    """I18: ids and kept columns of 64 bits come out to the last digit, with gaps beside them."""
    ids = [2**63 - 1 - i for i in range(ROWS)]
    remaining = pa.array([None, *(2**53 + 1 + i for i in range(ROWS - 1))], pa.int64())
    wide = pa.array([2**64 - 1 - i for i in range(ROWS)], pa.uint64())
    done = market.score(
        changed(account_id=ids, kept=remaining, wide=wide), tmp_path, market.PLAIN | {"columns.keep": ["kept", "wide"]}
    )
    rows = market.scores(done).select(["account_id", "kept", "wide"]).sort_by([("account_id", "descending")])
    assert rows.to_pydict() == {"account_id": ids, "kept": remaining.to_pylist(), "wide": wide.to_pylist()}


# Other formats: I21


class Keys(encryption.KmsClient):  # type: ignore[misc]
    """Keys that are locked with nothing."""

    def __init__(self, _: Any) -> None:
        super().__init__()

    def wrap_key(self, key: bytes, _: str) -> bytes:
        return key.hex().encode()

    def unwrap_key(self, wrapped: bytes, _: str) -> bytes:
        return bytes.fromhex(wrapped.decode())


def write_encrypted(path: Path, *, plaintext_footer: bool) -> None:
    """A market of which the sales are encrypted, and the footer too unless it is to stay readable."""
    config = encryption.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": ["sales"]}, plaintext_footer=plaintext_footer
    )
    access = encryption.KmsConnectionConfig()
    properties = encryption.CryptoFactory(Keys).file_encryption_properties(access, config)
    with pq.ParquetWriter(path, market.plain_accounts(ROWS).schema, encryption_properties=properties) as writer:
        writer.write_table(market.plain_accounts(ROWS))


def write_pickle(path: Path) -> None:
    """A pickle that would make a file, if anyone opened it."""
    victim = str(path.with_name("opened")).encode()
    path.write_bytes(b"\x80\x04cposix\nsystem\n(V touch " + victim + b"\ntR.")


def write_feather_1(path: Path) -> None:
    path.write_bytes(b"FEA1" + bytes(60) + b"FEA1")


OTHERS: dict[str, tuple[Any, str]] = {
    "arrow": (lambda p: feather.write_feather(market.plain_accounts(ROWS), p), "an Arrow file .*write it as Parquet"),
    "feather 1": (write_feather_1, "a Feather file"),
    "orc": (lambda p: orc.write_table(market.plain_accounts(ROWS), p), "an ORC file"),
    "gzip": (lambda p: p.write_bytes(gzip.compress(b"account_id,sales\n")), "a gzip file .*unpack it"),
    "spreadsheet": (lambda p: p.write_bytes(b"PK\x03\x04" + bytes(50)), "spreadsheet.*tamscore import"),
    "avro": (lambda p: p.write_bytes(b"Obj\x01" + bytes(50)), "an Avro file"),
    "pickle": (write_pickle, "a pickle, which could run code and is never opened"),
    "encrypted": (lambda p: write_encrypted(p, plaintext_footer=False), "an encrypted Parquet file .*decrypt it"),
    "encrypted column": (lambda p: write_encrypted(p, plaintext_footer=True), "row groups"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_formats_are_recognised_by_what_they_begin_with(tmp_path, kind):
    """I21: whatever a file is called, its first bytes say what it is; a message tells what to do; nothing is run."""
    write, expected = OTHERS[kind]
    (tmp_path / "market").mkdir()
    write(tmp_path / "market" / "a.parquet")
    refused(tmp_path, rf"a\.parquet: .*{expected}")
    assert not (tmp_path / "market" / "opened").exists()


# Names that bite: I20


BITING = [
    "../../escaped",
    "a/b",
    "/etc/passwd",
    "..",
    "nul\0byte",
    "line\nbreak",
    "\x1b[31mred",
    "=cmd|' /C calc'!A0",
    "x" * 300,
]


def test_values_never_become_paths(tmp_path):
    """I20: segments, categories, names and ids that look like paths leave the tree of the output as it always is."""
    values = [BITING[i % len(BITING)] for i in range(ROWS)]
    biting = changed(
        account_id=[f"{value}{i}" for i, value in enumerate(values)], segment=values, category=values, name=values
    )
    changes = market.PLAIN | {
        "columns": {"market_segment": "segment", "name": "name"},
        "features.categorical": ["category"],
    }
    done = market.score(biting, tmp_path / "biting", changes)
    plain = market.score(
        changed(segment=["s"] * ROWS, category=["c"] * ROWS, name=["n"] * ROWS), tmp_path / "plain", changes
    )
    names = [sorted(run.name_of(p) for p in run.path.rglob("*")) for run in (done, plain)]
    assert names[0] == names[1]
    assert {entry.name for entry in tmp_path.iterdir()} == {"biting", "plain"}
    assert {entry.name for entry in (tmp_path / "biting").iterdir()} == {"market", "scores"}
    assert set(market.scores(done)["market_segment"].to_pylist()) == set(BITING)


# Inputs that change: S14, S15


class Meddler(Progress):
    """A progress that does something when a stage begins."""

    def __init__(self, stage: str, meddle: Any) -> None:
        super().__init__()
        self.at, self.meddle = stage, meddle

    def stage(self, name: str, total: int | None = None) -> Any:
        if name == self.at:
            self.meddle()
        return super().stage(name, total)


def another(path: Path) -> None:
    """Replace a file with one of the same size and other values, as a writer would."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.with_name("_new").write_bytes(data)
    path.with_name("_new").replace(path)


MEDDLING: dict[str, Any] = {
    "replaced, same size": another,
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "other rows": lambda path: pq.write_table(market.plain_accounts(10, seed=9), path),
    "gone": Path.unlink,
}


@pytest.mark.parametrize("stage", ["census", "sample", "assign", "score"])
@pytest.mark.parametrize("kind", MEDDLING)
def test_an_input_that_changes_during_the_run_is_refused_by_name(tmp_path, stage, kind):
    """S14: whoever replaces a file between plan and last read gets no mixture of old and new rows published."""
    where = market.write(market.plain_accounts(ROWS), tmp_path / "market", files=3)
    meddler = Meddler(stage, lambda: MEDDLING[kind](where / "part-00001.parquet"))
    with pytest.raises(InputContractError, match=r"part-00001\.parquet: (changed while|cannot be read)"):
        pipeline.run(market.job(where, tmp_path / "scores", market.PLAIN), meddler)
    assert not (tmp_path / "scores" / "_CURRENT.json").exists()


@pytest.mark.parametrize("kind", MEDDLING)
def test_a_plan_can_be_asked_whether_its_files_are_unchanged(tmp_path, kind):
    """S14: asked before sealing, it finds what changed after the last read, empty files included."""
    where = market.write(market.plain_accounts(ROWS), tmp_path / "market", files=2)
    pq.write_table(market.plain_accounts(ROWS).slice(0, 0), where / "part-00002.parquet")
    made = partitions.plan(str(where), COLUMNS)
    partitions.require_unchanged(made)
    MEDDLING[kind](where / "part-00002.parquet")
    with pytest.raises(InputContractError, match=r"part-00002\.parquet: (changed while|cannot be read)"):
        partitions.require_unchanged(made)


def test_a_file_that_changes_while_it_is_planned_is_refused(tmp_path, monkeypatch):
    """S14: footer and digest are of one file or none."""
    where = market.write(market.plain_accounts(ROWS), tmp_path / "market")
    digest = copies.content_digest

    def meddled(path: Path) -> bytes:
        another(path)
        return digest(path)

    monkeypatch.setattr(copies, "content_digest", meddled)
    with pytest.raises(
        InputContractError, match=r"part-00000\.parquet: changed while the run was under way; run again"
    ):
        partitions.plan(str(where), COLUMNS)


def test_a_file_that_comes_after_the_plan_is_not_read(tmp_path):
    """S15: the planned list is the input: what appears later waits for the next run, which is another."""
    where = market.write(market.plain_accounts(ROWS), tmp_path / "market")
    late = Meddler("census", lambda: pq.write_table(market.plain_accounts(9, seed=5), where / "part-9.parquet"))
    first = pipeline.run(market.job(where, tmp_path / "scores", market.PLAIN), late)
    manifest = first.manifest() or {}
    assert manifest["rows"]["read"] == ROWS
    assert manifest["inputs"]["files"] == [str(where / "part-00000.parquet")]
    lenient = market.PLAIN | {"rows": {"max_rejected_share": 1.0}}
    second = market.run(where, tmp_path / "scores", lenient)
    assert (second.manifest() or {})["rows"]["read"] == ROWS + 9
    assert second.run_key != first.run_key


def test_strangers_in_the_input_folder_are_listed_in_the_manifest(tmp_path):
    """S16: what other programs leave is passed over, and told."""
    where = market.write(market.plain_accounts(ROWS), tmp_path / "market")
    strangers = [
        "_SUCCESS",
        "notes.txt",
        ".part.crc",
        "_tmp.parquet",
        ".c.parquet",
        "part.parquet.tmp",
        "a.parquet.crc",
    ]
    for name in strangers:
        (where / name).write_bytes(b"not a table")
    (where / "folder.parquet").mkdir()
    done = market.run(where, tmp_path / "scores", market.PLAIN)
    assert sorted((done.manifest() or {})["inputs"]["ignored"]) == sorted(strangers)


# Input and output apart: S18


@pytest.mark.parametrize("by", ["itself", "dots", "link", "link above"])
@pytest.mark.parametrize("direction", ["input in output", "output in input", "the same"])
def test_input_and_output_lie_apart(tmp_path, by, direction):
    """S18: neither may hold the other, whatever links and dots say; the market stays as it is."""
    inner, outer = tmp_path / "outer" / "inner", tmp_path / "outer"
    inner.mkdir(parents=True)
    (tmp_path / "link").symlink_to(outer)
    (tmp_path / "to").symlink_to(tmp_path)
    ways = {
        "itself": lambda path: path,
        "dots": lambda path: tmp_path / "x" / ".." / path.relative_to(tmp_path),
        "link": lambda path: Path(str(path).replace("outer", "link")),
        "link above": lambda path: tmp_path / "to" / path.relative_to(tmp_path),
    }
    places = {"input in output": (inner, outer), "output in input": (outer, inner), "the same": (outer, outer)}
    where, output = places[direction]
    market.write(market.plain_accounts(ROWS), where)
    before = sorted(os.walk(tmp_path))
    with pytest.raises(
        TamscoreError, match=r"output\.path: .*(without the input|outside input|another path)"
    ) as caught:
        market.run(where, ways[by](output), market.PLAIN)
    assert caught.value.exit_code == 2
    assert sorted(os.walk(tmp_path)) == before


def test_an_output_may_lie_beside_the_one_file_that_is_read(tmp_path):
    """S18: only a folder is read as a whole."""
    file = market.write(market.plain_accounts(ROWS), tmp_path) / "part-00000.parquet"
    assert market.run(file, tmp_path / "scores", market.PLAIN).manifest()
