"""The CUDA backend without a GPU: which functions it calls, and that every call gives what NumPy gives."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import array_api_strict
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore.backend import kernels, lean
from tamscore.backend.namespace import Namespace
from tamscore.backend.reader import LEAN, RAPIDS, choose_reader
from tamscore.schema import Partition, Piece
from tests import emulated
from tests.platform import gpu_calls

needs_compiler = pytest.mark.skipif(emulated.COMPILER is None, reason="no C++ compiler here")


def test_clip_is_cupys_own_and_all_else_the_standards():
    """One kernel in place of 65: CuPy's `clip` keeps NaN and the sign of zero as NumPy's does."""
    cupy: Any = SimpleNamespace(clip=np.clip)
    xp = Namespace(array_api_strict, cupy, np.matmul)
    assert (xp.clip, xp.matmul) == (np.clip, np.matmul)
    assert xp.take is array_api_strict.take
    values = np.array([-0.0, np.nan, 3.0])
    clipped = xp.clip(values, 0.0, 1.0)
    assert np.signbit(clipped[0])
    assert np.isnan(clipped[1])


def test_clip_is_called_with_its_bounds_in_place():
    """CuPy names the bounds `a_min` and `a_max`, the standard `min` and `max`: neither may be called by name."""
    clips = [call for call in gpu_calls.calls() if call.name == "cupy.clip" and call.positional >= 0]
    assert len(clips) > 5
    assert {(call.positional, call.keywords) for call in clips} == {(3, ())}


def finding(*modules: str) -> Any:
    return lambda name: object() if name in modules else None


@pytest.mark.parametrize("absent", [None, *RAPIDS])
def test_the_full_reader_is_chosen_only_if_rapids_is_installed_whole(absent):
    reader = choose_reader(finding(*(name for name in (*LEAN, *RAPIDS) if name != absent)))
    assert reader.name == ("full" if absent is None else "lean")
    assert absent is None or f"{RAPIDS[absent]} is not installed" in reader.reason
    assert reader.missing == ()


def test_what_every_reader_needs_is_named_where_it_is_missing():
    assert choose_reader(finding(*RAPIDS)).missing == tuple(LEAN.values())


def test_no_lean_column_is_lost_or_moved_between_batches(monkeypatch):
    """Rows that come a few at a time are put together to at least so many, in order, to the last row."""
    monkeypatch.setattr(lean, "BATCH_ROWS", 500)
    columns = np.arange(4_400.0).reshape(2, 2_200)
    parts = np.split(columns, range(170, 2_200, 170), axis=1)
    blocks = list(lean.batches(iter([list(part) for part in parts])))
    assert [block.shape[1] for block in blocks] == [510, 510, 510, 510, 160]
    assert np.array_equal(np.concatenate(blocks, axis=1), columns)


def market(folder: Any, rows: int = 900) -> Partition:
    path = folder / "part.parquet"
    table = pa.table({"x": np.arange(float(rows)), "i": np.arange(rows)})
    pq.write_table(table, path, compression=None, use_dictionary=False, write_page_checksum=True)
    return Partition(0, (Piece(str(path), (0,), rows),))


def test_the_lean_reader_refuses_a_page_whose_checksum_does_not_fit(tmp_path):
    """A flipped bit in a number is found on the way to the GPU, as on the way to a CPU."""
    partition = market(tmp_path)
    path = tmp_path / "part.parquet"
    data = bytearray(path.read_bytes())
    data[data.index(np.float64(500.0).tobytes())] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(OSError, match=r"CRC"):
        list(emulated.EmulatedCuda().read(partition, ["x"]))


@needs_compiler
@pytest.mark.parametrize("k", [65, 130])
def test_without_cublas_our_own_product_gives_the_same_labels_and_distances(rng, k):
    backend = emulated.EmulatedCuda(blas=False)
    block = rng.integers(-9_000, 9_000, (33, 500)).astype(np.float32)
    centers = rng.integers(-9_000, 9_000, (k, 33)).astype(np.float64)
    near, text = backend.nearest(block, centers), kernels.nearest(np, block, centers)
    assert np.array_equal(near.label, text.label)
    assert np.array_equal(near.sq_distance, text.sq_distance)
    assert np.array_equal(near.second_sq_distance, text.second_sq_distance)
    assert np.array_equal(backend.label(block, kernels.sq_norms(np, block), centers), text.label)


@needs_compiler
@pytest.mark.parametrize("shape", [(6, 17, 300), (1, 0, 5), (3, 4, 0)])
def test_our_own_product_is_that_of_whole_numbers(rng, shape):
    """For any number of rows of the first factor, no features, and no rows."""
    k, d, m = shape
    a, x = (rng.integers(-(2**20), 2**20, size).astype(np.float64) for size in ((k, d), (d, m)))
    assert np.array_equal(emulated.EmulatedCuda(blas=False).device.kernels.product(a, x), a @ x)
