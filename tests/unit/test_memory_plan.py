"""Room for rows: what stays between passes changes no number, and what cannot fit is refused before it starts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore import job_file, pipeline
from tamscore.backend.host import HostBackend
from tamscore.engine import task
from tamscore.engine.flow import LocalFlow
from tamscore.errors import MemoryLimitError
from tamscore.progress import Progress
from tamscore.schema import InputColumns, Partition, Piece
from tamscore.scoring import memory_plan as capacity
from tamscore.scoring.fit import sample
from tests.fake_gpu import FakeGpu

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = InputColumns("id", "sales", numeric=tuple("abcdefgh"), categorical=("x",))


def flow(workers: int, memories: int = 1) -> Any:
    """What room is asked for."""
    return SimpleNamespace(workers=workers, memories=memories)


class Small(HostBackend):
    """A device of a few bytes."""

    def __init__(self, size: int) -> None:
        self.size = size

    def memory(self) -> int:
        return self.size


def partition(rows: int) -> Partition:
    return Partition(0, (Piece("market.parquet", (0,), rows),))


@given(st.lists(st.integers(0, 100)), st.integers(0, 500))
def test_the_first_rows_stay_as_long_as_they_fit_together(sizes, bytes_there):
    stays = capacity.resident(sizes, bytes_there)
    assert stays == sorted(stays, reverse=True)
    assert sum(size for size, one in zip(sizes, stays, strict=True) if one) <= bytes_there
    if False in stays:
        assert sum(sizes[: stays.index(False) + 1]) > bytes_there


def test_several_devices_have_room_for_several_times_as_much():
    assert (
        capacity.resident_capacity(flow(8, 4), Small(1000), 0.25)
        == 4 * capacity.resident_capacity(flow(8, 1), Small(1000), 0.25)
        == 1000
    )


def test_a_partition_that_fits_starts():
    capacity.require_start([partition(1000)], COLUMNS, Small(2**30), flow(4))


def test_a_partition_that_cannot_fit_is_refused_with_a_size_that_does():
    big = partition(5_000_000)
    with pytest.raises(MemoryLimitError, match=r"market.parquet.*: 5,000,000 rows need about") as caught:
        capacity.require_start([big] * 4, COLUMNS, Small(2**30), flow(4))
    assert caught.value.exit_code == 6
    rows = int(str(caught.value).split("at most ")[1].split(" rows")[0].replace(",", ""))
    assert 100_000 < rows < 5_000_000
    capacity.require_start([partition(rows)] * 4, COLUMNS, Small(2**30), flow(4))
    with pytest.raises(MemoryLimitError):
        capacity.require_start([partition(rows * 3 // 2)] * 4, COLUMNS, Small(2**30), flow(4))


def test_partitions_on_devices_of_their_own_do_not_add_up():
    big = [partition(5_000_000)] * 4
    capacity.require_start(big, COLUMNS, Small(2**30), flow(4, memories=4))


def never_enough(item: Any, backend: Any) -> None:
    raise MemoryError("so many bytes")


def test_out_of_memory_names_a_size_to_try():
    expected = r"market.parquet.*out of memory \(so many bytes\).*row groups of at most 500 rows"
    with pytest.raises(MemoryLimitError, match=expected):
        task.perform(never_enough, "market.parquet", partition(1000), FakeGpu())


def run(folder: Path, share: float) -> dict[str, bytes]:
    table = pa.table(
        {
            "account_id": [f"C{i}" for i in range(900)],
            "sales": np.random.default_rng(1).lognormal(0, 1, 900),
            "size": np.random.default_rng(2).lognormal(0, 1, 900),
            "age": np.random.default_rng(3).normal(0, 1, 900),
        }
    )
    folder.mkdir()
    for number in range(3):
        pq.write_table(table.slice(300 * number, 300), folder / f"part-{number}.parquet")
    output = folder.with_name(f"{folder.name}-scores")
    job = job_file.parse(
        {
            "device": "cpu",
            "input": {"path": str(folder)},
            "output": {"path": str(output)},
            "columns": {},
            "features": {"numeric": {"size": "log_standard", "age": "standard"}},
            "clusters": {"k": 4, "fit_rows": "all", "polish_passes": 1, "stability": False},
            "leakage": {"action": "off"},
            "engine": {"resident_share": share},
        }
    )
    made = pipeline.run(job, Progress())
    return {path.name: path.read_bytes() for path in sorted(made.path.rglob("part-*.parquet"))}


def test_what_stays_and_what_is_read_again_give_the_same_bytes(tmp_path, monkeypatch):
    """With no room at all every pass reads every partition again."""
    resident = run(tmp_path / "resident", 0.5)
    read, reads = sample.read_blocks, []

    def counted(item: Any, *given: Any) -> Any:
        reads.append(item)
        return read(item, *given)

    monkeypatch.setattr(sample, "read_blocks", counted)
    streamed = run(tmp_path / "streamed", 0.0)
    assert streamed == resident
    assert len(reads) > 2 * 3, "read again for each pass"


def test_kept_rows_are_those_of_every_partition_that_fits(monkeypatch):
    """Half of the partitions fit: half of them are blocks, the others recipes."""
    monkeypatch.setattr(sample, "read_blocks", lambda part, *_: f"blocks of {part}")
    with LocalFlow(2) as threads:
        items = threads.persist(sample.keep_rows, zip("abcd", capacity.resident([5] * 4, 10), strict=True), *[None] * 4)
    assert items[:2] == ["blocks of a", "blocks of b"]
    assert [type(one) for one in items[2:]] == [sample.StreamedRows] * 2
