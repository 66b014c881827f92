"""The rows of an export: the selected accounts, and the fields of each account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.questions.export import HASH, KEY, VERSION, row_texts, values_of
from tamscore.stages.draw import id_hash
from tamscore.store.tables import account_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.questions.export import EarlierExport, Order
    from tamscore.questions.export_ids import SmallIds
    from tamscore.questions.stored import StoredRun


@dataclass
class ExportCounts:
    """Counts of accounts: all, exported, new, changed, gone; and overrides by their state.

    `emptied` counts accounts with a field that had a value in the earlier run and is empty now, `cleared` counts these
    fields by name. `case_twins` are accounts whose ids differ from others only in capitals. `met` are the accounts with
    overrides that the run has.
    """

    accounts: int = 0
    exported: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    overridden: int = 0
    expired: int = 0
    emptied: int = 0
    cleared: dict[str, int] = field(default_factory=dict)
    case_twins: int = 0
    met: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Batch:
    """Rows as they stand in the file, and which of their fields (m, fields) bool were cleared since the earlier run.

    Without an earlier run, `cleared` is None. `keys` are the normalised ids, with which overrides are compared.
    """

    table: pa.Table
    keys: pa.Array
    cleared: Any = None


def rows(
    run: StoredRun, order: Order, since: EarlierExport | None, tally: ExportCounts, ids: SmallIds
) -> Iterator[Batch]:
    """Yield the rows to export, part by part: accounts that changed, are new, or have an override.

    The ids of all selected accounts are added to `ids`.
    """
    for table in order.read(run, [KEY, *order.fields]):
        ids.add(table[KEY])
        values = values_of(table, order)
        chosen, cleared = _compare_rows(table[KEY], values, since, tally)
        keys = account_ids(table[KEY], run.id_form)
        named = pc.is_in(keys, value_set=pa.array([*order.overrides], keys.type)).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(chosen | named)
        tally.accounts += table.num_rows
        tally.exported += len(rows)
        if len(rows):
            keys = keys.take(rows)
            done = file_rows(table[KEY].take(rows), values.take(rows), run, order, tally, keys)
            yield Batch(done, keys, None if cleared is None else cleared[rows])
    if since is not None:
        tally.gone = int(np.count_nonzero(since.listed & ~since.seen))


def _compare_rows(
    ids: pa.ChunkedArray, values: pa.Table, since: EarlierExport | None, tally: ExportCounts
) -> tuple[Any, Any]:
    """Return which accounts (m,) bool are new or have other fields than before, and which of their cells were cleared.

    Without an earlier run all accounts are new, and the cleared cells are None.
    """
    if since is None:
        tally.new += len(ids)
        return np.ones(len(ids), dtype=bool), None
    before = since.accounts.rows_of(ids)
    there, at = before >= 0, np.maximum(before, 0)
    known = there & since.listed[at] if len(since.accounts) else there
    since.seen[before[known]] = True
    other = known & (since.hashes[at] != id_hash(row_texts(values))) if len(since.accounts) else known
    cleared = since.cleared_cells(before, values)
    _count_cleared(cleared, values.column_names, tally)
    tally.new += int(np.count_nonzero(~known))
    tally.changed += int(np.count_nonzero(other))
    return other | ~known, cleared


def _count_cleared(cleared: Any, names: list[str], tally: ExportCounts) -> None:
    """Count cleared cells (m, fields) by field, and the accounts with cleared cells."""
    tally.emptied += int(np.count_nonzero(cleared.any(axis=1)))
    for name, count in zip(names, cleared.sum(axis=0).tolist(), strict=True):
        if count:
            tally.cleared[name] = tally.cleared.get(name, 0) + count


def file_rows(
    ids: pa.ChunkedArray, values: pa.Table, run: StoredRun, order: Order, tally: ExportCounts, compared_ids: pa.Array
) -> pa.Table:
    """Return the rows as they stand in the file: id, fields under their headers, overrides, version, hash."""
    columns: dict[str, Any] = {order.key: ids.cast(pa.string())}
    keys = compared_ids.to_pylist() if order.overrides else []
    for name, header in order.fields.items():
        columns[header] = values[name]
        if name in order.overridden:
            columns |= _override_columns(keys, name, header, values[name].type, order)
    _count(order, keys, tally)
    content = row_texts(pa.table({header: column for header, column in columns.items() if header != order.key}))
    columns[VERSION] = pa.array([run.name] * len(ids), pa.string())
    columns[HASH] = _row_hashes(content)
    return pa.table(columns)


def _override_columns(ids: list[str], name: str, header: str, kind: pa.DataType, order: Order) -> dict[str, pa.Array]:
    """Return the valid overrides of a field, beside the model's values: value, reason, last day."""
    of_each = [order.overrides.get(account, {}).get(name) for account in ids]
    live = [override if override is not None and override.holds_on(order.day) else None for override in of_each]
    value, reason, expiry = _override_headers(header)
    return {
        value: pa.array([override and override.value for override in live], kind),
        reason: pa.array([override and override.reason for override in live], pa.string()),
        expiry: pa.array([override and override.expiry for override in live], pa.date32()),
    }


def _override_headers(header: str) -> tuple[str, str, str]:
    """Return the headers of value, reason and last day of a field's overrides."""
    return f"{header}_override", f"{header}_override_reason", f"{header}_override_expiry"


def to_clear(batch: Batch, order: Order) -> dict[str, Any]:
    """Return the cells (m,) bool by header that another system must clear.

    These are cells that had a value in the earlier run and are empty now, and cells of overrides that have expired or
    lost a part. Without an earlier run, these are all empty cells.
    """
    table = batch.table
    if batch.cleared is None:
        fields = [name for name in table.column_names if name not in (order.key, VERSION, HASH)]
        return {name: table[name].is_null().to_numpy() for name in fields}
    record = dict(zip(order.fields.values(), batch.cleared.T, strict=True))
    ids = batch.keys.to_pylist() if order.overridden else []
    for name in order.overridden:
        named = np.array([name in order.overrides.get(account, {}) for account in ids], dtype=bool)
        for header in _override_headers(order.fields[name]):
            record[header] = named & table[header].is_null().to_numpy()
    return record


def _count(order: Order, ids: list[str], tally: ExportCounts) -> None:
    """Count the overrides of accounts: those that hold and those that have expired."""
    for account in ids:
        for override in order.overrides.get(account, {}).values():
            tally.met.add(account)
            live = override.holds_on(order.day)
            tally.overridden += live
            tally.expired += not live


def _row_hashes(content: pa.Array) -> pa.Array:
    """Return a hash of each row without its id, XXH3 with 128 bits in 32 hexadecimal digits."""
    from xxhash import xxh3_128_hexdigest

    return pa.array([xxh3_128_hexdigest(text) for text in content.cast(pa.large_binary()).to_pylist()], pa.string())
