"""The changes between two runs as a table, streamed to a file, with the accounts that moved most."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.questions import diff
from tamscore.questions.causes import CAUSES
from tamscore.questions.diff_before import READ, Before
from tamscore.questions.diff_columns import MONEY, decimal, priority_of, standing
from tamscore.questions.diff_priority import CALL_CAUSES, EXPECTED_CAUSES, PLACE_CAUSES, PriorityStanding
from tamscore.questions.diff_totals import Totals
from tamscore.questions.worlds import cents
from tamscore.store import commit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tamscore.progress import Progress
    from tamscore.questions.diff import Changes, RunComparison
    from tamscore.questions.stored import StoredRun

_TEXT = pa.dictionary(pa.int32(), pa.string())
_BATCH = 131_072
_ENDS = ("before", "after")
_SCHEMA = pa.schema(
    [
        ("status", _TEXT),
        ("account_id", pa.large_string()),
        ("name", pa.large_string()),
        ("cluster_before", _TEXT),
        ("cluster_after", _TEXT),
        *((f"{measure}_{when}", MONEY) for measure in ("sales", "potential") for when in ("before", "after")),
        ("potential_change", MONEY),
        *((cause, MONEY) for cause in CAUSES),
        *((name, MONEY) for name in ("whitespace_before", "whitespace_after", "whitespace_change")),
        ("whitespace_own_sales", MONEY),
        *((f"{code}_{when}", _TEXT) for code in ("tier", "quadrant", "p_basis") for when in _ENDS),
        *((f"priority_{name}", pa.int64()) for name in (*_ENDS, "change", *PLACE_CAUSES)),
        *((f"call_{name}", MONEY) for name in (*_ENDS, "change", *CALL_CAUSES)),
        *((f"expected_value_{name}", MONEY) for name in (*_ENDS, "change", *EXPECTED_CAUSES)),
    ]
)
"""The columns of the table. An account that is new has nothing before, one that is gone nothing after."""


@dataclass
class Diff:
    """What changed between two runs: the totals, the accounts whose potential moved most, and what to know.

    `callers` are the accounts whose call gained or lost most value; there are none where a run has no priority.
    """

    first: str
    second: str
    totals: Totals
    movers: pa.Table
    callers: pa.Table
    same_model: bool
    notices: tuple[str, ...]


def compare(first: StoredRun, second: StoredRun, progress: Progress, top: int = 10, to: Path | None = None) -> Diff:
    """What changed from one run to another, with the `top` accounts that moved most; every account goes `to` a file."""
    with progress.stage("prepare"):
        comparison = diff.compare(first, second)
    for text in comparison.notices:
        progress.notice(text)
    empty = _SCHEMA.empty_table()
    result = Diff(first.name, second.name, Totals(), empty, empty, comparison.same_model, comparison.notices)
    with progress.stage("compare", second.manifest["rows"]["scored"]) as done:
        tables = _rows(comparison, result, top, done)
        if to is None:
            deque(tables, maxlen=0)  # each is let go as soon as it was counted
        else:
            commit.place_free(to, lambda file: _write(tables, file))
    return result


def _write(tables: Iterator[pa.Table], file: Any) -> None:
    """Write tables of the schema to a file, one after the other."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(file, _SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        for table in tables:
            writer.write_table(table)


def _rows(comparison: RunComparison, result: Diff, top: int, done: Any) -> Iterator[pa.Table]:
    """The accounts of both runs in order of the second, the new ones among them, those gone at the end."""
    before = Before.of(comparison.first, priority=comparison.priority)
    seen = np.zeros(len(before.accounts), dtype=bool)
    for changes, newcomers in diff.changes(comparison, before, seen, result.totals):
        remaining = _rows_of_both(comparison, changes)
        result.movers = _most_moved(pa.concat_tables([result.movers, remaining]), "potential_change", top)
        result.callers = _most_moved(pa.concat_tables([result.callers, remaining]), "call_change", top)
        yield remaining
        yield _new_rows(newcomers)
        done(remaining.num_rows + newcomers.num_rows)
    left = diff.gone(before, seen, result.totals)
    for start in range(0, len(left), _BATCH):
        yield _gone_rows(comparison, before, left[start : start + _BATCH])


