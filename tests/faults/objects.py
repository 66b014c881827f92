"""An object store in memory, and runs into it that die at any request as if killed."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tamscore.store.objects import bucket, lease
from tamscore.store.objects.bucket import Bucket
from tamscore.store.objects.path import ObjectPath

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

URL = "s3://memory"


class KilledError(BaseException):
    """The process is dead: nothing that it still tries reaches the store."""


def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new, empty store under every address; holders that are silent for a moment count as dead."""
    import obstore
    from obstore.store import MemoryStore

    store = MemoryStore()
    monkeypatch.setattr(bucket, "client", lambda url: (store, obstore))
    impatient(monkeypatch)


def impatient(monkeypatch: pytest.MonkeyPatch, silent_s: float = 0.02, beat_s: float = 3600) -> None:
    """Other waits of the lock: as they are, a test of a dead holder would take half a minute."""
    monkeypatch.setattr(lease, "SILENT_S", silent_s)
    monkeypatch.setattr(lease, "LOOK_S", silent_s / 4)
    monkeypatch.setattr(lease, "BEAT_S", beat_s)


def place(name: str) -> ObjectPath:
    """A folder of the store in memory."""
    return ObjectPath.at(f"{URL}/{name}")


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch, *, answered: bool) -> Iterator[list[int]]:
    """Die at the request of that number, before it is sent or, where `answered`, once it was carried out.

    The list handed out holds the number of requests so far.
    """
    plain, made = Bucket.ask, [0]

    def ask(self: Bucket, *arguments: Any) -> Any:
        made[0] += 1
        if made[0] > step or (made[0] == step and not answered):
            raise KilledError
        answer = plain(self, *arguments)
        if made[0] == step:
            raise KilledError
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "ask", ask)
        patch.setattr(lease, "MARK", f"process of step {step}")
        with suppress(KilledError):
            yield made


def bytes_below(folder: ObjectPath) -> dict[str, bytes]:
    """Every object in a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.below()}
