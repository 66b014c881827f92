"""Jobs from Python: run, score and refresh, on the tables of the job or on one at hand."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tamscore import job_file, metrics
from tamscore.config import Job
from tamscore.finished import FinishedRun, open_run
from tamscore.progress import Progress
from tamscore.store.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory

    _Given: TypeAlias = str | Path | Mapping[str, Any] | Job

__all__ = ["load_job", "refresh", "run", "score"]

_TABLE_ROWS = 131_072
"""Rows of a row group of a table at hand: what is read together."""


def load_job(path: str | Path, overrides: Sequence[str] = ()) -> Job:
    """Read and check a job file.

    Parameters
    ----------
    path : str or Path
        The job file, in TOML. Relative paths in it count from its folder.
    overrides : sequence of str, optional
        Keys to set in place of those of the file, each as `key=value`, such as `clusters.k=7`.

    Returns
    -------
    Job
        The job with all defaults filled in. Its attributes have the names of the job file: `job.clusters.k`.

    Raises
    ------
    JobFileError
        If the file is missing or any key is invalid. The error lists every problem.

    Examples
    --------
    >>> import tamscore
    >>> tamscore.load_job("nowhere.toml")
    Traceback (most recent call last):
    tamscore.errors.JobFileError: nowhere.toml: expected a job file, found nothing; check the path
    """
    return job_file.load(Path(path), overrides)


def run(
    job: _Given, data: Any = None, *, overrides: Sequence[str] = (), accept: bool = False, verbose: bool = False
) -> FinishedRun:
    """Fit clusters, score the whole market of a job, and write the run to its `output.path`.

    Parameters
    ----------
    job : str, Path, mapping or Job
        The path of a job file, its tables as a dict, or a job of `load_job`. Relative paths of a dict count from the
        working directory.
    data : pyarrow.Table or DataFrame of pandas or polars, optional
        The market, a row for each account, in place of `input.path`. It is written to a temporary file for the run.
    overrides : sequence of str, optional
        Keys to set in place of those of the job, each as `key=value`, such as `clusters.k=7`.
    accept : bool, optional
        Whether the run is published however much its input differs from that of the run before.
    verbose : bool, optional
        Whether progress goes to standard error.

    Returns
    -------
    FinishedRun
        The run in `output.path`, complete and current. A run that is already there is returned and not repeated.

    Raises
    ------
    JobFileError
        If the job is invalid.
    InputContractError
        If the data break the contract of columns, types, ids or rejected rows.
    GateError
        If a gate closed and a person must look first, such as a feature that looks like sales.
    RetryableError, MemoryLimitError, DeviceError
        If storage, a worker, memory or the GPU fails.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa, tamscore
    >>> random = np.random.default_rng(0)
    >>> market = pa.table(
    ...     {
    ...         "account_id": [f"A{i:03}" for i in range(400)],
    ...         "employees": random.lognormal(4, 1, 400),
    ...         "sales": np.where(random.random(400) < 0.5, random.lognormal(8, 1, 400).round(2), 0),
    ...     }
    ... )
    >>> features = {"numeric": {"employees": "log_standard"}}
    >>> job = {"output": {"path": "scores"}, "features": features, "clusters": {"k": 2}, "device": "cpu"}
    >>> tamscore.run(job, market).scores().count_rows()
    400
    """
    from tamscore import pipeline

    def work(loaded: Job, progress: Progress) -> RunDirectory:
        return pipeline.run(loaded, progress, accept=accept)

    return _carry_out(work, job, data, overrides, verbose=verbose)


def score(
    job: _Given,
    data: Any = None,
    *,
    model: str | Location | None = None,
    own_ladders: bool = False,
    or_run: bool = False,
    overrides: Sequence[str] = (),
    accept: bool = False,
    verbose: bool = False,
) -> FinishedRun:
    """Score the market of a job with the model of an earlier run, and write the run to its `output.path`.

    Parameters
    ----------
    job : str, Path, mapping or Job
        The path of a job file, its tables as a dict, or a job of `load_job`. Relative paths of a dict count from the
        working directory.
    data : pyarrow.Table or DataFrame of pandas or polars, optional
        The market, a row for each account, in place of `input.path`. It is written to a temporary file for the run.
    model : str or Location, optional
        The earlier run: an output folder (its current version), one of its versions, or a run key. The default is the
        current version of `output.path`.
    own_ladders : bool, optional
        Whether cut lines are taken from the sales of this input, not from the model.
    or_run : bool, optional
        Whether a model is fitted, as by `run`, if there is no run yet.
    overrides : sequence of str, optional
        Keys to set in place of those of the job, each as `key=value`, such as `clusters.k=7`.
    accept : bool, optional
        Whether the run is published however much its input differs from that of the run before.
    verbose : bool, optional
        Whether progress goes to standard error.

    Returns
    -------
    FinishedRun
        The run in `output.path`, complete and current. A run that is already there is returned and not repeated.

    Raises
    ------
    UsageError
        If there is no such earlier run.
    JobFileError
        If the job is invalid.
    InputContractError
        If the data break the contract of columns, types, ids or rejected rows.
    GateError
        If a gate closed and a person must look first.
    RetryableError, MemoryLimitError, DeviceError
        If storage, a worker, memory or the GPU fails.

    Examples
    --------
    >>> import tamscore
    >>> job = {"input": {"path": "market"}, "output": {"path": "nowhere"}, "clusters": {"k": 2}}
    >>> tamscore.score(job | {"features": {"numeric": {"employees": "standard"}}})
    Traceback (most recent call last):
    tamscore.errors.UsageError: ...nowhere: no complete run here; expected an output folder with ...
    """
    from tamscore import pipeline

    name = None if model is None else str(model)

    def work(loaded: Job, progress: Progress) -> RunDirectory:
        return pipeline.score(loaded, progress, name, own_ladders=own_ladders, or_run=or_run, accept=accept)

    return _carry_out(work, job, data, overrides, verbose=verbose)


def refresh(
    job: _Given,
    data: Any = None,
    *,
    start: str | Location,
    overrides: Sequence[str] = (),
    accept: bool = False,
    verbose: bool = False,
) -> FinishedRun:
    """Fit the model of a job again from that of an earlier run, and write the run; clusters keep their ids.

    Parameters
    ----------
    job : str, Path, mapping or Job
        The path of a job file, its tables as a dict, or a job of `load_job`. Relative paths of a dict count from the
        working directory.
    data : pyarrow.Table or DataFrame of pandas or polars, optional
        The market, a row for each account, in place of `input.path`. It is written to a temporary file for the run.
    start : str or Location
        The earlier run: an output folder (its current version), one of its versions, or a run key.
    overrides : sequence of str, optional
        Keys to set in place of those of the job, each as `key=value`, such as `clusters.k=7`.
    accept : bool, optional
        Whether the run is published however much its input differs from that of the run before, and however many
        accounts would change cluster.
    verbose : bool, optional
        Whether progress goes to standard error.

    Returns
    -------
    FinishedRun
        The run in `output.path`, complete and current. A run that is already there is returned and not repeated.

    Raises
    ------
    UsageError
        If there is no such earlier run.
    JobFileError
        If the job is invalid.
    InputContractError
        If the data break the contract of columns, types, ids or rejected rows.
    GateError
        If a gate closed and a person must look first, such as too many accounts that would change cluster.
    RetryableError, MemoryLimitError, DeviceError
        If storage, a worker, memory or the GPU fails.

    Examples
    --------
    >>> import tamscore
    >>> tamscore.refresh("nowhere.toml", start="scores")
    Traceback (most recent call last):
    tamscore.errors.JobFileError: nowhere.toml: expected a job file, found nothing; check the path
    """
    from tamscore import pipeline

    def work(loaded: Job, progress: Progress) -> RunDirectory:
        return pipeline.refresh(loaded, progress, str(start), accept=accept)

    return _carry_out(work, job, data, overrides, verbose=verbose)


def _carry_out(
    work: Callable[[Job, Progress], RunDirectory], job: _Given, data: Any, overrides: Sequence[str], *, verbose: bool
) -> FinishedRun:
    """The run that `work` makes of a job, on data at hand where they are given."""
    from tamscore.engine import connect

    with nullcontext() if data is None else _table_file(data) as file:
        loaded = _loaded_job(job, overrides if file is None else [*overrides, f"input.path={json.dumps(str(file))}"])
        connect.begin(loaded.engine)
        with _at_work(loaded, verbose=verbose) as progress:
            directory = work(loaded, progress)
    return open_run(str(directory.path))


def _loaded_job(job: _Given, overrides: Sequence[str]) -> Job:
    """The job of a file, of tables, or one that is loaded already, with overrides set."""
    if isinstance(job, str | Path):
        return job_file.load(Path(job), overrides)
    if isinstance(job, Job):
        tables = job.model_dump(mode="json", include=job.model_fields_set)  # a section that is not there says something
        return job_file.parse(tables, "job", overrides) if overrides else job
    if not isinstance(job, Mapping):
        raise TypeError(f"job: expected the path of a job file, a dict or a Job, got {type(job).__name__}")
    return job_file.parse(_plain(job), "job", overrides, written=True)


def _plain(value: Any) -> Any:
    """The value with paths as texts and numbers of NumPy as those of Python, in tables and lists too."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if isinstance(value, np.generic) else value


