"""The files of a run: versions that never change, and one pointer to the current version.

OUTPUT/_CURRENT.json                        the pointer: version, and SHA-256 of its manifest
OUTPUT/_history.jsonl                       the ledger: every swap of the pointer
OUTPUT/_checkpoints/<run_key>/             what an incomplete run has computed so far
OUTPUT/_sources/                            Parquet copies of tables in other formats; runs make removed ones again
OUTPUT/versions/<run_key>/scores/           one Parquet file a partition, each with a sidecar that commits it
                          rejected/         rejected rows with their reason
                          tables/ model/    tables for people, files for later runs
                          manifest.json     written last: with it the run is complete
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError, UsageError
from tamscore.package_digest import package_digest
from tamscore.store import commit, contents, history, pruning, renewal
from tamscore.store.checkpoints import CHECKPOINTS
from tamscore.store.commit import Placed, read_json
from tamscore.store.location import files_in, inside, location, name_within
from tamscore.store.placed import files_of
from tamscore.store.pointer import (
    CURRENT,
    MANIFEST,
    RUN_KEY,
    current_version,
    digest_of,
    manifest_of,
    manifest_problem,
)
from tamscore.store.sources.copies import COPIES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from tamscore.store.location import Location

__all__ = ["CURRENT", "MANIFEST", "RUN_KEY", "RunDirectory", "current_version"]

BACKTESTS = "backtests"
"""The folder of an output for results of backtests."""
COVERAGE = "coverage"
"""The folder of an output for results of coverage."""
HOLDOUTS = "holdouts"
"""The folder of an output for holdouts: accounts that nobody works on."""
RECORDS = {BACKTESTS: "backtest.json", COVERAGE: "coverage.json", HOLDOUTS: "holdout.json"}
"""The record that completes a folder of results beside the versions, by the folder's parent."""


