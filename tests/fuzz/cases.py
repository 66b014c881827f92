"""Spoilt files by number: the same number gives the same bytes, so that a find can be made again."""

from __future__ import annotations

import io
import json
from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 120
JOB = b"""device = "cpu"
[input]
path = "market"
max_row_group_bytes = 1_000_000
[columns]
account_id = "id"
sales = "sales"
party_type = "party"
keep = ["city"]
[rows]
sales_missing = "reject"
max_rejected_share = 0.1
[features]
numeric = {employees = "log_standard", revenue = {scaling = "robust", winsorise = [0.01, 0.99], weight = 2}}
categorical = ["industry"]
[clusters]
k = {end_user = 12}
fit_rows = "all"
[potential]
cut_lines = [0.5, 0.9]
[quadrant]
threshold = "capacity"
capacity = 100
[campaigns]
bands = {small = 0}
[campaigns.map.small]
channel = "email"
theme = "price"
[engine]
kind = "local"
[output]
path = "scores"
"""
TOKENS = [
    *(b"true", b"false", b"nan", b"-inf", b"0", b"-1", b"1e308", b"9" * 30, b"0x7f", b"1979-05-27", b"12:30:45", b'""'),
    *(
        b'"auto"',
        b"[]",
        b"{}",
        b"[[",
        b"]]",
        b"'''",
        b'"""',
        b"\\u0000",
        b"\\",
        b"=",
        b".",
        b"#",
        b"\r",
        b"\x00",
        b"\xff",
    ),
    *(b"s3://u:p@h/x", b"::", b"../..", b"\xe2\x80\xa8", b"a.b.c = 1\n", b"[x]\n", b"[[x]]\n", b"k = 3\n", b"path"),
]


def spoilt(random: np.random.Generator, data: bytes, first: int = 0) -> bytes:
    """The bytes with one to eight of them, or of their stretches, changed at or after a place."""
    changed = bytearray(data)
    for _ in range(int(random.choice([1, 1, 1, 2, 3, 8]))):
        at = int(random.integers(min(first, max(len(changed) - 1, 0)), max(len(changed), 1)))
        stretch = slice(at, at + int(random.choice([1, 1, 2, 4, 16, 200])))
        kind = random.integers(8)
        if kind <= 1 and changed:
            changed[min(at, len(changed) - 1)] ^= 1 << int(random.integers(8))
        elif kind == 2 and changed:
            changed[min(at, len(changed) - 1)] = int(random.choice([0, 1, 0x7F, 0x80, 0xFF, int(random.integers(256))]))
        elif kind == 3:
            changed[stretch] = random.bytes(len(changed[stretch]))
        elif kind == 4:
            del changed[stretch]
        elif kind == 5:
            changed[at:at] = changed[stretch]
        elif kind == 6:
            changed[at:at] = b"\xff" * int(random.integers(1, 10))
        elif random.random() < 0.2:
            del changed[at:]
    return bytes(changed)


def job_file(number: int) -> bytes:
    """A job file with bytes, words or lines changed."""
    random = np.random.default_rng([1, number])
    if random.random() < 0.4:
        return spoilt(random, JOB)
    lines = JOB.splitlines(keepends=True)
    for _ in range(int(random.integers(1, 4))):
        at = int(random.integers(len(lines)))
        token = TOKENS[int(random.integers(len(TOKENS)))]
        kind = random.integers(4)
        if kind == 0:
            lines[at] = lines[at].partition(b"=")[0] + b"= " + token + b"\n"
        elif kind == 1:
            lines.insert(at, token)
        elif kind == 2:
            lines[at] = lines[int(random.integers(len(lines)))]
        else:
            place = int(random.integers(len(lines[at])))
            lines[at] = lines[at][:place] + token + lines[at][place:]
    return b"".join(lines)


