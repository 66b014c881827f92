"""The order of an export: which fields and accounts of a run, in which form, so that changes are detected."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.arrow import holds_text, plain_type
from tamscore.config.problems import nearest
from tamscore.errors import UsageError
from tamscore.questions.campaign_lists import CampaignLists
from tamscore.questions.diff_columns import MONEY, decimal
from tamscore.questions.join import AccountIndex
from tamscore.questions.lists.since import CHANGED
from tamscore.questions.roles import SUGGESTED
from tamscore.questions.said_columns import columns_read, make_column, said_columns
from tamscore.questions.worlds import cents
from tamscore.schema import COVERAGE_COLUMNS, COVERAGE_DETAILS
from tamscore.stages.draw import id_hash
from tamscore.stages.quadrant import ACCOUNT_PLAYS
from tamscore.store.holdouts import MARK_COLUMN
from tamscore.view.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from tamscore.questions.overrides import Overrides
    from tamscore.questions.stored import StoredRun

KEY = "account_id"
_AMOUNTS = ("sales", "potential", "whitespace")
DEFAULT_FIELDS = ("cluster", "kind", "potential", "whitespace", "quadrant", "play", "role")
ACTIONS = ("account_state", "churn_alert", "renewal_due", "renews_on", "segment_action")
"""Columns that are exported by default, too, if the run has them."""
_TRUTHS = {"yes": True, "true": True, "no": False, "false": False}
BUYING = ("buying_alert", "buying_reason")
"""Columns that compare a run with the run before, see `alerted_run`."""
VERSION, HASH = "score_version", "row_hash"
_BETWEEN, _NO_VALUE = "\x1f", "\x00"


@dataclass(frozen=True)
class Order:
    """The content of an export: fields by column with their headers, overrides, and the day on which they must hold.

    `only` is a column and the text or truth value that it must hold; None exports all accounts. With `limited`, a
    campaign has only the accounts in its list.
    """

    fields: dict[str, str]
    key: str
    overrides: Overrides
    day: date
    only: tuple[str, str | bool] | None = None
    limited: bool = False

    def read(self, run: StoredRun, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield columns of the selected accounts, part by part; nothing if the run lacks the column of `only`."""
        if self.only is None:
            yield from run.read(columns_read(run, columns))
        elif self.only[0] in run.columns:
            bounds = self.lists_of(run)
            for table in run.read(columns_read(run, (*columns, *self.filter_columns(run, bounds)))):
                yield table.filter(pa.array(self.lists(table, bounds))).combine_chunks()

    def lists_of(self, run: StoredRun) -> CampaignLists | None:
        """Return the accounts in the lists of the campaigns of a run; None unless `limited`."""
        return CampaignLists.of(run) if self.limited else None

    def filter_columns(self, run: StoredRun, bounds: CampaignLists | None) -> list[str]:
        """Return the columns of a run that decide which accounts are selected."""
        return [name for name in (*(self.only or ())[:1], *(bounds.read if bounds else ())) if name in run.columns]

    def lists(self, table: pa.Table, bounds: CampaignLists | None) -> Any:
        """Return which accounts (m,) bool of a table are selected."""
        if self.only is None:
            return np.ones(table.num_rows, dtype=bool)
        name, text = self.only
        if name not in table.column_names:
            return np.zeros(table.num_rows, dtype=bool)
        chosen = pc.fill_null(pc.equal(table[name], text), False).to_numpy()
        return chosen & bounds.has(table) if bounds else chosen

    @cached_property
    def overridden(self) -> list[str]:
        """The exported fields that the overrides name, in order."""
        named = {name for of_account in self.overrides.values() for name in of_account}
        return [name for name in self.fields if name in named]


