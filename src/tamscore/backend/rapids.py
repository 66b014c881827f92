"""The CUDA backend with RAPIDS: cuDF decodes Parquet on the GPU a chunk at a time, cuML has the scalers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend import cuda_device, rmm_pool, scalers
from tamscore.backend.cuda import CudaBackend
from tamscore.backend.gpu_errors import explain_error, is_of_gpu
from tamscore.errors import InputContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.backend import Array
    from tamscore.backend.cuda_device import Device
    from tamscore.schema import Partition

CHUNK_BYTES = 2**28
"""Bytes of decoded columns that are read at a time."""
PASS_BYTES = 2**30
"""Bytes of compressed and decoded pages that the decoder holds at once."""


class RapidsBackend(CudaBackend):
    """The CUDA backend with the full reader."""

    @property
    def device(self) -> Device:
        """The GPU of this process, with one memory pool for all libraries of RAPIDS."""
        return cuda_device.device(rmm_pool.start_pool)

    def read(self, partition: Partition, columns: list[str], rows: Any | None = None) -> Iterator[list[Array]]:
        """Yield columns of a partition as float64 arrays (m,), nulls as NaN, in chunks; only `rows` if given."""
        cp = self.device.cp
        try:
            chunks = _read(partition, columns)
            yield from chunks if rows is None else _pick_rows(cp, chunks, rows)
        except (RuntimeError, ValueError, TypeError, KeyError, OverflowError) as error:
            if is_of_gpu(error):
                raise explain_error(error) from error
            raise InputContractError(f"{partition.where}: {str(error).strip()}; write the file again") from error

    def reading_bytes(self, rows: int, columns: int) -> int:
        """Return the bytes of the pages of a pass, a decoded chunk, and that chunk as float64."""
        return min(PASS_BYTES + 2 * CHUNK_BYTES, 4 * 8 * columns * rows)

    def fit_scaler(self, kind: str, column: Array) -> tuple[float, float]:
        """Return the parameters that cuML's scaler fits to a column (m,) without NaN; see `backend.scalers`."""
        from cuml import preprocessing

        return scalers.fit_scaler(preprocessing, kind, column)


def _read(partition: Partition, columns: list[str]) -> Iterator[list[Array]]:
    """Yield the columns of a whole partition as float64 arrays (m,) on the GPU, nulls as NaN, a chunk at a time.

    Raise InputContractError if the number of rows differs from the footers.
    """
    stop = 0
    for table in tables(partition, columns):
        stop += len(table)
        if stop > partition.rows:
            break
        yield [table[name].astype("float64").to_cupy(na_value=np.nan) for name in columns]
    if stop != partition.rows:
        raise InputContractError(f"{partition.where}: the number of rows differs from its footer; write the file again")


def tables(partition: Partition, columns: list[str]) -> Iterator[Any]:
    """Yield the named columns of a partition as cuDF tables, file by file, since files may differ in types."""
    import cudf
    import pylibcudf as plc

    for piece in partition.pieces:
        options = plc.io.parquet.ParquetReaderOptions.builder(plc.io.SourceInfo([piece.file])).build()
        options.set_row_groups([list(piece.row_groups)])
        options.set_column_names(columns)
        reader = plc.io.parquet.ChunkedParquetReader(options, chunk_read_limit=CHUNK_BYTES, pass_read_limit=PASS_BYTES)
        while reader.has_next():
            yield cudf.DataFrame.from_pylibcudf(reader.read_chunk())


def _pick_rows(cp: Any, read: Iterator[list[Array]], rows: Any) -> Iterator[list[Array]]:
    """Yield the rows at ascending host positions (r,) of columns that come a chunk at a time; one chunk at least."""
    stop, empty = 0, True
    for arrays in read:
        start, stop = stop, stop + len(arrays[0])
        first, end = np.searchsorted(rows, (start, stop))
        if end > first or empty:
            at, empty = cp.asarray(rows[first:end] - start), False
            yield [column[at] for column in arrays]