def _table_of(data: Any) -> pa.Table:
    """The rows as an Arrow table; raise TypeError that says what was given where they are none."""
    import pyarrow as pa

    if isinstance(data, pa.Table):
        return data
    if not isinstance(data, Mapping) and not hasattr(data, "__arrow_c_stream__") and not hasattr(data, "__dataframe__"):
        known = "an Arrow table or a DataFrame of pandas or polars"
        raise TypeError(f"data: expected {known}, got {type(data).__module__}.{type(data).__qualname__}")
    return pa.table(data)


@contextmanager
def _table_file(data: Any) -> Iterator[Path]:
    """A Parquet file of a table or a DataFrame, there as long as what is inside runs."""
    import pyarrow.parquet as pq

    table = _table_of(data)
    with TemporaryDirectory(dir=temporary_folder()) as folder:
        file = Path(folder) / "data.parquet"
        pq.write_table(table.replace_schema_metadata(None).combine_chunks(), file, row_group_size=_TABLE_ROWS)
        yield file


@contextmanager
def _at_work(job: Job, *, verbose: bool) -> Iterator[Progress]:
    """The progress of a run, shown if asked for; its metrics are left where the job asks for them."""
    from tamscore import terminal

    with terminal.listening() if verbose else nullcontext() as listener:
        progress, began = Progress(listener), time.perf_counter()
        code, gate = 1, None
        try:
            yield progress
            code = 0
        except Exception as error:
            code, gate = getattr(error, "exit_code", code), getattr(error, "gate", None)
            raise
        finally:
            metrics.try_to_leave(job, progress, metrics.Ending(code, time.perf_counter() - began, gate))