@dataclass(frozen=True)
class RunDirectory:
    """One version of an output: `OUTPUT/versions/<run_key>/`; a version that `yields` never replaces another one."""

    output: Location
    run_key: str
    yields: bool = False

    @property
    def path(self) -> Location:
        """The folder of this version."""
        return self.output / "versions" / self.run_key

    @property
    def scores(self) -> Location:
        """The folder of its scores: a Parquet data set by itself."""
        return self.path / "scores"

    @property
    def tables(self) -> Location:
        """The folder of its tables."""
        return self.path / "tables"

    @property
    def model(self) -> Location:
        """The folder of its model."""
        return self.path / "model"

    @property
    def checkpoints(self) -> Location:
        """The folder of intermediate results while its run is incomplete."""
        return self.output / CHECKPOINTS / self.run_key

    def part(self, index: int) -> Location:
        """Return the file of the scores of a partition."""
        return self.scores / f"part-{index:05d}.parquet"

    def staged(self, index: int) -> Location:
        """Return the file of the scores of a partition until they are written again; readers skip its underscore."""
        return self.scores / f"_staged-{index:05d}.arrow"

    def rejected_files(self, index: int) -> Location:
        """Return the file of the rejected rows of a partition."""
        return self.path / "rejected" / f"part-{index:05d}.parquet"

    def sidecar(self, index: int) -> Location:
        """Return the file that commits a partition; Parquet readers skip it for its leading underscore."""
        return self.scores / f"_part-{index:05d}.json"

    def sidecars(self) -> list[Location]:
        """Return the sidecars that exist, in order."""
        items = files_in(self.scores) if self.scores.is_dir() else []
        return [path for path in items if path.name.startswith("_part-") and path.suffix == ".json"]

    def parts(self) -> list[Location]:
        """Return the score files of a complete version, in order; raise InputContractError if it is incomplete."""
        return contents.parts_listed(self.scores)

    def prepare(self, inputs: Iterable[str]) -> None:
        """Make the folder of this version; raise UsageError if it is not writable, or contains the inputs."""
        for file in inputs:
            if inside(location(file), self.output) and not inside(location(file), self.output / COPIES):
                raise UsageError(f"output.path: {self.output}: the input {file} lies inside it; name another folder")
        try:
            commit.prepare(self.path)
        except (FileExistsError, NotADirectoryError) as error:
            raise UsageError(
                f"output.path: {self.output}: expected a folder, a file is in its way; name another"
            ) from error
        except OSError as error:
            raise UsageError(
                f"output.path: {self.output}: cannot be written to ({error}); name a writable folder, or fix access"
            ) from error

    def lock(self) -> AbstractContextManager[None]:
        """Hold the lock of the output; raise RetryableError if another run holds it."""
        return pruning.lock(self.output, f"run {self.run_key}")

    def commit_part(self, index: int, files: dict[str, Placed], rows: dict[str, int]) -> None:
        """Commit a partition of these files, by name: from now on a resumed run does not compute them again."""
        record = {name: placed.record() for name, placed in files.items()}
        commit.place_json({"run_key": self.run_key, "files": record, "rows": rows}, self.sidecar(index))

    def commit(self, index: int) -> dict[str, Placed] | None:
        """Return the files of a partition that was committed and is unchanged; None if it must be computed."""
        sidecar = read_json(self.sidecar(index))
        if sidecar is None or sidecar.get("run_key") != self.run_key:
            return None
        files = files_of(sidecar)
        return files if all(holds(self.path / name, placed) for name, placed in files.items()) else None

    def name_of(self, path: Location) -> str:
        """Return the name of a file of this version as the manifest lists it."""
        return name_within(path, self.path)

    def manifest(self) -> dict[str, Any] | None:
        """Return the manifest; None while the run is incomplete, or if the file is torn or no manifest."""
        return manifest_of(self.output, self.run_key)

    def damage(self) -> list[str] | None:
        """Return the names of files of a complete version that are missing or changed; None if the run is incomplete.

        Every byte is read. Raise InputContractError if the manifest was edited, since then the right content is
        unknown. Raise it, too, if files are damaged from which accounts were erased: a rebuild would bring the accounts
        back.
        """
        manifest = self.manifest()
        if manifest is None:
            return None
        if problem := manifest_problem(self.output, self.run_key):
            raise InputContractError(problem)
        files = [name for name, placed in files_of(manifest).items() if not self.has(name, placed)]
        if files and "forgotten" in manifest:
            raise InputContractError(
                f"{self.path}: {', '.join(files)}: damaged, and a run on the same input would bring back "
                f"{manifest['forgotten']['accounts']:,} accounts that were forgotten; restore the files, or remove the "
                "accounts from the input and run the job again, which makes another version"
            )
        return files

    def has(self, name: str, placed: Placed) -> bool:
        """Return whether a file of this version has the placed content, or the file that is about to replace it has."""
        return holds(self.path / name, placed) or renewal.await_renewal(self.path, name, placed) is not None

    def is_complete(self) -> bool:
        """Return whether the run is complete and every byte is as it was written; see `damage`."""
        return self.damage() == []

    def seal(self, manifest: dict[str, Any], files: dict[str, Placed]) -> None:
        """Write the manifest, which makes the run complete, then point the output at this version.

        The manifest lists the given files and the sidecars of their parts; files of killed workers are swept first. A
        manifest of the same files that the output vouches for stays: another process may have completed the version
        while this run was frozen, or the run has rebuilt damaged files. The ledger gets a new manifest's hash before
        the manifest is written.
        """
        commit.sweep(self.path, open_too=True)
        sidecars = {self.name_of(path): Placed.of(path) for path in self.sidecars()}
        listed = {name: placed.record() for name, placed in {**files, **sidecars}.items()}
        there = self.manifest()
        if there is None or there["files"] != listed or manifest_problem(self.output, self.run_key):
            data = commit.json_bytes({**manifest, "run_key": self.run_key, "files": listed})
            self.announce(hashlib.sha256(data).hexdigest())
            commit.place_bytes(data, self.path / MANIFEST)
        self.point_here()

    def announce(self, digest: str) -> None:
        """Record in the ledger that a manifest with this hash is about to be placed."""
        before = self.replaced()
        stays = before == self.run_key or (self.yields and before is not None)
        history.record(self.output, "seal" if stays else "run", self.run_key, before, digest)

    def replaced(self) -> str | None:
        """Return the current version, which this one replaces; None if there is none, or it cannot be determined."""
        try:
            return current_version(self.output)
        except InputContractError:
            if self.yields:
                raise
            return None

    def point_here(self, action: history.Action = "run") -> None:
        """Make this version the current one; the ledger records the change first."""
        before, digest = self.replaced(), digest_of(self.path / MANIFEST)
        if self.yields and before is not None:
            return
        if before != self.run_key and not self.announce_run(action, before, digest):
            history.record(self.output, action, self.run_key, before, digest)
        commit.swap_json({"version": self.run_key, "manifest_sha256": digest}, self.output / CURRENT)

    def announce_run(self, action: history.Action, before: str | None, digest: str) -> bool:
        """Return whether the last swap in the ledger is this swap, which was cut off before it moved the pointer."""
        swaps = [entry for entry in history.entries(self.output) if entry.is_swap]
        last = swaps[-1] if swaps else None
        text = last and (last.action, last.version, last.replaced, last.manifest_sha256)
        return text == (action, self.run_key, before, digest)


def holds(path: Location, placed: Placed) -> bool:
    """Return whether a file exists, is not a link, and has the placed content."""
    try:
        return not path.is_symlink() and path.stat().st_size == placed.bytes and Placed.of(path) == placed
    except OSError:
        return False


def run_key(*parts: str) -> str:
    """Return the key of a run: 16 hexadecimal digits of the SHA-256 of everything that it depends on."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def code_digest() -> str:
    """Return the SHA-256 of this package's files: changed code makes another run."""
    return package_digest()
