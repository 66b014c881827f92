"""The main job on a real S3 server on loopback: the bytes of a disk, whatever the server does meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore import pipeline
from tamscore.errors import InputContractError, RetryableError, UsageError
from tamscore.progress import Progress
from tamscore.questions.show import load
from tamscore.scoring.context import columns_of, plan_of
from tamscore.store import contents, partitions, run_directory, tables, verify, versions
from tamscore.store.location import location
from tamscore.store.objects import bucket
from tamscore.store.objects.path import ObjectPath
from tests.end_to_end import market
from tests.faults import s3
from tests.faults.objects import bytes_below, impatient
from tests.faults.protocol import bytes_of
from tests.faults.s3 import Fault
from tests.faults.test_storage import toml
from tests.unit import test_sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tamscore.schema import InputColumns
    from tamscore.store.run_directory import RunDirectory

pytest.importorskip("obstore", reason="object storage is an extra")
pytest.importorskip("moto", reason="the server comes with the extra dev")

CHANGES = market.PLAIN | {"engine.workers": 2, "rows.max_rejected_share": 0.1, "clusters.seed": 1}
INPUT, OUTPUT = f"s3://{s3.BUCKET}/tables/in", f"s3://{s3.BUCKET}/results/out"
OWN_NAMES = ("manifest.json", "scores/_part")
"""What holds times or the run key: the digest of an object is that of its entity tag, so that the key is another."""


@pytest.fixture(scope="module")
def started() -> Iterator[s3.S3]:
    with s3.serving() as server:
        yield server


@pytest.fixture
def server(started: s3.S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[s3.S3]:
    """The server with an empty bucket."""
    for name, value in started.environment.items():
        monkeypatch.setenv(name, value)
    empty(started)
    yield started
    empty(started)


def empty(server: s3.S3) -> None:
    import obstore

    server.forget()
    bucket.client.cache_clear()
    client, _ = bucket.client(f"s3://{s3.BUCKET}")
    obstore.delete(client, [entry["path"] for entry in obstore.list(client).collect()])
    server.forget()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A market of four files, one of its rows to be rejected."""
    ids = [None, *[f"P{i}" for i in range(799)]]
    return market.write(market.plain_accounts(800).set_column(0, "account_id", [ids]), tmp_path / "market", files=4)


@pytest.fixture
def uploaded(server: s3.S3, table: Path) -> s3.S3:
    """The server with the market in its bucket."""
    upload(table)
    server.forget()
    return server


def upload(table: Path) -> None:
    import obstore

    client, _ = bucket.client(f"s3://{s3.BUCKET}")
    for file in sorted(table.iterdir()):
        obstore.put(client, f"tables/in/{file.name}", file.read_bytes())


def run(seed: int = 1, changes: dict[str, Any] | None = None) -> RunDirectory:
    return pipeline.run(job(seed, changes), Progress())


def job(seed: int = 1, changes: dict[str, Any] | None = None) -> Any:
    return market.job(INPUT, OUTPUT, CHANGES | {"clusters.seed": seed} | (changes or {}))


def columns() -> InputColumns:
    return columns_of(job())


def results(directory: RunDirectory) -> dict[str, bytes]:
    """Every file of a run but those that differ with its name."""
    found = bytes_below(directory.path) if isinstance(directory.path, ObjectPath) else bytes_of(directory)
    return {name: data for name, data in found.items() if not name.startswith(OWN_NAMES)}


def command(
    folder: Path, *arguments: str, changes: dict[str, Any] | None = None, **environment: str
) -> subprocess.Popen[str]:
    """The command line on the job, in a process of its own."""
    file = folder / "job.toml"
    file.write_text(
        "\n".join(toml(job(changes=changes).model_dump(mode="json", exclude_none=True, exclude={"coverage"}))),
        encoding="utf-8",
    )
    words = [sys.executable, "-m", "tamscore", arguments[0], str(file), *arguments[1:]]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, text=True, env=os.environ | environment, **pipes)  # type: ignore[call-overload, no-any-return]


