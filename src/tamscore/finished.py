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
    """A complete run. Each file is compared with its hash in the manifest before it is read.

    Examples
    --------
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
        """What the run read, did and found, as it stands in its `manifest.json`."""
        return self._run.manifest

    @property
    def tables(self) -> Mapping[str, pa.Table]:
        """The tables of the run by name, such as `potential`. Each is read when you ask for it.

        Raises
        ------
        KeyError
            If the run has no table of that name.
        InputContractError
            If a file is missing or is not what the run wrote.
        """
        return _Tables(self._run)

    def scores(self) -> ds.Dataset:
        """Open the scores as a dataset.

        Returns
        -------
        pyarrow.dataset.Dataset
            A row for each account, with the columns of the page "The columns of the scores". `to_table(columns=...,
            filter=...)` reads only what you ask for. After a coverage there are `role`, `service_level`, `person` and
            `hours` (a year) too, and each part is decoded whole.

        Raises
        ------
        InputContractError
            If the bytes of a part are not those of the manifest. It is raised when the part is read.
        """
        roles = self._run.roles
        return verified_files.dataset(self._run.parts(), None if roles.plan is None else roles.whole)

    def explain(self, account_id: str | int) -> Explanation:
        """Explain why an account has its potential.

        Parameters
        ----------
        account_id : str or int
            The id of the account.

        Returns
        -------
        Explanation
            Its cluster, its ladder, the nearest peers above it, and what would change its potential.

        Raises
        ------
        UsageError
            If there is no such account, with ids that are like it. If the account was rejected, with the reason.
        InputContractError
            If scores and model contradict each other.
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
    """Open a finished run.

    Parameters
    ----------
    path : str or Location
        An output folder (its current version), or one of its versions: `scores/3fa9` for the run whose key begins so.
    plan : str, optional
        The coverage that says who covers an account, by the beginning of its name. The default is the last one.

    Returns
    -------
    FinishedRun
        The run.

    Raises
    ------
    UsageError
        If there is no such run or coverage.
    InputContractError
        If its manifest was changed.

    Examples
    --------
    >>> import tamscore
    >>> tamscore.open_run("nowhere")
    Traceback (most recent call last):
    tamscore.errors.UsageError: ...
    """
    return FinishedRun(stored.open_run(location(str(path)), plan=plan))