@dataclass(frozen=True)
class EarlierExport:
    """The accounts of an earlier run (n,), with a hash (n,) uint64 of their fields, and which fields had a value.

    `filled` (n, bytes) uint8 has a bit for every field in order. `listed` (n,) are the accounts that an export of that
    run would contain, `seen` (n,) the accounts that the later run has, too.
    """

    accounts: AccountIndex
    hashes: Any
    filled: Any
    listed: Any
    seen: Any

    @classmethod
    def of(cls, run: StoredRun, order: Order) -> EarlierExport:
        """Return the accounts of a run in the form of its export; a field that the run lacks is empty."""
        bounds = order.lists_of(run)
        there = columns_read(run, (KEY, *order.fields, *order.filter_columns(run, bounds)))
        ids, hashes, filled, listed = [], [np.zeros(0, np.uint64)], [_bits_of(_no_cells(0, order))], [np.zeros(0, bool)]
        for table in run.read(there):
            values = values_of(table, order)
            ids.append(table[KEY])
            hashes.append(id_hash(row_texts(values)))
            filled.append(_bits_of(~_empty_cells(values)))
            listed.append(order.lists(table, bounds))
        index = AccountIndex.of(ids, run.id_form)
        seen = np.zeros(len(index), dtype=bool)
        return cls(index, np.concatenate(hashes), np.concatenate(filled), np.concatenate(listed), seen)

    def cleared_cells(self, before: Any, values: pa.Table) -> Any:
        """Return which cells (m, fields) bool lost their value; `before` (m,) are places of accounts here, or -1."""
        if not len(self.accounts):
            return np.zeros((values.num_rows, values.num_columns), dtype=bool)
        bits = self.filled[np.maximum(before, 0)]
        held = np.unpackbits(bits, axis=1, count=values.num_columns).view(bool)
        return held & _empty_cells(values) & (before >= 0)[:, None]


def _no_cells(rows: int, order: Order) -> Any:
    """Return an array (rows, fields) bool without any cell set."""
    return np.zeros((rows, len(order.fields)), dtype=bool)


def _bits_of(cells: Any) -> Any:
    """Return cells (m, fields) bool as bits (m, bytes) uint8."""
    return np.packbits(cells, axis=1)


def _empty_cells(values: pa.Table) -> Any:
    """Return which cells (m, fields) bool of a table have no value."""
    masks = [column.is_null().to_numpy() for column in values.columns]
    return np.stack(masks, axis=1) if masks else np.zeros((values.num_rows, 0), dtype=bool)


def order_of(run: StoredRun, fields: Sequence[str], overrides: Overrides, day: date) -> Order:
    """Return the order of fields `COLUMN` or `COLUMN=HEADER`; raise UsageError if one is unknown or stands twice."""
    known = [*fields_of(run)]
    pairs = [(column.strip(), header.strip()) for column, _, header in (text.partition("=") for text in fields)]
    for column, _ in pairs:
        if column not in known:
            raise UsageError(f"--fields: no column {column!r} to export; {_hint(column, known, run)}")
    chosen = {column: header or column for column, header in pairs}
    key = chosen.pop(KEY, KEY)
    headers = [key, *chosen.values(), VERSION, HASH]
    if len(set(headers)) < len(headers) or len(chosen) + (KEY in dict(pairs)) < len(pairs):
        raise UsageError(f"--fields: expected every column and header once, got {', '.join(fields)}")
    named = {
        account: {n: override for n, override in held.items() if n in chosen} for account, held in overrides.items()
    }
    return Order(chosen, key, {account: held for account, held in named.items() if held}, day)


def default_fields(run: StoredRun) -> list[str]:
    """Return the default fields of an export: the main scores of an account, and the columns of what to do now."""
    fields = [name for name in with_role(DEFAULT_FIELDS, run) if name not in run.left_out]
    return [*fields, *(name for name in ACTIONS if name in run.columns)]


def with_role(fields: Sequence[str], run: StoredRun) -> list[str]:
    """Return fields with the suggested role in place of the role if no coverage assigns roles."""
    return [SUGGESTED.get(name, name) if name not in run.columns else name for name in fields]


