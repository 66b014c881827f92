"""Overrides: values that people set for accounts against the model, each with a reason and an expiry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.config.problems import nearest
from tamscore.errors import InputContractError
from tamscore.scoring.census.partition import unusable_ids
from tamscore.scoring.joining.lookup import KnownAccounts, count, explain, joined_parts
from tamscore.stages.draw import id_hash
from tamscore.stages.folding import fold_ids
from tamscore.store.sources.whole import whole_table
from tamscore.store.tables import account_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from tamscore.questions.stored import StoredRun
    from tamscore.scoring.joining.match import Match
    from tamscore.stages.folding import IdForm

_COLUMNS = ("account", "field", "value", "reason", "expiry")
_SETTING = "--min-match-share"
"""The option for the share of rows that must match an account."""


@dataclass(frozen=True)
class Override:
    """A value beside the model's; `expiry` is the last day on which it holds, None without an end."""

    value: Any
    reason: str
    expiry: date | None

    def holds_on(self, day: date) -> bool:
        """Return whether it has not expired by a day."""
        return self.expiry is None or day <= self.expiry


Overrides = dict[str, dict[str, Override]]
"""Overrides by account, then by field."""


def read(path: Path, kinds: Mapping[str, pa.DataType], form: IdForm = "text") -> Overrides:
    """Return the overrides of a CSV or Parquet file; `kinds` are the fields that may be overridden, with their types.

    Accounts stand under their normalised ids, see `folding.fold_ids`. Raise InputContractError with every wrong row:
    unknown fields, values of another type, invalid dates, fields of an account that stand twice, missing reasons.
    """
    record: Overrides = {}
    problems = []
    for number, row in enumerate(_rows_of(path, form), start=1):
        try:
            if path.suffix != ".parquet":
                _require_certain(row, kinds)
            _add(record, row, kinds)
        except ValueError as error:
            problems.append(f"{path}: row {number}: {error}")
    if problems:
        raise InputContractError("\n".join(problems))
    return record


def _add(record: Overrides, row: dict[str, str | None], kinds: Mapping[str, pa.DataType]) -> None:
    """Add the override of a row; raise ValueError with what is wrong with it."""
    account, field = row["account"], row["field"]
    if account is None or field is None:
        raise ValueError("an override names its account and its field")
    override = _override_of(row, field, kinds)
    if field in record.setdefault(account, {}):
        raise ValueError(f"account {account!r} has two overrides of {field!r}; keep one")
    record[account][field] = override


def _require_certain(row: Mapping[str, str | None], kinds: Mapping[str, pa.DataType]) -> None:
    """Raise ValueError if a number of a text file may be a fraction or have a thousands separator, such as 1.362."""
    import pyarrow as pa

    field, value = row["field"] or "", row["value"] or ""
    if field in kinds and not pa.types.is_string(kinds[field]) and re.fullmatch(r"[-+]?[1-9]\d{0,2}\.\d{3}", value):
        whole = value.replace(".", "")
        raise ValueError(f"field {field!r}: {value!r} may be a fraction or {whole}; write {value}0 or {whole}")


def _rows_of(path: Path, form: IdForm) -> Iterator[dict[str, str | None]]:
    """Yield the rows of an overrides file as texts by column, empty cells as None.

    Raise InputContractError if the file is not a table, or lacks a column.
    """
    import pyarrow as pa

    try:
        table = _table_of(path)
    except (pa.ArrowException, OSError) as error:
        raise InputContractError(f"{path}: cannot be read as a table of overrides ({error})") from error
    if missing := [name for name in _COLUMNS if name not in table.column_names]:
        raise InputContractError(
            f"{path}: expected the columns {', '.join(_COLUMNS)}; {', '.join(map(repr, missing))} missing"
        )
    ids = fold_ids(table[_COLUMNS[0]].cast(pa.large_string()).combine_chunks(), form)
    texts = [ids.to_pylist(), *(table[name].cast(pa.string()).to_pylist() for name in _COLUMNS[1:])]
    for values in zip(*texts, strict=True):
        yield {name: value or None for name, value in zip(_COLUMNS, values, strict=True)}


def match(path: Path, run: StoredRun, share: float) -> Match:
    """Return how the rows of an overrides file match the accounts of a run.

    Raise InputContractError if the share of rows that match an account is below `share`.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = pa.array([row["account"] for row in _rows_of(path, run.id_form)], pa.large_string())
    met = np.zeros(len(ids), bool)
    for part in _ids_of(run):
        met |= pc.is_in(ids, value_set=part).to_numpy(zero_copy_only=False)
    result, sample = joined_parts(str(path), _COLUMNS[0], [count(ids, unusable_ids(ids), met, id_hash(ids))])
    known = KnownAccounts(np.empty(0, np.uint64), run.id_form, lambda: _ids_of(run))
    return explain(result, sample, known).require(share, _SETTING)


def _ids_of(run: StoredRun) -> Iterator[pa.Array]:
    """Yield the normalised ids of the accounts of a run, part by part."""
    for table in run.read(["account_id"]):
        yield account_ids(table["account_id"], run.id_form)


def _table_of(path: Path) -> pa.Table:
    """Return the table of a file, all columns of a CSV file or a workbook as texts, so that ids keep leading zeros."""
    return whole_table(path, {})


def _override_of(row: dict[str, str | None], field: str, kinds: Mapping[str, pa.DataType]) -> Override:
    """Return the override that a row holds for a field; raise ValueError with what is wrong with it."""
    if field not in kinds:
        hint = nearest(field, kinds) or f"fields that can be overridden are {', '.join(kinds)}"
        raise ValueError(f"there is no field {field!r}; {hint}")
    if row["reason"] is None:
        raise ValueError(f"no reason is given for overriding {field!r}; say why, so that others can tell")
    return Override(_convert_value(row["value"], field, kinds[field]), row["reason"], _day_of(row["expiry"]))


def _convert_value(value: str | None, field: str, kind: pa.DataType) -> Any:
    """Return the value of an override in its field's type; raise ValueError if it does not fit."""
    import pyarrow as pa

    try:
        return pa.scalar(value, pa.string()).cast(kind).as_py()
    except (pa.ArrowException, ValueError):
        raise ValueError(f"field {field!r} holds {kind}, got {value!r}") from None


def _day_of(text: str | None) -> date | None:
    """Return the day in a text; None if it is empty."""
    try:
        return None if text is None else date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError(f"column 'expiry': expected a day such as 2027-03-31, got {text!r}") from None
