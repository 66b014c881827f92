"""The least that a run can cost: every feature decoded twice, the scores written once, and nothing computed.

`python -m bench.floor MARKET SCORES OUTPUT` prints the CPU seconds of that, with Python's start but without reading the
scores of a finished run, which are then written again.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def main(market: Path, scores: Path, output: Path) -> dict[str, float]:
    """CPU seconds of decoding the features once, of writing the scores, and of the floor."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from bench.numbers_market import FEATURES
    from tamscore.scoring.score.parts import repeating
    from tamscore.store import commit

    started = time.process_time()
    pa.set_cpu_count(1)
    tables = [pq.read_table(part) for part in sorted(scores.glob("part-*.parquet"))]
    loaded = time.process_time()
    files = sorted((market / "market").glob("*.parquet"))
    groups = [(file, g) for file in files for g in range(pq.read_metadata(file).num_row_groups)]

    def decode(group: tuple[Path, int]) -> None:
        with pq.ParquetFile(group[0]) as file:
            file.read_row_group(group[1], columns=list(FEATURES), use_threads=False)

    def write(number: int) -> None:
        commit.place_parquet(tables[number], output / f"{number}.parquet", repeating(tables[number]))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decode, groups))
        once = time.process_time()
        list(pool.map(decode, groups))
        twice = time.process_time()
        list(pool.map(write, range(len(tables))))
        written = time.process_time()
    decoded, stored = (twice - loaded) / 2, written - twice
    return {"decode_once": decoded, "first_decode": once - loaded, "write": stored, "start": started}


if __name__ == "__main__":
    spent = main(*map(Path, sys.argv[1:4]))
    spent["cpu_seconds"] = spent["start"] + 2 * spent["decode_once"] + spent["write"]
    sys.stdout.write(json.dumps(spent) + "\n")
