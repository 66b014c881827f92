"""Search for accounts of a run: one account by its id, or those of a cluster with sales between two amounts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tamscore.arrow import plain_table
from tamscore.config.problems import is_one_edit_apart
from tamscore.errors import UsageError
from tamscore.stages.folding import fold_ids
from tamscore.store import contents
from tamscore.store.forgotten import forgotten_at
from tamscore.store.tables import account_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.questions.stored import StoredRun
    from tamscore.stages.folding import IdForm
    from tamscore.store.location import Location

_SUGGESTED = 3
"""Most ids suggested for an unknown id."""


def account(run: StoredRun, account_id: str) -> dict[str, Any]:
    """Return the scores of one account by column; raise UsageError if it was rejected (and why), erased, or is unknown.

    Only ids are decoded, and only in parts that may hold the id by their statistics; then all columns of one part. All
    bytes of the parts up to that one are checked against their hashes. An id that is not found as written is looked for
    in its normalised form.
    """
    import pyarrow as pa

    for find in (_row_of, partial(_row_of_spelling, form=run.id_form)):
        for part in run.parts():
            if (row := find(part, account_id)) is not None:
                return run.roles.of_row(row)
    for part in run.rejected_files():
        if (row := _row_of(part, account_id, run.job.columns.account_id)) is not None:
            raise UsageError(f"{account_id!r} was not scored: rejected as {row['reason']!r}, see {part}")
    (key,) = fold_ids(pa.array([account_id], pa.large_string()), run.id_form).to_pylist()
    if at := forgotten_at(run.directory.output, run.name, key):
        raise UsageError(f"{run.directory.path}: account {account_id!r} was forgotten on {at}")
    likely = " or ".join(_similar(run, account_id))
    hint = f"did you mean {likely}?" if likely else f"{run.manifest['rows']['scored']:,} others are there"
    raise UsageError(f"{run.directory.path}: no account {account_id!r}; {hint}")


def _row_of(part: Location, account_id: str, column: str = "account_id") -> dict[str, Any] | None:
    """Return the row of an account in a part, None if it is not there."""
    import pyarrow.compute as pc

    with contents.parquet_file(part) as file:
        wanted = _as_id(account_id, file.schema_arrow.field(column).type)
        for group in range(file.num_row_groups):
            if wanted is None or not _may_hold(file.metadata.row_group(group), column, wanted.as_py()):
                continue
            ids = file.read_row_group(group, columns=[column])[column]
            place = pc.index(ids, wanted).as_py()
            if place >= 0:
                record: dict[str, Any] = file.read_row_group(group).slice(place, 1).to_pylist()[0]
                return record
    return None


def _row_of_spelling(part: Location, account_id: str, form: IdForm) -> dict[str, Any] | None:
    """Return the row of an account in a part whose normalised id is equal, None if there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    (wanted,) = fold_ids(pa.array([account_id], pa.large_string()), form)
    with contents.parquet_file(part) as file:
        place = pc.index(account_ids(file.read(["account_id"])["account_id"], form), wanted).as_py()
        items: list[dict[str, Any]] = file.read().slice(place, 1).to_pylist() if place >= 0 else []
    return items[0] if items else None


def _as_id(text: str, kind: pa.DataType) -> pa.Scalar | None:
    """Return the text as an id of a column's type; None if it cannot be one."""
    import pyarrow as pa

    try:
        return pa.scalar(text, pa.string()).cast(kind)
    except pa.ArrowInvalid:
        return None


def _may_hold(group: Any, column: str, value: Any) -> bool:
    """Return whether a row group may hold a value in a column, by its statistics."""
    places = (group.column(i) for i in range(group.num_columns))
    text = next((place.statistics for place in places if place.path_in_schema == column), None)
    if text is None or not text.has_min_max or not isinstance(text.min, type(value)):
        return True
    return bool(text.min <= value <= text.max)


def _similar(run: StoredRun, text: str) -> list[str]:
    """Return up to three accounts whose id has one typing error, or whose name contains the text, for messages."""
    items: list[str] = []
    shown = [name for name in ("account_id", "name") if name in run.columns]
    for part in run.parts():
        items += _like(plain_table(contents.whole(part, shown)), text)
        if len(items) >= _SUGGESTED:
            break
    return items[:_SUGGESTED]


def _like(table: pa.Table, text: str) -> Iterator[str]:
    """Yield the accounts of a part whose id, or name if there are names, resembles a text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = table["account_id"].cast(pa.string())
    near = pc.equal(pc.utf8_lower(pc.utf8_ltrim(pc.utf8_trim_whitespace(ids), "0")), _bare(text))
    half = (len(text) - 1) // 2
    if half:  # one typing error leaves the first or the last half of an id unchanged
        near = pc.or_(near, pc.or_(pc.starts_with(ids, text[:half]), pc.ends_with(ids, text[-half:])))
    for there in ids.filter(near).to_pylist():
        if _bare(there) == _bare(text) or is_one_edit_apart(text, there):
            yield repr(there)
    if "name" in table.column_names:
        for row in table.filter(pc.match_substring(table["name"], text, ignore_case=True)).to_pylist():
            yield f"{str(row['account_id'])!r} ({row['name']})"


def _bare(text: str) -> str:
    """Return an id without what spreadsheets and people change: capitals, spaces around it, leading zeros."""
    return text.strip().lstrip("0").lower()


def customers_between(run: StoredRun, cluster: str, low: float, high: float) -> list[dict[str, Any]]:
    """Return the accounts of a cluster with sales from `low` to `high`: id, name if known, sales; by sales, then id."""
    import pyarrow as pa
    import pyarrow.compute as pc

    items: list[dict[str, Any]] = []
    shown = [name for name in ("account_id", "name", "sales") if name in run.columns]
    for part in run.parts():
        table = contents.whole(part, ["cluster", "sales"])
        here = pc.and_(pc.greater_equal(table["sales"], low), pc.less_equal(table["sales"], high))
        here = pc.and_(pc.fill_null(here, fill_value=False), pc.equal(table["cluster"].cast(pa.string()), cluster))
        rows = pc.indices_nonzero(here)
        if len(rows):
            items += plain_table(contents.whole(part, shown).take(rows)).to_pylist()
    return sorted(items, key=lambda row: (row["sales"], row["account_id"]))