def only_of(run: StoredRun, text: str) -> tuple[str, str | bool]:
    """Return column and value of `COLUMN=VALUE`, or of a play alone; raise UsageError if either is unknown."""
    column, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        column, value = "play", text.strip()
    kind = kinds_of(run).get(column)
    if kind is None:
        raise UsageError(f"--only: no column {column!r} to choose by; {_hint(column, [*kinds_of(run)], run)}")
    if pa.types.is_boolean(kind):
        if value.lower() not in _TRUTHS:
            raise UsageError(f"--only: {column}: expected yes or no, got {value!r}")
        return column, _TRUTHS[value.lower()]
    if not holds_text(kind):
        raise UsageError(f"--only: column {column!r} holds {kind}, expected one of texts, or of yes and no")
    if column == "play" and value not in ACCOUNT_PLAYS:
        raise UsageError(f"--only: no play {value!r}; {nearest(value, ACCOUNT_PLAYS) or ', '.join(ACCOUNT_PLAYS)}")
    return column, value


def titles_of(run: StoredRun, fields: Sequence[str]) -> list[str]:
    """Return fields with the job's titles as headers, in plain words without a title; explicit headers stay."""
    titles = {column: title.title for column, title in run.job.titles.items() if title.title}
    plain = [text.strip() for text in fields]
    return [text if "=" in text or text == KEY else f"{text}={titles.get(text) or words(text)}" for text in plain]


def _hint(column: str, known: Sequence[str], run: StoredRun) -> str:
    """Return a hint: the column that may have been meant, or how to get the column written or computed."""
    if column in run.left_out:
        return 'output.columns of its job leaves it out: name it there, or set output.columns = "all", and run it again'
    if column in BUYING:
        return "a buying alert needs the run that this one replaced, and there is none"
    if column == CHANGED:
        return "what changed needs a run before with accounts of this one, and there is none: name one with --since"
    if column == MARK_COLUMN:
        return "no holdout counts: tamscore holdout RUN draws one"
    if column in {*COVERAGE_COLUMNS, *COVERAGE_DETAILS}:
        instead = f"; what the quadrant suggests is {SUGGESTED[column]!r}" if column in SUGGESTED else ""
        return f"a coverage gives it, and the run has none: tamscore coverage RUN{instead}"
    return nearest(column, known) or f"the scores have {', '.join(known)}"


def values_of(table: pa.Table, order: Order) -> pa.Table:
    """Return the fields of accounts under their own names, amounts to the cent."""
    columns = {}
    for name in order.fields:
        column = table[name] if name in table.column_names else make_column(name, table)
        columns[name] = to_the_cent(column) if name in _AMOUNTS else column
    return pa.table(columns)


def to_the_cent(column: pa.ChunkedArray) -> pa.Array:
    """Return amounts as decimals with two places, null if missing."""
    rounded = decimal(cents(column.to_numpy()))
    return pc.if_else(column.is_valid().combine_chunks(), rounded, pa.scalar(None, MONEY))


def row_texts(values: pa.Table) -> pa.Array:
    """Return each row as one text that differs if any of its fields differs."""
    texts = [column.cast(pa.large_string()) for column in values.columns]
    empty = pa.array([""] * values.num_rows, pa.large_string())  # a join of one column alone is the column itself
    options = {"null_handling": "replace", "null_replacement": _NO_VALUE}
    return pc.binary_join_element_wise(
        *texts, empty, pa.scalar(_BETWEEN, pa.large_string()), **options
    ).combine_chunks()


def fields_of(run: StoredRun) -> dict[str, pa.DataType]:
    """Return the fields that an export can have, with their types: columns of the run and derived columns."""
    return kinds_of(run) | said_columns(run)


def kinds_of(run: StoredRun) -> dict[str, pa.DataType]:
    """Return the columns of a run that fit into a flat file, with the types of their values there."""
    kinds = {item.name: plain_type(item.type) for item in run.schema}
    flat = {name: MONEY if name in _AMOUNTS else kind for name, kind in kinds.items()}
    return {name: kind for name, kind in flat.items() if not _is_formless(kind)}


def _is_formless(kind: pa.DataType) -> bool:
    """Return whether values of a type have no form in a flat file: lists and bytes."""
    return bool(pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
