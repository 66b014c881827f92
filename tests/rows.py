"""Rows for k-means: blocks of whole numbers on any backend, in any number of pieces."""

from __future__ import annotations

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.stages.blocks import BlockRows, DrawnBlock

HOST = HostBackend()


def rows_of(block, backend=HOST, numbers=None, width=10**9):
    """Host rows (d, m), cut into blocks of a width, as something to loop over."""
    m = block.shape[1]
    numbers = np.sort(np.arange(m, dtype=np.uint64) if numbers is None else numbers)
    cut = range(0, m, min(width, m))
    blocks = [DrawnBlock(backend.put(block[:, i : i + width].astype(np.float32)), numbers[i : i + width]) for i in cut]
    return BlockRows(backend, blocks)
