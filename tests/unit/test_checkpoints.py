"""Values as bytes and back, and the files of a run that goes on: right to the bit, or not used at all."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays

from tamscore.progress import Progress
from tamscore.store import commit
from tamscore.store.checkpoints import Checkpoints
from tamscore.store.stored_values import ValueFormat

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Pair:
    one: Any
    other: Any


FORMAT = ValueFormat([Pair])
PLAIN = some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5)
NUMBERS = arrays.arrays(
    some.sampled_from([np.dtype(name) for name in ("?", "u1", "i1", "u2", "u8", "i8", "f4", "f8")]),
    arrays.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3),
)


def nested(inner: some.SearchStrategy[Any]) -> some.SearchStrategy[Any]:
    lists = some.lists(inner, max_size=3)
    texts = some.text(max_size=3) | some.none() | some.tuples(some.text(max_size=2), some.integers())
    maps = some.dictionaries(texts, inner, max_size=3)
    counts = some.dictionaries(some.text(max_size=3), some.integers(), max_size=3).map(Counter)
    return lists | lists.map(tuple) | maps | counts | some.builds(Pair, inner, inner)


VALUES = some.recursive(PLAIN | NUMBERS | NUMBERS.map(np.asfortranarray) | some.floats().map(np.float64), nested)


def same(one: Any, other: Any) -> bool:
    """Whether two values are of one type and equal to the bit, NaN and the order in memory included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Pair | dict | list | tuple):
        mine, theirs = parts_of(one), parts_of(other)
        return len(mine) == len(theirs) and all(map(same, mine, theirs))
    return bool(bits(one) == bits(other))


def parts_of(value: Any) -> list[Any]:
    if isinstance(value, Pair):
        return [value.one, value.other]
    return list(value.items()) if isinstance(value, dict) else list(value)


def bits(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        return array.dtype, array.shape, array.flags.c_contiguous, array.flags.f_contiguous, array.tobytes()
    return value.hex() if isinstance(value, float) else value


@settings(max_examples=30)
@given(VALUES)
def test_a_value_comes_back_to_the_bit(value):
    assert same(FORMAT.from_bytes(FORMAT.to_bytes(value)), value)


def test_a_table_comes_back_with_its_dictionaries():
    table = pa.table({"id": ["a", None], "kind": pa.array(["x", "x"]).dictionary_encode(), "sales": [1.5, np.nan]})
    back = FORMAT.from_bytes(FORMAT.to_bytes({"top": table}))["top"]
    assert back.schema == table.schema
    assert back.select(["id", "kind"]).equals(table.select(["id", "kind"]))
    assert np.isnan(back["sales"].to_numpy()[1])


def test_an_array_that_stands_twice_is_written_once_and_is_one_array_again():
    array = np.arange(1000)
    data = FORMAT.to_bytes(Pair(array, array))
    back = FORMAT.from_bytes(data)
    assert back.one is back.other
    assert len(data) < 1.2 * array.nbytes


@pytest.mark.parametrize("value", [{1, 2}, np.array(["text"]), np.array([None]), b"bytes", FORMAT, 1j], ids=repr)
def test_what_has_no_form_is_refused_by_name(value):
    with pytest.raises(TypeError, match="cannot be stored"):
        FORMAT.to_bytes([value])


def test_bytes_that_name_a_class_which_nobody_expects_are_no_value():
    data = FORMAT.to_bytes(Pair(1, 2))
    with pytest.raises(ValueError, match="no stored value"):
        ValueFormat([]).from_bytes(data)


def opened(folder: Path, progress: Progress, key: str = "k1", rows: tuple[int, ...] = (3, 3, 3)) -> Checkpoints:
    return Checkpoints(folder / "_checkpoints" / key, key, rows, FORMAT, progress)


def stored_parts(folder: Path, progress: Progress | None = None, key: str = "k1") -> list[list[str]]:
    """What a run computes that ends early: nothing where all of it is there."""
    computed: list[list[str]] = []

    def make(items: list[str]) -> list[str]:
        computed.append(items)
        return [item.upper() for item in items]

    with suppress(KeyboardInterrupt), opened(folder, progress or Progress(), key) as checkpoints:
        assert list(checkpoints.each("stage", ["a", "b", "c"], make, "stage")) == ["A", "B", "C"]
        raise KeyboardInterrupt
    return computed


@pytest.fixture(autouse=True)
def _groups_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tamscore.store.checkpoints.GROUP_ROWS", 4)


def test_only_what_is_not_there_is_computed(tmp_path):
    assert stored_parts(tmp_path) == [["a", "b", "c"]]
    assert stored_parts(tmp_path) == []
    (tmp_path / "_checkpoints" / "k1" / "stage-00000").unlink()
    assert stored_parts(tmp_path) == [["a", "b"]]


def test_every_flipped_bit_and_every_lost_byte_is_found_and_reported(tmp_path):
    """S51: whatever is not as it was written is not used, and said."""
    stored_parts(tmp_path)
    path = tmp_path / "_checkpoints" / "k1" / "stage-00001"
    whole = path.read_bytes()
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        for damaged in (bytes(flipped), whole[:place]):
            path.write_bytes(damaged)
            progress = Progress()
            assert opened(tmp_path, progress).stored_values("stage", 3) == ["A", "B", None]
            assert [text.partition(": ")[0] for text in progress.notices] == [str(path)]


def test_the_files_of_another_run_are_not_used(tmp_path):
    """S51: not even where they lie in the folder of this one."""
    stored_parts(tmp_path)
    (tmp_path / "_checkpoints" / "k1").rename(tmp_path / "_checkpoints" / "k2")
    progress = Progress()
    assert stored_parts(tmp_path, progress, "k2") == [["a", "b", "c"]]
    assert len(progress.notices) == 2


def test_files_made_with_other_libraries_are_not_used(tmp_path, monkeypatch):
    stored_parts(tmp_path)
    monkeypatch.setattr(np, "__version__", "0.0.1")
    progress = Progress()
    assert stored_parts(tmp_path, progress) == [["a", "b", "c"]]
    assert "made with other libraries" in progress.notices[0]


def test_notices_of_what_was_computed_before_are_given_again(tmp_path):
    def make(progress: Progress) -> int:
        progress.notice("7 is a lucky number")
        return 7

    for _ in range(2):
        progress = Progress()
        with suppress(KeyboardInterrupt), opened(tmp_path, progress) as checkpoints:
            assert checkpoints.once("number", partial(make, progress), "number") == 7
            raise KeyboardInterrupt
        assert progress.notices == ["7 is a lucky number"]
    assert checkpoints.found == ["number"]


def test_a_disk_that_takes_nothing_is_reported_once_and_costs_nothing_but_the_resume(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(commit, "place_bytes", full)
    progress = Progress()
    with opened(tmp_path, progress) as checkpoints:
        for number in range(50):
            assert checkpoints.once(f"value {number}", partial(int, number)) == number
    assert len(progress.notices) == 1
    assert "No space left on device" in progress.notices[0]


def test_all_checkpoints_of_the_output_go_when_a_run_is_complete(tmp_path):
    """S19: those of runs that were never started again, too."""
    stored_parts(tmp_path, key="k2")
    with opened(tmp_path, Progress()) as checkpoints:
        checkpoints.once("value", lambda: 1)
    assert list(tmp_path.iterdir()) == []
