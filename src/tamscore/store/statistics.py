"""What the footers of Parquet files record of a column: how many nulls, the least and the largest value.

They are read by a child process, because PyArrow ends the whole process where the metadata of a column are damaged or
encrypted. Run as a module this is that child: a request as JSON comes in, the statistics go out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class ColumnStatistics:
    """One column over all row groups: rows and nulls, and the least and largest value where they are numbers.

    A NaN is no null, and no writer counts it.
    """

    rows: int
    nulls: int
    least: float | None = None
    largest: float | None = None

    @property
    def filled(self) -> int:
        """The number of cells that are not null."""
        return self.rows - self.nulls


def read_statistics(files: Sequence[str], columns: Sequence[str]) -> dict[str, ColumnStatistics]:
    """Return the statistics by column; a column that lacks them in any row group is left out.

    Empty if the metadata of the columns cannot be read at all.
    """
    request = json.dumps({"files": list(files), "columns": list(columns)})
    child = subprocess.run(
        [sys.executable, "-m", "tamscore.store.statistics"], input=request, capture_output=True, text=True, check=False
    )
    answer = json.loads(child.stdout) if child.returncode == 0 else {}
    return {name: ColumnStatistics(**result) for name, result in answer.items()}


def main() -> None:
    """Answer one request from standard input on standard output."""
    request = json.load(sys.stdin)
    wanted = set(request["columns"])
    groups = [statistics for file in request["files"] for statistics in _of_groups(file, wanted)]
    answer = {}
    for name in request["columns"]:
        column_statistics = [group.get(name) for group in groups]
        if column_statistics and all(column_statistics):
            answer[name] = asdict(_together([statistics for statistics in column_statistics if statistics]))
    print(json.dumps(answer))  # noqa: T201 - the parent reads it


def _of_groups(file: str, wanted: set[str]) -> Iterator[dict[str, ColumnStatistics]]:
    import pyarrow.parquet as pq

    from tamscore.store.contents import source

    footer = pq.read_metadata(source(file))
    places = {footer.schema.column(place).path: place for place in range(footer.num_columns)}
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        if group.num_rows:
            columns = {name: group.column(place) for name, place in places.items() if name in wanted}
            yield {
                name: statistics
                for name, column in columns.items()
                if (statistics := _of_column(column, group.num_rows))
            }


def _of_column(column: Any, rows: int) -> ColumnStatistics | None:
    statistics = column.statistics
    if statistics is None or not statistics.has_null_count:
        return None
    limits = (statistics.min, statistics.max) if statistics.has_min_max else (None, None)
    numbers = [float(limit) for limit in limits if isinstance(limit, int | float)]
    return ColumnStatistics(rows, statistics.null_count, *(numbers if len(numbers) == 2 else (None, None)))


def _together(groups: Sequence[ColumnStatistics]) -> ColumnStatistics:
    """Return the statistics over all row groups; limits only if every group with values has them."""
    filled = [group for group in groups if group.filled]
    least = [group.least for group in filled if group.least is not None]
    largest = [group.largest for group in filled if group.largest is not None]
    known = filled and len(least) == len(filled)
    limits = (min(least), max(largest)) if known else (None, None)
    return ColumnStatistics(sum(group.rows for group in groups), sum(group.nulls for group in groups), *limits)


if __name__ == "__main__":
    main()
