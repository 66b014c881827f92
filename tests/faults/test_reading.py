"""What is read is what was written: readers of a damaged version refuse it, a run rebuilds it, a ledger decides."""

from __future__ import annotations

import ast
import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import tamscore
from tamscore import pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError, RetryableError, UsageError
from tamscore.model.earlier import read_earlier, read_scored
from tamscore.progress import Progress
from tamscore.questions import summary
from tamscore.questions.rollback import read_history, roll_back
from tamscore.store import commit, contents, history, verify, versions
from tamscore.store.pointer import current_version
from tamscore.store.run_directory import CURRENT, RunDirectory
from tests.end_to_end import market
from tests.faults import objects, protocol
from tests.faults.protocol import NEW, OLD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config import Job

THIRD = "00000000000000cc"


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job of two party types, some rows of it to be rejected."""
    folder = tmp_path_factory.mktemp("market")
    changes = {"campaigns.size": "employees"}
    return market.job(market.write(market.accounts(400), folder / "market", files=2), folder / "scores", changes)


@pytest.fixture(scope="module")
def scored(job: Job) -> RunDirectory:
    """Its complete version."""
    return pipeline.run(job, Progress())


@pytest.fixture
def damage(scored: RunDirectory) -> Iterator[Any]:
    """Put bytes in the place of those of a file; all are put back afterwards."""
    record: dict[Path, bytes] = {}

    def replace(path: Path, data: bytes) -> None:
        record.setdefault(path, path.read_bytes())
        path.write_bytes(data)

    yield replace
    for path, data in record.items():
        path.write_bytes(data)
    assert verify.problems_of_output(scored.output) == []


def flipped(data: bytes, at: int, bit: int = 0) -> bytes:
    """The bytes with one bit turned."""
    turned = bytearray(data)
    turned[at % len(turned)] ^= 1 << bit
    return bytes(turned)


def files_of(run: RunDirectory) -> list[Path]:
    """Every Parquet file of a version and every file of its model."""
    root = Path(str(run.path))
    return sorted(
        path for path in root.rglob("*") if path.suffix in {".parquet", ".safetensors"} or path.parent.name == "model"
    )


def refusal_of(path: Path) -> str:
    """What is said about a file that is refused, "" where it is read."""
    try:
        contents.whole(path)
    except InputContractError as error:
        return str(error)
    return ""


def test_every_flipped_bit_of_every_file_is_refused_by_name(scored, damage):
    """S20: 600 flips, and each byte of a footer: the door through which readers go names the file."""
    draw, run = random.Random(3), read_earlier(str(scored.path), scored.output)
    files = [path for path in files_of(scored) if path.suffix == ".parquet"]
    footer = scored.part(0).read_bytes()
    places = [(draw.choice(files), draw.randrange(1 << 30), draw.randrange(8)) for _ in range(600)]
    places += [(Path(str(scored.part(0))), len(footer) - 1 - i, 3) for i in range(200)]
    passed = []
    for path, at, bit in places:
        whole = path.read_bytes()
        path.write_bytes(flipped(whole, at, bit))
        said = refusal_of(path)
        path.write_bytes(whole)
        if not said.startswith(f"{path}: was changed after its run"):
            passed.append((path, at, bit))
    assert passed == []
    assert len(run.labels.hashes) == 400


READERS = {
    "show": ["show", "{run}", "--json", "--top", "60"],
    "show of a cluster": ["show", "{run}", "--cluster", "C01", "--json"],
    "explain": ["explain", "{run}", "A0000007", "--json"],
    "what-if": ["what-if", "{run}", "--set", "potential.top_step=next_step", "--json"],
    "export": ["export", "{run}", "--to", "{new}.csv"],
    "campaigns": ["campaigns", "{run}", "--to", "{new}", "--json"],
    "report": ["report", "{run}", "--output", "{new}.html"],
    "diff": ["diff", "{run}", "{run}", "--json"],
    "alerts": ["alerts", "{run}", "--since", "{run}", "--json"],
}


def answer(name: str, run: RunDirectory, new: Path) -> tuple[int, str, str]:
    """Exit code of a reader, what it printed, and what it wrote to new files."""
    arguments = [part.format(run=run.path, new=new) for part in READERS[name]]
    done = CliRunner().invoke(app, arguments)
    files = sorted(path for path in new.parent.rglob("*") if path.is_file() and new.name in str(path))
    written = "".join(path.read_text(encoding="utf-8", errors="replace") for path in files)
    return done.exit_code, done.stdout.replace(new.name, "new"), done.stderr + written.replace(new.name, "new")


@pytest.mark.parametrize("name", READERS)
def test_every_reader_refuses_a_flipped_bit_or_gives_the_same_answer(scored, damage, tmp_path, name):
    """S20: one flip in each file of the version, at a place of its own: exit 3 and the file's name, or no change."""
    code, output, written = answer(name, scored, tmp_path / "whole")
    assert code == 0, written
    draw, refused = random.Random(name), 0
    files = files_of(scored)
    for number, path in enumerate([path for path in files if path.parent.name != "tables"] + draw.sample(files, 8)):
        whole = path.read_bytes()
        damage(path, flipped(whole, draw.randrange(len(whole)), draw.randrange(8)))
        now = answer(name, scored, tmp_path / f"new-{number}")
        damage(path, whole)
        if now[0] == 0:
            assert now[1] == output, path
        else:
            refused += 1
            assert now[0] == 3, now
            assert str(path) in now[2]
    assert refused > 0


