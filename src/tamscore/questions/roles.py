"""Who covers an account: the columns of roles as every reader sees them, whatever version the scores are of.

Scores hold `role`, `service_level` and `person` where the job has a coverage made, else what the quadrant suggests:
`suggested_role` and `suggested_service_level`, which versions before called `role` and `service_level`. The coverage
made last, or the one that is named, stands in place of the former; it knows the `hours` too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.questions.join import AccountIndex
from tamscore.schema import COVERAGE_COLUMNS, COVERAGE_DETAILS
from tamscore.store import contents, coverages
from tamscore.store.placed import files_of
from tamscore.store.tables import account_ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    from tamscore.stages.folding import IdForm
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory

_KEY = "account_id"
TEXTS = COVERAGE_COLUMNS[:-1]
SUGGESTED = {"role": "suggested_role", "service_level": "suggested_service_level"}
"""What columns that the quadrant suggests are called, by what versions before called them."""
_TABLE = "accounts.parquet"
_DETAILS = ("value", "owner", "shortfall")
"""The columns of that table which readers see as COVERAGE_DETAILS."""


@dataclass(frozen=True)
class CoveragePlan:
    """A coverage of a run: who covers which account; its table is read once, when it is asked for."""

    folder: Location
    form: IdForm = "text"

    @property
    def name(self) -> str:
        """Return how people call it."""
        return self.folder.name

    @cached_property
    def record(self) -> dict[str, Any]:
        """Return what it comes to, as `coverage.json` holds it."""
        return coverages.record_of(self.folder)

    @cached_property
    def file(self) -> ParquetFile:
        """The file of its accounts; raise InputContractError if it is not as it was written."""
        placed = files_of({"files": {}, **self.record}).get(_TABLE)
        return contents.placed_file(self.folder / _TABLE, placed, TEXTS)

    @cached_property
    def table(self) -> pa.Table:
        """Role, service level, person and hours of its accounts, texts as dictionaries."""
        return contents.decode(self.file, COVERAGE_COLUMNS).combine_chunks()

    @cached_property
    def details(self) -> pa.Table:
        """Value, owner before, and the rule by which accounts are owed more, under the names that readers see."""
        return contents.decode(self.file, _DETAILS).combine_chunks().rename_columns([*COVERAGE_DETAILS])

    @property
    def ids(self) -> pa.ChunkedArray:
        """The ids of its accounts, which only an index needs to keep."""
        return contents.decode(self.file, (_KEY,))[_KEY]

    @cached_property
    def accounts(self) -> AccountIndex:
        """Its accounts by id."""
        return AccountIndex.of([self.ids], self.form)

    def release(self) -> None:
        """Give up what was read of its accounts, which is read again when it is asked for."""
        for name in ("accounts", "table", "details"):
            self.__dict__.pop(name, None)

    def of(self, ids: pa.ChunkedArray) -> pa.Table:
        """Return role, service level, person and hours of accounts (m,); InputContractError if it lacks one of them."""
        return self.table.take(self.rows_of(ids))

    def details_of(self, ids: pa.ChunkedArray) -> pa.Table:
        """Return the details of accounts (m,); raise as `of`."""
        return self.details.take(self.rows_of(ids))

    def rows_of(self, ids: pa.ChunkedArray) -> Any:
        """Return the rows (m,) of accounts in the table; raise InputContractError if it lacks one of them."""
        rows = self.accounts.rows_of(ids)
        if len(rows) and rows.min() < 0:
            raise self.lacks(ids[int(rows.argmin())].as_py())
        return rows

    def of_account(self, account_id: str) -> dict[str, Any]:
        """Return the same of one account, without an index of all."""
        import pyarrow as pa
        import pyarrow.compute as pc

        (key,) = account_ids(pa.chunked_array([[str(account_id)]]), self.form)
        row = pc.index(account_ids(self.ids, self.form), key).as_py()
        if row < 0:
            raise self.lacks(account_id)
        items: list[dict[str, Any]] = self.table.slice(row, 1).to_pylist()
        return items[0]

    def lacks(self, account_id: object) -> InputContractError:
        """Return what to say of an account that it does not have."""
        return InputContractError(f"{self.folder}: has no account {account_id!r}; run tamscore coverage again")


@dataclass(frozen=True)
class RoleColumns:
    """The columns of scores as readers see them, given those of the files and a coverage in place of what these say."""

    stored: pa.Schema
    plan: CoveragePlan | None = None

    @property
    def is_sealed(self) -> bool:
        """Return whether the scores themselves say who covers an account."""
        return "person" in self.stored.names

    def shown_name(self, name: str) -> str:
        """Return what readers see a column of the files as."""
        return name if self.is_sealed else SUGGESTED.get(name, name)

    @cached_property
    def file_names(self) -> dict[str, str]:
        """The columns of the files by what readers see them as."""
        return {self.shown_name(name): name for name in self.stored.names}

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns that readers see, with their types."""
        import pyarrow as pa

        fields = [self.stored.field(name).with_name(shown) for shown, name in self.file_names.items()]
        if self.plan is None:
            return pa.schema(fields)
        ends = (at for at, field in enumerate(fields, 1) if field.name.endswith(("service_level", "person")))
        place = max(ends, default=len(fields))
        there = {field.name for field in fields}
        kinds = dict.fromkeys(TEXTS, pa.string()) | {"hours": pa.float64()}
        added = [pa.field(name, kinds[name]) for name in COVERAGE_COLUMNS if name not in there]
        return pa.schema([*fields[:place], *added, *fields[place:]])

    def joins(self, name: str) -> bool:
        """Return whether a column comes from the coverage."""
        return self.plan is not None and name in COVERAGE_COLUMNS

    def required_columns(self, columns: Sequence[str]) -> list[str]:
        """Return the columns of the files from which some columns are made; raise UsageError if the files lack one."""
        contents.require_columns("the scores", {*self.file_names, *filter(self.joins, columns)}, columns)
        key = [_KEY] if any(map(self.joins, columns)) else []
        return [*dict.fromkeys([self.file_names[name] for name in columns if not self.joins(name)] + key)]

    def join(self, table: pa.Table, columns: Sequence[str]) -> pa.Table:
        """Return some columns, as readers see them and in that order, given those that are `needed`."""
        import pyarrow as pa

        if self.plan is None or not any(map(self.joins, columns)):
            return table.select([self.file_names[name] for name in columns]).rename_columns([*columns])
        text = self.plan.of(table[_KEY])
        return pa.table({name: text[name] if self.joins(name) else table[self.file_names[name]] for name in columns})

    def whole(self, table: pa.Table) -> pa.Table:
        """Return all columns as readers see them, given all columns of the files."""
        return self.join(table, self.schema.names).cast(self.schema)

    def has(self, name: str, table: pa.Table) -> bool:
        """Return whether a column can be made for a table of accounts as the files have them."""
        return self.joins(name) or self.file_names.get(name) in table.column_names

    def of_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row of the files as readers see it."""
        shown = {self.shown_name(name): value for name, value in row.items()}
        record = shown | (self.plan.of_account(shown[_KEY]) if self.plan else {})
        return {name: record[name] for name in self.schema.names}


def role_columns(
    directory: RunDirectory, form: IdForm, plan: str | None = None, table: Location | None = None
) -> RoleColumns:
    """Return the columns of a run as readers see them, with the coverage made last, or the one of that name.

    They are those of its scores, or of a table of accounts beside them. Raise UsageError if there is no coverage of
    that name.
    """
    with contents.parquet_file(table or directory.parts()[0]) as file:
        stored = file.schema_arrow
    folder = coverages.coverage_of(directory.output, directory.run_key, plan)
    return RoleColumns(stored, None if folder is None else CoveragePlan(folder, form))
