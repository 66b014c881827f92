"""`python -m tests.faults.import_crashes FOLDER START STRIDE`: imports of several files killed at every STRIDE-th step.

A process of its own, since it forks. Prints how many kills there were, and what went wrong after any of them.
"""

from __future__ import annotations

import json
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute
import pyarrow.csv  # noqa: F401 - here, so that no child has to
import pyarrow.parquet as pq

from tamscore.store import commit, folders
from tests.faults import protocol
from tests.imports import import_csv

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("a", "b", "c")
RAGGED = "9,9,9\n"


def sources(folder: Path, value: int) -> Path:
    """Return a folder of CSV files that all hold a value, a row of the first one to be rejected."""
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / f"{name}.csv").write_text(f"id,sales\nx,{value}\n{RAGGED if name == 'a' else ''}", encoding="utf-8")
    return folder


def values(market: Path) -> list[int]:
    """Return what a reader of a folder finds, file by file; nothing where there is no folder."""
    return [pq.read_table(path)["sales"][0].as_py() for path in sorted(market.glob("*.parquet"))]


def names(folder: Path) -> list[str]:
    """Return the names of all that lies below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def load(market: Path, source: Path) -> None:
    """Import a folder over what is there."""
    import_csv([source], market, overwrite=True, max_rejected_share=0.5)


def crashes(folder: Path, old: Path | None, new: Path, wanted: set[tuple[int, ...]], steps: range) -> Iterator[str]:
    """Kill an import into a copy of a folder, none for a new one; yield the step of each kill, and what went wrong."""
    for step in steps:
        place = folder / f"{step}"
        place.mkdir(parents=True)
        market = place / "market"
        if old is not None:
            shutil.copytree(old, market)
        if not protocol.killed_at(step, partial(load, market, new)):
            return
        yield "killed"
        if tuple(values(market)) not in wanted:
            yield f"step {step}: read {values(market)}"
        if step % 4 == 0:
            protocol.killed_at(0, partial(load, market, new))
            if values(market) != [2, 2, 2]:
                yield f"step {step}: read {values(market)} after the next import"
        commit.sweep_beside(place / "any")
        if tuple(values(market)) not in wanted - ({()} if old is not None else set()):
            yield f"step {step}: read {values(market)} after a sweep"
        yield from (f"step {step}: left {name}" for name in names(place) if "_tmp-" in name)
        if old is not None and "market/note" not in names(place):
            yield f"step {step}: lost another file of the folder"
        shutil.rmtree(place)


def main(folder: Path, start: int, stride: int) -> dict[str, object]:
    """Kill imports into a new folder and over an old one, swapped in one step and moved aside."""
    new, old = sources(folder / "new", 2), folder / "market"
    protocol.killed_at(0, partial(load, old, sources(folder / "old", 1)))
    (old / "note").write_text("not of an import", encoding="utf-8")
    messages: list[str] = []
    whole: set[tuple[int, ...]] = {(1, 1, 1), (2, 2, 2)}
    cases = (("swap", old, whole), ("aside", old, {*whole, ()}), ("first", None, {(2, 2, 2), ()}))
    for name, before, wanted in cases:
        swapped = folders.swap
        if name == "aside":
            folders.swap = lambda *_: False
        messages += [
            f"{name}: {text}" for text in crashes(folder / name, before, new, wanted, range(start, 99, stride))
        ]
        folders.swap = swapped
    wrong = [text for text in messages if not text.endswith(": killed")]
    return {"kills": len(messages) - len(wrong), "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))  # noqa: T201 - what it is run for
