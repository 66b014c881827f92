"""Twice the rows are twice the work: what each stage of a run with sections reads does not grow faster than its input.

Seconds are too noisy for a test, so cells are counted: rows times columns that a stage decodes, and the lines that it
puts in order. Ranges are made small, so that a table that is read again for each of them would be read dozens of times.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tamscore import job_file, pipeline
from tamscore.arrow import level_codes, text_dictionary
from tamscore.backend import host
from tamscore.progress import Listener, Progress
from tamscore.scoring.joining import order_lines
from tamscore.stages.orders import Lines
from tamscore.store import contents, tables
from tamscore.synthetic import write_market

if TYPE_CHECKING:
    from pathlib import Path

ROWS, MOST = 3_000, 2.3
CHANGES = (
    'leakage.action="off"',
    "clusters.stability=false",
    "clusters.restarts=2",
    "clusters.seed_rows=1000",
    "engine.workers=1",
)


class Work(Listener):
    """Counts what the stage under way reads and orders."""

    def __init__(self) -> None:
        self.stage, self.done = "", Counter[str]()

    def begin(self, stage: str, total: int | None) -> None:
        self.stage = stage

    def end(self, spent: Any) -> None:
        self.stage = ""

    def note(self, what: str, amount: int) -> None:
        self.done[f"{self.stage} {what}"] += amount


def counted(folder: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What a run with orders, offers and their kin reads and orders, by stage."""
    write_market(folder, rows, 0, orders=True)
    work = Work()
    read_piece, batches, decoded, ordered = tables.read_piece, host.batches, contents.decode, Lines.ordered

    def reading(piece, wanted, *rest):
        work.note("cells read", piece.rows * len(wanted))
        return read_piece(piece, wanted, *rest)

    def streaming(partition, columns):
        work.note("cells read", partition.rows * len(columns))
        return batches(partition, columns)

    def decoding(file, columns=None):
        table = decoded(file, columns)
        work.note("cells read", table.num_rows * table.num_columns)
        return table

    def ordering(lines):
        work.note("lines ordered", len(lines))
        return ordered(lines)

    with monkeypatch.context() as patch:
        patch.setattr(order_lines, "RANGE_ROWS", 100)
        patch.setattr(tables, "read_piece", reading)
        patch.setattr(host, "batches", streaming)
        patch.setattr(contents, "decode", decoding)
        patch.setattr(Lines, "ordered", ordering)
        job = job_file.load(folder / "job.toml", [f'output.path="{folder}/scores"', *CHANGES])
        pipeline.run(job, Progress(work))
    return work.done


def test_no_stage_does_more_than_its_share_of_twice_the_rows(tmp_path, monkeypatch):
    once = counted(tmp_path / "once", ROWS, monkeypatch)
    twice = counted(tmp_path / "twice", 2 * ROWS, monkeypatch)
    assert {"orders cells read", "products cells read", "orders lines ordered", "score cells read"} <= once.keys()
    assert {name: twice[name] / amount for name, amount in once.items() if twice[name] > MOST * amount} == {}


@pytest.mark.parametrize("name", ["text_dictionary", "level_codes"])
def test_codes_of_texts_compare_each_text_a_few_times(name):
    """As many comparisons as there are texts, a few times over, and not as many as there are pairs of them."""
    compared = 0

    class Level(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        def __hash__(self) -> int:
            return str.__hash__(self)

    texts = [f"reason {i}" for i in range(500)]
    levels = [Level(text) for text in texts]
    column = text_dictionary(range(500), [*levels[:250], *levels[:250]] if name == "text_dictionary" else texts)
    if name == "level_codes":
        import pyarrow as pa

        assert level_codes(pa.chunked_array([column]), levels).tolist() == list(range(500))
    assert compared <= 4 * 500