def ended(process: subprocess.Popen[str], within_s: float = 120) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=within_s)
    return process.returncode, out, err


def test_a_run_in_a_bucket_gives_the_bytes_of_a_disk_and_keeps_to_its_folders(uploaded, table, tmp_path):
    """S09: scores, rejected rows, tables and model are the same; nothing is renamed, copied, uploaded in parts, listed
    outside of input and output, or looked at anywhere else."""
    wanted = market.run(table, tmp_path / "scores", CHANGES)
    done = run()
    assert results(done) == results(wanted)
    assert verify.problems_of_output(location(OUTPUT)) == []
    assert versions.find(location(OUTPUT)) == done
    assert load(location(OUTPUT)).totals == load(tmp_path / "scores").totals
    assert uploaded.copies == 0
    assert uploaded.made("POST .*|DELETE .*") == ["POST /market"]  # its checkpoints, removed in one request
    assert not any("uploads" in query or "uploadId" in query for query in uploaded.queries)
    assert {query["prefix"][0].split("/")[0] for query in uploaded.queries if "prefix" in query} == {
        "tables",
        "results",
    }
    assert {line.split("/")[2] for line in uploaded.requests if line.count("/") > 1} == {"tables", "results"}


def test_families_as_rows_are_scored_in_a_bucket_and_not_again(uploaded, table, tmp_path):
    """The table of families is a temporary file there, named by what it holds."""
    changes = CHANGES | {"columns": {"ultimate_parent_id": "group"}, "families": {"as_accounts": True}}
    rows = tables_with_groups(table)
    upload(rows)
    first = pipeline.run(market.job(INPUT, OUTPUT, changes), Progress())
    progress = Progress()
    again = pipeline.run(market.job(INPUT, OUTPUT, changes), progress)
    assert (again, any("nothing to do" in text for text in progress.notices)) == (first, True)
    wanted = market.run(rows, tmp_path / "scores", changes)
    assert [contents.whole(part) for part in first.parts()] == [contents.whole(part) for part in wanted.parts()]
    assert versions.find(location(f"{OUTPUT}-accounts")).is_complete()


def tables_with_groups(folder: Path) -> Path:
    """The market with a group of every account."""
    for file in folder.iterdir():
        rows = pq.read_table(file)
        groups = pa.array([f"G{row % 90}" for row in range(rows.num_rows)])
        pq.write_table(rows.append_column("group", groups), file)
    return folder


def test_worker_processes_read_and_write_objects_too(uploaded, table, tmp_path):
    """Credentials come from the environment, in which worker processes are started."""
    wanted = market.run(table, tmp_path / "scores", CHANGES)
    assert results(run(changes={"engine.kind": "processes"})) == results(wanted)


def test_the_commands_take_addresses_and_a_finished_run_is_not_repeated(uploaded, tmp_path):
    """`check`, `run`, `show` and `verify` on addresses; no secret is said or written."""
    code, out, err = ended(command(tmp_path, "check"))
    assert (code, "ready to run" in out) == (0, True), err
    assert ended(command(tmp_path, "run"))[0] == 0
    again = ended(command(tmp_path, "run", "--if-changed"))
    assert (again[0], "nothing to do" in again[2]) == (10, True)
    said = [out, err, *again[1:]]
    for name in (["doctor", "--output"], ["show"], ["verify"]):
        words = [sys.executable, "-m", "tamscore", *name, OUTPUT]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
        said += [done.stdout, done.stderr]
    assert "all as they were written" in said[-2]
    assert f"{OUTPUT} can be listed" in "".join(said)
    assert s3.SECRET not in "".join(said)
    assert not any(s3.SECRET.encode() in data for data in bytes_below(ObjectPath.at(OUTPUT)).values())


