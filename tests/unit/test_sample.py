"""Which rows are drawn: those with the lowest numbers, exactly as many as asked for, however hashes are spread."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore.schema import Partition, Reason
from tamscore.scoring.census.part_rows import PartRows
from tamscore.scoring.fit.sample import last_drawn
from tamscore.stages.draw import LAST, draw_number

SEED = 3


def part(hashes: np.ndarray, party: int = 0) -> PartRows:
    reason = np.full(len(hashes), Reason.SCORED, np.uint8)
    return PartRows(Partition(0, ()), reason, np.full(len(hashes), party, np.int8), hashes, 0, {})


@pytest.mark.parametrize("wanted", [1, 7, 60, 599, 600, 601, 10_000])
@pytest.mark.parametrize("crowded", [False, True])
def test_as_many_rows_are_drawn_as_asked_for(wanted, crowded):
    """Also where all numbers crowd at the upper end, so that the first bound holds none of them."""
    hashes = np.random.default_rng(1).integers(0, 2**64, 60_000, np.uint64)
    if crowded:
        hashes = hashes[np.argsort(draw_number(hashes, SEED))[-600:]]
    hashes = hashes[:600]
    parts = [part(hashes[:50]), part(hashes[50:]), part(np.arange(9, dtype=np.uint64), party=1)]
    last, rows = last_drawn(parts, 0, SEED, wanted)
    drawn = np.count_nonzero(draw_number(hashes, SEED) <= np.uint64(last))
    assert drawn == rows == min(wanted, 600)
    assert (last == LAST) == (wanted >= 600)


def test_of_a_party_type_without_rows_there_is_nothing_to_draw():
    assert last_drawn([part(np.empty(0, np.uint64))], 1, SEED, 5) == (LAST, 0)
