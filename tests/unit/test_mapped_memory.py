"""Values in memory of their own are equal, in one piece, which is freed with its last user."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tamscore.scoring.mapped_memory import in_own_memory

ROWS = 20_000


@dataclass(frozen=True)
class Item:
    name: str
    columns: dict[str, Any]
    more: tuple[Any, ...] = ()
    nothing: Any = None
    few: Any = field(default_factory=lambda: np.arange(3))


def memory_of(array: Any) -> Any:
    """What an array lies in."""
    while isinstance(array, np.ndarray):
        array = array.base
    return array.obj if isinstance(array, memoryview) else array


def test_arrays_are_the_same_and_lie_in_one_piece_of_memory():
    same = np.arange(ROWS)
    item = Item("a", {"same": same, "short": np.arange(ROWS, dtype=np.int8)}, (same, np.ones((2, ROWS)), [same[::2]]))
    (moved,) = in_own_memory([item])
    pairs = [(item.columns[name], moved.columns[name]) for name in item.columns]
    pairs += [*zip(item.more[:2], moved.more[:2], strict=True), (item.more[2][0], moved.more[2][0])]
    for given, found in pairs:
        assert found.dtype == given.dtype
        assert found.shape == given.shape
        assert (found == given).all()
    assert len({id(memory_of(found)) for _, found in pairs}) == 1
    assert moved.columns["same"] is moved.more[0]
    assert (moved.name, moved.nothing) == ("a", None)
    assert moved.few is item.few


def test_what_holds_no_larger_array_is_handed_on():
    items = [Item("a", {}), {"b": np.arange(3)}, None]
    assert all(moved is item for moved, item in zip(in_own_memory(items), items, strict=True))


def test_an_array_can_be_written_to():
    (moved,) = in_own_memory([np.zeros(ROWS)])
    moved[7] = 1.0
    assert moved.sum() == 1.0
