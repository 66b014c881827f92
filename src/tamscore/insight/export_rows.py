"""The rows of an export: which accounts there are to tell of, and what is told of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.insight.export import HASH, KEY, VERSION, told, values_of
from tamscore.stages.draw import id_hash
from tamscore.store.tables import account_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.insight.export import Order, Since
    from tamscore.insight.stored import StoredRun


@dataclass
class Tally:
    """How many accounts there are, and how many of them are exported, new, changed, gone; and overrides by their state.

    `met` are the accounts that were found with overrides.
    """

    accounts: int = 0
    exported: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    overridden: int = 0
    expired: int = 0
    met: set[str] = field(default_factory=set)


def rows(run: StoredRun, order: Order, since: Since | None, tally: Tally) -> Iterator[pa.Table]:
    """The rows to export, part by part: accounts that changed, are new, or are named by an override."""
    for table in order.read(run, [KEY, *order.fields]):
        values = values_of(table, order)
        chosen = changed(table[KEY], told(values), since, tally)
        ids = account_ids(table[KEY], run.id_form)
        named = pc.is_in(ids, value_set=pa.array([*order.overrides], ids.type)).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(chosen | named)
        tally.accounts += table.num_rows
        tally.exported += len(rows)
        if len(rows):
            yield finished(table[KEY].take(rows), values.take(rows), run, order, tally)
    if since is not None:
        tally.gone = int(np.count_nonzero(~since.seen))


def changed(ids: pa.ChunkedArray, texts: pa.Array, since: Since | None, tally: Tally) -> Any:
    """Which accounts (m,) bool are new, or told otherwise than before; all of them where there is no before."""
    if since is None:
        tally.new += len(ids)
        return np.ones(len(ids), dtype=bool)
    before = since.accounts.rows_of(ids)
    known = before >= 0
    since.seen[before[known]] = True
    other = known & (since.hashes[np.maximum(before, 0)] != id_hash(texts)) if len(since.hashes) else known
    tally.new += int(np.count_nonzero(~known))
    tally.changed += int(np.count_nonzero(other))
    return other | ~known


def finished(ids: pa.ChunkedArray, values: pa.Table, run: StoredRun, order: Order, tally: Tally) -> pa.Table:
    """The rows as they stand in the file: id, fields under their headers, overrides, version, hash."""
    columns: dict[str, Any] = {order.key: ids.cast(pa.string())}
    keys = account_ids(ids, run.id_form).to_pylist() if order.overrides else []
    for name, header in order.fields.items():
        columns[header] = values[name]
        if name in order.overridden:
            columns |= override_columns(keys, name, header, values[name].type, order)
    count(order, keys, tally)
    content = told(pa.table({header: column for header, column in columns.items() if header != order.key}))
    columns[VERSION] = pa.array([run.name] * len(ids), pa.string())
    columns[HASH] = row_hashes(content)
    return pa.table(columns)


def override_columns(ids: list[str], name: str, header: str, kind: pa.DataType, order: Order) -> dict[str, pa.Array]:
    """The overrides of a field that hold, beside the model's values: value, reason, last day."""
    of_each = [order.overrides.get(account, {}).get(name) for account in ids]
    live = [one if one is not None and one.holds_on(order.day) else None for one in of_each]
    return {
        f"{header}_override": pa.array([one and one.value for one in live], kind),
        f"{header}_override_reason": pa.array([one and one.reason for one in live], pa.string()),
        f"{header}_override_expiry": pa.array([one and one.expiry for one in live], pa.date32()),
    }


def count(order: Order, ids: list[str], tally: Tally) -> None:
    """Count the overrides of accounts, those that hold and those that have expired."""
    for account in ids:
        for one in order.overrides.get(account, {}).values():
            tally.met.add(account)
            live = one.holds_on(order.day)
            tally.overridden += live
            tally.expired += not live


def row_hashes(content: pa.Array) -> pa.Array:
    """A hash of what each row says beside its id, XXH3 with 128 bits in 32 hexadecimal digits."""
    from xxhash import xxh3_128_hexdigest

    return pa.array([xxh3_128_hexdigest(text) for text in content.cast(pa.large_binary()).to_pylist()], pa.string())
