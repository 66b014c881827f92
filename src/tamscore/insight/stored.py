"""A finished run as questions about it find it: its manifest, its job, its model, its ladders."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore import config
from tamscore.errors import InputContractError, UsageError
from tamscore.passes import policy
from tamscore.passes.assign import PartyModel
from tamscore.passes.features import Encoding
from tamscore.schema import PARTY_TYPES
from tamscore.settings import columns_of, ladder_rules
from tamscore.store import contents, model, run_directory
from tamscore.store.location import files_in
from tamscore.store.placed import files_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from tamscore.config import Job
    from tamscore.passes.policy import LadderRules, PartyMarket
    from tamscore.store.location import Location
    from tamscore.store.model import StoredModel
    from tamscore.store.model_parties import StoredParty
    from tamscore.store.run_directory import RunDirectory

KEY = re.compile(r"[0-9a-f]{1,16}")
"""A run key, or its beginning."""


@dataclass(frozen=True)
class StoredRun:
    """A complete run on disk; what is asked for is read once."""

    directory: RunDirectory
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        """How people and machines call it: its run key."""
        return self.directory.run_key

    @cached_property
    def job(self) -> Job:
        """The job that was run."""
        return self.job_with(())

    def job_with(self, overrides: Sequence[str], sections: Mapping[str, Any] | None = None) -> Job:
        """The job that was run, with sections replaced, then keys set; JobFileError that lists what is wrong then."""
        return config.parse({**self.manifest["job"], **(sections or {})}, f"run {self.name}", overrides)

    @cached_property
    def model(self) -> StoredModel:
        """Its model, held against the manifest; InputContractError where it was changed."""
        return model.read_model(self.directory.model, files_of(self.manifest))

    @cached_property
    def models(self) -> tuple[PartyModel, ...]:
        """Its model by party type, ready to assign accounts."""
        columns = columns_of(self.job)
        return tuple(party_model(one, columns) for one in self.model.parties)

    def markets(self, rules: LadderRules) -> list[PartyMarket]:
        """Every party type on the ladders that its stored customers' sales make under the rules.

        Under its own rules the run keeps the ladders that it has, which may be those of a frozen model.
        """
        own = ladder_rules(self.job)
        keeps = replace(rules, boundary=own.boundary) == own
        pairs = zip(self.models, self.model.parties, strict=True)
        return [
            policy.settle(model, one.sales, one.by_segment, one.accounts, rules, one.table if keeps else None)
            for model, one in pairs
        ]

    def parts(self) -> list[Location]:
        """The files of its scores in order."""
        return self.directory.parts()

    def rejected(self) -> list[Location]:
        """The files of its rejected rows in order."""
        folder = self.directory.path / "rejected"
        return files_in(folder) if folder.is_dir() else []

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of its scores."""
        return tuple(self.schema.names)

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of its scores with their types."""
        with parquet_file(self.parts()[0]) as file:
            return file.schema_arrow

    def read(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Columns of its scores, part by part, texts as texts."""
        for part in self.parts():
            yield plain_texts(contents.whole(part, columns))

    @cached_property
    def clusters(self) -> tuple[str, ...]:
        """The ids of its clusters, numbered through all party types."""
        return tuple(cluster for party in self.model.parties for cluster, _ in party.clusters)

    def codes(self, clusters: pa.ChunkedArray) -> Any:
        """The number (m,) int64 of each cluster among `clusters`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        return pc.index_in(clusters, value_set=pa.array(self.clusters)).to_numpy().astype(np.int64)


def party_model(stored: StoredParty, columns: Any) -> PartyModel:
    """The model of a party type as it was when it was fitted."""
    encoding = Encoding(columns, PARTY_TYPES.index(stored.name), stored.space.vocabularies, stored.segments)
    return PartyModel(stored.name, encoding, stored.space, stored.centers, stored.ids)


def open_run(path: Location, beside: RunDirectory | None = None) -> StoredRun:
    """The complete run that a path names: an output (its current version), a version, or the beginning of a run key.

    A run key may stand behind its output (`scores/3fa9`), or alone where the output of a run `beside` it is meant.
    Raises UsageError where there is none, or more than one.
    """
    directory = directory_of(path, beside)
    manifest = directory.manifest()
    if manifest is None:
        raise UsageError(f"{directory.path}: the run is not complete; run its job again")
    if not {"job", "files", "rows"} <= manifest.keys():
        raise InputContractError(f"{directory.path}: its manifest tells neither job nor files; run its job again")
    return StoredRun(directory, manifest)


def directory_of(path: Location, beside: RunDirectory | None = None) -> RunDirectory:
    """Where the run lies that a path names; see `open_run`."""
    if path.is_dir() or (beside is None and not KEY.fullmatch(path.name.lower())):
        return run_directory.find(path)
    return by_key(path, beside)


def by_key(path: Location, beside: RunDirectory | None) -> RunDirectory:
    """The run whose key begins with the last part of a path, in the output that the path or another run names."""
    output = beside.output if beside is not None and path.parent == Path() else path.parent
    return version_like(output, path.name)


def version_like(output: Location, key: str) -> RunDirectory:
    """The complete version of an output whose key begins so; UsageError where there is none, or more than one."""
    complete = run_directory.complete_versions(output)
    found = [run for run in complete if key and run.run_key.startswith(key.lower())]
    if len(found) == 1:
        return found[0]
    there = ", ".join(run.run_key for run in found or complete) or "none"
    problem = "several complete versions begin so" if found else "no complete version begins so"
    raise UsageError(f"{output}: {key!r}: {problem}; there are {there}")


def parquet_file(path: Location) -> Any:
    """A Parquet file of a run, opened."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(contents.source(str(path)))


def plain_texts(table: pa.Table) -> pa.Table:
    """The table with dictionaries of texts as texts."""
    import pyarrow as pa

    fields = [f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))