@pytest.mark.parametrize("what", ["scores/part-00001.parquet", "scores/_part-00002.json", "manifest.json"])
def test_a_run_that_is_killed_resumes_without_making_a_committed_part_again(uploaded, monkeypatch, tmp_path, what):
    """F05, F06, S08: kill -9 while an object is on its way; nothing of it is visible, nothing else is left over."""
    old = run(seed=2)
    wanted = results(run())
    empty_but_old(old)
    upload(tmp_path / "market")
    uploaded.forget()
    process = command(tmp_path, "run", changes={"engine.workers": 1})
    late = Fault(f"PUT .*/{what}", call=process.kill, delay_s=0.2, status=500)
    uploaded.faults.append(late)
    assert ended(process)[0] == -signal.SIGKILL
    assert late.times == 0
    here = run_directory.RunDirectory(location(OUTPUT), job_key())
    assert not (here.path / what).exists()
    assert versions.find(location(OUTPUT)) == old
    there = {path.name for path in here.sidecars()}
    uploaded.forget()
    impatient(monkeypatch, silent_s=0.2)
    assert results(run()) == wanted
    made = {
        f"_{line.rpartition('/')[2].replace('.parquet', '.json')}" for line in uploaded.made(r"PUT .*scores/part-.*")
    }
    assert made.isdisjoint(there)
    assert verify.problems_of_output(location(OUTPUT)) == []
    assert not any("uploads" in query for query in uploaded.queries)


def job_key() -> str:
    """The run key of the job: that of the version that is not the old one."""
    keys = {run.run_key for run in versions.versions(location(OUTPUT))}
    (key,) = keys - {versions.find(location(OUTPUT)).run_key}
    return key


def empty_but_old(old: RunDirectory) -> None:
    """Remove every object of the output but those of one run, and let it be the current one."""
    import obstore

    client, _ = bucket.client(f"s3://{s3.BUCKET}")
    versions = bytes_below(ObjectPath.at(f"{OUTPUT}/versions"))
    obstore.delete(client, [f"results/out/versions/{name}" for name in versions if not name.startswith(old.run_key)])
    old.point_here()


@pytest.mark.parametrize("status", [500, 503])
def test_answers_of_a_busy_server_are_tried_again(uploaded, table, tmp_path, status):
    """F12, F28: every eighth request fails, be it read, write, lock or pointer; the bytes stay the same."""
    wanted = market.run(table, tmp_path / "scores", CHANGES)
    count = iter(range(10**9))

    class EveryEighth(Fault):
        @property
        def times(self) -> int:
            return int(next(count) % 8 == 7)

        @times.setter
        def times(self, _: int) -> None:
            """It never ends."""

    uploaded.faults.append(EveryEighth(".*", status=status))
    assert results(run()) == results(wanted)
    uploaded.forget()
    assert verify.problems_of_output(location(OUTPUT)) == []


@pytest.mark.parametrize("what", ["_CURRENT.json", "manifest.json", "part-00000.parquet", "_part-00003.json", "_lock"])
def test_a_connection_that_breaks_after_the_store_has_done_its_work_costs_nothing(uploaded, what):
    """F28: the request was carried out, its answer never came: it is found to have been, and the run completes."""
    lost = Fault(f"PUT .*/{what}", lost=True)
    uploaded.faults.append(lost)
    done = run()
    assert lost.times == 0
    assert versions.find(location(OUTPUT)) == done
    assert verify.problems_of_output(location(OUTPUT)) == []


def test_a_slow_answer_is_waited_for_and_one_that_does_not_come_is_asked_for_again(uploaded, monkeypatch):
    """F15: slower than patience lasts once, it comes at the second try."""
    monkeypatch.setattr(bucket, "ANSWER_S", 1)
    bucket.client.cache_clear()
    slow = [Fault("GET .*parquet", delay_s=0.3, times=3), Fault("GET .*parquet", delay_s=2.5)]
    uploaded.faults += slow
    done = run()
    assert [fault.times for fault in slow] == [0, 0]
    assert versions.find(location(OUTPUT)) == done