@pytest.mark.parametrize("name", READERS)
def test_every_reader_refuses_a_lost_file_or_gives_the_same_answer(scored, damage, tmp_path, name):
    """S11: a part that is gone is named, never passed over."""
    code, output, written = answer(name, scored, tmp_path / "whole")
    assert code == 0, written
    for number, path in enumerate(path for path in files_of(scored) if path.parent.name != "tables"):
        whole = path.read_bytes()
        damage(path, whole)
        path.unlink()
        now = answer(name, scored, tmp_path / f"new-{number}")
        path.write_bytes(whole)
        assert now[:2] == (0, output) or (now[0] == 3 and f"{path}: " in now[2]), now


def test_a_dataset_of_scores_refuses_a_lost_part(scored, damage):
    """S11: from Python, too; all parts lost are no empty market."""
    paths = [Path(str(path)) for path in scored.parts()]
    for path in paths:
        damage(path, path.read_bytes())
        path.unlink()
        with pytest.raises(InputContractError, match=r"part-00000\.parquet: missing"):
            tamscore.open_run(str(scored.path)).scores().count_rows()


def test_labels_of_an_earlier_run_are_refused_where_they_were_changed(scored, damage):
    """S20: what `score` and `refresh` read: labels, then the model."""
    path = Path(str(scored.part(1)))
    damage(path, flipped(path.read_bytes(), 400))
    with pytest.raises(InputContractError, match=r"part-00001\.parquet: was changed"):
        read_scored(scored, "text")
    arrays = Path(str(scored.model / "arrays.safetensors"))
    damage(arrays, flipped(arrays.read_bytes(), 400))
    with pytest.raises(InputContractError, match=r"arrays\.safetensors: was changed"):
        read_earlier(str(scored.path), scored.output)


