"""A finished run for questions: its manifest, its job, its model, its ladders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore import job_file
from tamscore.arrow import places_in, plain_table
from tamscore.backend import load
from tamscore.errors import UsageError
from tamscore.model import files as model
from tamscore.questions.roles import role_columns
from tamscore.schema import PARTY_TYPES
from tamscore.scoring import potential as policy
from tamscore.scoring.context import columns_of, ladder_rules, makes_market
from tamscore.scoring.features import Encoding
from tamscore.scoring.party_model import PartyModel
from tamscore.store import contents, coverages
from tamscore.store.coverages import OWNERS_FROM, coverage_of
from tamscore.store.placed import files_of
from tamscore.store.sources.copies import COPIES
from tamscore.store.versions import require_keys, run_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from tamscore.config import Input, Job
    from tamscore.model.files import Pair
    from tamscore.model.record import ModelRecord, PartyRecord
    from tamscore.questions.roles import RoleColumns
    from tamscore.scoring.arguments import LadderRules
    from tamscore.scoring.potential import PartyMarket
    from tamscore.stages.folding import IdForm
    from tamscore.stages.level_loss import Level
    from tamscore.stages.whitespace import Prospects
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory

_RETIRED = {"lifetime_value": ("months_active", "least_months")}
"""Keys that the jobs of earlier versions may have, by section."""


@dataclass(frozen=True)
class StoredRun:
    """A complete run on disk; its files are read once, on demand.

    Accounts are covered as in the last coverage, or in the one whose name begins with `plan`.
    """

    directory: RunDirectory
    manifest: dict[str, Any]
    plan: str | None = None

    @property
    def name(self) -> str:
        """The name of the run: its run key."""
        return self.directory.run_key

    @cached_property
    def job(self) -> Job:
        """The job of the run."""
        return self.job_with(())

    def job_with(self, overrides: Sequence[str], sections: Mapping[str, Any] | None = None) -> Job:
        """Return the job of the run with sections replaced, then keys set; raise JobFileError with all problems."""
        record = {name: without_retired(name, result) for name, result in self.manifest["job"].items()}
        return job_file.parse({**record, **(sections or {})}, f"run {self.name}", overrides)

    @property
    def input(self) -> Input:
        """The market of its job, in the version that was read.

        For a query this is its stored result; for families as accounts, the table that was made of them.
        """
        read, source = self.manifest["inputs"], self.job.input
        if source.path is None or makes_market(self.job):
            answer = self.directory.output / COPIES / str(read["files"][0]).rpartition("/")[2]
            return source.model_copy(update={"path": str(answer), "sql": None, "connection": None})
        return source if "version" not in read else source.model_copy(update={"version": int(read["version"])})

    @property
    def id_form(self) -> IdForm:
        """The form in which its job compares account ids."""
        form: IdForm = self.manifest["job"]["columns"].get("id_form", "text")
        return form

    @cached_property
    def model(self) -> ModelRecord:
        """Its model, checked against the manifest; raise InputContractError if it was changed."""
        return model.read_model(self.directory.model, files_of(self.manifest))

    def section(self, name: str) -> Pair | None:
        """Return the model of an optional section, and its arrays; None without one. Raise as `model` does."""
        return model.read_section(self.directory.model, name, files_of(self.manifest))

    @cached_property
    def models(self) -> tuple[PartyModel, ...]:
        """Its model by party type, ready to assign accounts."""
        columns = columns_of(self.job)
        return tuple(party_model(party, columns) for party in self.model.parties)

    def markets(self, rules: LadderRules, level: Level | None = None) -> list[PartyMarket]:
        """Return every party type on the ladders that its stored customers' sales give under the rules.

        Under its own rules the run keeps its ladders, which may be those of a frozen model. Raise UsageError for level
        account if the run was at level cluster: it has stored no typical sales.
        """
        own, job_level = ladder_rules(self.job), self.job.potential.level
        level = level or job_level
        if level == "account" and job_level == "cluster":
            raise UsageError("potential.level: the run has stored no level of accounts; run the job with --set")
        keeps = level == job_level and replace(rules, boundary=own.boundary) == own
        markets = []
        for party, record in zip(self.models, self.model.parties, strict=True):
            used = party if level == "account" else replace(party, level=None)
            prospects = self.prospects(record.name) if used.level else None
            table = record.table if keeps else None
            markets.append(
                policy.settle(used, record.sales, record.by_segment, record.accounts, rules, table, prospects)
            )
        return markets

    def prospects(self, party: str, *, sold_nothing: bool | None = None) -> Prospects:
        """Return the typical sales of the prospects of a party type, from the scores.

        With `sold_nothing` only those with sales of 0; with False all others, whose sales are missing or negative.
        """
        mine = next(item.ids for item in self.models if item.name == party)
        first, label, typical = self.clusters.index(mine[0]), [], []
        for table in self.read(["cluster", "sales", "typical_sales"]):
            code, sales = self.codes(table["cluster"]) - first, table["sales"].to_numpy()
            here = (code >= 0) & (code < len(mine)) & ~(sales > 0)
            if sold_nothing is not None:
                here &= (sales == 0) == sold_nothing
            label.append(code[here])
            typical.append(table["typical_sales"].to_numpy()[here].astype(np.float32))
        return policy.sort_prospects(load("cpu"), np.concatenate(label), np.concatenate(typical), len(mine))

    @cached_property
    def coverage_before(self) -> Location | None:
        """The coverage whose people own its accounts, None without one; raise InputContractError if it was changed.

        If its scores have roles and persons, it is the coverage that they were made by.
        """
        output = self.directory.output
        if OWNERS_FROM not in self.manifest:
            return coverages.coverage_before(output, self.name)
        name = self.manifest[OWNERS_FROM]
        return None if name is None else coverages.folder_of(output, name)

    def parts(self) -> list[Location]:
        """Return the files of its scores in order."""
        return self.directory.parts()

    def rejected_files(self) -> list[Location]:
        """Return the files of its rejected rows in order."""
        return contents.parts_listed(self.directory.path / "rejected")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of its scores."""
        return tuple(self.schema.names)

    @cached_property
    def roles(self) -> RoleColumns:
        """The roles and persons of its accounts; raise UsageError if it has no coverage of that name."""
        return role_columns(self.directory, self.id_form, self.plan)

    @property
    def schema(self) -> pa.Schema:
        """The columns of its scores with their types, with those of its coverage."""
        return self.roles.schema

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns that its job leaves out of its scores."""
        return tuple(self.manifest.get("left_out", ()))

    def require(self, columns: Sequence[str]) -> None:
        """Raise UsageError, with their names, if its job has left columns out of its scores."""
        known = set(columns) - set(self.left_out)
        contents.require_columns(f"run {self.name}", known, columns)

    def read(self, columns: Sequence[str], *, coded: bool = False) -> Iterator[pa.Table]:
        """Yield columns of its scores, part by part, texts decoded; with `coded` they stay dictionaries."""
        for part in self.parts():
            table = self.roles.join(contents.whole(part, self.roles.required_columns(columns)), columns)
            yield table if coded else plain_table(table)

    @cached_property
    def clusters(self) -> tuple[str, ...]:
        """The ids of its clusters, numbered through all party types."""
        return tuple(cluster for party in self.model.parties for cluster, _ in party.clusters)

    def codes(self, clusters: pa.ChunkedArray) -> Any:
        """Return the number (m,) int64 of each cluster among `clusters`."""
        import pyarrow as pa

        return places_in(clusters, pa.array(self.clusters))


def without_retired(section: str, settings: Any) -> Any:
    """Return a section of a stored job without keys that only earlier versions had."""
    retired = _RETIRED.get(section, ())
    return {key: value for key, value in settings.items() if key not in retired} if retired and settings else settings


def party_model(stored: PartyRecord, columns: Any) -> PartyModel:
    """Return the model of a party type as it was fitted."""
    encoding = Encoding(columns, PARTY_TYPES.index(stored.name), stored.space.vocabularies, stored.segments)
    level = stored.level.in_force if stored.level else None
    return PartyModel(stored.name, encoding, stored.space, stored.centers, stored.ids, level, typical=level)


def open_run(path: Location, beside: RunDirectory | None = None, plan: str | None = None) -> StoredRun:
    """Return the complete run that a path names: an output (its current version), a version, or the start of a run key.

    A run key alone is looked up in the output of the run `beside` it. Raise UsageError if there is no such run, or more
    than one, or no coverage of the run whose name begins with `plan`.
    """
    directory, manifest = run_named(path, beside.output if beside else None)
    require_keys(directory, manifest, ("job", "totals"))
    if plan is not None:
        coverage_of(directory.output, directory.run_key, plan)
    return StoredRun(directory, manifest, plan)
