"""The commit protocol on an object store in memory: killed at every request, raced, damaged, woken too late.

The suite is shown to be able to fail: ways to break the protocol, each of which it notices.
"""

from __future__ import annotations

import itertools
import random
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tamscore.errors import RetryableError, UsageError
from tamscore.store import commit, objects, run_directory, verify, versions
from tamscore.store.objects import bucket, lease
from tamscore.store.objects.bucket import Bucket, ConflictError
from tamscore.store.run_directory import RunDirectory
from tests.faults import protocol
from tests.faults.objects import KilledError, bytes_below, fresh, impatient, killed_at, place
from tests.faults.protocol import NEW, OLD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tamscore.store.objects.path import ObjectPath

pytest.importorskip("obstore", reason="object storage is an extra")


@pytest.fixture(autouse=True)
def _memory(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh(monkeypatch)


def files_of(output: ObjectPath) -> dict[str, bytes]:
    return bytes_below(output / "versions" / NEW)


def crash_everywhere(monkeypatch: pytest.MonkeyPatch, run: Callable[[Any, str], object], stride: int = 1) -> list[str]:
    """What went wrong over deaths at every request of a run into an output that holds an older one."""
    protocol.run(place("reference"), NEW)
    wanted, wrong, step, dead = files_of(place("reference")), [], 0, True
    while dead:
        step += stride
        for answered in (False, True):
            output = place(f"{step}-{answered}")
            protocol.run(output, OLD)
            with killed_at(step, monkeypatch, answered=answered) as made:
                run(output, NEW)
            dead = made[0] >= step
            wrong += [f"step {step}: {problem}" for problem in protocol.broken(output, {OLD, NEW})]
            there = [i for i in range(protocol.PARTS) if RunDirectory(output, NEW).sidecar(i).exists()]
            sealed = RunDirectory(output, NEW).is_complete()
            again: list[int] = []
            protocol.run(output, NEW, again)
            if again != ([] if sealed else [i for i in range(protocol.PARTS) if i not in there]):
                wrong.append(f"step {step}: {again} were made, {there} were there")
            if files_of(output) != wanted:
                wrong.append(f"step {step}: resumed to other bytes")
            wrong += [f"step {step}, resumed: {problem}" for problem in verify.problems_of_output(output)]
    assert step > 40 or stride > 1
    return wrong


def test_a_run_killed_at_any_request_leaves_the_old_one_whole_and_resumes_to_the_same_bytes(monkeypatch):
    """F05, F06, S08: before and after every request; no committed part is made again, nothing else lies about."""
    assert crash_everywhere(monkeypatch, protocol.run) == []


@pytest.mark.parametrize("seed", range(10))
def test_several_deaths_in_a_row_change_nothing(monkeypatch, seed):
    """F06: two to four deaths at random requests, then a clean run."""
    protocol.run(place("reference"), NEW)
    draw, output = random.Random(seed), place("output")
    protocol.run(output, OLD)
    for _ in range(draw.randint(2, 4)):
        with killed_at(draw.randint(1, 60), monkeypatch, answered=draw.random() < 0.5):
            protocol.run(output, NEW)
        assert protocol.broken(output, {OLD, NEW}) == []
    protocol.run(output, NEW)
    assert files_of(output) == files_of(place("reference"))
    assert verify.problems_of_output(output) == []
    assert {path.name for path in output.iterdir()} == {"_CURRENT.json", "_history.jsonl", "_lock", "versions"}


def rivals(count: int) -> list[str]:
    """What became of so many runs that wanted one output at the same moment, from a thread each."""
    messages: list[str] = []
    start, done = threading.Barrier(count), threading.Event()

    def tell(what: str) -> None:
        messages.append(what)
        if len(messages) == count:
            done.set()

    def want(number: int) -> None:
        start.wait()
        try:
            with commit.hold_commit(place("output"), f"run {number}"):
                tell("held")
                done.wait(20)
        except RetryableError as error:
            tell(str(error))

    threads = [threading.Thread(target=want, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return messages


def test_of_many_runs_at_once_one_holds_the_output_and_the_others_learn_who(monkeypatch):
    """F27: twelve at the same moment; the holder gives signs of life, so that nobody takes it for dead."""
    impatient(monkeypatch, silent_s=4.0, beat_s=0.1)
    messages = rivals(12)
    assert messages.count("held") == 1
    assert sum("held by process" in one and "wait for it" in one for one in messages) == 11


def second_beside_a_living_first() -> list[str]:
    """What went wrong when a second run began while a first was under way."""
    with commit.hold_commit(place("output"), "the first"):
        try:
            with commit.hold_commit(place("output"), "the second"):
                return ["two runs hold one output"]
        except RetryableError:
            return []


def test_a_living_holder_is_not_taken_for_dead(monkeypatch):
    """F27: its signs of life are seen by whoever waits."""
    impatient(monkeypatch, silent_s=4.0, beat_s=0.1)
    assert second_beside_a_living_first() == []


def test_a_dead_holder_blocks_nobody_for_long(monkeypatch):
    """F27: who gives no sign of life is followed; its lock is taken over by one."""
    with killed_at(3, monkeypatch, answered=True), commit.hold_commit(place("output"), "run of the dead"):
        pass
    assert b"run of the dead" in (place("output") / "_lock").read_bytes()
    with commit.hold_commit(place("output"), "mine"):
        assert b"mine" in (place("output") / "_lock").read_bytes()


@contextmanager
def as_another_process() -> Iterator[None]:
    """What is done inside is done by another process, as far as locks are concerned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lease, "MARK", "another process")
        yield


def test_a_holder_that_was_thought_dead_cannot_move_the_pointer(monkeypatch):
    """F14, F27: frozen for long, its output was taken over; when it wakes its run fails, and harms nothing."""
    output = place("frozen")
    sleeper = RunDirectory(output, OLD)
    with sleeper.lock():
        successor = commit.hold_commit(output, "run the-successor")
        with as_another_process():
            successor.__enter__()
        with pytest.raises(RetryableError, match=r"held by process .* run the-successor; wait for it"):
            sleeper.seal({"rows": {"read": 0, "scored": 0, "rejected": {}}}, {})
    assert not (output / "_CURRENT.json").exists()
    assert b"the-successor" in (output / "_lock").read_bytes()
    with as_another_process():
        successor.__exit__(None, None, None)


def test_a_holder_that_was_thought_dead_leaves_the_manifest_of_its_successor(monkeypatch):
    """F14, F27: both made the same run; the one that woke too late adds nothing to what the other has sealed."""
    output = place("frozen-later")
    sleeper = RunDirectory(output, NEW)
    with sleeper.lock():
        files = protocol.part(sleeper, 0)
        successor = commit.hold_commit(output, "run the-successor")
        with as_another_process():
            successor.__enter__()
            sleeper.seal({"rows": {"read": 3, "scored": 3, "rejected": {}}, "by": "successor"}, files)
        with pytest.raises(RetryableError, match="the-successor"):
            sleeper.seal({"rows": {"read": 3, "scored": 3, "rejected": {}}, "by": "sleeper"}, files)
    with as_another_process():
        successor.__exit__(None, None, None)
    assert (sleeper.manifest() or {})["by"] == "successor"
    assert verify.problems_of_output(output) == []


def test_a_pointer_that_was_moved_in_between_is_not_moved_again(monkeypatch):
    """F27: the pointer takes the place of the version that was looked at, or of none."""
    output = place("output")
    protocol.run(output, OLD)
    plain = lease.require_free

    def meddled(folder: ObjectPath) -> None:
        plain(folder)
        monkeypatch.setattr("tamscore.store.objects.require_free", plain)
        RunDirectory(output, OLD).point_here()
        protocol.run(output, "00000000000000cc")

    monkeypatch.setattr("tamscore.store.objects.require_free", meddled)
    impatient(monkeypatch, silent_s=0.001)
    directory = RunDirectory(output, NEW)
    with pytest.raises(RetryableError, match="another run has moved it; nothing was removed"):
        directory.seal({"rows": {"read": 0, "scored": 0, "rejected": {}}}, {})
    assert versions.find(output).run_key == "00000000000000cc"


def lost_answers(pattern: str) -> list[str]:
    """What went wrong where requests were carried out and their answers lost, each for the first time it was made."""
    plain, seen = Bucket.put, set()

    def put(self: Bucket, key: str, data: Any, over: Any = None) -> None:
        plain(self, key, data, over)
        if pattern in key and key not in seen:
            seen.add(key)
            raise RetryableError(f"{key}: no answer")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bucket, "put", put)
        try:
            protocol.run(place("output"), NEW)
        except RetryableError as error:
            return [str(error)]
    assert seen
    return verify.problems_of_output(place("output"))


@pytest.mark.parametrize("pattern", ["_CURRENT", "manifest", "part-", "potential", "_lock", ""])
def test_an_answer_that_is_lost_is_made_up_for_by_looking(pattern):
    """F28: what was put is there, whatever became of the answer."""
    assert lost_answers(pattern) == []


def test_a_commit_that_may_or_may_not_have_happened_is_reported_and_nothing_removed(monkeypatch):
    """F28: neither the answer nor a second look gets through; the run fails, and the next one completes it."""
    output = place("output")
    protocol.run(output, OLD)
    before = bytes_below(output)
    plain = Bucket.put

    def put(self: Bucket, key: str, data: Any, over: Any = None) -> None:
        if "_CURRENT" in key:
            raise RetryableError(f"{key}: no answer")
        plain(self, key, data, over)

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "put", put)
        with pytest.raises(RetryableError, match="no answer"):
            protocol.run(output, NEW)
    after = bytes_below(output)
    assert after["_history.jsonl"].startswith(before["_history.jsonl"])
    names = before.keys() - {"_lock", "_history.jsonl"}
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    again: list[int] = []
    assert versions.find(protocol.run(output, NEW, again).output).run_key == NEW
    assert again == []


def test_damage_is_found_and_mended_by_a_resume():
    """S11, S12: a bit, a lost object, one too many; a damaged part without a manifest is made again."""
    output, draw = place("output"), random.Random(7)
    directory: Any = protocol.run(output, NEW)
    whole = bytes_below(directory.path)
    store, library = output.bucket, pytest.importorskip("obstore")
    client, _ = bucket.client(store.url)
    missed = []
    for _ in range(200):
        path = draw.choice(directory.path.below())
        data = bytearray(path.read_bytes())
        remaining = bytes(data)
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        library.put(client, path.key, bytes(data))
        missed += [] if verify.problems_of_output(output) else [path]
        library.put(client, path.key, remaining)
    assert missed == []
    library.delete(client, directory.part(1).key)
    assert [problem for problem in verify.problems_of_output(output) if "part-00001.parquet: missing" in problem]
    library.put(client, (directory.scores / "part-00099.parquet").key, b"x")
    assert [problem for problem in verify.problems_of_output(output) if "is not listed" in problem]
    library.delete(client, [(directory.scores / "part-00099.parquet").key, (directory.path / "manifest.json").key])
    assert resumed_over_damage() == []
    protocol.run(output, NEW)
    assert bytes_below(directory.path) == whole


def resumed_over_damage() -> list[str]:
    """What went wrong when a committed part was damaged between a kill and the resume."""
    import obstore

    output = place("damaged")
    protocol.run(output, NEW)
    client, _ = bucket.client(output.bucket.url)
    wanted = files_of(output)
    obstore.delete(client, (place("damaged") / "versions" / NEW / "manifest.json").key)
    obstore.put(client, place("damaged").key + f"/versions/{NEW}/scores/part-00002.parquet", b"damaged")
    protocol.run(output, NEW)
    return [name for name, data in files_of(output).items() if data != wanted[name]]


def takes_what_lies_there(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    def careless(path: ObjectPath, data: Any, before: Any) -> bool:
        put(path, data, before)
        return True

    put = objects.put
    monkeypatch.setattr(objects, "put", careless)
    return resumed_over_damage()


def pointer_first(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    plain = RunDirectory.seal

    def seal(self: RunDirectory, manifest: dict[str, Any], files: dict[str, Any]) -> None:
        commit.swap_json({"version": self.run_key, "manifest_sha256": "0" * 64}, self.output / run_directory.CURRENT)
        plain(self, manifest, files)

    monkeypatch.setattr(RunDirectory, "seal", seal)
    return crash_everywhere(monkeypatch, protocol.run, stride=7)


def no_second_look(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr("tamscore.store.objects.version_at", lambda path: (None, None))
    return lost_answers("_CURRENT")


def no_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    impatient(monkeypatch)
    return second_beside_a_living_first()


def taken_unconditionally(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All rivals look at the lock before one of them writes; each then writes whatever lies there."""
    put, seen, looked, looks = Bucket.put, lease.read_lock, threading.Barrier(12), itertools.count()

    def put_anyway(self: Bucket, key: str, data: Any, over: Any = None) -> None:
        try:
            put(self, key, data, _now(self, key) or over)
        except ConflictError:
            put_anyway(self, key, data)

    def seen_together(lock: Any) -> Any:
        found = seen(lock)
        if next(looks) < 12:
            looked.wait(20)
        return found

    monkeypatch.setattr(lease, "require_conditions", lambda lock, purpose: None)
    monkeypatch.setattr(Bucket, "put", put_anyway)
    monkeypatch.setattr(lease, "read_lock", seen_together)
    impatient(monkeypatch, silent_s=4.0, beat_s=0.1)
    return [one for one in rivals(12) if one == "held"][1:]


def _now(where: Bucket, key: str) -> Any:
    try:
        return where.head(key)
    except FileNotFoundError:
        return None


MUTANTS = [takes_what_lies_there, pointer_first, no_second_look, no_signs_of_life, taken_unconditionally]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_the_suite_notices_a_broken_protocol(monkeypatch, mutant):
    """Each way to break the protocol on an object store makes one of the checks above fail."""
    assert mutant(monkeypatch) != []


def test_a_store_that_forgets_conditions_is_refused(monkeypatch):
    """F27: before anything is computed, by trying what must be refused."""
    plain = Bucket.put
    monkeypatch.setattr(
        Bucket, "put", lambda self, key, data, over=None: plain(self, key, data, _now(self, key) or over)
    )
    with (
        pytest.raises(UsageError, match="takes conditional writes without keeping their condition"),
        commit.hold_commit(place("output"), "mine"),
    ):
        pytest.fail("it must not be held")


def test_killed_is_no_ordinary_error():
    """A death that `except Exception` could catch would prove nothing."""
    assert not issubclass(KilledError, Exception)
