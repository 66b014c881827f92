"""The files of a run: versions that never change, and one pointer that says which of them counts.

OUTPUT/_CURRENT.json                        the pointer: version, and SHA-256 of its manifest
OUTPUT/_history.jsonl                       the ledger: every swap of the pointer
OUTPUT/versions/<run_key>/scores/           one Parquet file a partition, each with a sidecar that commits it
                          rejected/         rejected rows with their reason
                          tables/ model/    what people read, what later runs need
                          manifest.json     written last: with it the run is complete
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.package_digest import package_digest
from tamscore.store import commit, history
from tamscore.store.commit import Placed, read_json
from tamscore.store.location import files_in, inside, location, name_within, sizes_below
from tamscore.store.placed import files_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from tamscore.store.location import Location

CURRENT, MANIFEST = "_CURRENT.json", "manifest.json"
BACKTESTS = "backtests"
"""The folder of an output where what came of its scores is kept."""
COVERAGE = "coverage"
"""The folder of an output where who covers whom is kept."""
RUN_KEY = re.compile(r"[0-9a-f]{16}")


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

    def part(self, index: int) -> Location:
        """Where the scores of a partition lie."""
        return self.scores / f"part-{index:05d}.parquet"

    def rejected(self, index: int) -> Location:
        """Where the rejected rows of a partition lie."""
        return self.path / "rejected" / f"part-{index:05d}.parquet"

    def sidecar(self, index: int) -> Location:
        """Where the commit of a partition lies; readers pass over the leading underscore."""
        return self.scores / f"_part-{index:05d}.json"

    def sidecars(self) -> list[Location]:
        """The sidecars that are there, in order."""
        found = files_in(self.scores) if self.scores.is_dir() else []
        return [path for path in found if path.name.startswith("_part-") and path.suffix == ".json"]

    def parts(self) -> list[Location]:
        """The scores of all partitions, in order."""
        return [path for path in files_in(self.scores) if path.name.startswith("part-") and path.suffix == ".parquet"]

    def prepare(self, inputs: Iterable[str]) -> None:
        """Make the folder of this version; UsageError where it cannot be written to, or holds the inputs."""
        for file in inputs:
            if inside(location(file), self.output):
                raise UsageError(f"output.path: {self.output}: the input {file} lies inside it; name another folder")
        try:
            commit.prepare(self.path)
        except OSError as error:
            raise UsageError(
                f"output.path: {self.output}: cannot be written to ({error}); name a folder that can, or mend access"
            ) from error

    def held(self) -> AbstractContextManager[None]:
        """Hold the output alone; RetryableError where another run holds it."""
        return commit.held(self.output, f"run {self.run_key}")

    def commit_part(self, index: int, part: Placed, rejected: Placed | None, rows: dict[str, int]) -> None:
        """Commit a partition: its files count from now on, and are not made again by a run that resumes."""
        files = {self.name_of(self.part(index)): part.record()}
        if rejected:
            files[self.name_of(self.rejected(index))] = rejected.record()
        commit.place_json({"run_key": self.run_key, "files": files, "rows": rows}, self.sidecar(index))

    def committed(self, index: int) -> dict[str, Placed] | None:
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
        """The manifest, or None while the run is not complete or where the file is torn."""
        return read_json(self.path / MANIFEST)

    def is_complete(self) -> bool:
        """Whether the run is sealed and its files are there in their full size; `verify` looks closer."""
        files = (self.manifest() or {}).get("files", {})
        there = sizes_below(self.path) if files else {}
        return bool(files) and all(there.get(name) == record["bytes"] for name, record in files.items())

    def seal(self, manifest: dict[str, Any], files: dict[str, Placed]) -> None:
        """Write the manifest, which makes the run complete, then let the output point at it.

        The manifest lists the files given and the sidecars of their parts; what killed workers left is swept first.
        """
        commit.sweep(self.path)
        sidecars = {self.name_of(path): Placed.of(path) for path in self.sidecars()}
        listed = {name: placed.record() for name, placed in {**files, **sidecars}.items()}
        if not self.is_complete():  # a successor may have sealed it while this run was frozen
            commit.place_json({**manifest, "run_key": self.run_key, "files": listed}, self.path / MANIFEST)
        self.point_here()

    def point_here(self, action: history.Action = "run") -> None:
        """Make this version the current one; where that is news, the ledger has it first."""
        before = current_version(self.output)
        if self.yields and before is not None:
            return
        if before != self.run_key:
            history.record(self.output, action, self.run_key, before)
        digest = hashlib.sha256((self.path / MANIFEST).read_bytes()).hexdigest()
        commit.swap_json({"version": self.run_key, "manifest_sha256": digest}, self.output / CURRENT)


def holds(path: Location, placed: Placed) -> bool:
    """Whether a file is there, and is what was placed."""
    try:
        return path.stat().st_size == placed.bytes and Placed.of(path) == placed
    except OSError:
        return False


def run_key(*parts: str) -> str:
    """The name of a run: 16 hexadecimal digits of the SHA-256 of what it was made from."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def code_digest() -> str:
    """Return the SHA-256 of this package's files: another code, another run."""
    return package_digest()


def current_version(output: Location) -> str | None:
    """The version that the pointer of an output names; None where there is no pointer, or it is torn."""
    version = (read_json(output / CURRENT) or {}).get("version")
    return version if isinstance(version, str) and RUN_KEY.fullmatch(version) else None
