"""Memory of their own for arrays that a run holds for long: on the heap they would leave holes once they are freed."""

from __future__ import annotations

import mmap
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Value = TypeVar("_Value")
_LEAST = 1 << 14
"""Arrays of fewer bytes are not moved."""
_ALIGNED = 64


def in_own_memory(values: Iterable[_Value]) -> Iterator[_Value]:
    """Yield values with their larger arrays moved to mapped memory, one piece a value, which is freed with them."""
    for value in values:
        yield _moved(value)
        del value  # before the next one is made


def _moved(value: _Value) -> _Value:
    """Return a value of dataclasses, dictionaries, tuples and lists with its larger arrays in one piece of memory."""
    arrays: dict[int, Any] = {}
    _collect(value, arrays)
    size = sum(_aligned_bytes(array) for array in arrays.values())
    if not size:
        return value
    memory, start = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), 0
    moved: dict[int, Any] = {}
    for key, array in arrays.items():
        moved[key] = np.frombuffer(memory, array.dtype, array.size, start).reshape(array.shape)
        moved[key][...] = array
        start += _aligned_bytes(array)
    result: _Value = _with(value, moved)
    return result


def _aligned_bytes(array: Any) -> int:
    """Return the bytes of an array, rounded up to where the next array may begin."""
    return -(-int(array.nbytes) // _ALIGNED) * _ALIGNED


def _collect(value: Any, arrays: dict[int, Any]) -> None:
    """Add the larger arrays of a value to `arrays`, by their identity."""
    if isinstance(value, np.ndarray):
        if value.nbytes >= _LEAST and not value.dtype.hasobject:
            arrays[id(value)] = value
    else:
        for _, part in _parts_of(value):
            _collect(part, arrays)


def _with(value: Any, moved: dict[int, Any]) -> Any:
    """Return a value with arrays replaced by identity; a value without such arrays is returned as it is."""
    if isinstance(value, np.ndarray):
        return moved.get(id(value), value)
    parts = [(key, part, _with(part, moved)) for key, part in _parts_of(value)]
    if all(part is new for _, part, new in parts):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{key: new for key, part, new in parts if part is not new})
    return {key: new for key, _, new in parts} if isinstance(value, dict) else type(value)(new for *_, new in parts)


def _parts_of(value: Any) -> list[tuple[Any, Any]]:
    """Return the parts of a dataclass, dictionary, list or tuple, by name or key; [] for other values."""
    if is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if type(value) in {list, tuple} else []
