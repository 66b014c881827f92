"""What a first job for a table is made of, and what about it is in doubt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamscore import job_file
from tamscore.errors import InputContractError, UsageError
from tamscore.first_job.features import Features, features_of
from tamscore.first_job.reading import SampledTable, sampled_table
from tamscore.first_job.roles import Role, roles_of
from tamscore.first_job.side_tables import SideSection, SideTables, sections_of
from tamscore.insight.readiness import suspected_features
from tamscore.store import partitions
from tamscore.store.location import location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tamscore.config import Job
    from tamscore.first_job.party_types import PartyTypes
    from tamscore.first_job.vocabulary import Part

REQUIRED: tuple[tuple[Part, str], ...] = (
    ("account_id", "an id of the account, the same from week to week and none twice"),
    ("sales", "what you sold to the account"),
)
SUSPECTED = "tells customers from prospects: it looks like sales in disguise"
ROUNDS = 3
"""The guard is asked again without its suspects, so often at the most: one leak may hide another."""
NAMED = 8
"""So many columns are named where a part has none."""


@dataclass(frozen=True)
class Proposal:
    """A first job for a table: who plays which part, which columns are features, further sections.

    `path` is the table as the job file names it, `rows` are its rows, of which `sampled` were looked at.
    `missing_sales` is the share of those without sales.
    """

    path: str
    rows: int
    sampled: int
    roles: dict[Part, Role]
    party_types: PartyTypes | None
    features: Features
    missing_sales: float
    sections: tuple[SideSection, ...]
    output: str

    def column(self, part: Part) -> str | None:
        """Return the column of a part, None if no column plays it."""
        return self.roles[part].column if part in self.roles else None

    @property
    def doubts(self) -> Iterator[str]:
        """Yield what a person should look at, a sentence each."""
        for role in self.roles.values():
            if role.doubt:
                yield f"columns.{role.part} = {role.column!r}: {role.doubt}"
        if self.party_types and self.party_types.unknown:
            words = ", ".join(repr(word) if word else "missing ones" for word in self.party_types.unknown[:NAMED])
            yield f"party types {words} count as end users"
        if self.missing_sales:
            yield f"{self.missing_sales:.1%} of the rows have no sales: they count as prospects"
        for section in self.sections:
            yield from (f"[{section.name}] {note}" for note in section.notes)


def propose(
    table: str,
    folder: Path,
    given: Mapping[str, str] | None = None,
    further: SideTables | None = None,
    output: str = "scores",
) -> Proposal:
    """Return a first job for a table, to be written to a job file in `folder`.

    `given` names the columns of parts that are known (sales = "Umsatz"), `further` more tables, `output` the folder of
    the scores. Raise UsageError with the option to add if no column can be an account's id or sales, or no column can
    be a feature; InputContractError if the table cannot be read, or is one of order lines.
    """
    read = sampled_table(table, "table")
    given = dict(given or {})
    require_columns(table, read, given)
    roles, words = roles_of(read.columns, given)
    require_parts(table, read, roles)
    taken = {role.column for role in roles.values()}
    described = {roles[part].column for part in ("market_segment", "revenue", "size") if part in roles}
    features = features_of(read.columns, taken, described)
    missing = next(one.missing_share for one in read.columns if one.name == roles["sales"].column)
    sections = sections_of(further or SideTables(), roles["account_id"].column, lambda path: written(path, folder))
    first = Proposal(
        written(table, folder), read.plan.rows, read.sampled, roles, words, features, missing, tuple(sections), output
    )
    return without_suspects(first, folder)


def require_columns(table: str, read: SampledTable, given: Mapping[str, str]) -> None:
    """Raise UsageError if a column that somebody named is not there."""
    there = [one.name for one in read.columns]
    for part, column in given.items():
        if column not in there:
            raise UsageError(f"{table}: columns.{part}: no column {column!r}; there are {named(there)}")


def require_parts(table: str, read: SampledTable, roles: Mapping[Part, Role]) -> None:
    """Raise UsageError if accounts have no id or no sales; InputContractError if a row is an order line."""
    for part, what in REQUIRED:
        if part in roles:
            continue
        if part == "account_id" and (lines := repeated_id(read)):
            raise InputContractError(lines.format(table=table))
        there = named([one.name for one in read.columns])
        raise UsageError(
            f"{table}: found no column with {what}; add one to the table, or name it with --set columns.{part}=COLUMN; "
            f"there are {there}"
        )


def repeated_id(read: SampledTable) -> str:
    """Return what to say of a table whose rows seem to be order lines; empty if they do not."""
    from tamscore.first_job import names
    from tamscore.first_job.vocabulary import NAMES

    ids = [one for one in read.columns if names.score(one.name, NAMES["account_id"]) >= 1 and one.repeats > 1.01]
    if not ids or any(one.is_unique for one in read.columns if one.kind == "text"):
        return ""
    first = ids[0]
    return (
        f"{{table}}: column {first.name!r} holds each id {first.repeats:.1f} times: expected a row for each account; "
        "add up its rows, and give order lines with --orders"
    )


def named(columns: list[str]) -> str:
    """Return the names of columns for a message, the first ones if they are many."""
    more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
    return ", ".join(map(repr, columns[:NAMED])) + more


def written(path: str, folder: Path) -> str:
    """Return a path as a job file in a folder names it: relative if it lies inside."""
    where = location(path)
    if not isinstance(where, Path):
        return path
    inside = Path(path).absolute()
    try:
        return inside.relative_to(folder.absolute()).as_posix() or "."
    except ValueError:
        return str(inside)


def without_suspects(first: Proposal, folder: Path) -> Proposal:
    """Return the proposal without features that the leakage guard would stop a run for."""
    from tamscore.first_job.job_text import tables_of

    proposal = first
    for _ in range(ROUNDS):
        if not proposal.features.numeric and not proposal.features.categorical:
            out = "; ".join(f"{name!r} {reason}" for name, reason in [*proposal.features.left_out.items()][:NAMED])
            raise UsageError(
                f"{proposal.path}: found no column that says what an account is, such as employees or industry"
                f"{f'; left out: {out}' if out else ''}"
            )
        job = job_file.parse(tables_of(proposal, sections=False), "job", folder=folder)
        suspects = suspected_features(job, plan_of(job))
        if not suspects:
            break
        proposal = replace(proposal, features=proposal.features.without(suspects, SUSPECTED))
    return proposal


def plan_of(job: Job) -> Any:
    """Return the plan of the market of a job."""
    from tamscore.scoring.context import columns_read

    return partitions.market(job.input, columns_read(job))