@cache
def market() -> pa.Table:
    """A small market with columns of many types."""
    random = np.random.default_rng(0)
    gap = random.random(ROWS) < 0.1
    return pa.table(
        {
            "id": [f"A{i:05d}" for i in range(ROWS)],
            "sales": pa.array(random.integers(0, 500, ROWS).astype(float), mask=gap),
            "x": random.standard_normal(ROWS),
            "n": pa.array(random.integers(0, 9, ROWS), pa.int32(), mask=gap),
            "t": pa.array([("a", "b", "cc", None)[i] for i in random.integers(4, size=ROWS)]),
            "party": random.choice(["end_user", "channel"], ROWS),
            "kept": pa.array([[{"a": i}] * (i % 3) for i in range(ROWS)]),
            "code": pa.array(random.choice(["u", "v"], ROWS)).dictionary_encode(),
        }
    )


CODECS = ("none", "snappy", "zstd", "gzip", "lz4", "brotli")
ENCODINGS: tuple[dict[str, Any], ...] = (
    {},
    {"use_dictionary": False},
    {"use_dictionary": False, "column_encoding": {"x": "BYTE_STREAM_SPLIT", "n": "DELTA_BINARY_PACKED"}},
    {"use_dictionary": False, "column_encoding": {"id": "DELTA_BYTE_ARRAY", "t": "DELTA_LENGTH_BYTE_ARRAY"}},
)


@cache
def parquet(form: int) -> bytes:
    """A good Parquet file in one of many forms."""
    sink = io.BytesIO()
    pq.write_table(
        market(),
        sink,
        compression=CODECS[form % 6],
        data_page_version=("1.0", "2.0")[form // 6 % 2],
        write_page_checksum=bool(form // 12 % 2),
        row_group_size=(ROWS, 50)[form // 24 % 2],
        store_schema=bool(form // 48 % 2),
        **ENCODINGS[form // 96 % 4],
    )
    return sink.getvalue()


def parquet_file(number: int) -> bytes:
    """A Parquet file spoilt in its footer, its pages, its last bytes, or joined with the footer of another."""
    random = np.random.default_rng([2, number])
    data = parquet(int(random.integers(384)))
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    kind = random.random()
    if kind < 0.05:
        other = parquet(int(random.integers(384)))
        return data[:footer] + other[len(other) - 8 - int.from_bytes(other[-8:-4], "little") :]
    if kind < 0.6:
        # The length behind the footer is set right again, or nothing but that length would ever be found wrong.
        changed = spoilt(random, data[footer:-8])
        return data[:footer] + changed + len(changed).to_bytes(4, "little") + b"PAR1"
    return spoilt(random, data, len(data) - 8 if kind < 0.65 else 4)


VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    1e308,
    -0.0,
    "",
    "x",
    [],
    {},
    [[]],
    {"a": 1},
    2**70,
    "\x00",
    [1.5],
    float("nan"),
]


def model_files(number: int, description: dict[str, Any], arrays: bytes) -> tuple[bytes, bytes]:
    """The two files of a model with values or bytes changed."""
    random = np.random.default_rng([3, number])
    text = json.dumps(description)
    kind = random.random()
    if kind < 0.25:
        return spoilt(random, text.encode()), arrays
    if kind < 0.5:
        return text.encode(), spoilt(random, arrays)
    changed = json.loads(text)
    for _ in range(int(random.integers(1, 3))):
        swap_value(random, changed)
    return json.dumps(changed).encode(), arrays


def swap_value(random: np.random.Generator, inner: Any) -> None:
    """Change, remove or double one value somewhere inside."""
    while inner:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        key = keys[int(random.integers(len(keys)))]
        if isinstance(inner[key], dict | list) and inner[key] and random.random() < 0.8:
            inner = inner[key]
            continue
        kind = random.random()
        if kind < 0.2:
            del inner[key]
        elif kind < 0.4 and isinstance(inner, list):
            inner.append(deepcopy(inner[key]))
        else:
            inner[key] = deepcopy(VALUES[int(random.integers(len(VALUES)))])
        return