def test_a_store_that_stays_away_is_reported_and_the_old_result_stays(uploaded, monkeypatch):
    """F16, S02: retryable, with the address; later the run resumes with the parts that were committed."""
    old = run(seed=2)
    monkeypatch.setattr(bucket, "RETRIES", 1)
    bucket.client.cache_clear()
    uploaded.faults.append(Fault("PUT .*scores/part-00002.*", status=503, times=10**6))
    with pytest.raises(RetryableError, match=r"part-00002\.parquet: the store does not answer as it should \(.*503"):
        run()
    uploaded.forget()
    assert versions.find(location(OUTPUT)) == old
    run()
    assert not uploaded.made("PUT .*scores/part-00000.parquet")


def test_a_signal_ends_a_run_that_waits_for_an_answer(uploaded, tmp_path):
    """F07: while a request hangs; the exit code is that of the signal, and the lock is free again or soon stale."""
    process = command(tmp_path, "run")
    waiting = Fault("PUT .*manifest.json", delay_s=20, times=10)
    uploaded.faults.append(waiting)
    while waiting.times == 10:
        time.sleep(0.05)
        assert process.poll() is None
    begun = time.monotonic()
    process.terminate()
    assert ended(process)[0] == 128 + signal.SIGTERM
    assert time.monotonic() - begun < 10


def test_two_runs_in_processes_of_their_own_into_one_bucket(uploaded, tmp_path):
    """F26, F27: one completes, the other is told who holds the output and may be started again."""
    second_has_ended = threading.Event()
    uploaded.faults.append(Fault("PUT .*part-00000.parquet", call=lambda: second_has_ended.wait(60)))
    first = command(tmp_path, "run")
    while not uploaded.made("PUT .*_lock"):
        time.sleep(0.05)
        assert first.poll() is None
    code, _, err = ended(command(tmp_path, "run"))
    second_has_ended.set()
    assert code == 5
    assert f"held by process {first.pid} on " in err
    code, out, err = ended(first)
    assert code == 0, f"{out}\n{err}"


def test_an_object_that_is_replaced_during_the_run_is_refused(uploaded, table):
    """S14: ranges are asked for of the version that was planned; the store itself refuses another."""
    plan = partitions.plan(INPUT, columns())
    market.write(market.plain_accounts(800, seed=9), table, files=4)
    upload(table)
    with pytest.raises(InputContractError, match=r"s3://.*part-00001\.parquet: changed while the run was under way"):
        tables.read(plan.partitions[1], ["account_id"])
    stale = contents.source(plan.files[1], plan.stamps[1])
    with pytest.raises(InputContractError, match="changed while the run was under way"):
        stale.read(10)


@pytest.mark.parametrize(("pattern", "files"), [("", 5), ("/part-*.parquet", 4), ("/part-00002.parquet", 1)])
def test_input_is_a_folder_an_object_or_a_pattern(uploaded, table, pattern, files):
    """What lies beside it is passed over; what lies in folders of it is read as well, unless a name hides it."""
    client, obstore = bucket.client(f"s3://{s3.BUCKET}")
    for name in ("notes.txt", "_SUCCESS", "_old/part-00009.parquet", ".hidden.parquet"):
        obstore.put(client, f"tables/in/{name}", b"x")
    obstore.put(client, "tables/in/more/part-00004.parquet", (table / "part-00001.parquet").read_bytes())
    plan = partitions.plan(INPUT + pattern, columns())
    assert len(plan.files) == files
    hidden = (".hidden.parquet", "_SUCCESS", "_old/part-00009.parquet", "notes.txt")
    assert plan.ignored == (hidden if not pattern else ())


def test_the_table_of_labels_may_lie_where_the_market_lies(uploaded):
    keys = {"label": "y", "feature_cutoff": "2026-01-31", "label_start": "2026-02-01", "label_end": "2026-04-30"}
    plan = plan_of(job(changes={"propensity": {**keys, "label_table": INPUT}}))
    assert plan.tables["propensity.label_table"].rows == plan.rows == 800


def test_what_is_not_there_is_reported(uploaded):
    with pytest.raises(UsageError, match="no Parquet file at 's3://market/nothing'"):
        partitions.plan("s3://market/nothing", columns())
    with pytest.raises(UsageError, match="s3://nobody: there is no such bucket"):
        market.run(INPUT, "s3://nobody/out", CHANGES)
    with pytest.raises(UsageError, match="no complete run here"):
        versions.find(location(OUTPUT))


