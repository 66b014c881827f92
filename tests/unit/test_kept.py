"""What is kept apart from the heap is the same, in one piece of memory, and gone with the last that uses it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tamscore.scoring.kept import kept_apart

ROWS = 20_000


@dataclass(frozen=True)
class Item:
    name: str
    columns: dict[str, object]
    more: tuple[object, ...] = ()
    nothing: object = None
    few: object = field(default_factory=lambda: np.arange(3))


def memory_of(array: object) -> object:
    """What an array lies in."""
    while isinstance(array, np.ndarray):
        array = array.base
    return array.obj if isinstance(array, memoryview) else array


def test_arrays_are_the_same_and_lie_in_one_piece_of_memory():
    same = np.arange(ROWS)
    item = Item("a", {"same": same, "short": np.arange(ROWS, dtype=np.int8)}, (same, np.ones((2, ROWS)), [same[::2]]))
    (kept,) = kept_apart([item])
    pairs = [(item.columns[name], kept.columns[name]) for name in item.columns]
    pairs += [*zip(item.more[:2], kept.more[:2], strict=True), (item.more[2][0], kept.more[2][0])]
    for given, found in pairs:
        assert found.dtype == given.dtype
        assert found.shape == given.shape
        assert (found == given).all()
    assert len({id(memory_of(found)) for _, found in pairs}) == 1
    assert kept.columns["same"] is kept.more[0]
    assert (kept.name, kept.nothing) == ("a", None)
    assert kept.few is item.few


def test_what_holds_no_larger_array_is_handed_on():
    items = [Item("a", {}), {"b": np.arange(3)}, None]
    assert all(kept is item for kept, item in zip(kept_apart(items), items, strict=True))


def test_an_array_can_be_written_to():
    (kept,) = kept_apart([np.zeros(ROWS)])
    kept[7] = 1.0
    assert kept.sum() == 1.0