def _rows_of_both(comparison: RunComparison, changes: Changes) -> pa.Table:
    """The accounts that are in both runs."""
    then, now = changes.clusters
    columns: dict[str, Any] = {
        "account_id": changes.ids,
        "name": changes.names,
        "cluster_before": _clusters(then, comparison.first),
        "cluster_after": _clusters(now, comparison.second),
    }
    for measure in ("sales", "potential", "whitespace"):
        earlier, later = getattr(changes, measure)
        columns |= {f"{measure}_before": decimal(earlier), f"{measure}_after": decimal(later)}
        columns[f"{measure}_change"] = decimal(later - earlier)
    columns |= {cause: decimal(part) for cause, part in zip(CAUSES, changes.parts, strict=True)}
    columns["whitespace_own_sales"] = decimal(changes.whitespace_parts[0])
    return _table_of("kept", len(changes.ids), columns | priority_of(changes.priority))


def _new_rows(newcomers: pa.Table) -> pa.Table:
    """The accounts that only the second run has."""
    columns = {**_id_and_name(newcomers), **_amounts("after", newcomers), **_account_clusters("after", newcomers)}
    known = standing("after", PriorityStanding.of(newcomers)) if "priority" in newcomers.column_names else {}
    return _table_of("new", newcomers.num_rows, columns | known)


def _gone_rows(comparison: RunComparison, before: Before, places: Any) -> pa.Table:
    """Accounts that only the first run has, by their places in it."""
    money = {name: pa.chunked_array([getattr(before, name)[places]]) for name in READ[2:]}
    columns: dict[str, Any] = {"account_id": before.accounts.ids.take(places)}
    columns["cluster_before"] = _clusters(before.code[places].astype(np.int64), comparison.first)
    known = standing("before", before.standing.take(places)) if before.standing else {}
    return _table_of("gone", len(places), {**columns, **_amounts("before", money), **known})


def _id_and_name(newcomers: pa.Table) -> dict[str, Any]:
    """Id and name of accounts."""
    return {name: newcomers[name] for name in ("account_id", "name") if name in newcomers.column_names}


def _account_clusters(when: str, newcomers: pa.Table) -> dict[str, Any]:
    """The clusters of accounts."""
    return {f"cluster_{when}": newcomers["cluster"].cast(_TEXT)}


def _amounts(when: str, money: Any) -> dict[str, Any]:
    """Sales, potential and whitespace of accounts."""
    return {f"{name}_{when}": decimal(cents(money[name].to_numpy())) for name in READ[2:]}


def _table_of(status: str, length: int, columns: dict[str, Any]) -> pa.Table:
    """A table of the schema, with nulls where a column is not given."""
    columns["status"] = pa.DictionaryArray.from_arrays(pa.array(np.zeros(length, np.int32)), pa.array([status]))
    filled = []
    for item in _SCHEMA:
        column = columns.get(item.name)
        filled.append(pa.nulls(length, item.type) if column is None else column.cast(item.type))
    return pa.table(filled, schema=_SCHEMA)


def _clusters(codes: Any, run: StoredRun) -> pa.Array:
    """Clusters by number as a column of ids."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(run.clusters, pa.string()))


def _most_moved(changed: pa.Table, column: str, top: int) -> pa.Table:
    """The accounts whose column changed most, up or down, those with the first ids where equal; none unchanged."""
    import pyarrow.compute as pc

    size = np.nan_to_num(pc.abs(changed[column].cast(pa.float64())).to_numpy())
    moved = np.flatnonzero(size > 0)
    if len(moved) > top:
        least = np.partition(size[moved], -top)[-top] if top else np.inf
        moved = moved[size[moved] >= least]
    best = changed.take(moved).append_column("size", pa.array(-size[moved]))
    return best.sort_by([("size", "ascending"), ("account_id", "ascending")]).slice(0, top).drop_columns(["size"])
