"""Values of a run as bytes and back, to the bit: arrays as safetensors, all else as JSON in its header.

Nothing in such bytes can run code: an object comes back only as one of the classes that the reader names.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_Reference: TypeAlias = "tuple[Callable[[Any], Any], Callable[[Any], Any]]"
"""A function that returns what stands for a value, and one that returns the value from it."""
_PLAIN = (type(None), bool, int, float, str)
_ROWS: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "list": list}
_MAPS: dict[str, Callable[[Any], Any]] = {"dict": dict, "Counter": lambda pairs: Counter(dict(pairs))}
_NUMBERS = "biuf"
"""The kinds of numbers that arrays may hold: bool, whole, whole without sign, floating."""


@dataclass(frozen=True)
class ValueFormat:
    """How values of a run become bytes: the frozen dataclasses that may occur, and classes that references stand for.

    Beside these there may be None, numbers, texts, tuples, lists, dicts, counters, arrays and Arrow tables.
    """

    classes: Sequence[type]
    references: Mapping[type, _Reference] = field(default_factory=dict)

    def to_bytes(self, value: Any) -> bytes:
        """Return the value as bytes. Raise TypeError that names the first class which may not occur."""
        from safetensors.numpy import save

        writer = _FormWriter(self)
        text = json.dumps(writer.form(value))
        return save({str(place): array for place, array in enumerate(writer.arrays)}, {"value": text})

    def from_bytes(self, data: bytes) -> Any:
        """Return the value that these bytes were made of, its arrays read-only. Raise ValueError if there is none."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            return _FormReader(self, load(data)).value(json.loads(header["__metadata__"]["value"]))
        except (SafetensorError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"no stored value: {error}") from error


def _name_of(kind: type) -> str:
    """Return the name of a class among stored values."""
    return f"{kind.__module__}.{kind.__qualname__}"


class _FormWriter:
    """Turns a value into words of JSON; its arrays, each once, are collected in `arrays`."""

    def __init__(self, known: ValueFormat) -> None:
        self._references, self._classes = known.references, frozenset(known.classes)
        self._places: dict[int, int] = {}
        self._placed: list[Any] = []  # an id is taken as long as its array lives
        self.arrays: list[Any] = []

    def form(self, value: Any) -> Any:
        """Return the value in words of JSON; what JSON has no word for is a list that begins with its kind."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind in self._references:
            return ["reference", _name_of(kind), self.form(self._references[kind][0](value))]
        if kind in self._classes:
            return ["object", _name_of(kind), [self.form(getattr(value, item.name)) for item in fields(kind)]]
        if kind in {tuple, list}:
            return [kind.__name__, [self.form(item) for item in value]]
        if kind in {dict, Counter}:
            return [kind.__name__, [[self.form(key), self.form(item)] for key, item in value.items()]]
        return self._numbers(value)

    def _numbers(self, value: Any) -> list[Any]:
        import pyarrow as pa

        if isinstance(value, np.generic):
            return ["scalar", self._place(np.asarray(value))]
        if isinstance(value, np.ndarray) and value.flags.f_contiguous and not value.flags.c_contiguous:
            return ["turned", self._place(value.T)]  # sums over its axes are taken in the order of its memory
        if isinstance(value, np.ndarray):
            return ["array", self._place(value)]
        if isinstance(value, pa.Table):
            return ["table", self._place(np.frombuffer(_table_bytes(value), np.uint8))]
        raise TypeError(f"values of {_name_of(type(value))} cannot be stored")

    def _place(self, array: Any) -> int:
        if array.dtype.kind not in _NUMBERS:
            raise TypeError(f"arrays of {array.dtype} cannot be stored")
        if id(array) not in self._places:
            self._places[id(array)] = len(self.arrays)
            self._placed.append(array)
            self.arrays.append(array if array.flags.c_contiguous else array.copy(order="C"))
        return self._places[id(array)]


class _FormReader:
    """Puts a value together from its words and arrays."""

    def __init__(self, known: ValueFormat, arrays: Mapping[str, Any]) -> None:
        self._references = {_name_of(kind): pair for kind, pair in known.references.items()}
        self._classes = {_name_of(kind): kind for kind in known.classes}
        self._arrays = arrays

    def value(self, form: Any) -> Any:
        """Return the value of a form, see `_FormWriter.form`."""
        if not isinstance(form, list):
            return form
        kind, *rest = form
        if kind in _ROWS:
            return _ROWS[kind](self.value(item) for item in rest[0])
        if kind in _MAPS:
            return _MAPS[kind]((self.value(key), self.value(item)) for key, item in rest[0])
        if kind == "reference":
            return self._references[rest[0]][1](self.value(rest[1]))
        if kind == "object":
            return self._object(*rest)
        return _SHAPES[kind](self._arrays[str(rest[0])])

    def _object(self, name: str, values: list[Any]) -> Any:
        kind: Any = self._classes[name]
        names = [item.name for item in fields(kind)]
        return kind(**dict(zip(names, map(self.value, values), strict=True)))


def _table_bytes(table: Any) -> Any:
    """Return an Arrow table as a stream of Arrow's own format."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def _table_of(data: Any) -> Any:
    """Return the table of such a stream."""
    import pyarrow as pa

    return pa.ipc.open_stream(pa.py_buffer(data)).read_all()


_SHAPES: dict[str, Callable[[Any], Any]] = {
    "array": lambda array: array,
    "turned": lambda array: array.T,
    "scalar": lambda array: array[()],
    "table": _table_of,
}
"""What is made of an array, by kind."""