def test_denied_access_is_no_outage(uploaded):
    """C21: told with what to do, exit code 2, and without the credentials."""
    uploaded.faults.append(Fault("PUT .*_lock", status=403, times=9))
    with pytest.raises(UsageError, match=r"access denied .*; fix the credentials in the environment") as caught:
        run()
    assert s3.SECRET not in str(caught.value)


def test_a_server_that_forgets_conditions_is_refused_before_anything_is_computed(uploaded):
    """F27: such a store cannot keep two runs apart."""
    uploaded.faults.append(Fault("PUT .*", unconditional=True, times=10**6))
    with pytest.raises(UsageError, match="takes conditional writes without keeping their condition"):
        run()
    assert not uploaded.made("PUT .*versions.*")


def test_a_missing_extra_is_named(monkeypatch):
    """`pip install tamscore` alone reads and writes local paths only."""
    bucket.client.cache_clear()
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(
        UsageError, match=r"needs the extra 'object-storage'; install it with: pip install '.*\[object-storage\]"
    ):
        partitions.plan("s3://bucket/market", columns())


@pytest.mark.parametrize("endpoint", ["http://storage.example:9000", "http://127.0.0.1.example"])
def test_nothing_is_sent_in_the_open_beyond_this_machine(monkeypatch, endpoint):
    """C18: plain http to another machine is refused unless the environment allows it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    bucket.client.cache_clear()
    with pytest.raises(UsageError, match="is plain http; use https, or AWS_ALLOW_HTTP=true"):
        partitions.plan("s3://bucket/market", columns())


def test_clients_of_every_store_are_made_from_the_environment(monkeypatch):
    """Google's and Azure's stores cannot be spoken to here; that their addresses and variables are understood can."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    for url in (
        "gs://bucket",
        "abfs://files@account.dfs.core.windows.net",
        "abfss://files@account.dfs.core.windows.net",
    ):
        bucket.client(url)
    with pytest.raises(UsageError, match=r"abfs://files: .*[Aa]ccount"):
        bucket.client("abfs://files")


def test_the_manifest_names_addresses_and_no_endpoint(uploaded):
    manifest = json.dumps(run().manifest())
    assert INPUT in manifest
    assert str(uploaded.port) not in manifest
    assert s3.SECRET not in manifest


def test_a_command_ends_with_its_own_exit_code_however_soon_after_an_answer(uploaded, tmp_path):
    """S08: threads of the client outlive their answers; a process that ends in that moment must not be aborted."""
    for _ in range(6):  # all but the first find the run there, free the lock and end
        assert ended(command(tmp_path, "run"))[0] == 0


@pytest.mark.parametrize("kind", ["hive, two keys", "delta", "delta, partitioned", "iceberg"])
def test_tables_of_other_layouts_are_read_in_a_bucket(server, tmp_path, kind):
    """The rows that the table has on a disk."""
    folder = test_sources.SOURCES[kind](tmp_path / "market")
    client, obstore = bucket.client(f"s3://{s3.BUCKET}")
    for file in (file for file in sorted(folder.rglob("*")) if file.is_file()):
        obstore.put(client, f"lake/{file.relative_to(folder).as_posix()}", file.read_bytes())
    read = partitions.plan(f"s3://{s3.BUCKET}/lake", test_sources.COLUMNS)
    assert test_sources.rows_of(read) == test_sources.expected()


def test_a_bucket_is_read_with_the_keys_of_a_profile(uploaded, tmp_path, monkeypatch):
    """The server notes who signs: without a profile nothing would be signed, or by a key of the environment."""
    (tmp_path / "credentials").write_text(
        f"[sales]\naws_access_key_id = of-profile\naws_secret_access_key = {s3.SECRET}\n", encoding="utf-8"
    )
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "sales")
    bucket.client.cache_clear()
    uploaded.signed.clear()
    assert partitions.plan(INPUT, columns_of(job())).rows == 800
    assert {*uploaded.signed} == {"of-profile"}
