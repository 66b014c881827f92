"""A finished run from Python: its scores, its tables, its manifest, and why an account has its potential."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tamscore.questions import explain, stored
from tamscore.store import contents, verified_files
from tamscore.store.location import location

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

    from tamscore.questions.explain import Explanation
    from tamscore.questions.stored import StoredRun
    from tamscore.store.location import Location

__all__ = ["FinishedRun", "open_run"]


@dataclass(frozen=True)
class FinishedRun:
    """A complete run. All that is read of it is held against the hashes of its manifest first.

    >>> import tamscore
    >>> [name for name in dir(tamscore.FinishedRun) if not name.startswith("_")]
    ['explain', 'key', 'manifest', 'path', 'scores', 'tables']
    """

    _run: StoredRun

    @property
    def key(self) -> str:
        """The run key: 16 hexadecimal digits, the name of its folder under `versions`."""
        return self._run.name

    @property
    def path(self) -> Location:
        """The folder of this version."""
        return self._run.directory.path

    @property
    def manifest(self) -> dict[str, Any]:
        """Return what the run read, did and found, as it stands in its `manifest.json`."""
        return self._run.manifest

    @property
    def tables(self) -> Mapping[str, pa.Table]:
        """Its tables by name (`potential`, `segments`, …); each is read when it is asked for.

        Raise InputContractError if a file is missing or is not what the run wrote.
        """
        return _Tables(self._run)

    def scores(self) -> ds.Dataset:
        """Return its scores as a dataset, a row an account; `.to_table(columns=…, filter=…)` reads what is asked for.

        With a coverage each part is decoded whole, and has `role`, `service_level`, `person` and `hours` beside what it
        holds. A part whose bytes are not those of the manifest raises InputContractError when it is opened.
        """
        roles = self._run.roles
        return verified_files.dataset(self._run.parts(), None if roles.plan is None else roles.whole)

    def explain(self, account_id: str | int) -> Explanation:
        """Return why an account has its potential: its cluster, ladder, nearest peers above, and what would move it.

        Raise UsageError if there is no such account (with ids that are like it), or why it was rejected.
        """
        return explain.explain(self._run, str(account_id))

    def __repr__(self) -> str:
        return f"<tamscore run {self.key}: {self.manifest['rows']['scored']:,} accounts, {self.path}>"


class _Tables(Mapping[str, Any]):
    """The tables of a run by name."""

    def __init__(self, run: StoredRun) -> None:
        self._folder = run.directory.tables
        inside = (name.removeprefix("tables/") for name in run.manifest["files"] if name.startswith("tables/"))
        self._names = tuple(name.removesuffix(".parquet") for name in inside if name.endswith(".parquet"))

    def __getitem__(self, name: str) -> pa.Table:
        if name not in self._names:
            raise KeyError(f"no table {name!r}; the run has {', '.join(self._names)}")
        return contents.whole(self._folder / f"{name}.parquet")

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def open_run(path: str | Location, plan: str | None = None) -> FinishedRun:
    """Return the run at a path: an output folder (its current version), or one of its versions, `scores/3fa9`.

    Who covers an account is what the coverage made last says, or the one whose name begins with `plan`. Raise
    UsageError if there is no such run or coverage, InputContractError if its manifest was changed.

    >>> import tamscore
    >>> tamscore.open_run("nowhere")
    Traceback (most recent call last):
    tamscore.errors.UsageError: ...
    """
    return FinishedRun(stored.open_run(location(str(path)), plan=plan))