def test_a_changed_object_is_refused_by_name(monkeypatch):
    """S20: the same in an object store, for whole tables and for chosen columns; what is whole is read as on a disk."""
    pytest.importorskip("obstore", reason="object storage is an extra")
    objects.fresh(monkeypatch)
    table, run = market.plain_accounts(50), RunDirectory(objects.place("scores"), NEW)
    files = {run.name_of(run.part(0)): commit.place_parquet(table, run.part(0))}
    run.seal({"rows": {"read": 50, "scored": 50, "rejected": {}}}, files)
    assert contents.whole(run.part(0)).equals(table)
    assert contents.whole(run.part(0), ["x", "account_id"]).equals(table.select(["x", "account_id"]))
    part = objects.place(f"scores/versions/{NEW}/scores/part-00000.parquet")
    whole, entry = part.bucket.get(part.key)
    for at in range(0, len(whole), len(whole) // 40):
        part.bucket.put(part.key, flipped(whole, at), over=entry)
        entry = part.bucket.head(part.key)
        for columns in (None, ["x"]):
            with pytest.raises(InputContractError, match=r"part-00000\.parquet: was changed after its run"):
                contents.whole(run.part(0), columns)
        assert run.damage() == ["scores/part-00000.parquet"]


DOORS = {
    "contents.py": "a version, its hash checked", "tables.py": "inputs", "footers.py": "inputs", "host.py": "inputs",
    "currencies.py": "inputs", "row_sample.py": "inputs", "delta.py": "inputs", "statistics.py": "footers of inputs",
    "whole.py": "a person's table", "__init__.py": "counts of imported rows",
    "rewriting.py": "bytes of a version, whose hash was checked",
}  # fmt: skip


def test_no_module_opens_a_parquet_file_but_through_a_known_door():
    """S20: whoever reads a version with PyArrow alone would not see damage."""
    names = {"read_table", "ParquetFile", "read_metadata", "ParquetDataset", "read_schema"}
    found = {
        path.name
        for path in Path(tamscore.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in names
    }
    assert found == set(DOORS)


@pytest.mark.parametrize("kind", ["part", "rejected", "table", "csv", "arrays", "sidecar", "lost", "short", "link"])
def test_a_run_over_a_damaged_version_rebuilds_it_to_the_same_bytes(job, scored, kind):
    """S21: found by hash, not by size; the manifest stays as it was, so that all later versions may still name it."""
    named = {"rejected": "tables/quality.parquet", "table": "tables/potential.parquet", "csv": "tables/segments.csv"}
    named |= {"arrays": "model/arrays.safetensors", "sidecar": "scores/_part-00000.json"}
    path, before = Path(str(scored.path / named.get(kind, "scores/part-00001.parquet"))), protocol.bytes_of(scored)
    whole = path.read_bytes()
    path.unlink()
    if kind == "link":
        other = path.parent.parent.parent.parent / "other.parquet"
        other.write_bytes(whole)
        path.symlink_to(other)
    elif kind != "lost":
        path.write_bytes(whole[:-9] if kind == "short" else flipped(whole, len(whole) // 2))
    progress = Progress()
    assert pipeline.run(job, progress) == scored
    if kind == "link":
        other.unlink()
    assert any(f"damaged files of {scored.path} are rebuilt: {scored.name_of(path)}" in one for one in progress.notices)
    assert protocol.bytes_of(scored) == before
    assert verify.problems_of_output(scored.output) == []


def edited(run: RunDirectory) -> None:
    """Edit the manifest of a version as a person would."""
    path = run.path / "manifest.json"
    content = json.loads(path.read_bytes())
    content["rows"]["scored"] += 1
    content["rows"]["read"] += 1
    path.write_bytes(commit.json_bytes(content))


@pytest.mark.parametrize("name", ["versions/{0}", "{0}", "000000000000"])
def test_a_torn_manifest_is_refused_by_name_however_its_version_is_named(tmp_path, name):
    """S13, S20: by its folder, its key, or the beginning of its key."""
    torn = protocol.run(tmp_path, OLD).path / "manifest.json"
    torn.write_bytes(torn.read_bytes()[:-9])
    with pytest.raises(InputContractError, match=r"manifest\.json: missing, torn, or no manifest"):
        versions.run_named(tmp_path / name.format(OLD))


@pytest.mark.parametrize("key", [OLD, NEW])
def test_an_edited_manifest_is_refused_by_runs_and_readers_and_found_by_verify(tmp_path, key):
    """C16: that of the current version, which the pointer vouches for, and of an older one, which the ledger does."""
    protocol.run(tmp_path, OLD)
    protocol.run(tmp_path, NEW)
    before = (tmp_path / CURRENT).read_bytes()
    edited(RunDirectory(tmp_path, key))
    for ask in (
        lambda: protocol.run(tmp_path, key),
        lambda: versions.run_named(RunDirectory(tmp_path, key).path),
        lambda: versions.run_named(tmp_path / key[:16]),
        lambda: roll_back(tmp_path, key),
    ):
        with pytest.raises(InputContractError, match=r"manifest\.json: is not the manifest that its run wrote"):
            ask()
    assert (tmp_path / CURRENT).read_bytes() == before
    assert "is not the manifest that its run wrote" in "\n".join(verify.problems_of_output(tmp_path))
    (RunDirectory(tmp_path, key).path / "manifest.json").unlink()
    protocol.run(tmp_path, key)
    assert verify.problems_of_output(tmp_path) == []


def test_a_run_killed_before_the_pointer_moves_is_no_edit(tmp_path):
    """C16: at whatever step a run dies, the next one takes its manifest for what it is."""
    for step in range(1, 400, 7):
        output = tmp_path / str(step)
        protocol.run(output, OLD)
        if not protocol.killed_at(step, lambda output=output: protocol.run(output, NEW)):  # type: ignore[misc]
            break
        assert [one for one in verify.problems_of_output(output) if "manifest" in one] == []
        protocol.run(output, NEW)


def test_outputs_from_before_manifests_were_recorded_are_read_as_they_are(tmp_path):
    """A ledger of lines without hashes vouches for nothing, and refuses nothing."""
    protocol.run(tmp_path, OLD)
    protocol.run(tmp_path, NEW)
    lines = [json.loads(line) for line in history.raw(tmp_path).splitlines()]
    bare = [{name: value for name, value in line.items() if name != "manifest_sha256"} for line in lines]
    (tmp_path / history.HISTORY).write_text("".join(json.dumps(line) + "\n" for line in bare), encoding="utf-8")
    assert versions.run_named(RunDirectory(tmp_path, OLD).path)[0].run_key == OLD
    assert roll_back(tmp_path, OLD)[1].run_key == OLD


UNHEARD_OF = json.dumps({"version": "0" * 16, "manifest_sha256": "0" * 64}).encode()
TORN = [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"version": 7}', b"{}", b"[" * 5000, UNHEARD_OF]


@pytest.mark.parametrize("torn", TORN, ids=range(len(TORN)))
def test_where_the_pointer_is_torn_after_a_rollback_the_ledger_decides(tmp_path, torn):
    """S13, S22: never the version that was rolled back from; a run or a rollback mends the pointer."""
    for key in (OLD, NEW, THIRD):
        protocol.run(tmp_path, key)
    roll_back(tmp_path, NEW)
    (tmp_path / CURRENT).write_bytes(torn)
    assert current_version(tmp_path) == NEW
    assert any(str(tmp_path / CURRENT) in problem for problem in verify.problems_of_output(tmp_path))
    assert versions.find(tmp_path).run_key == NEW
    assert roll_back(tmp_path)[1].run_key == NEW
    assert json.loads((tmp_path / CURRENT).read_bytes())["version"] == NEW


def test_a_torn_pointer_goes_with_the_version_before_where_the_last_swap_has_no_version(tmp_path):
    """S22: the ledger names a version before it is complete; such a one counts for nothing."""
    protocol.run(tmp_path, OLD)
    history.record(tmp_path, "run", NEW, OLD, "0" * 64)
    (tmp_path / CURRENT).write_bytes(b"{")
    assert current_version(tmp_path) == OLD


def test_without_a_ledger_a_torn_pointer_is_no_guess(tmp_path):
    """S22: one complete version is taken, of several none; a rollback to a named one mends it."""
    protocol.run(tmp_path, OLD)
    (tmp_path / history.HISTORY).unlink()
    (tmp_path / CURRENT).write_bytes(b"{")
    assert current_version(tmp_path) == OLD
    protocol.run(tmp_path, NEW)
    (tmp_path / history.HISTORY).unlink()
    (tmp_path / CURRENT).write_bytes(b"{")
    with pytest.raises(InputContractError, match=r"is torn, and .*_history\.jsonl does not say which version"):
        versions.find(tmp_path)
    assert roll_back(tmp_path, OLD)[1].run_key == OLD
    assert current_version(tmp_path) == OLD


@pytest.mark.parametrize(
    ("number", "kind"), [(5, RetryableError), (13, UsageError), (40, UsageError), (116, RetryableError)]
)
@pytest.mark.parametrize("name", [CURRENT, history.HISTORY, "manifest.json"])
def test_a_file_that_cannot_be_read_is_an_error_that_names_it_not_a_torn_one(tmp_path, monkeypatch, number, kind, name):
    """S23: permission and links in a circle end with 2, a failing disk with 5; no other version is served."""
    protocol.run(tmp_path, OLD)
    protocol.run(tmp_path, NEW)
    plain = Path.read_bytes, Path.read_text

    def refused(path: Path, *arguments: Any, reader: int, **more: Any) -> Any:
        if path.name == name:
            raise OSError(number, os.strerror(number), str(path))
        return plain[reader](path, *arguments, **more)

    monkeypatch.setattr(Path, "read_bytes", lambda path: refused(path, reader=0))
    monkeypatch.setattr(Path, "read_text", lambda path, *a, **k: refused(path, *a, reader=1, **k))
    with pytest.raises(kind, match=name) as caught:
        versions.run_named(tmp_path)
    assert os.strerror(number).lower() in str(caught.value)


def links(output: Path) -> Iterator[Path]:
    """Files of an output in whose place, one after the other, lies a link to itself."""
    for name in (CURRENT, f"versions/{NEW}/manifest.json", history.HISTORY):
        path = output / name
        whole = path.read_bytes()
        path.unlink()
        path.symlink_to(path.name)
        yield path
        path.unlink()
        path.write_bytes(whole)


@pytest.mark.parametrize("command", ["show", "history", "verify", "rollback", "report"])
def test_links_in_a_circle_are_named(tmp_path, command):
    """S23: exit 2 or 3 with the name, never an unexpected error; so for the folder itself."""
    protocol.run(tmp_path / "scores", OLD)
    protocol.run(tmp_path / "scores", NEW)
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    done = CliRunner().invoke(app, [command, str(loop)])
    assert (done.exit_code, "loop" in done.stderr) == (2, True), done.stderr
    for path in links(tmp_path / "scores"):
        done = CliRunner().invoke(app, [command, str(tmp_path / "scores")])
        if command == "history" and path.name == "manifest.json":
            assert (done.exit_code, "manifest damaged" in done.output) == (0, True)
            continue
        assert done.exit_code in {2, 3}, (path, done.output)
        assert path.name in done.output
        assert "unexpected" not in done.output


SHAPES: tuple[Any, ...] = (
    {}, {"rows": 3}, {"files": []}, {"run_key": NEW, "rows": {}, "files": {"scores/part-00000.parquet": "x"}},
    {"run_key": OLD, "rows": {}, "files": {}}, {"run_key": NEW, "rows": {}, "files": {}},
)  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
@pytest.mark.parametrize("command", ["show", "explain", "history", "verify", "rollback", "report"])
def test_a_manifest_of_another_shape_is_named(tmp_path, shape, command):
    """S23, S13: exit 3 with the name of the file; the ledger and the other versions are still shown."""
    protocol.run(tmp_path, OLD)
    protocol.run(tmp_path, NEW)
    (RunDirectory(tmp_path, NEW).path / "manifest.json").write_text(json.dumps(shape), encoding="utf-8")
    more = {"explain": ["A1"], "rollback": [NEW]}.get(command, [])
    done = CliRunner().invoke(app, [command, str(tmp_path), *more])
    wanted = {"history": {0}, "rollback": {2, 3}}.get(command, {3})
    assert done.exit_code in wanted, done.output
    assert command in {"history", "rollback"} or "manifest.json" in done.output
    if command == "history":
        assert read_history(tmp_path).versions[0].problem
        assert "manifest damaged" in done.output


def test_a_run_over_a_manifest_of_no_shape_writes_it_again(tmp_path):
    """S13: it is as good as torn, and the parts are there."""
    before = protocol.bytes_of(protocol.run(tmp_path, NEW))
    (RunDirectory(tmp_path, NEW).path / "manifest.json").write_text("{}", encoding="utf-8")
    assert protocol.bytes_of(protocol.run(tmp_path, NEW)) == before
    assert verify.problems_of_output(tmp_path) == []


def test_a_pointer_to_a_version_that_is_gone_serves_no_other(tmp_path):
    """S13: readers name it; a rollback goes to the version before."""
    protocol.run(tmp_path, OLD)
    protocol.run(tmp_path, NEW)
    (RunDirectory(tmp_path, NEW).path / "manifest.json").unlink()
    with pytest.raises(InputContractError, match=r"manifest\.json: missing, torn, or no manifest"):
        summary.load(tmp_path)
    assert roll_back(tmp_path)[1].run_key == OLD


def test_a_rollback_that_is_repeated_changes_nothing(tmp_path):
    """S25: exit 0 with a sentence, however often; so with a version named, and where nothing lies before."""
    for key in (OLD, NEW, THIRD):
        protocol.run(tmp_path, key)
    first = CliRunner().invoke(app, ["rollback", str(tmp_path)])
    assert (first.exit_code, current_version(tmp_path)) == (0, NEW)
    before = (tmp_path / CURRENT).read_bytes(), (tmp_path / history.HISTORY).read_bytes()
    for more in ([], [], [NEW]):
        again = CliRunner().invoke(app, ["rollback", str(tmp_path), *more])
        assert (again.exit_code, "is the current version already" in again.output) == (0, True)
    assert ((tmp_path / CURRENT).read_bytes(), (tmp_path / history.HISTORY).read_bytes()) == before


def test_what_is_being_written_beside_the_versions_is_not_swept(tmp_path):
    """S24: a rollback and a run while `coverage` writes: its file arrives; what a dead process has left goes."""
    protocol.run(tmp_path, OLD)
    protocol.run(tmp_path, NEW)
    stale = tmp_path / "coverage" / "_tmp-00000000-left.parquet.part"
    stale.parent.mkdir()
    stale.write_bytes(b"half")

    def write(file: commit.HashingFile) -> None:
        file.write(b"first half, ")
        roll_back(tmp_path, OLD)
        protocol.run(tmp_path, NEW)
        file.write(b"second half")

    commit.place(tmp_path / "coverage" / "plan" / "accounts.parquet", write)
    assert (tmp_path / "coverage" / "plan" / "accounts.parquet").read_bytes() == b"first half, second half"
    assert not stale.exists()
    assert list(tmp_path.rglob("_tmp-*")) == []
