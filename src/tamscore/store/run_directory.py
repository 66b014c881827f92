"""The files of a run: versions that never change, and one pointer that says which of them counts.

OUTPUT/_CURRENT.json                        the pointer: version, and SHA-256 of its manifest
OUTPUT/_history.jsonl                       the ledger: every swap of the pointer
OUTPUT/_checkpoints/<run_key>/             what a run that is not complete has computed so far
OUTPUT/_sources/                            copies of tables that are no Parquet; any may go, runs make them again
OUTPUT/versions/<run_key>/scores/           one Parquet file a partition, each with a sidecar that commits it
                          rejected/         rejected rows with their reason
                          tables/ model/    what people read, what later runs need
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
"""The folder of an output where what came of its scores is kept."""
COVERAGE = "coverage"
"""The folder of an output where who covers whom is kept."""
HOLDOUTS = "holdouts"
"""The folder of an output where the accounts are kept that nobody is to work on."""
RECORDS = {BACKTESTS: "backtest.json", COVERAGE: "coverage.json", HOLDOUTS: "holdout.json"}
"""The record that seals a folder of results beside the versions, by where the folder lies."""


@dataclass(frozen=True)
class RunDirectory:
    """One version of an output: `OUTPUT/versions/<run_key>/`; one that `yields` never takes another's place."""

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
        """The folder of what its run has computed so far, as long as it is not complete."""
        return self.output / CHECKPOINTS / self.run_key

    def part(self, index: int) -> Location:
        """Return where the scores of a partition lie."""
        return self.scores / f"part-{index:05d}.parquet"

    def rejected_files(self, index: int) -> Location:
        """Return where the rejected rows of a partition lie."""
        return self.path / "rejected" / f"part-{index:05d}.parquet"

    def sidecar(self, index: int) -> Location:
        """Return where the commit of a partition lies; readers pass over the leading underscore."""
        return self.scores / f"_part-{index:05d}.json"

    def sidecars(self) -> list[Location]:
        """The sidecars that are there, in order."""
        items = files_in(self.scores) if self.scores.is_dir() else []
        return [path for path in items if path.name.startswith("_part-") and path.suffix == ".json"]

    def parts(self) -> list[Location]:
        """The scores of all partitions of a complete version, in order; InputContractError without a manifest."""
        return contents.parts_listed(self.scores)

    def prepare(self, inputs: Iterable[str]) -> None:
        """Make the folder of this version; raise UsageError where it cannot be written to, or holds the inputs."""
        for file in inputs:
            if inside(location(file), self.output) and not inside(location(file), self.output / COPIES):
                raise UsageError(f"output.path: {self.output}: the input {file} lies inside it; name another folder")
        try:
            commit.prepare(self.path)
        except OSError as error:
            raise UsageError(
                f"output.path: {self.output}: cannot be written to ({error}); name a folder that can, or mend access"
            ) from error

    def hold(self) -> AbstractContextManager[None]:
        """Hold the output alone; raise RetryableError where another run holds it."""
        return pruning.hold(self.output, f"run {self.run_key}")

    def commit_part(self, index: int, part: Placed, rejected: Placed | None, rows: dict[str, int]) -> None:
        """Commit a partition: its files count from now on, and are not made again by a run that resumes."""
        files = {self.name_of(self.part(index)): part.record()}
        if rejected:
            files[self.name_of(self.rejected_files(index))] = rejected.record()
        commit.place_json({"run_key": self.run_key, "files": files, "rows": rows}, self.sidecar(index))

    def commit(self, index: int) -> dict[str, Placed] | None:
        """The files of a partition that was committed and still is as it was; None where it must be made."""
        sidecar = read_json(self.sidecar(index))
        if sidecar is None or sidecar.get("run_key") != self.run_key:
            return None
        files = files_of(sidecar)
        return files if all(holds(self.path / name, placed) for name, placed in files.items()) else None

    def name_of(self, path: Location) -> str:
        """The name of a file of this version as the manifest lists it."""
        return name_within(path, self.path)

    def manifest(self) -> dict[str, Any] | None:
        """The manifest, or None while the run is not complete, or where the file is torn or of another shape."""
        return manifest_of(self.output, self.run_key)

    def damage(self) -> list[str] | None:
        """The files of a complete version that are missing or changed, by name; None where the run is not complete.

        Reads every byte. Raise InputContractError where the manifest was edited: then nothing says what is right; and
        where files are damaged that accounts have left: a rebuild would bring them back.
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
        """Return whether a file of this version holds what was placed, or what is about to take its place does."""
        return holds(self.path / name, placed) or renewal.await_renewal(self.path, name, placed) is not None

    def is_complete(self) -> bool:
        """Return whether the run is sealed and every byte is as it was written; see `damage`."""
        return self.damage() == []

    def seal(self, manifest: dict[str, Any], files: dict[str, Placed]) -> None:
        """Write the manifest, which makes the run complete, then let the output point at it.

        The manifest lists the files given and the sidecars of their parts; what killed workers left is swept first.
        A manifest of the same files that the output vouches for stays: a successor may have sealed the version while
        this run was frozen, or the run has rebuilt damaged files. The ledger has a new manifest's hash before it is
        there.
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
        """Write into the ledger that a manifest of this hash is about to be placed."""
        before = self.replaced()
        stays = before == self.run_key or (self.yields and before is not None)
        history.record(self.output, "seal" if stays else "run", self.run_key, before, digest)

    def replaced(self) -> str | None:
        """The current version, which this one replaces; None where there is none, or nothing says which it is."""
        try:
            return current_version(self.output)
        except InputContractError:
            if self.yields:
                raise
            return None

    def point_here(self, action: history.Action = "run") -> None:
        """Make this version the current one; the ledger says so first, where it is another than before."""
        before, digest = self.replaced(), digest_of(self.path / MANIFEST)
        if self.yields and before is not None:
            return
        if before != self.run_key and not self.announce_run(action, before, digest):
            history.record(self.output, action, self.run_key, before, digest)
        commit.swap_json({"version": self.run_key, "manifest_sha256": digest}, self.output / CURRENT)

    def announce_run(self, action: history.Action, before: str | None, digest: str) -> bool:
        """Return whether the last swap in the ledger is this one, which was cut off before it moved the pointer."""
        swaps = [entry for entry in history.entries(self.output) if entry.is_swap]
        last = swaps[-1] if swaps else None
        text = last and (last.action, last.version, last.replaced, last.manifest_sha256)
        return text == (action, self.run_key, before, digest)


def holds(path: Location, placed: Placed) -> bool:
    """Return whether a file is there, no link, and holds what was placed."""
    try:
        return not path.is_symlink() and path.stat().st_size == placed.bytes and Placed.of(path) == placed
    except OSError:
        return False


def run_key(*parts: str) -> str:
    """The name of a run: 16 hexadecimal digits of the SHA-256 of what it was made from."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def code_digest() -> str:
    """Return the SHA-256 of this package's files: another code, another run."""
    return package_digest()
