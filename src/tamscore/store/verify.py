"""Looking for damage: every byte of a complete run against what its manifest says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.store import records, renewal
from tamscore.store.checkpoints import CHECKPOINTS
from tamscore.store.commit import LOCK, Placed
from tamscore.store.disk import is_temporary
from tamscore.store.history import HISTORY
from tamscore.store.holdouts import LIFT
from tamscore.store.location import files_below
from tamscore.store.placed import files_of
from tamscore.store.pointer import (
    CURRENT,
    HANDED_OUT,
    MANIFEST,
    PINS,
    RENEWAL,
    digest_of,
    is_renewed,
    manifest_problem,
    pointer_of,
)
from tamscore.store.run_directory import BACKTESTS, COVERAGE, HOLDOUTS, RECORDS, RunDirectory
from tamscore.store.sources.copies import COPIES
from tamscore.store.versions import versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.store.location import Location

_KNOWN = {
    *(BACKTESTS, CHECKPOINTS, COPIES, COVERAGE, CURRENT, HANDED_OUT, HISTORY, HOLDOUTS, LOCK, PINS, RENEWAL),
    "versions",
}
"""What belongs to an output."""


def problems_of_output(output: Location) -> list[str]:
    """Return what is wrong with an output: its pointer, each complete version, and what lies beside the versions."""
    of_runs = (problem for run in versions(output) if seal(run) for problem in problems_of_run(run))
    return [*_pointer_problems(output), *of_runs, *_problems_beside(output)]


def _problems_beside(output: Location) -> Iterator[str]:
    """Yield what is wrong with the folders of coverages, backtests and holdouts that are complete, and notes beside."""
    for kind, name in RECORDS.items():
        inside: list[Location] = sorted((output / kind).iterdir(), key=str) if (output / kind).is_dir() else []
        for path in inside:
            if (path / name).is_file():
                yield from records.problems(path / name)
                if (path / LIFT).is_file():
                    yield from records.problems(path / LIFT, goes=path / LIFT)
            elif path.suffix == ".json" and not is_temporary(path.name):
                yield from records.problems(path, goes=path)


def seal(run: RunDirectory) -> bool:
    """Return whether a version claims to be complete."""
    manifest = run.path / MANIFEST
    return manifest.exists() or manifest.is_symlink()


def _pointer_problems(output: Location) -> Iterator[str]:
    """Yield what is wrong with the pointer of an output, and what lies in the output that no run has put there."""
    pointer = pointer_of(output)
    if pointer is None:
        yield f"{output / CURRENT}: missing or torn; run the job again, or make a version current: tamscore rollback"
        return
    manifest = RunDirectory(output, str(pointer["version"])).path / MANIFEST
    if not manifest.is_file():
        yield f"{output / CURRENT}: points at {pointer['version']!r}, which is no complete run"
    elif digest_of(manifest) != pointer.get("manifest_sha256") and not is_renewed(output):
        yield f"{manifest}: is not the manifest that {output / CURRENT} was set to"
    yield from (f"{output / name}: does not belong to the output" for name in strange_names(output))


def strange_names(output: Location) -> list[str]:
    """Return the names in an output that do not belong there, in order; what is being written does."""
    return sorted(path.name for path in output.iterdir() if path.name not in _KNOWN and not is_temporary(path.name))


def problems_of_run(run: RunDirectory) -> Iterator[str]:
    """Yield the problems of a version: files that are missing, changed or not listed, and rows that do not add up."""
    manifest = run.manifest() or {}
    if manifest and (problem := manifest_problem(run.output, run.run_key)):
        yield problem
    try:
        listed = files_of(manifest)
        rows = manifest["rows"]
        read, known = rows["read"], rows["scored"] + sum(rows["rejected"].values()) + rows.get("forgotten", 0)
    except (KeyError, TypeError, AttributeError):
        yield f"{run.path / MANIFEST}: torn, or no manifest of a run"
        return
    record = {run.name_of(path): path for path in files_below(run.path)}
    for name, placed in listed.items():
        if name not in record or record[name].is_symlink():
            yield f"{run.path / name}: missing"
        elif (here := Placed.of(record[name])) != placed and renewal.await_renewal(run.path, name, placed) is None:
            expected = f"expected {placed.bytes:,} with {placed.xxh3}"
            yield f"{run.path / name}: changed, {here.bytes:,} bytes with hash {here.xxh3}, {expected}"
    for name in sorted(record.keys() - listed.keys() - {MANIFEST}):
        if not is_temporary(record[name].name):
            yield f"{run.path / name}: is not listed in the manifest"
    if read != known:
        yield f"{run.path / MANIFEST}: {read:,} rows read are not {known:,} rows scored, rejected or forgotten"
